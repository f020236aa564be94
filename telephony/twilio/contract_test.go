package twilio

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/telephony/telephonytest"
	"github.com/clawdbot/call-agent/telephony/twiliotest"
)

func TestTwilioKeepsTheContract(t *testing.T) { telephonytest.Run(t, vendor) }

// vendor is the fake Twilio as the contract suite wants it: its callees never pick up,
// and its webhooks reach nobody.
func vendor(t testing.TB) telephonytest.Vendor {
	rings := twiliotest.Answer{Outcome: twiliotest.OutcomeNoAnswer, Ring: time.Hour}
	fake, err := twiliotest.New(twiliotest.Options{
		AccountSID: testAccount, AuthToken: testToken, Numbers: []string{testFrom}, CallsPerSecond: 1000,
		Script:      twiliotest.Script{Attempts: []twiliotest.Answer{rings}},
		DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("nobody listens") },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	t.Cleanup(transport.CloseIdleConnections)
	refuse := func(status, code int) http.HandlerFunc {
		return answer(status, fmt.Sprintf(`{"code":%d,"message":"The number %s cannot be called","status":%d}`, code, testTo, status))
	}
	v := telephonytest.Vendor{
		Name: "twilio",
		Open: func(base string) call.Telephony {
			p, err := New(Options{AccountSID: testAccount, AuthTokens: []string{testToken}, FromNumber: testFrom, BaseURL: base, Transport: transport})
			if err != nil {
				t.Fatal(err)
			}
			return p
		},
		Secrets: []string{testToken, testAccount, testFrom},
		Fake:    fake, ReadCreate: readCreate, RefuseForGood: refuse(400, 21211), RefuseForNow: refuse(429, 20429), UnknownID: testSID,
		Sign: signer(testToken), Forge: signer("another token"), Form: webhookForm,
		Statuses: map[string]call.Status{ // research sections 1.1 and 3
			"queued": call.Dialing, "initiated": call.Dialing, "ringing": call.Ringing, "in-progress": call.InProgress,
			"completed": call.Completed, "busy": call.Busy, "no-answer": call.NoAnswer, "failed": call.Failed, "canceled": call.Canceled,
		},
		Verdicts: map[string]bool{ // research section 3, AMD
			"human": false, "unknown": false, "fax": true,
			"machine_start": true, "machine_end_beep": true, "machine_end_silence": true, "machine_end_other": true,
		},
	}
	return v
}

// readCreate reads a create as Twilio documents it. A call that is not created with
// asynchronous machine detection, or without its callbacks, is not the one we want.
func readCreate(r *http.Request) (telephonytest.Create, bool) {
	if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/Calls.json") || r.ParseForm() != nil {
		return telephonytest.Create{}, false
	}
	f := r.PostForm
	seconds := func(name string) time.Duration {
		n, _ := strconv.Atoi(f.Get(name))
		return time.Duration(n) * time.Second
	}
	c := telephonytest.Create{
		To: f.Get("To"), VoiceURL: f.Get("Url"), StatusURL: f.Get("StatusCallback"),
		RingTimeout: seconds("Timeout"), MaxLength: seconds("TimeLimit"),
	}
	if f.Get("MachineDetection") == "Enable" && f.Get("AsyncAmd") == "true" {
		c.MachineURL = f.Get("AsyncAmdStatusCallback")
	}
	return c, true
}

// signer is a signer of the test's own, straight from Twilio's words.
func signer(token string) func(*http.Request, string, []byte) {
	return func(r *http.Request, signedURL string, body []byte) {
		form, _ := url.ParseQuery(string(body))
		var names []string
		for name := range form {
			names = append(names, name)
		}
		slices.Sort(names)
		mac := hmac.New(sha1.New, []byte(token))
		fmt.Fprint(mac, signedURL)
		for _, name := range names {
			fmt.Fprint(mac, name, form.Get(name))
		}
		r.Header.Set("X-Twilio-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
}

func webhookForm(c telephonytest.Callback) url.Values {
	f := url.Values{"CallSid": {c.ProviderCallID}, "AccountSid": {testAccount}}
	if c.Foreign {
		f.Set("AccountSid", "AC00000000000000000000000000000099")
	}
	if c.Verdict != "" {
		f.Set("AnsweredBy", c.Verdict)
		f.Set("MachineDetectionDuration", "2400")
		return f // an asynchronous verdict has neither status nor number
	}
	f.Set("CallStatus", c.Status)
	f.Set("To", c.To)
	f.Set("From", testFrom)
	f.Set("ErrorMessage", "cannot reach "+c.To)
	if c.Sequence >= 0 {
		f.Set("SequenceNumber", strconv.Itoa(c.Sequence))
		f.Set("Timestamp", time.Now().UTC().Format(time.RFC1123Z))
	}
	return f
}
