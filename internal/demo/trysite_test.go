package demo

import (
	"context"
	"io"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// tried runs Try with a server that is none, and returns its configuration and what the
// person is told.
func tried(t *testing.T, o TryOptions) (Site, string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var site Site
	var told strings.Builder
	o.Listen, o.Out, o.Stdout = "localhost:0", t.TempDir(), &told
	o.Serve = func(_ context.Context, s Site) (func() error, error) {
		site = s
		stop()
		return func() error { return nil }, nil
	}
	if err := Try(ctx, o); err != nil {
		t.Fatal(err)
	}
	return site, told.String()
}

func TestTryIsAnsweredByAPersonUnlessTheCalleeIsSimulated(t *testing.T) {
	site, told := tried(t, TryOptions{})
	if site.Document["telephony"].(map[string]any)["provider"] != "mock" || site.Document["twilio"] != nil || site.Document["notify"] != nil {
		t.Errorf("%v", site.Document)
	}
	for _, want := range []string{"page in your browser", "Nobody is told", "The token is this run's", "/console\nSign in with the token ", "With --record"} {
		if !strings.Contains(told, want) {
			t.Errorf("%q is missing in: %s", want, told)
		}
	}
	bearer := regexp.MustCompile(`Bearer ([^']+)'`).FindStringSubmatch(told)
	tokens := site.Document["tools"].(map[string]any)["tokens"]
	if len(bearer) != 2 || !reflect.DeepEqual(tokens, []any{everything(bearer[1])}) {
		t.Errorf("shown is %q, and %v are let in", bearer, tokens)
	}

	if site.Document["recording"] != nil {
		t.Error("calls are recorded, and nobody asked for it")
	}

	site, told = tried(t, TryOptions{Callee: true, Record: true, Token: "my-own-token-0123456789", HooksURL: "http://127.0.0.1:18789/hooks", HooksToken: "hooks-token-0123456789"})
	twilio, notify := site.Document["twilio"].(map[string]any), site.Document["notify"].(map[string]any)
	if site.Document["telephony"].(map[string]any)["provider"] != "twilio" || !strings.HasPrefix(twilio["baseUrl"].(string), "http://127.0.0.1:") {
		t.Errorf("%v", site.Document)
	}
	if notify["hooksUrl"] != "http://127.0.0.1:18789/hooks" || notify["hooksToken"] != "{env.DEMO_HOOKS_TOKEN}" || site.Secrets["DEMO_HOOKS_TOKEN"] != "hooks-token-0123456789" {
		t.Errorf("%v", notify)
	}
	for _, want := range []string{"callee takes the first time", "told to http://127.0.0.1:18789/hooks", "The token is yours", "openclaw config set plugins.entries.call-agent.config.token my-own-token-0123456789"} {
		if !strings.Contains(told, want) {
			t.Errorf("%q is missing in: %s", want, told)
		}
	}
	if !reflect.DeepEqual(site.Document["recording"], map[string]any{"enabled": true}) || strings.Contains(told, "--record") {
		t.Errorf("%v", site.Document["recording"])
	}
	if strings.Contains(told, "hooks-token-0123456789") {
		t.Error("the hooks' token is shown")
	}
}

func TestTryTakesTheHooksWholeOrNotAtAll(t *testing.T) {
	for _, o := range []TryOptions{{HooksURL: "http://127.0.0.1:1/hooks"}, {HooksToken: "secret"}} {
		o.Listen, o.Out, o.Stdout = "localhost:0", t.TempDir(), io.Discard
		if err := Try(t.Context(), o); err == nil || !strings.Contains(err.Error(), "CALLAGENT_NOTIFY_HOOKS_TOKEN") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
