package twiliotest

import (
	"encoding/json"
	"net/url"
	"testing"
)

func TestSignaturesOfTheDocumentation(t *testing.T) {
	params := url.Values{"CallSid": {"CA1234567890ABCDE"}, "Caller": {"+14158675310"}, "Digits": {"1234"}, "From": {"+14158675310"}, "To": {"+18005551212"}}
	if got := sign("12345", "https://example.com/myapp.php?foo=1&bar=2", params); got != "L/OH5YylLD5NRKLltdqwSvS0BnU=" {
		t.Errorf("got %s", got)
	}
}

func TestSignedURLDropsWhatTwilioDrops(t *testing.T) {
	for raw, want := range map[string]string{
		"https://u:p@h.example:8443/a?b=1#c": "https://h.example/a?b=1",
		"http://127.0.0.1:8080/a?b=c+d":      "http://127.0.0.1:8080/a?b=c+d",
		"https://[::1]:443/x":                "https://[::1]/x",
		"https://[::1]/x":                    "https://[::1]/x",
		"https://h.example?x=:1@2":           "https://h.example?x=:1@2",
		"wss://h.example:443/voice/stream/t": "wss://h.example:443/voice/stream/t",
	} {
		if got := signedForm(raw); got != want {
			t.Errorf("%s: %s, want %s", raw, got, want)
		}
	}
}

func TestSignerAgreesWithTheContractsVectors(t *testing.T) {
	raw := shared(t, "twilio-signature-vectors.json")
	if raw == nil {
		return
	}
	var file struct {
		Vectors []struct {
			ID, AuthToken, SignedURL, Signature string
			Params                              url.Values
			Expect                              bool
		}
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	valid := 0
	for _, v := range file.Vectors {
		if !v.Expect {
			continue
		}
		valid++
		if got := sign(v.AuthToken, v.SignedURL, v.Params); got != v.Signature {
			t.Errorf("%s: %s, want %s", v.ID, got, v.Signature)
		}
	}
	if valid != 36 {
		t.Errorf("%d valid vectors, want 36", valid)
	}
}
