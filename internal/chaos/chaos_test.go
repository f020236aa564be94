// Package chaos runs two hundred calls through the call service on its real store and
// scheduler, in virtual time, while everything around it misbehaves: callbacks are late,
// doubled, reordered and lost, answers to requests too, and the process is killed and
// started again. Then it runs single calls, and kills the process, or one invocation of a
// function, at each of their effects in turn. It holds tests only, and judges from
// outside: by the phone company's lines, the calendar's events and what owners were told.
package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/call/calltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// seedVariable asks for one seed; it makes the same choices, though not in the same order
// to the last goroutine.
const seedVariable = "CALLAGENT_CHAOS_SEED"

const (
	calls   = 200
	longest = 4 * 24 * time.Hour // of virtual time
)

func TestTwoHundredCallsInChaos(t *testing.T) {
	seeds := []uint64{1, 2}
	if v := os.Getenv(seedVariable); v != "" {
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seeds = []uint64{n}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) { chaos(t, dir, seed) })
			if t.Failed() {
				t.Logf("again: %s=%d", seedVariable, seed)
			}
		})
	}
}

// world is everything around the process, and the process.
type world struct {
	*testing.T
	fate     fate
	cloud    *cloud  // nil: one process on one host
	strike   *strike // nil: none
	dir      string
	company  *company
	calendar *calltest.Calendar
	owners   *owners
	people   sync.WaitGroup // those who act: callees, and whoever places calls

	mu      sync.Mutex
	process *process // nil while none runs
	starts  int
}

func chaos(t *testing.T, dir string, seed uint64) {
	w := &world{T: t, dir: dir, fate: &chance{rng: rand.New(rand.NewPCG(seed, 7))}, calendar: calltest.NewCalendar(), owners: &owners{}}
	w.owners.fate = w.fate
	w.company = newCompany(w)
	w.startProcess()
	ids := make(chan call.ID, calls)
	for i := range calls {
		w.people.Go(func() {
			time.Sleep(w.fate.upTo(2 * time.Hour))
			ids <- w.place(i)
		})
	}
	kills := 0
	quit := make(chan struct{})
	var killer sync.WaitGroup
	killer.Go(func() {
		for {
			select {
			case <-quit:
				return
			case <-time.After(5*time.Second + w.fate.upTo(10*time.Minute)):
			}
			w.kill()
			kills++
			time.Sleep(w.fate.upTo(40 * time.Second))
			w.startProcess()
		}
	})
	var all []call.ID
	for range calls {
		all = append(all, <-ids)
	}
	w.settle(all)
	close(quit)
	killer.Wait()
	w.people.Wait()
	w.company.lines.Wait()
	judge(w, all)
	if n := len(w.calendar.Events()); n < calls/4 {
		w.Errorf("only %d are booked", n)
	}
	w.kill()
	t.Logf("%d calls, %d lines, %d kills, %v of virtual time", calls, len(w.company.all()), kills, time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).Round(time.Minute))
}

// place asks for a call, and asks again under the same key where the answer was lost.
func (w *world) place(i int) call.ID {
	r := calltest.Request(time.Now())
	r.To = fmt.Sprintf("+1415555%04d", i)
	r.WindowStart = time.Now().AddDate(0, 0, i%40) // so that there is room for all
	r.WindowEnd = r.WindowStart.AddDate(0, 0, 4)
	key := &call.IdempotencyKey{Token: "owner", Key: r.To, BodyHash: "x", Expires: time.Now().Add(call.IdempotencyTTL)}
	for {
		var a call.Answer
		if w.ask(func(ctx context.Context, s *call.Service) (err error) {
			var repeated bool
			if a, repeated, err = s.Repeat(ctx, key); err == nil && !repeated {
				a, err = s.Place(ctx, "owner", r, key)
			}
			return err
		}) && !w.fate.of(10) {
			w.stop(a.CallID)
			return a.CallID
		}
		time.Sleep(time.Second + w.fate.upTo(5*time.Second))
	}
}

// stop asks for a call to be stopped, if its owner wants that, until somebody has heard it.
func (w *world) stop(id call.ID) {
	after, wanted := w.fate.cancel()
	if !wanted {
		return
	}
	w.people.Go(func() {
		time.Sleep(after)
		for !w.ask(func(ctx context.Context, s *call.Service) error {
			_, err := s.Cancel(ctx, "owner", false, id, "not needed")
			return err
		}) {
			time.Sleep(time.Second)
		}
	})
}

