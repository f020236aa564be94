package twilio

import (
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
)

func form(pairs ...string) url.Values {
	v := url.Values{"CallSid": {testSID}, "AccountSid": {testAccount}}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

func TestMapStatusReadsEveryKindOfWebhook(t *testing.T) {
	stamp := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	tests := []struct {
		name string
		form url.Values
		want call.ProviderReport
	}{
		{"voice", form("CallStatus", "in-progress"), call.ProviderReport{Status: call.InProgress, Sequence: -1}},
		{"initiated", form("CallStatus", "initiated", "SequenceNumber", "0", "Timestamp", "Tue, 24 Nov 2026 10:00:00 +0000"), call.ProviderReport{Status: call.Dialing, At: stamp}},
		{"ringing", form("CallStatus", "ringing", "SequenceNumber", "1"), call.ProviderReport{Status: call.Ringing, Sequence: 1}},
		{"completed", form("CallStatus", "completed", "SequenceNumber", "3", "SipResponseCode", "200"), call.ProviderReport{Status: call.Completed, Sequence: 3}},
		{"billed", form("CallStatus", "completed", "SequenceNumber", "3", "CallDuration", "61", "Duration", "2"), call.ProviderReport{Status: call.Completed, Sequence: 3, Minutes: 2}},
		{"billed nonsense", form("CallStatus", "completed", "Duration", "-1"), call.ProviderReport{Status: call.Completed, Sequence: -1}},
		{"busy", form("CallStatus", "busy", "SipResponseCode", "486"), call.ProviderReport{Status: call.Busy, Sequence: -1, Words: "the line is busy"}},
		{"failed in words", form("CallStatus", "failed", "ErrorMessage", "cannot route +1 (415) 555-0123, see https://x.example/y"), call.ProviderReport{Status: call.Failed, Sequence: -1, Words: "cannot route (number), see"}},
		{"canceled", form("CallStatus", "canceled"), call.ProviderReport{Status: call.Canceled, Sequence: -1}},
		{"no answer", form("CallStatus", "no-answer"), call.ProviderReport{Status: call.NoAnswer, Sequence: -1}},
		{"machine", form("AnsweredBy", "machine_start"), call.ProviderReport{Machine: true, Sequence: -1}},
		{"fax", form("AnsweredBy", "fax"), call.ProviderReport{Machine: true, Sequence: -1}},
		{"human", form("AnsweredBy", "human"), call.ProviderReport{Sequence: -1}},
		{"unknown verdict", form("AnsweredBy", "unknown"), call.ProviderReport{Sequence: -1}},
		{"foreign", form("AccountSid", "AC1", "CallStatus", "ringing"), call.ProviderReport{Foreign: true, Status: call.Ringing, Sequence: -1}},
	}
	p := newProvider(t, Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.ProviderCallID = testSID
			if got, err := p.MapStatus(tt.form); err != nil || got != tt.want {
				t.Errorf("%+v, %v\nwant %+v", got, err, tt.want)
			}
		})
	}
}

// Values and their meaning: research section 3, AMD. Twilio adds to them without notice: a
// new kind of machine is one, any other new word hangs up on nobody.
func TestEveryAnsweredByHasItsVerdict(t *testing.T) {
	p := newProvider(t, Options{})
	for answeredBy, machine := range map[string]bool{
		"human": false, "unknown": false, "fax": true,
		"machine_start": true, "machine_end_beep": true, "machine_end_silence": true, "machine_end_other": true,
		"machine_end_music": true, "": false, "machine": false, "Fax": false, "assistant": false, "not_machine_start": false,
	} {
		got, err := p.MapStatus(form("AnsweredBy", answeredBy, "MachineDetectionDuration", "2400"))
		if want := (call.ProviderReport{ProviderCallID: testSID, Sequence: -1, Machine: machine}); err != nil || got != want {
			t.Errorf("%q became %+v, %v\nwant %+v", answeredBy, got, err, want)
		}
	}
}

