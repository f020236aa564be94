package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/clawdbot/call-agent/media/realtime"
	"github.com/clawdbot/call-agent/telephony/twilio"
)

// checkModel makes the handshake of a session, and ends it: that costs nothing.
func checkModel(ctx context.Context, p *patient) Check {
	o := p.config.OpenAI
	err := realtime.Dialer{Config: realtime.Config{BaseURL: o.BaseURL, Model: o.Model, APIKey: o.APIKey.Reveal()}}.Probe(ctx)
	if err == nil {
		return fine(fmt.Sprintf("%s opened a session with %s", hostOf(o.BaseURL), o.Model))
	}
	var dial *realtime.DialError
	if !errors.As(err, &dial) {
		return failed(err.Error(), modelMends[realtime.DialUnreachable])
	}
	finding, _, _ := strings.Cut(dial.Error(), ": ") // what follows is the mend, and words of others
	if dial.Kind == realtime.DialRefused && dial.Err != nil {
		finding += ": " + dial.Err.Error()
	}
	if dial.Kind == realtime.DialBusy {
		return warning(finding, modelMends[dial.Kind])
	}
	return failed(fmt.Sprintf("%s%s", finding, statusOf(dial)), modelMends[dial.Kind])
}

func statusOf(e *realtime.DialError) string {
	if e.Status == 0 {
		return ""
	}
	return fmt.Sprintf(" (HTTP %d)", e.Status)
}

var modelMends = map[realtime.DialKind]string{
	realtime.DialUnreachable:   "let this host reach the model's (wss, port 443), or mend openai.baseUrl",
	realtime.DialMisconfigured: "mend openai.baseUrl and openai.model",
	realtime.DialUnauthorized:  "create a key at platform.openai.com/api-keys and set CALLAGENT_OPENAI_API_KEY to it",
	realtime.DialNoModel:       "set openai.model to one that the key's project may use, such as gpt-realtime-2.1",
	realtime.DialQuota:         "add credit at platform.openai.com/settings/organization/billing",
	realtime.DialRefused:       "mend what it names among openai.*",
	realtime.DialInsecure:      "check openai.baseUrl and this host's clock, and install its root certificates (package ca-certificates)",
	realtime.DialBusy:          "try again in a minute; if it stays so, look at the account's rate limits",
}

// goTwilio is what the mock provider lacks.
const goTwilio = "for going live: buy a voice number at console.twilio.com, in a paid account, and set\n" +
	"CALLAGENT_TELEPHONY_PROVIDER=twilio, CALLAGENT_TWILIO_ACCOUNT_SID=AC…, CALLAGENT_TWILIO_AUTH_TOKEN=…,\n" +
	"CALLAGENT_TWILIO_FROM_NUMBER=+1…, and CALLAGENT_SERVER_PUBLIC_BASE_URL=https://… (this host's public name)"

func checkAccount(ctx context.Context, p *patient) Check {
	if p.mock() {
		return skipped("telephony.provider is mock: the phone is a page in a browser, nobody is called", goTwilio)
	}
	t, err := p.twilio()
	if err != nil {
		return failed(err.Error(), "see configuration")
	}
	a, err := t.ProbeAccount(ctx)
	switch {
	case err != nil:
		return twilioTrouble(err)
	case !a.Active():
		return failed("the account is "+a.Status, "reactivate it at console.twilio.com, or configure another one")
	case a.Trial:
		return warning("the account is a trial: it calls verified numbers only, plays a message first, and may refuse media streams",
			"upgrade it at console.twilio.com, under Billing")
	}
	return fine("the credentials are good, the account is active")
}

func checkNumber(ctx context.Context, p *patient) Check {
	t, err := p.twilio()
	if err != nil {
		return failed(err.Error(), "see configuration")
	}
	n, err := t.ProbeNumber(ctx)
	voice := p.config.Server.PublicBaseURL + "/voice"
	switch {
	case err != nil:
		return twilioTrouble(err)
	case !n.Owned:
		return failed("twilio.fromNumber is not among the account's numbers",
			"set twilio.fromNumber to one of console.twilio.com, Phone Numbers, Active numbers; calls from a verified caller ID that is not Twilio's own are often blocked")
	case !n.Voice:
		return failed("twilio.fromNumber cannot place voice calls", "buy a number with the capability Voice at console.twilio.com, and set twilio.fromNumber to it")
	case n.VoiceURL != voice:
		return warning("the number is ours and can speak, but who rings it back does not reach us",
			"at console.twilio.com, Phone Numbers, Active numbers, the number, \"A call comes in\": Webhook, "+voice+", HTTP POST")
	}
	return fine("the number is ours, can speak, and leads back to us")
}

func (p *patient) twilio() (*twilio.Provider, error) {
	c := p.config.Twilio
	var tokens []string
	for _, t := range c.AuthTokens {
		tokens = append(tokens, t.Reveal())
	}
	return twilio.New(twilio.Options{
		AccountSID: c.AccountSID, AuthTokens: tokens, FromNumber: c.FromNumber, BaseURL: c.BaseURL,
		Transport: p.client.Transport, AcceptUnsigned: !c.ValidateSignature,
	})
}

func twilioTrouble(err error) Check {
	switch {
	case errors.Is(err, twilio.ErrCredentials):
		return failed(twilio.ErrCredentials.Error(), "copy Account SID and Auth Token from console.twilio.com, Account Info, into CALLAGENT_TWILIO_ACCOUNT_SID and CALLAGENT_TWILIO_AUTH_TOKEN")
	case errors.Is(err, twilio.ErrTestCredentials):
		return failed(twilio.ErrTestCredentials.Error(), "copy the live credentials from console.twilio.com, Account Info")
	}
	return failed(err.Error(), "let this host reach api.twilio.com (https), or try again later")
}
