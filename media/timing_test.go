package media

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// stopwatch remembers what it hears.
type stopwatch struct {
	mu       sync.Mutex
	overhead map[Direction][]time.Duration
	bargeIns []time.Duration
}

func (w *stopwatch) Overhead(d Direction, took time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.overhead == nil {
		w.overhead = map[Direction][]time.Duration{}
	}
	w.overhead[d] = append(w.overhead[d], took)
}

func (w *stopwatch) BargeIn(took time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bargeIns = append(w.bargeIns, took)
}

// slowPhone and slowAgent take their time to write.
type slowPhone struct {
	*fakePhone
	media, clear time.Duration
}

func (p slowPhone) WriteMedia(payload string) error {
	time.Sleep(p.media)
	return p.fakePhone.WriteMedia(payload)
}

func (p slowPhone) WriteClear() error {
	time.Sleep(p.clear)
	return p.fakePhone.WriteClear()
}

type slowAgent struct {
	Agent
	audio time.Duration
}

func (a slowAgent) Send(cmd AgentCommand) error {
	if _, audio := cmd.(*Hear); audio {
		time.Sleep(a.audio)
	}
	return a.Agent.Send(cmd)
}

// In virtual time nothing takes any but the writes: what is measured is exactly those.
func TestTheBridgeKnowsHowLongItTakes(t *testing.T) {
	const media, clear, hear = 5 * time.Millisecond, 3 * time.Millisecond, 7 * time.Millisecond
	_, dialer := agentThat(func(a *fakeAgent, kind string) {
		switch kind {
		case "opening":
			a.respond(kind, 3000)
			time.AfterFunc(3*time.Second, func() { // the greeting was heard, the opening is being played
				a.events <- CalleeStarted{ItemID: "u"}
				a.events <- CalleeStopped{ItemID: "u"}
				a.events <- CalleeCommitted{ItemID: "u"}
			})
		case "answer":
			a.respond(kind, 0, AgentCall{CallID: "c", Name: "end_call", Arguments: `{"reason":"refused"}`})
		default:
			a.respond(kind, 2000)
		}
	})
	slow := dialerFunc(func(ctx context.Context, setup AgentSetup) (Agent, error) {
		a, err := dialer.Dial(ctx, setup)
		return slowAgent{a, hear}, err
	})
	watch := new(stopwatch)
	var out, settled Outcome
	synctest.Test(t, func(t *testing.T) {
		p := newFakePhone()
		cfg := testConfig()
		cfg.Timings = watch
		cfg.Settle = func(o Outcome) { settled = o }
		s, err := New(cfg, slowPhone{p, media, clear}, slow, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		p.start <- nil
		out = *s.Run(t.Context())
		p.played.Wait()
	})
	if out.Reason != EndRefused || out.Quality.BargeIns != 1 {
		t.Fatalf("%+v", out)
	}
	toPhone, toModel := watch.overhead[ToPhone], watch.overhead[ToModel]
	if !slices.Equal(toPhone, []time.Duration{34 * media, 50 * media, 34 * media}) { // deltas of 2, 3 and 2 s in messages of 60 ms
		t.Errorf("to the phone: %v", toPhone)
	}
	if len(toModel) < 4 || slices.Max(toModel) != hear || slices.Min(toModel) != hear {
		t.Errorf("to the model: %v", toModel)
	}
	if !slices.Equal(watch.bargeIns, []time.Duration{clear}) {
		t.Errorf("barge-ins: %v", watch.bargeIns)
	}
	for name, q := range map[string]Quality{"outcome": out.Quality, "what was settled": settled.Quality} {
		if q.SlowestFrame != 50*media || q.SlowestBargeIn != clear {
			t.Errorf("%s: the slowest frame took %v, the slowest barge-in %v", name, q.SlowestFrame, q.SlowestBargeIn)
		}
	}
}

// A frame that waits for a model that is not there yet says nothing about the bridge.
func TestWaitingForTheModelIsNotOverhead(t *testing.T) {
	_, dialer := agentThat(func(a *fakeAgent, kind string) { a.respond(kind, 500) })
	late := dialerFunc(func(ctx context.Context, setup AgentSetup) (Agent, error) {
		time.Sleep(1700 * time.Millisecond)
		return dialer.Dial(ctx, setup)
	})
	watch := new(stopwatch)
	cfg := testConfig()
	cfg.Timings = watch
	carry(t, cfg, late, nil, func(p *fakePhone, s *Session, _ context.CancelCauseFunc) {
		p.start <- nil
		time.Sleep(5 * time.Second)
		s.HangUp(EndHostLost)
	})
	if got := watch.overhead[ToModel]; len(got) == 0 || slices.Max(got) != 0 {
		t.Errorf("%v", got)
	}
}

func TestTimingAFrameCostsTheOthersNothing(t *testing.T) {
	p := sampler{every: phoneSample}
	timed := 0
	allocated := testing.AllocsPerRun(10*phoneSample-1, func() {
		if !p.next(1).IsZero() {
			timed++
		}
	})
	if timed != 10 || allocated != 0 {
		t.Errorf("%d of %d frames were timed, at %g allocations each", timed, 10*phoneSample, allocated)
	}
}

// heldAgent takes nothing for two seconds, once, when the callee has begun to speak.
type heldAgent struct {
	Agent
	speaking *atomic.Bool
}

func (a heldAgent) Send(cmd AgentCommand) error {
	if _, audio := cmd.(*Hear); audio && a.speaking.CompareAndSwap(true, false) {
		time.Sleep(2 * time.Second)
	}
	return a.Agent.Send(cmd)
}

// TestAModelThatIsSlowToListenIsNotTakenForASilentPhone: while its reader waits for the model,
// what the phone sends is not known.
func TestAModelThatIsSlowToListenIsNotTakenForASilentPhone(t *testing.T) {
	var speaking atomic.Bool
	_, dialer := agentThat(func(a *fakeAgent, kind string) {
		switch kind {
		case "opening":
			a.respond(kind, 1000)
			time.AfterFunc(3*time.Second, func() {
				a.events <- CalleeStarted{ItemID: "u"}
				speaking.Store(true)
			})
			time.AfterFunc(8*time.Second, func() {
				a.events <- CalleeStopped{ItemID: "u"}
				a.events <- CalleeCommitted{ItemID: "u"}
			})
		case "answer":
			a.respond(kind, 0, AgentCall{CallID: "c", Name: "end_call", Arguments: `{"reason":"refused"}`})
		default:
			a.respond(kind, 1000)
		}
	})
	held := dialerFunc(func(ctx context.Context, setup AgentSetup) (Agent, error) {
		a, err := dialer.Dial(ctx, setup)
		return heldAgent{a, &speaking}, err
	})
	out, _ := carry(t, testConfig(), held, nil, started)
	if out.Reason != EndRefused || out.Quality.FilledMS != 0 || !out.FarewellPlayed {
		t.Errorf("%s, %d ms of silence put into the callee's speech, farewell played: %v", out.Reason, out.Quality.FilledMS, out.FarewellPlayed)
	}
}
