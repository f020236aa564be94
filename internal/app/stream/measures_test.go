package stream

import (
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/call/calltest"
)

// lines are the log's lines of a message.
func (r *rig) lines(message string) (all []map[string]any) {
	r.Helper()
	for line := range strings.Lines(r.world.Log.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			r.Fatalf("%v: %s", err, line)
		}
		if fields["msg"] == message {
			all = append(all, fields)
		}
	}
	return all
}

func TestASessionLeavesOneLineAndTheSameNumbersOnRecord(t *testing.T) {
	t.Parallel()
	m := new(tally)
	r := newRig(t, func(o *Options) { o.Meter = m })
	p := r.dial("/" + r.token)
	p.start(calltest.Account, "CA0001", nil)
	r.await("the greeting is on record", func() bool { return r.get(r.call.ID).Attempts[0].GreetingHeardAt != nil })
	p.hangUp()
	r.await("the session is over", func() bool { return r.sessions.Len() == 0 })
	lines := r.lines("call held")
	if len(lines) != 1 {
		t.Fatalf("%d lines of one session", len(lines))
	}
	line, a := lines[0], r.get(r.call.ID).Attempts[0]
	if line["call_id"] != string(r.call.ID) || line["attempt"] != 1.0 || line["end_reason"] != string(a.EndReason) || line["model"] != "gpt-realtime-2.1" {
		t.Errorf("%v", line)
	}
	for _, field := range []string{
		"duration_ms", "first_audio_ms", "turn_p50_ms", "turn_max_ms", "turns", "barge_ins", "barge_in_max_ms", "overhead_max_ms", "reconnects", "frames_dropped", "text_in", "text_cached", "text_out", "audio_in",
		"audio_cached", "audio_out", "transcription_s", "model_usd", "transcription_usd", "cost_unknown",
	} {
		if _, ok := line[field]; !ok {
			t.Errorf("no %s in %v", field, line)
		}
	}
	if a.Measures == nil {
		t.Fatal("nothing is on record")
	}
	q, c := a.Measures.Quality, a.Measures.Cost
	if q.FirstAudioMS == nil || line["first_audio_ms"] != float64(*q.FirstAudioMS) || line["turn_p50_ms"] != nil || q.TurnP50MS != nil || line["duration_ms"] != float64(q.DurationMS) {
		t.Errorf("%+v, and the log says %v", q, line)
	}
	if c.Tokens.TextIn == 0 || c.Tokens.AudioOut == 0 || c.ModelUSD == nil || *c.ModelUSD <= 0 || line["model_usd"] != *c.ModelUSD || line["audio_out"] != float64(c.Tokens.AudioOut) || c.PricesAsOf != "2026-11-23" {
		t.Errorf("%+v, and the log says %v", c, line)
	}
	if held := m.ended(); len(held) != 1 || held[0].Cost.Tokens != c.Tokens || held[0].Reason != a.EndReason {
		t.Errorf("counted %+v", held)
	}
	for _, secret := range []string{"4155550123", "Hello", calltest.Request(r.world.Service.Now()).Goal} {
		if text, _ := json.Marshal(line); strings.Contains(string(text), secret) {
			t.Errorf("the line repeats %q", secret)
		}
	}
}

// Also a session that the record had given up, or that never started, leaves its line.
func TestEverySessionLeavesItsLine(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	p := r.dial("/" + r.token)
	p.start(calltest.Account, "CA9999", nil) // of another call: not admitted
	p.closed()
	r.await("a line of the stream that was not admitted", func() bool { return len(r.lines("call held")) == 1 })
	p = r.dial("/" + r.token)
	p.start(calltest.Account, "CA0001", nil)
	r.await("the stream is on record", r.streaming)
	var failed atomic.Int32
	r.world.Store.FailWith(func(_ string, c call.Call) error {
		if a := c.Last(); a != nil && a.Measures != nil && failed.Add(1) <= 2 {
			return errors.New("away")
		}
		return nil
	})
	p.hangUp()
	r.await("a line of the session whose end was not recorded at once", func() bool { return len(r.lines("call held")) == 2 })
	if failed.Load() < 3 {
		t.Errorf("the end was tried %d times", failed.Load())
	}
	if a := r.get(r.call.ID).Attempts[0]; a.Measures == nil {
		t.Error("its measures are lost")
	}
}
