package realtime_test

import (
	"strings"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/media"
	"github.com/clawdbot/call-agent/media/realtimetest"
)

// fault is a call of the scenario books in which the first connections misbehave.
type fault struct {
	// first and later are the faults of the model's first connection and of those after it;
	// once means that later ones have none.
	first, resumed realtimetest.Faults
	once           bool
	took           time.Duration // of each tool
	want           media.EndReason
	connections    int
	reconnects     int
}

func (f fault) play(t *testing.T) (report, *handset, *desk) {
	t.Helper()
	script, lines := books(t)
	d := &desk{took: max(f.took, 50*time.Millisecond)}
	h := newHandset(20*time.Millisecond, lines...)
	out := scene{phone: h, desk: d, script: func(n int) realtimetest.Script {
		s := script
		if n == 1 || !f.once {
			s.Faults, s.Resumed = f.first, f.resumed
		}
		return s
	}}.play(t)
	return out, h, d
}

func (f fault) check(t *testing.T) {
	t.Helper()
	out, h, d := f.play(t)
	if out.Reason != f.want || out.connections != f.connections || out.Quality.Reconnects != f.reconnects {
		t.Errorf("ended as %s over %d connections with %d reconnects, want %s, %d, %d", out.Reason, out.connections, out.Quality.Reconnects, f.want, f.connections, f.reconnects)
	}
	if out.open != 0 || len(out.violations) > 0 || !out.FarewellPlayed {
		t.Errorf("%d connections are left open; farewell (or apology) played: %v; the service objects to %v", out.open, out.FarewellPlayed, out.violations)
	}
	if out.reconnected > 1500*time.Millisecond { // the model's own time is none here
		t.Errorf("another connection took %v", out.reconnected)
	}
	booked := d.booked.Load()
	if f.want == media.EndBooked {
		if booked != 1 || !out.DisclosurePlayed {
			t.Errorf("booked %d times; disclosure played: %v", booked, out.DisclosurePlayed)
		}
		if h.longest > 5*time.Second {
			t.Errorf("the callee heard nothing for %v", h.longest)
		}
		if n := said(out, "Hello, this is an AI assistant"); n != 1 {
			t.Errorf("the disclosure was said to its end %d times", n)
		}
	}
	if t.Failed() {
		for _, turn := range out.Transcript {
			t.Logf("%6d %s (interrupted %v, %d ms): %s", turn.AtMS, turn.Speaker, turn.Interrupted, turn.HeardMS, turn.Text)
		}
	}
}

// said is how often the agent said words in a turn that was not cut.
func said(out report, words string) (n int) {
	for _, turn := range out.Transcript {
		if turn.Speaker == media.SpeakerAgent && !turn.Interrupted && strings.Contains(turn.Text, words) {
			n++
		}
	}
	return n
}

// TestAModelThatDiesOnceEndsBooked: wherever it dies, once.
func TestAModelThatDiesOnceEndsBooked(t *testing.T) {
	for name, f := range map[string]fault{
		"in the greeting":               {first: realtimetest.Faults{DieInResponse: 1}},
		"after the greeting":            {first: realtimetest.Faults{DieAfterResponse: 1}},
		"in the opening":                {first: realtimetest.Faults{DieInResponse: 2}},
		"after the opening":             {first: realtimetest.Faults{DieAfterResponse: 2}},
		"when the callee has answered":  {first: realtimetest.Faults{DieAfterTurn: 1}},
		"when a search was asked for":   {first: realtimetest.Faults{DieAfterCall: "calendar_find_slots"}},
		"while it is searched":          {first: realtimetest.Faults{DieAfterResponse: 3}, took: 3 * time.Second},
		"in the offer":                  {first: realtimetest.Faults{DieInResponse: 4}},
		"after the offer":               {first: realtimetest.Faults{DieAfterResponse: 4}},
		"when the callee has accepted":  {first: realtimetest.Faults{DieAfterTurn: 2}},
		"when it was asked to book":     {first: realtimetest.Faults{DieAfterCall: "calendar_create_event"}},
		"while it is booked":            {first: realtimetest.Faults{DieAfterResponse: 6}, took: 3 * time.Second},
		"in the farewell":               {first: realtimetest.Faults{DieInResponse: 7}},
		"when it was asked to hang up":  {first: realtimetest.Faults{DieAfterCall: "end_call"}},
		"its session expires, too soon": {first: realtimetest.Faults{ExpireAfterEvents: 150}},
		"somewhere":                     {first: realtimetest.Faults{CloseAfterEvents: 100}},
	} {
		t.Run(name, func(t *testing.T) {
			f.want, f.connections, f.reconnects, f.once = media.EndBooked, 2, 1, true
			f.check(t)
		})
	}
}

