package toolapi

import (
	"slices"
	"testing"
)

func TestTheCountryOfANumber(t *testing.T) {
	for number, want := range map[string]string{
		"+14155550123":  "US", // the range kept for fiction
		"+16045550123":  "CA",
		"+18765550123":  "JM", // shares the country code, and costs another price
		"+15551234567":  "",   // area code 555 is nobody's
		"+442079460000": "GB",
		"+4930123456":   "DE",
		"+493012345678": "DE",
		"+390669812345": "VA",
		"+77172123456":  "KZ",
	} {
		if got := (Numbers{}).Inspect(number); got.Country != want {
			t.Errorf("%s: %q, want %q (%+v)", number, got.Country, want, got)
		}
	}
}

func TestTheCountriesThatOurOwnNumberMayCall(t *testing.T) {
	for number, want := range map[string]string{"+14155550100": "US", "+15551234567": "US", "+16045550100": "CA", "+4930123456": "DE", "": "ZZ", "x": "ZZ"} {
		if got := CountriesOf(number); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %v, want %s", number, got, want)
		}
	}
}
