package toolapi

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/clawdbot/call-agent/call"
	"github.com/nyaruka/phonenumbers"
)

// Numbers is call.Numbers by libphonenumber's data: what is a possible number, and
// what must not be called whoever asks. The zero value is ready.
type Numbers struct{}

var _ call.Numbers = Numbers{}

// Plain words for what must not be called (contract section 1, `to`).
const (
	sayEmergency = "This is an emergency number. It is never called; whoever needs help must dial it themselves."
	sayShort     = "This is a short or service number. Only ordinary subscriber numbers are called."
	sayPremium   = "This is a premium-rate number. It is never called; ask for an ordinary number."
	sayShared    = "This is a shared-cost number. It is never called; ask for an ordinary number."
	saySatellite = "This is a satellite or international network number. It is never called; ask for an ordinary number."
	sayE164      = "must be a phone number in E.164: +, country code and number, digits only, such as +14155550123"
)

var (
	e164      = pattern(`^\+[1-9][0-9]{1,14}$`)
	fewDigits = pattern(`^\+?[0-9]{1,6}$`)
	// North American area codes or exchanges of the form N11 are service codes; area
	// code 900 and exchange 976 are premium, assigned or not.
	nanpN11 = pattern(`^\+1([2-9]11[0-9]{7}|[0-9]{3}[2-9]11[0-9]{4})$`)
	nanp900 = pattern(`^\+1(900[0-9]{7}|[0-9]{3}976[0-9]{4})$`)
)

// globalCodes are international codes that are not a country's (ITU-T E.164 list).
var globalCodes = []struct{ prefix, words string }{
	{"+870", saySatellite},
	{"+881", saySatellite},
	{"+882", saySatellite},
	{"+883", saySatellite},
	{"+979", sayPremium},
	{"+808", sayShared},
	{"+888", sayShort},
	{"+991", sayShort},
}

// pattern is compiled when it is first needed: not at a function's start.
func pattern(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

// Inspect reads a number as the caller wrote it.
func (Numbers) Inspect(to string) call.Number {
	to = strings.TrimSpace(to)
	if fewDigits().MatchString(to) { // no subscriber number is this short: +911 and 112 are what they look like
		return call.Number{E164: to, Forbidden: shortWords(strings.TrimPrefix(to, "+"))}
	}
	if !e164().MatchString(to) {
		return call.Number{Problem: sayE164 + suggestion(to)}
	}
	for _, g := range globalCodes {
		if strings.HasPrefix(to, g.prefix) {
			return call.Number{E164: to, Forbidden: g.words}
		}
	}
	n, err := phonenumbers.Parse(to, "")
	if err != nil {
		return call.Number{Problem: "has no country code that is in use; " + sayE164}
	}
	if phonenumbers.IsValidShortNumber(n) {
		return call.Number{E164: to, Forbidden: sayShort}
	}
	if !phonenumbers.IsPossibleNumber(n) {
		return call.Number{Problem: "has a length that no number of its country has; check it digit by digit. It " + sayE164}
	}
	canonical := phonenumbers.Format(n, phonenumbers.E164)
	return call.Number{E164: canonical, Forbidden: forbidden(n, canonical), Zones: zones(n), Country: country(n)}
}

// suggestion writes the number as it may have been meant.
func suggestion(to string) string {
	if !strings.HasPrefix(to, "+") {
		return ""
	}
	n, err := phonenumbers.Parse(to, "")
	if err != nil || n.GetExtension() != "" || !phonenumbers.IsPossibleNumber(n) {
		return ""
	}
	return "; did you mean " + phonenumbers.Format(n, phonenumbers.E164) + "?"
}

// shortWords tells an emergency number, of any country or behind its country's code,
// from another short one.
func shortWords(digits string) string {
	for region := range phonenumbers.GetSupportedRegions() {
		national := strings.TrimPrefix(digits, strconv.Itoa(phonenumbers.GetCountryCodeForRegion(region)))
		if phonenumbers.IsEmergencyNumber(digits, region) || phonenumbers.IsEmergencyNumber(national, region) {
			return sayEmergency
		}
	}
	return sayShort
}

func forbidden(n *phonenumbers.PhoneNumber, canonical string) string {
	switch {
	case nanp900().MatchString(canonical):
		return sayPremium
	case nanpN11().MatchString(canonical):
		return sayShort
	}
	switch phonenumbers.GetNumberType(n) {
	case phonenumbers.PREMIUM_RATE:
		return sayPremium
	case phonenumbers.SHARED_COST:
		return sayShared
	case phonenumbers.VOICEMAIL:
		return sayShort
	default:
		return ""
	}
}

// regionZone gives the zone of regions that have one but share their country code,
// where the number alone does not tell: a British mobile number may be Guernsey's.
// Morocco stands here because the library's data gives its neighbour's zone.
var regionZone = map[string]string{
	"GB": "Europe/London", "GG": "Europe/Guernsey", "JE": "Europe/Jersey", "IM": "Europe/Isle_of_Man",
	"IT": "Europe/Rome", "VA": "Europe/Vatican", "NO": "Europe/Oslo", "SJ": "Arctic/Longyearbyen",
	"FI": "Europe/Helsinki", "AX": "Europe/Mariehamn", "MA": "Africa/Casablanca", "EH": "Africa/El_Aaiun",
	"RE": "Indian/Reunion", "YT": "Indian/Mayotte", "CW": "America/Curacao", "BQ": "America/Kralendijk",
	"CC": "Indian/Cocos", "CX": "Indian/Christmas",
}

// manyZones are regions of several zones that share their country code: there the
// zones of the whole code are given, since a number may move within its region.
var manyZones = []string{"", "US", "CA", "RU", "KZ", "AU"}

// zones are those of the number's region, not of its area code (contract section 1, calleeTimezone).
func zones(n *phonenumbers.PhoneNumber) []string {
	code := int(n.GetCountryCode())
	regions := phonenumbers.GetRegionCodesForCountryCode(code)
	region := phonenumbers.GetRegionCodeForNumber(n)
	if zone, ok := regionZone[region]; ok {
		return []string{zone}
	}
	var list []string
	var err error
	if len(regions) > 1 && !slices.Contains(manyZones, region) {
		list, err = phonenumbers.GetTimezonesForNumber(n)
	} else {
		list, err = phonenumbers.GetTimezonesForPrefix(strconv.Itoa(code))
	}
	if err != nil || slices.Contains(list, phonenumbers.UNKNOWN_TIMEZONE) {
		return nil
	}
	return slices.Clone(list) // the library's own list must not be changed by a caller
}
