package wiring

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/config"
	"github.com/clawdbot/call-agent/internal/toolapi"
)

// site is a configuration of these keys over one that is complete.
func site(t *testing.T, keys map[string]string) *config.Config {
	t.Helper()
	c := config.New()
	all := map[string]string{"telephony.provider": "mock", "defaults.timezone": "America/Los_Angeles", "stream.secret": strings.Repeat("s", 32)}
	for k, v := range keys {
		all[k] = v
	}
	for k, v := range all {
		values := []string{v}
		if key, ok := config.Lookup(k); ok && key.Many() {
			values = strings.Split(v, ",")
		}
		if err := c.Set(k, values); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// rulesOf are the rules of a service of these keys.
func rulesOf(t *testing.T, c *config.Config) call.Rules {
	t.Helper()
	s, err := Service(c, Parts{Countries: toolapi.CountriesOf})
	if err != nil {
		t.Fatal(err)
	}
	return s.Rules
}

func TestAConfigurationBecomesTheRules(t *testing.T) {
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	got := rulesOf(t, site(t, map[string]string{
		"telephony.provider": "twilio", "twilio.fromNumber": "+14155550100", "retry.maxAttempts": "4", "retry.initialDelayMs": "30000", "retry.backoffFactor": "1.5",
		"retry.retryStatuses": "busy,no-answer", "ring_timeout": "40s", "policy.max_call_seconds": "300",
		"notify.hooksUrl": "http://127.0.0.1:1/hooks", "notify.hooksToken": "x", "prices.phone_minute": "0.014",
	}))
	if home := got.Policy.Home(); !slices.Equal(home, []string{"US"}) {
		t.Errorf("our own number's countries are %v", home)
	}
	got.Policy.Home = nil
	minute := 0.014
	want := call.Rules{
		MaxAttempts: 4, InitialDelay: 30 * time.Second, BackoffFactor: 1.5, RetryStatuses: []call.Status{call.Busy, call.NoAnswer},
		RingTimeout: 40 * time.Second, MaxCall: 5 * time.Minute, StreamPatience: 100 * time.Second, Notify: true,
		Policy: call.Policy{
			Dialling: true, Hours: call.CallingHours{Start: 8 * 60, End: 21 * 60},
			CallsPerDay: 20, AttemptsPerNumber: 4, Concurrent: 5, Day: zone,
		},
		PhoneMinute: &minute,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n%+v, want\n%+v", got, want)
	}
	got = rulesOf(t, site(t, map[string]string{"policy.max_calls_per_day": "7", "policy.dialling": "off", "policy.allowed_countries": "de,at"}))
	want = call.Rules{
		MaxAttempts: 3, InitialDelay: time.Minute, BackoffFactor: 2, RetryStatuses: []call.Status{call.Busy, call.NoAnswer, call.Failed},
		RingTimeout: 25 * time.Second, MaxCall: 55 * time.Minute, StreamPatience: 10 * time.Minute, NoStreamIsFinal: true,
		Policy:      call.Policy{Countries: []string{"DE", "AT"}, Hours: call.CallingHours{End: 24 * 60}, CallsPerDay: 7, Day: zone},
		PhoneMinute: new(float64), // nobody's phone company
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("mock, with defaults:\n%+v, want\n%+v", got, want)
	}
}

func TestStreamsGoToTheMediaHostsOrToTheSiteItself(t *testing.T) {
	for base, want := range map[string]string{"https://agent.example": "wss://agent.example", "http://localhost:1": "ws://localhost:1"} {
		if got := StreamHosts(site(t, map[string]string{"server.publicBaseUrl": base})); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %v", base, got)
		}
	}
	if got := StreamHosts(site(t, map[string]string{"stream.hosts": "wss://a,wss://b/x"})); !slices.Equal(got, []string{"wss://a", "wss://b/x"}) {
		t.Errorf("%v", got)
	}
}