// TestAFarewellThatIsCompleteNeedsNoModel: nothing is dialled for it.
func TestAFarewellThatIsCompleteNeedsNoModel(t *testing.T) {
	fault{first: realtimetest.Faults{DieAfterResponse: 7}, want: media.EndBooked, connections: 1}.check(t)
}

func TestAModelThatDiesTwiceIsApologisedFor(t *testing.T) {
	for name, f := range map[string]fault{
		"in two answers":        {first: realtimetest.Faults{DieInResponse: 3}, resumed: realtimetest.Faults{DieInResponse: 1}},
		"before the answer":     {first: realtimetest.Faults{DieAfterTurn: 1}, resumed: realtimetest.Faults{DieInResponse: 1}},
		"when it has come back": {first: realtimetest.Faults{DieAfterResponse: 4}, resumed: realtimetest.Faults{DieAfterTurn: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			f.want, f.connections, f.reconnects = media.EndModelLost, 2, 1
			f.check(t)
		})
	}
}

// TestHandshakesEndOrGoOnByARule is the table of docs/operations.md.
func TestHandshakesEndOrGoOnByARule(t *testing.T) {
	for name, f := range map[string]fault{
		"300 ms":              {first: realtimetest.Faults{UpdateDelay: 300 * time.Millisecond}, want: media.EndBooked, connections: 1},
		"2 s":                 {first: realtimetest.Faults{UpdateDelay: 2 * time.Second}, want: media.EndBooked, connections: 1},
		"5 s":                 {first: realtimetest.Faults{UpdateDelay: 5 * time.Second}, want: media.EndBooked, connections: 1},
		"never":               {first: realtimetest.Faults{UpdateDelay: time.Minute}, want: media.EndModelLost, connections: 1},
		"401":                 {first: realtimetest.Faults{Status: 401}, want: media.EndModelLost, connections: 1},
		"503, once":           {first: realtimetest.Faults{Status: 503}, once: true, want: media.EndBooked, connections: 2},
		"503":                 {first: realtimetest.Faults{Status: 503}, want: media.EndModelLost, connections: 2},
		"101, then an error":  {first: realtimetest.Faults{AuthError: "insufficient_quota"}, want: media.EndModelLost, connections: 1},
		"update refused":      {first: realtimetest.Faults{RejectUpdate: true}, want: media.EndModelLost, connections: 1},
		"closed in it":        {first: realtimetest.Faults{CloseAfterEvents: 1}, once: true, want: media.EndBooked, connections: 2},
		"closed in it, twice": {first: realtimetest.Faults{CloseAfterEvents: 1}, want: media.EndModelLost, connections: 2},
		// Seed 1 sends no conversation.created: the second event is session.updated.
		"closed after it":        {first: realtimetest.Faults{CloseAfterEvents: 2}, once: true, want: media.EndBooked, connections: 2, reconnects: 1},
		"closed after it, twice": {first: realtimetest.Faults{CloseAfterEvents: 2}, want: media.EndModelLost, connections: 2, reconnects: 1},
	} {
		t.Run(name, f.check)
	}
}

