package demo

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/internal/calendarbridge"
	"github.com/clawdbot/call-agent/media/realtimetest"
	"github.com/clawdbot/call-agent/media/speech"
	"github.com/clawdbot/call-agent/telephony/twiliotest"
)

// trial is a whole call around which one thing goes wrong, and how it ends all the same.
type trial struct {
	play play
	// bridge stands before the owner's calendar.
	bridge func(calendar http.Handler) http.Handler
	// change alters the site before it is served.
	change func(*testing.T, *Site)
	// later moves the call agent's clock on, once, when the first line is down.
	later time.Duration
	// request is the client's, where it is not the usual one.
	request map[string]any
	// except are the first words of statements that the fault itself breaks.
	except []string
	// look judges what is particular to the trial.
	look func(*testing.T, *stage, ending)
}

// usually is a scenario of the contract, to be varied.
func usually(t *testing.T, scenario string) play {
	t.Helper()
	p, err := playOf(Options{Scenario: scenario})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// conversing is a play with other words; its model books what was accepted without
// reading it back.
func conversing(t *testing.T, p play, turns ...speech.Turn) play {
	t.Helper()
	script := p.cast.model[0]
	script.Scenario = speech.Scenario{Name: "trial", Hello: "Hello?", Person: true, Turns: turns}
	lines, err := calleeLines(script.Scenario)
	if err != nil {
		t.Fatal(err)
	}
	p.cast = cast{callee: []twiliotest.Answer{twiliotest.Human(lines...)}, model: []realtimetest.Script{script}}
	return p
}

// run plays the trial and judges it.
func (tr trial) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	s := tr.raise(ctx, t, serveHere(t))
	end := tr.perform(ctx, t, s)
	if err := s.close(); err != nil {
		t.Error(err)
	}
	tr.judge(t, s, end)
}

// raise is the stage with the trial's faults on it.
func (tr trial) raise(ctx context.Context, t *testing.T, serve Serve) *stage {
	t.Helper()
	var calendar atomic.Pointer[calendarbridge.Bridge]
	if tr.bridge != nil {
		tr.play.bridge = tr.bridge(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { calendar.Load().ServeHTTP(w, r) }))
	}
	var first atomic.Pointer[twiliotest.Server]
	o := Options{Stdout: io.Discard, Serve: func(ctx context.Context, site Site) (func() error, error) {
		if tr.later > 0 {
			site.Now = laterOnce(site.Now, tr.later, &first)
		}
		if tr.change != nil {
			tr.change(t, &site)
		}
		return serve(ctx, site)
	}}
	start := time.Now()
	story := newStory(io.Discard, start)
	s, err := raise(ctx, tr.play, o, t.TempDir(), story, start)
	if err != nil {
		t.Fatal(err)
	}
	calendar.Store(s.calendar)
	first.Store(s.twilio)
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
		if t.Failed() {
			for _, e := range story.timeline() {
				t.Logf("%6dms %-9s %s", e.AtMS, e.Who, e.What)
			}
		}
	})
	return s
}

// laterOnce is a clock that jumps two seconds after the first line went down: by then
// everything that the attempt had to say is on record.
func laterOnce(now func() time.Time, by time.Duration, phone *atomic.Pointer[twiliotest.Server]) func() time.Time {
	var down atomic.Int64
	return func() time.Time {
		s := phone.Load()
		if s == nil || len(s.Calls()) == 0 {
			return now()
		}
		select {
		case <-s.Calls()[0].Done():
			down.CompareAndSwap(0, time.Now().UnixNano())
		default:
			return now()
		}
		if time.Since(time.Unix(0, down.Load())) < 2*time.Second {
			return now()
		}
		return now().Add(by)
	}
}

// perform is the client's part.
func (tr trial) perform(ctx context.Context, t *testing.T, s *stage) ending {
	t.Helper()
	if tr.request == nil {
		end, err := s.perform(ctx)
		if err != nil {
			t.Errorf("%v: %s", err, end.document)
		}
		return end
	}
	return ending{call: insist(ctx, t, s, tr.request)}
}

func (tr trial) judge(t *testing.T, s *stage, end ending) {
	t.Helper()
	for _, c := range judge(tr.play, s, end) {
		excepted := false
		for _, words := range tr.except {
			excepted = excepted || strings.HasPrefix(c.states, words)
		}
		if c.problem != "" && !excepted {
			t.Errorf("%s%s", c.states, c.because())
		}
	}
	if tr.look != nil {
		tr.look(t, s, end)
	}
}

// turn is what the callee says, and what it means by it.
func turn(words string, means speech.Meaning) speech.Turn {
	return speech.Turn{Say: words, Means: means}
}

// accepts is a callee who takes the first offer, and what it does then.
func accepts(after ...speech.Turn) []speech.Turn {
	return append([]speech.Turn{turn("Who is this?", speech.Answers), turn("Yes, that suits me.", speech.Accepts)}, after...)
}