func TestMapStatusRefusesWhatTwilioNeverSends(t *testing.T) {
	p := newProvider(t, Options{})
	for name, f := range map[string]url.Values{
		"no CallSid":        form("CallSid", ""),
		"bad CallSid":       form("CallSid", "CA1"),
		"unknown status":    form("CallStatus", "asleep"),
		"negative sequence": form("SequenceNumber", "-1"),
		"endless sequence":  form("SequenceNumber", "99999999999999999999"),
	} {
		if r, err := p.MapStatus(f); err == nil {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func FuzzMapStatus(f *testing.F) {
	for _, s := range []string{"CallSid=" + testSID + "&CallStatus=busy&SipResponseCode=486", "CallSid=CA1", "%zz", "CallSid=" + testSID + "&CallStatus=failed&ErrorMessage=%2B14155550123+and+%FF", "SequenceNumber=1e9"} {
		f.Add(s)
	}
	p := newProvider(f, Options{})
	f.Fuzz(func(t *testing.T, body string) {
		form, err := url.ParseQuery(body)
		if err != nil {
			return
		}
		r, err := p.MapStatus(form)
		if err != nil {
			return
		}
		if !isSID(r.ProviderCallID) || r.Sequence < -1 || len([]rune(r.Words)) > 200 || strings.ContainsAny(r.Words, "\n\r") {
			t.Errorf("%+v", r)
		}
	})
}

var update = flag.Bool("update", false, "rewrite golden files")

func TestVoiceResponseIsTheContractsTwiML(t *testing.T) {
	p := newProvider(t, Options{})
	tests := map[string]call.VoiceReply{
		"connect": {
			Kind: call.VoiceConnect, CallID: "k3_Q-9", Attempt: 2, StreamURL: "wss://media.example.net/voice/stream/k3_Q-9.2.1764000000.AbC-_d",
			AfterURL: "https://agent.example.net/voice?callId=k3_Q-9&attempt=2&after=stream",
		},
		"hangup":  {Kind: call.VoiceHangUp},
		"apology": {Kind: call.VoiceApology},
		"inbound": {Kind: call.VoiceInbound},
	}
	for name, reply := range tests {
		t.Run(name, func(t *testing.T) {
			contentType, got, err := p.VoiceResponse(reply)
			if err != nil || contentType != "text/xml; charset=utf-8" {
				t.Fatalf("%q, %v", contentType, err)
			}
			golden := filepath.Join("testdata", name+".twiml")
			if *update {
				if err := os.WriteFile(golden, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil || string(got) != string(want) {
				t.Errorf("%v\ngot  %s\nwant %s", err, got, want)
			}
		})
	}
}

func TestVoiceResponseRefusesWhatItCannotRender(t *testing.T) {
	p := newProvider(t, Options{})
	for _, v := range []call.VoiceReply{{Kind: call.VoiceConnect}, {Kind: call.VoiceKind(99)}} {
		if _, body, err := p.VoiceResponse(v); err == nil {
			t.Errorf("%+v became %s", v, body)
		}
	}
}

func TestNewNamesEveryFaultAtOnce(t *testing.T) {
	_, err := New(Options{BaseURL: "http://api.example.com", AuthTokens: []string{"a-b"}, AcceptUnsigned: true})
	if err == nil {
		t.Fatal("no error")
	}
	for _, key := range []string{"twilio.accountSid", "twilio.authToken", "twilio.fromNumber", "twilio.baseUrl"} {
		if !strings.Contains(err.Error(), key) {
			t.Errorf("%q does not name %s", err, key)
		}
	}
	if strings.Contains(err.Error(), "a-b") {
		t.Error("the error repeats the token")
	}
	o := Options{AccountSID: testAccount, AuthTokens: []string{testToken}, FromNumber: testFrom, AcceptUnsigned: true}
	if _, err := New(o); err == nil {
		t.Error("unsigned webhooks were accepted for Twilio's own host")
	}
	p := newProvider(t, Options{})
	if p.Name() != "twilio" || p.Routes() != nil || p.base.String() != apiURL {
		t.Errorf("%+v", p)
	}
}