// TestAModelWhoseNetworkGoesDarkIsNotWaitedForLong: no socket closes, nothing fails, and
// nothing comes any more. What was asked of it is missed first, and then a pong.
func TestAModelWhoseNetworkGoesDarkIsNotWaitedForLong(t *testing.T) {
	for name, dark := range map[string]time.Duration{"in the greeting": 3 * time.Second, "in the conversation": 12 * time.Second} {
		t.Run(name, func(t *testing.T) {
			script, lines := books(t)
			lines = append(lines, lines[len(lines)-1]) // what is said into the dark is said again
			h, d := newHandset(20*time.Millisecond, lines...), &desk{}
			out := scene{phone: h, desk: d, script: func(int) realtimetest.Script { return script }, dark: dark}.play(t)
			if out.Reason != media.EndBooked || d.booked.Load() != 1 || out.connections != 2 || out.Quality.Reconnects != 1 || out.open != 0 {
				t.Errorf("%s, booked %d times, %d connections, %d reconnects, %d left open", out.Reason, d.booked.Load(), out.connections, out.Quality.Reconnects, out.open)
			}
			if h.longest > 8*time.Second {
				t.Errorf("the callee heard nothing for %v", h.longest)
			}
		})
	}
}

// TestTheModelIsLetGoWithThePhone: however the phone goes, and whatever the model is doing.
func TestTheModelIsLetGoWithThePhone(t *testing.T) {
	for name, after := range map[string]time.Duration{
		"while it is dialled": 100 * time.Millisecond, "in the greeting": 3 * time.Second, "in the conversation": 12 * time.Second,
	} {
		t.Run(name, func(t *testing.T) {
			script, lines := books(t)
			script.Faults.UpdateDelay = 300 * time.Millisecond
			out := scene{
				phone: newHandset(20*time.Millisecond, lines...), desk: &desk{},
				script: func(int) realtimetest.Script { return script },
				during: func(_ *media.Session, h *handset) { time.Sleep(after); _ = h.Close() }, // without a stop
			}.play(t)
			if out.Reason != media.EndPhoneLost || out.open != 0 || out.took > after+3*time.Second {
				t.Errorf("%s after %v, %d connections left", out.Reason, out.took, out.open)
			}
		})
	}
}

// TestACallLongerThanTheCap crosses the cap of 60 minutes while the conversation goes on.
func TestACallLongerThanTheCap(t *testing.T) { beyondTheCap(t, 65*time.Minute, 1) }

// beyondTheCap holds a call for so long, which crosses the cap so many times.
func beyondTheCap(t *testing.T, length time.Duration, caps int) {
	t.Helper()
	script, lines := books(t)
	again := script.Scenario.Turns[0]
	again.Say, again.Means = "Sorry, could you repeat that?", "asks"
	script.Scenario.Turns = nil
	for len(lines) < 2000 {
		script.Scenario.Turns = append(script.Scenario.Turns, again)
		lines = append(lines[:len(script.Scenario.Turns)], again.Say)
	}
	h := newHandset(200*time.Millisecond, lines...)
	out := scene{
		phone: h, desk: &desk{}, script: func(int) realtimetest.Script { return script },
		config: func(c *media.Config) { c.MaxLength = length },
	}.play(t)
	q := out.Quality
	if out.Reason != media.EndMaxLength || !out.FarewellPlayed || out.took < length || out.took > length+time.Minute {
		t.Errorf("%s after %v, farewell %v", out.Reason, out.took, out.FarewellPlayed)
	}
	if q.Renewals != caps || q.Reconnects != 0 || out.connections != caps+1 || q.Fillers != 0 || out.open != 0 {
		t.Errorf("%d renewals, %d reconnects, %d connections, %d fillers, %d left open", q.Renewals, q.Reconnects, out.connections, q.Fillers, out.open)
	}
	if out.replayed < 100*caps || out.replayed > 200*caps {
		t.Errorf("%d items were told again, want some 200 at each of %d caps", out.replayed, caps)
	}
	if h.said < int(length/(12*time.Second)) || h.longest > 2*time.Second || h.clears > 0 {
		t.Errorf("the callee had %d turns, waited %v at most, and was cleared %d times", h.said, h.longest, h.clears)
	}
	if n := len(out.Transcript); n > 500 || out.Transcript[1].Speaker != media.SpeakerAgent || !strings.HasPrefix(out.Transcript[1].Text, "Hello, this is an AI") {
		t.Errorf("%d turns are kept; the second is %+v", n, out.Transcript[1])
	}
	if len(out.violations) > 0 {
		t.Errorf("the service objects %d times, first to %v", len(out.violations), out.violations[0])
	}
}