// TestAWindowAcrossTheChangeOfClocks: asked on the Saturday before for the Monday after,
// in the offset of before; the calendar holds the hour that was said.
func TestAWindowAcrossTheChangeOfClocks(t *testing.T) {
	t.Parallel()
	p := conversing(t, usually(t, "books"), accepts()...)
	p.slot = time.Date(2026, time.March, 9, 9, 30, 0, 0, time.FixedZone("PDT", -7*60*60))
	p.notice = "Appointment booked: Monday, 9 March 2026, 09:30 to 10:00 (America/Los_Angeles)."
	trial{
		play: p,
		request: map[string]any{
			"to": calleeNumber, "goal": "Book a dental check-up for Alex.", "durationMinutes": 30, "userName": "Alex Morgan",
			"windowStart": "2026-03-07T00:00:00-08:00", "windowEnd": "2026-03-09T12:00:00-07:00",
			"origin": map[string]any{"channel": "telegram", "to": "telegram:12345"},
		},
	}.run(t)
}

// nastyModel is a proxy before the model that adds frames of its own to what it sends.
func nastyModel(t *testing.T, site *Site, frames func(connection, event int) [][]byte) {
	t.Helper()
	openai := site.Document["openai"].(map[string]any)
	p := newModelProxy(t, openai["baseUrl"].(string), frames)
	openai["baseUrl"] = p
}

// TestAModelThatTalksNonsense: events that nobody knows, that are no JSON, binary or of
// wrong types are passed over, and the conversation is what it would have been.
func TestAModelThatTalksNonsense(t *testing.T) {
	t.Parallel()
	p := usually(t, "refuses")
	p.cast.model[0].Faults.Unknown = true
	nonsense := [][]byte{
		{0, 1, 2, 0xff}, // sent as binary
		[]byte("{"), []byte("[]"), []byte("null"), []byte(`""`), []byte("\xff\xfe"), []byte(`{"type":7}`), []byte(`{"type":"session.exploded","x":[{}]}`),
		[]byte(`{"type":"response.done","response":[]}`), []byte(`{"type":"response.created","response":[]}`), []byte(`{"type":"response.output_audio.delta","delta":7}`),
		[]byte(`{"type":"response.output_audio.delta","response_id":"r","item_id":"i","delta":"not base64"}`),
		[]byte(`{"type":"error","error":"boom"}`), []byte(`{"type":"conversation.item.done","item":7}`),
	}
	trial{play: p, change: func(t *testing.T, site *Site) {
		nastyModel(t, site, func(_, event int) [][]byte {
			if event%5 == 0 {
				return [][]byte{nonsense[event/5%len(nonsense)]}
			}
			return nil
		})
	}}.run(t)
}

// TestAModelThatDiesOnce: another connection is told what was said, and the call goes on to
// its end. It dies in mid-word, when it has heard the callee, and with a booking under way.
func TestAModelThatDiesOnce(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string]realtimetest.Faults{
		"in mid-word":             {DieInResponse: 4},
		"before it answers":       {DieAfterTurn: 2},
		"while the desk books":    {DieAfterCall: "calendar_create_event"},
		"while the desk searches": {DieAfterCall: "calendar_find_slots"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := usually(t, "books")
			p.breaksOff = 1
			p.cast.model[0].Faults = faults
			trial{play: p, except: p.unlessBroken(faults), look: func(t *testing.T, s *stage, _ ending) {
				if n := len(s.dials()); n != 1 {
					t.Errorf("the callee was called %d times", n)
				}
			}}.run(t)
		})
	}
}

// unlessBroken is the statement that nothing is heard in part, where the model dies
// between two of its words.
func (p play) unlessBroken(f realtimetest.Faults) []string {
	if f.DieInResponse > 0 {
		return nil
	}
	return []string{"the callee heard"}
}

// TestAModelThatSendsMoreThanAnyMemory: the connection ends, and the call goes on over another.
func TestAModelThatSendsMoreThanAnyMemory(t *testing.T) {
	t.Parallel()
	p := usually(t, "refuses")
	huge, err := json.Marshal(map[string]string{"type": "session.huge", "pad": strings.Repeat("x", 32<<20)})
	if err != nil {
		t.Fatal(err)
	}
	var sent atomic.Bool
	// What was in the socket is lost with it, in the middle of a frame: the ear loses its place.
	trial{play: p, except: []string{"the callee heard", "the agent took leave"}, change: func(t *testing.T, site *Site) {
		nastyModel(t, site, func(_, event int) [][]byte {
			// The first connections are the probe's: only in a conversation do so many events come.
			if event == 60 && sent.CompareAndSwap(false, true) {
				return [][]byte{huge}
			}
			return nil
		})
	}}.run(t)
}
