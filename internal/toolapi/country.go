package toolapi

import (
	"github.com/nyaruka/phonenumbers"
)

// country is the ISO 3166 code of the number's region. Where several regions share a
// country code, only a number that the numbering plan assigns tells which: for another
// one it is "", which is no country that policy.allowed_countries could name.
func country(n *phonenumbers.PhoneNumber) string {
	if region := phonenumbers.GetRegionCodeForNumber(n); region != "" && region != phonenumbers.UNKNOWN_REGION {
		return region
	}
	if regions := phonenumbers.GetRegionCodesForCountryCode(int(n.GetCountryCode())); len(regions) == 1 {
		return regions[0]
	}
	return ""
}

// CountriesOf are the countries that may be called from our own number where
// policy.allowed_countries is not set: its own one. For a number that the numbering
// plan does not assign it is the main country of its country code.
func CountriesOf(ownNumber string) []string {
	n, err := phonenumbers.Parse(ownNumber, "")
	if err != nil { // refused by config; none that may be called is the safe reading
		return []string{phonenumbers.UNKNOWN_REGION}
	}
	if c := country(n); c != "" {
		return []string{c}
	}
	return []string{phonenumbers.GetRegionCodeForCountryCode(int(n.GetCountryCode()))}
}
