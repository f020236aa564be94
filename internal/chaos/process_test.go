package chaos

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/call/calltest"
	schedule "github.com/clawdbot/call-agent/internal/schedule/local"
	store "github.com/clawdbot/call-agent/internal/store/local"
)

// process is the program, running: a service over the store's file and its own scheduler,
// or the functions over their table. Once a run of it is dead nothing that the run still
// does has any effect.
type process struct {
	run
	w       *world
	service *call.Service
	store   call.Store
	cancel  context.CancelFunc
	done    sync.WaitGroup

	door   sync.Mutex
	shut   bool           // no effect begins any more
	inside sync.WaitGroup // effects under way
}

// enter begins an effect, unless the process is gone.
func (p *process) enter() bool {
	p.door.Lock()
	defer p.door.Unlock()
	if !p.shut {
		p.inside.Add(1)
	}
	return !p.shut
}

// drain waits for the effects under way; none begins after it.
func (p *process) drain() {
	p.door.Lock()
	p.shut = true
	p.door.Unlock()
	p.inside.Wait()
}

// run is what dies at once: the whole process of one host, or one function's invocation,
// or one session on a media host.
type run struct{ dead atomic.Bool }

type runKey struct{}

// begin is a run's beginning.
func (p *process) begin(ctx context.Context) (context.Context, *run) {
	r := &p.run
	if p.w.cloud != nil {
		r = &run{}
	}
	return context.WithValue(ctx, runKey{}, r), r
}

// ask asks the service for something, and says whether it said that it has done it.
func (w *world) ask(what func(context.Context, *call.Service) error) bool {
	p := w.current()
	if p == nil {
		return false
	}
	ctx, run := p.begin(w.Context())
	return what(ctx, p.service) == nil && !run.dead.Load()
}

func (w *world) current() *process {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.process
}

