package twilio

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // X-Twilio-Signature is HMAC-SHA1; the choice is Twilio's
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	openapi "github.com/twilio/twilio-go/rest/api/v2010"
)

// Errors of the probes.
var (
	// ErrCredentials: Twilio does not accept account and token.
	ErrCredentials = errors.New("Twilio did not accept twilio.accountSid and twilio.authToken") //nolint:staticcheck // Twilio is a name
	// ErrTestCredentials: they are test credentials, which may read nothing (research section 1.5).
	ErrTestCredentials = errors.New("these are Twilio test credentials, which place no real call")
)

// codeTestCredentials is Twilio's answer to test credentials where they may do nothing.
const codeTestCredentials = 20008

// Account is what the doctor has to know of the account.
type Account struct {
	// Status is Twilio's word: "active", "suspended" or "closed".
	Status string
	// Trial accounts call verified numbers only, and play a message first (research section 1.5).
	Trial bool
}

// Active says whether the account may place calls.
func (a Account) Active() bool { return a.Status == "active" }

// ProbeAccount fetches the account. It changes nothing.
func (p *Provider) ProbeAccount(ctx context.Context) (Account, error) {
	var a Account
	err := p.withAPI(ctx, func(api *openapi.ApiService) error {
		found, err := api.FetchAccount(p.accountSID)
		if err != nil {
			return err
		}
		if text(found.Sid) != p.accountSID || text(found.Status) == "" {
			return errNotUnderstood
		}
		a = Account{Status: text(found.Status), Trial: text(found.Type) == "Trial"}
		return nil
	})
	if err != nil {
		return Account{}, probeError("account", err)
	}
	return a, nil
}

// Number is what the doctor has to know of the number we call from.
type Number struct {
	// Owned: the account has bought it. A number that is not owned may still be a verified caller ID.
	Owned bool
	// Voice: it can place and take calls.
	Voice bool
	// VoiceURL is what Twilio asks when somebody rings the number; "" where an
	// application or a trunk takes such calls, or nobody.
	VoiceURL string
}

// ProbeNumber looks the from number up among the account's. It changes nothing.
func (p *Provider) ProbeNumber(ctx context.Context) (Number, error) {
	var n Number
	err := p.withAPI(ctx, func(api *openapi.ApiService) error {
		params := (&openapi.ListIncomingPhoneNumberParams{}).SetPhoneNumber(p.from).SetPageSize(20)
		page, err := api.PageIncomingPhoneNumber(params, "", "")
		if err != nil {
			return err
		}
		for _, found := range page.IncomingPhoneNumbers { // the filter matches parts of numbers, too
			if text(found.PhoneNumber) == p.from {
				n = numberOf(found)
			}
		}
		return nil
	})
	if err != nil {
		return Number{}, probeError("number", err)
	}
	return n, nil
}

func numberOf(found openapi.ApiV2010IncomingPhoneNumber) Number {
	n := Number{Owned: true, Voice: found.Capabilities != nil && found.Capabilities.Voice}
	if text(found.VoiceApplicationSid) == "" && text(found.TrunkSid) == "" {
		n.VoiceURL = text(found.VoiceUrl)
	}
	return n
}

func probeError(what string, err error) error {
	var e *apiError
	switch {
	case !errors.As(err, &e):
	case e.code == codeTestCredentials || e.status == http.StatusForbidden && e.code == 0:
		err = ErrTestCredentials
	case e.status == http.StatusUnauthorized, e.status == http.StatusForbidden, e.status == http.StatusNotFound && e.code == codeNotFound,
		e.code == 21222, e.code == 21224: // the last two are twilio-go's own, before anything is sent
		err = ErrCredentials
	}
	return fmt.Errorf("twilio: look up the %s: %w", what, err)
}

// Sign is the X-Twilio-Signature of a request to signedURL with these fields, which are
// nil for a GET and for a stream's upgrade (research section 4). The doctor knocks at
// our own webhooks with it.
func Sign(authToken, signedURL string, fields url.Values) string {
	mac := hmac.New(sha1.New, []byte(authToken))
	mac.Write([]byte(signedURL + flatten(fields)))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
