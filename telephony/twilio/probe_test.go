package twilio

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestTheAccountIsLookedUp(t *testing.T) {
	for body, want := range map[string]Account{
		`{"sid":"` + testAccount + `","status":"active","type":"Full","auth_token":"x"}`: {Status: "active"},
		`{"sid":"` + testAccount + `","status":"active","type":"Trial"}`:                 {Status: "active", Trial: true},
		`{"sid":"` + testAccount + `","status":"suspended","type":"Full"}`:               {Status: "suspended"},
	} {
		p := carrier(t, func(w http.ResponseWriter, r *http.Request) {
			user, pass, _ := r.BasicAuth()
			if r.Method != http.MethodGet || r.URL.Path != "/2010-04-01/Accounts/"+testAccount+".json" || user != testAccount || pass != testToken {
				t.Errorf("%s %s as %q", r.Method, r.URL.Path, user)
			}
			answer(200, body)(w, r)
		})
		if got, err := p.ProbeAccount(t.Context()); err != nil || got != want || got.Active() != (want.Status == "active") {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
	}
}

func TestOnlyTheVeryNumberIsOurs(t *testing.T) {
	ours := func(more string) string { return `{"phone_number":"` + testFrom + `"` + more + `}` }
	for list, want := range map[string]Number{
		``:                                     {},
		`{"phone_number":"` + testFrom + `1"}`: {},
		ours(``):                               {Owned: true},
		ours(`,"capabilities":{"voice":false,"sms":true}`):                                          {Owned: true},
		ours(`,"capabilities":{"voice":true},"voice_url":"https://h/voice"`):                        {Owned: true, Voice: true, VoiceURL: "https://h/voice"},
		ours(`,"capabilities":{"voice":true},"voice_url":"https://h/voice","trunk_sid":"TK1"`):      {Owned: true, Voice: true},
		`{"phone_number":"` + testFrom + `1"},` + ours(`,"capabilities":{"voice":true}`):            {Owned: true, Voice: true},
		ours(`,"capabilities":{"voice":true},"voice_url":"https://h","voice_application_sid":"AP"`): {Owned: true, Voice: true},
	} {
		p := carrier(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/2010-04-01/Accounts/"+testAccount+"/IncomingPhoneNumbers.json" || r.URL.Query().Get("PhoneNumber") != testFrom {
				t.Errorf("%s", r.URL)
			}
			answer(200, `{"incoming_phone_numbers":[`+list+`],"page":0}`)(w, r)
		})
		if got, err := p.ProbeNumber(t.Context()); err != nil || got != want {
			t.Errorf("%s: %+v, %v", list, got, err)
		}
	}
}

func TestAProbeThatFailsSaysWhatKind(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
		want   error // nil: any, but none of the two
	}{
		"wrong token":      {401, `{"code":20003,"message":"Authenticate","status":401}`, ErrCredentials},
		"another account":  {404, `{"code":20404,"message":"not found +14155550100","status":404}`, ErrCredentials},
		"test credentials": {403, `{"code":20008,"message":"Resource not accessible with Test Account Credentials","status":403}`, ErrTestCredentials},
		"down":             {503, `<html>`, nil},
		"a proxy's 404":    {404, `nope`, nil},
		"not Twilio":       {200, `{}`, nil},
		"a redirect":       {302, ``, nil},
	} {
		p := carrier(t, answer(tc.status, tc.body))
		_, err := p.ProbeAccount(t.Context())
		credentials := errors.Is(err, ErrCredentials) || errors.Is(err, ErrTestCredentials)
		if err == nil || (tc.want != nil && !errors.Is(err, tc.want)) || (tc.want == nil && credentials) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && (strings.Contains(err.Error(), "+1") || strings.Contains(err.Error(), testToken)) {
			t.Errorf("%s: %v names what it must not", name, err)
		}
	}
	if _, err := carrier(t, answer(401, `{"code":20003,"status":401}`)).ProbeNumber(t.Context()); !errors.Is(err, ErrCredentials) {
		t.Errorf("number: %v", err)
	}
}

// TestWhatWeSignWeAccept, and it is what Twilio's documentation shows.
func TestWhatWeSignWeAccept(t *testing.T) {
	documented := url.Values{"CallSid": {"CA1234567890ABCDE"}, "Caller": {"+14158675310"}, "Digits": {"1234"}, "From": {"+14158675310"}, "To": {"+18005551212"}}
	if got := Sign("12345", "https://example.com/myapp.php?foo=1&bar=2", documented); got != "L/OH5YylLD5NRKLltdqwSvS0BnU=" {
		t.Errorf("the documented example is signed as %s", got)
	}
	for _, target := range []string{"https://h/status?callId=doctor&attempt=1", "wss://h/voice/stream/a.1.2.b", "wss://[::1]:8443/voice"} {
		if !validSignature([]string{"other", "token"}, target, documented, Sign("token", target, documented)) {
			t.Errorf("%s is refused", target)
		}
		if validSignature([]string{"other"}, target, documented, Sign("token", target, documented)) {
			t.Errorf("%s is accepted under another token", target)
		}
	}
}