func (w *world) startProcess() {
	p := &process{w: w}
	shaky := shaky{w: w, p: p}
	var ctx context.Context
	ctx, p.cancel = context.WithCancel(context.Background())
	p.service = &call.Service{
		Telephony: telephonyOf{w.company, shaky}, Calendar: calendarOf{w.calendar, shaky}, Notifier: ownersOf{w.owners, shaky},
		Numbers: &calltest.Numbers{}, Media: &calltest.Media{}, Rules: calltest.Rules(),
		Defaults:  call.Defaults{Timezone: "America/Los_Angeles", WorkingHours: calltest.Hours()},
		PublicURL: "https://agent.example", StreamSecret: []byte("chaos"), StreamAccount: calltest.Account,
		Disclosure: "Hello, this is an AI assistant.", Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}
	if w.cloud != nil {
		w.cloud.start(ctx, p, shaky)
	} else {
		w.startHost(ctx, p, shaky)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.process = p
	w.starts++
}

// startHost makes it one process, with the store in its file.
func (w *world) startHost(ctx context.Context, p *process, shaky shaky) {
	s, err := store.Open(filepath.Join(w.dir, "calls.db"), store.Options{})
	if err != nil {
		w.Fatal(err)
	}
	clock := schedule.New(
		func(ctx context.Context, id call.ID) error { return p.service.Attend(ctx, id) },
		func(ctx context.Context) error { return p.service.Sweep(ctx) },
		schedule.Options{Log: slog.New(slog.DiscardHandler)},
	)
	p.store, p.service.Store, p.service.Scheduler = s, storeOf{s, shaky}, clock
	p.done.Go(func() { _ = clock.Run(ctx) })
}

// kill ends the process between any two of its effects.
func (w *world) kill() {
	w.mu.Lock()
	p := w.process
	w.process = nil
	w.mu.Unlock()
	if p == nil {
		return
	}
	p.dead.Store(true)
	p.cancel()
	p.drain()
	if s, file := p.store.(*store.Store); file {
		if err := s.Close(); err != nil {
			w.Error(err)
		}
	}
	p.done.Wait()
}

var errDead = errors.New("this process is dead")

// shaky is the way from the process to the outside and back: it takes time, in which the
// process may die, before the effect or before its result is known.
type shaky struct {
	w *world
	p *process
}

// delay is how long one way may take.
const delay = 60 * time.Millisecond

// do has an effect, unless the run dies before it. What only reads has no name.
func (s shaky) do(ctx context.Context, what string, effect func() error) error {
	r, ok := ctx.Value(runKey{}).(*run)
	if !ok {
		r = &s.p.run
	}
	time.Sleep(s.w.fate.upTo(delay))
	if !s.p.enter() {
		return errDead
	}
	n := s.w.strike.count(what)
	if s.w.strikes(r, n, false); r.dead.Load() {
		s.p.inside.Done()
		return errDead
	}
	err := effect()
	s.w.strikes(r, n, true)
	s.p.inside.Done()
	time.Sleep(s.w.fate.upTo(delay))
	if r.dead.Load() {
		return errDead
	}
	return err
}

// storeOf is the store behind a shaky way; reads are shaky too.
type storeOf struct {
	call.Store
	shaky
}

func (s storeOf) Create(ctx context.Context, c call.Call, key *call.IdempotencyKey, q call.Quota) (out call.Call, err error) {
	err = s.do(ctx, "create the call", func() (err error) { out, err = s.Store.Create(ctx, c, key, q); return err })
	return out, err
}

func (s storeOf) Get(ctx context.Context, id call.ID) (out call.Call, err error) {
	err = s.do(ctx, "", func() (err error) { out, err = s.Store.Get(ctx, id); return err })
	return out, err
}

func (s storeOf) Repeat(ctx context.Context, key call.IdempotencyKey, now time.Time) (out call.Call, err error) {
	err = s.do(ctx, "", func() (err error) { out, err = s.Store.Repeat(ctx, key, now); return err })
	return out, err
}

func (s storeOf) Update(ctx context.Context, c call.Call) error {
	return s.do(ctx, "write the call", func() error { return s.Store.Update(ctx, c) })
}

func (s storeOf) Claim(ctx context.Context, c call.Call, q call.Quota) error {
	return s.do(ctx, "claim the attempt", func() error { return s.Store.Claim(ctx, c, q) })
}

func (s storeOf) Due(ctx context.Context, t time.Time, limit int) (ids []call.ID, err error) {
	err = s.do(ctx, "", func() (err error) { ids, err = s.Store.Due(ctx, t, limit); return err })
	return ids, err
}

// telephonyOf is the phone company behind a shaky way.
type telephonyOf struct {
	*company
	shaky
}

func (t telephonyOf) StartCall(ctx context.Context, d call.Dial) (out call.Started, err error) {
	err = t.do(ctx, "dial", func() (err error) { out, err = t.company.StartCall(ctx, d); return err })
	if errors.Is(err, errDead) {
		return out, &call.DialError{Kind: call.DialUnknown, Words: "dead", Err: err}
	}
	return out, err
}

func (t telephonyOf) EndCall(ctx context.Context, id string) error {
	return t.do(ctx, "hang up", func() error { return t.company.EndCall(ctx, id) })
}

func (t telephonyOf) LookUp(ctx context.Context, q call.LookUp) (r call.ProviderReport, found bool, err error) {
	err = t.do(ctx, "look up", func() (err error) { r, found, err = t.company.LookUp(ctx, q); return err })
	return r, found, err
}

// calendarOf is the calendar behind a shaky way that loses answers, too.
type calendarOf struct {
	*calltest.Calendar
	shaky
}

func (c calendarOf) FindSlots(ctx context.Context, q call.FindSlots) (out []call.Slot, err error) {
	err = c.do(ctx, "find slots", func() (err error) { out, err = c.Calendar.FindSlots(ctx, q); return err })
	return out, down(err)
}

func (c calendarOf) CheckSlot(ctx context.Context, q call.CheckSlot) (out call.CheckAnswer, err error) {
	err = c.do(ctx, "check the slot", func() (err error) { out, err = c.Calendar.CheckSlot(ctx, q); return err })
	return out, down(err)
}

func (c calendarOf) CreateEvent(ctx context.Context, b call.Booking) (id string, err error) {
	err = c.do(ctx, "book", func() (err error) {
		if c.w.fate.of(10) {
			return calltest.Down()
		}
		id, err = c.Calendar.CreateEvent(ctx, b)
		if err == nil && c.w.fate.of(10) {
			return calltest.Down()
		}
		return err
	})
	return id, down(err)
}

func down(err error) error {
	if errors.Is(err, errDead) {
		return &call.CalendarError{Kind: call.CalendarDown, Err: err}
	}
	return err
}

// ownersOf is the hook behind a shaky way.
type ownersOf struct {
	*owners
	shaky
}

func (o ownersOf) Send(ctx context.Context, key string, body []byte) error {
	err := o.do(ctx, "tell the owner", func() error { return o.owners.Send(ctx, key, body) })
	if errors.Is(err, errDead) {
		return &call.NotifyError{Retry: true, Err: err}
	}
	return err
}
