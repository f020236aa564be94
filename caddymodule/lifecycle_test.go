package caddymodule

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/app/stream"
)

// caddy validate provisions beside a running server, and cleans up what it provisioned.
func TestValidatingTouchesNoLiveCall(t *testing.T) {
	h := newHost(t)
	h.mustLoad(h.directive(""))
	a := h.place()
	p := h.pickUp(a)
	p.up()
	key := "call_agent:" + h.data
	before, _ := hosts.References(key)
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	for _, more := range []string{"max_sessions 7", "data_dir " + elsewhere, "retention_days 0"} {
		config := new(caddy.Config)
		text := h.directive(more)
		if strings.HasPrefix(more, "data_dir") {
			text = strings.Replace(text, "data_dir "+h.data, "", 1)
		}
		if err := json.Unmarshal(h.adapt(text), config); err != nil {
			t.Fatal(err)
		}
		if err := caddy.Validate(config); (err != nil) != strings.Contains(more, "retention") {
			t.Errorf("%s: %v", more, err)
		}
	}
	if after, _ := hosts.References(key); after != before {
		t.Errorf("%d references on the host, before %d", after, before)
	}
	if _, err := os.Stat(elsewhere); !os.IsNotExist(err) {
		t.Errorf("validating opened a store: %v", err)
	}
	heard := p.frames()
	h.await("the agent speaks on", func() bool { return p.frames() > heard })
	p.up()
}

// A call's lines go where the running configuration says, before and after its directive goes.
func TestLogsGoOnAfterAReload(t *testing.T) {
	h := newHost(t)
	file := func(n int) string { return filepath.Join(h.caddy, fmt.Sprintf("log%d", n)) }
	logTo := func(n int) { h.options = "admin off\n log {\n output file " + file(n) + "\n format json\n}" }
	in := func(n int, id call.ID) bool {
		b, _ := os.ReadFile(file(n))
		for line := range strings.Lines(string(b)) {
			if strings.Contains(line, `"call held"`) && strings.Contains(line, string(id)) {
				return true
			}
		}
		return false
	}
	logTo(1)
	h.mustLoad(h.directive(""))
	first, second := h.place(), h.placeTo("+14155550124")
	p, q := h.pickUp(first), h.pickUp(second)
	p.up()
	logTo(2)
	h.mustLoad(h.directive(""))
	logTo(3)
	if err := h.load(strings.Replace(h.directive(""), "data_dir "+h.data, "data_dir /dev/null/no", 1)); err == nil {
		t.Fatal("a site whose store cannot be opened was loaded")
	}
	p.hangUp()
	h.await("the first call's end is in the second log", func() bool { return in(2, first.CallID) })
	logTo(4)
	h.mustLoad() // the directive is gone
	q.hangUp()
	h.await("the second call's end is in the last log", func() bool { return in(4, second.CallID) })
	for n, id := range map[int]call.ID{1: first.CallID, 3: first.CallID, 2: second.CallID} {
		if in(n, id) {
			t.Errorf("the end of %s is in log %d", id, n)
		}
	}
}

// At exit nobody stops an app whose directive is gone; its calls end in good order all the same.
func TestExitSaysGoodbyeAlsoWhereTheDirectiveIsGone(t *testing.T) {
	h := newHost(t)
	h.mustLoad(h.directive(""))
	a := h.place()
	p := h.pickUp(a)
	p.up()
	h.await("the greeting has been heard", func() bool { s := sessionsOf(a.CallID); return len(s) == 1 && s[0].State == stream.StateTalking })
	h.mustLoad()
	drainOrphans(t.Context())
	<-p.gone
	h.await("the store is closed behind the last call", func() bool { return !h.storeIsHeld() })
	if last := h.record(a.CallID).Attempts[0]; last.EndReason != call.EndDrained || !last.FarewellPlayed {
		t.Errorf("%s, farewell %t", last.EndReason, last.FarewellPlayed)
	}
}

// gathered are the values of our metrics, by name and label; histograms by their count.
func gathered(t *testing.T) map[string]float64 {
	t.Helper()
	ctx := caddy.ActiveContext()
	families, err := ctx.GetMetricsRegistry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "call_agent_") {
			continue
		}
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += "/" + l.GetValue()
			}
			all[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return all
}

// Caddy's registry is new with every configuration; the numbers are not.
func TestMetricsGoOnAfterAReload(t *testing.T) {
	h := newHost(t)
	h.mustLoad(h.directive(""))
	start := gathered(t)
	a := h.place()
	p := h.pickUp(a)
	p.up()
	if status, _ := h.ask("GET", "/voice/stream/forged", ""); status != 403 {
		t.Errorf("a forged token: %d", status)
	}
	if status, _ := h.ask("POST", "/status", strings.Repeat("x", 65<<10)); status != 413 {
		t.Errorf("a large webhook: %d", status)
	}
	if status, _ := h.ask("POST", "/status", "x"); status != 403 {
		t.Errorf("an unsigned webhook: %d", status)
	}
	for i := range 3 {
		now := gathered(t)
		for name, want := range map[string]float64{
			"live_calls": 1, "streams_refused_total/bad_token": 1, "webhooks_refused_total/too_large": 1, "webhooks_refused_total/unsigned": 1,
			"sessions_held_total/callee_hangup": 0,
		} {
			if got := now["call_agent_"+name] - start["call_agent_"+name]; got != want {
				t.Errorf("after %d reloads %s rose by %g, want %g", i, name, got, want)
			}
		}
		h.mustLoad(h.directive(fmt.Sprintf("max_sessions %d", i+2)))
	}
	p.hangUp()
	h.await("the call is counted", func() bool { return gathered(t)["call_agent_live_calls"] == 0 })
	end := gathered(t)
	for _, name := range []string{"sessions_held_total/callee_hangup", "session_duration_seconds", "first_audio_seconds", "session_cost_dollars"} {
		if got := end["call_agent_"+name] - start["call_agent_"+name]; got != 1 {
			t.Errorf("%s rose by %g", name, got)
		}
	}
	for _, name := range []string{"tokens_total/text_fresh", "tokens_total/audio_out", "bridge_overhead_seconds/to_model", "bridge_overhead_seconds/to_phone"} {
		if end["call_agent_"+name] <= start["call_agent_"+name] {
			t.Errorf("%s did not rise", name)
		}
	}
	h.mustLoad(h.directive("max_sessions 9"))
	for name, was := range end {
		if now := gathered(t)[name]; now < was {
			t.Errorf("%s fell from %g to %g at a reload", name, was, now)
		}
	}
	for name := range end {
		if strings.Contains(name, string(a.CallID)) || strings.Contains(name, "4155550123") {
			t.Errorf("%s names a call", name)
		}
	}
}