// obeyed holds a call that was to be stopped against the lines that were up.
func (w *world) obeyed(c call.Call) {
	if c.CancelRequestedAt == nil {
		return
	}
	for _, l := range w.company.of(c.ID) {
		if l.at.After(c.CancelRequestedAt.Add(time.Second)) {
			w.Errorf("call %s was to be stopped at %v, and was dialled at %v", c.ID, c.CancelRequestedAt, l.at)
		}
	}
	if c.Status != call.Canceled && c.Status != call.Completed {
		w.Errorf("call %s was to be stopped, and is %s", c.ID, c.Status)
	}
}

// settle waits until every call is final and told.
func (w *world) settle(ids []call.ID) {
	for begun := time.Now(); ; time.Sleep(time.Minute) {
		open := 0
		p := w.current()
		if p == nil {
			continue
		}
		for _, id := range ids {
			c, err := p.store.Get(w.Context(), id)
			if err != nil || !c.Final() || c.Due != nil || c.Notice == nil || c.Notice.State != call.NoticeDelivered {
				open++
			}
		}
		if open == 0 {
			return
		}
		if time.Since(begun) > longest {
			w.Fatalf("%d calls are not final and told after %v", open, longest)
		}
	}
}

func judge(w *world, ids []call.ID) {
	p := w.current()
	for p == nil {
		w.startProcess()
		p = w.current()
	}
	slices.Sort(ids)
	if n := len(slices.Compact(slices.Clone(ids))); n != len(ids) {
		w.Errorf("%d calls of %d", n, len(ids))
	}
	dialled, last := map[string]int{}, map[call.ID]*line{}
	for _, l := range w.company.all() {
		if before := last[l.dial.CallID]; before != nil && l.at.Before(before.end()) {
			w.Errorf("call %s was dialled (attempt %d) at %v; attempt %d was up from %v to %v", l.dial.CallID, l.dial.Attempt, l.at, before.dial.Attempt, before.at, before.end())
		}
		last[l.dial.CallID] = l
		dialled[fmt.Sprintf("%s/%d", l.dial.CallID, l.dial.Attempt)]++
		if l.up() {
			w.Errorf("the line of %s, attempt %d, is still up", l.dial.CallID, l.dial.Attempt)
		}
	}
	for attempt, n := range dialled {
		if n > 1 {
			w.Errorf("attempt %s was dialled %d times", attempt, n)
		}
	}
	booked := 0
	for _, id := range ids {
		c, err := p.store.Get(w.Context(), id)
		if err != nil {
			w.Fatal(err)
		}
		w.obeyed(c)
		n, open := w.eventsOf(c), c.Outcome == call.Unconfirmed && c.Event == nil // nobody knows, and the owner is told so
		booked += n
		if n > 1 || !open && (n == 1) != (c.Event != nil) || (c.Event != nil) != (c.Outcome == call.Booked || c.Outcome == call.Unconfirmed && !open) {
			w.Errorf("call %s is %s, and the calendar holds %d events of it", id, c.Outcome, n)
		}
		for _, l := range w.company.of(id) {
			if a := c.Attempt(l.dial.Attempt); a == nil || a.ProviderCallID != l.id {
				w.Errorf("call %s, attempt %d: the record does not know the line %s", id, l.dial.Attempt, l.id)
			}
		}
		w.owners.judge(w.T, c)
	}
	if n := len(w.calendar.Events()); n != booked {
		w.Errorf("%d events, of which %d are a call's", n, booked)
	}
	if due, err := p.store.Due(w.Context(), time.Now().AddDate(1, 0, 0), 10); err != nil || len(due) != 0 {
		w.Errorf("still due: %v, %v", due, err)
	}
}

// eventsOf counts the calendar's events that were made for a call, at whatever time.
func (w *world) eventsOf(c call.Call) (n int) {
	for _, e := range w.calendar.Events() {
		if e.Key == call.BookingKey(c.ID, c.Request.CalendarID, e.Slot()) {
			n++
		}
	}
	return n
}
