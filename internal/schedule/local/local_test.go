package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/clawdbot/call-agent/call"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// book notes what a scheduler does, and when after the start.
type book struct {
	mu     sync.Mutex
	start  time.Time
	attend []string
	sweeps []time.Duration
	log    strings.Builder
}

func (b *book) attended(id call.ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.attend = append(b.attend, fmt.Sprintf("%s@%v", id, time.Since(b.start)))
}

func (b *book) swept(context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sweeps = append(b.sweeps, time.Since(b.start))
	return nil
}

func (b *book) options() Options {
	return Options{Log: slog.New(slog.NewTextHandler(&b.log, nil))}
}

// running runs a scheduler in a bubble until the test is over.
func running(t *testing.T, test func(t *testing.T, s *Scheduler, b *book), change func(s *Scheduler, b *book)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &book{start: time.Now()}
		s := New(func(_ context.Context, id call.ID) error { b.attended(id); return nil }, b.swept, b.options())
		if change != nil {
			change(s, b)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.Run(ctx) }()
		synctest.Wait()
		test(t, s, b)
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

func wake(t *testing.T, s *Scheduler, id call.ID, at time.Time) {
	t.Helper()
	if err := s.Wake(t.Context(), id, 1, at); err != nil {
		t.Errorf("wake %s: %v", id, err)
	}
}

func (s *Scheduler) pending() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.nudges.byID)
}

func (b *book) expect(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(b.attend, want) {
		t.Errorf("attended %v, want %v", b.attend, want)
	}
}

func TestSweepsAtTheStartAndEveryMinute(t *testing.T) {
	running(t, func(t *testing.T, _ *Scheduler, b *book) {
		time.Sleep(2*time.Minute + time.Second)
		synctest.Wait()
		if want := []time.Duration{0, time.Minute, 2 * time.Minute}; !slices.Equal(b.sweeps, want) {
			t.Errorf("swept at %v", b.sweeps)
		}
	}, nil)
}

func TestACallIsAttendedToAtItsTimeAndNotBefore(t *testing.T) {
	running(t, func(t *testing.T, s *Scheduler, b *book) {
		wake(t, s, "later", b.start.Add(90*time.Second+time.Millisecond))
		wake(t, s, "soon", b.start.Add(1500*time.Millisecond))
		wake(t, s, "past", b.start.Add(-time.Hour))
		b.expect(t, "past@0s")
		time.Sleep(90 * time.Second)
		b.expect(t, "past@0s", "soon@1.5s")
		time.Sleep(time.Second)
		b.expect(t, "past@0s", "soon@1.5s", "later@1m30.001s")
	}, nil)
}

func TestANudgeBeforeRunIsKept(t *testing.T) {
	running(t, func(t *testing.T, _ *Scheduler, b *book) {
		time.Sleep(time.Second)
		b.expect(t, "a@1s")
	}, func(s *Scheduler, b *book) { wake(t, s, "a", b.start.Add(time.Second)) })
}

func TestOfSeveralTimesTheEarliestCountsAndThenTheLast(t *testing.T) {
	for name, c := range map[string]struct {
		asked []int
		want  []string
	}{
		"earlier after later": {[]int{30, 10}, []string{"a@10s"}},
		"later after earlier": {[]int{10, 30}, []string{"a@10s", "a@30s"}},
		"one in the middle":   {[]int{10, 30, 20}, []string{"a@10s", "a@20s"}},
		"twice the same":      {[]int{10, 10}, []string{"a@10s"}},
	} {
		t.Run(name, func(t *testing.T) {
			running(t, func(t *testing.T, s *Scheduler, b *book) {
				for _, sec := range c.asked {
					wake(t, s, "a", b.start.Add(time.Duration(sec)*time.Second))
				}
				if n := s.pending(); n != 1 {
					t.Errorf("%d nudges are pending", n)
				}
				time.Sleep(time.Minute)
				b.expect(t, c.want...)
				if n := s.pending(); n != 0 {
					t.Errorf("%d nudges are left", n)
				}
			}, nil)
		})
	}
}

func TestACallIsNeverAttendedToTwiceAtOnce(t *testing.T) {
	var live, most int
	running(t, func(t *testing.T, s *Scheduler, b *book) {
		wake(t, s, "a", b.start)
		synctest.Wait()
		wake(t, s, "a", b.start.Add(time.Second))
		wake(t, s, "a", b.start.Add(2*time.Second))
		time.Sleep(time.Minute)
		b.expect(t, "a@0s", "a@10s", "a@20s")
		if most != 1 {
			t.Errorf("%d at once", most)
		}
	}, func(s *Scheduler, b *book) {
		s.attend = func(_ context.Context, id call.ID) error {
			b.attended(id)
			live++
			most = max(most, live)
			time.Sleep(10 * time.Second)
			live--
			return nil
		}
	})
}

func TestAtMostEightCallsAreAttendedToAtOnce(t *testing.T) {
	var mu sync.Mutex
	var live, most, all int
	running(t, func(t *testing.T, s *Scheduler, b *book) {
		for i := range 30 {
			wake(t, s, call.ID(fmt.Sprint(i)), b.start)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if most != width || all != 30 {
			t.Errorf("%d at once, %d in all", most, all)
		}
	}, func(s *Scheduler, _ *book) {
		s.attend = func(context.Context, call.ID) error {
			mu.Lock()
			live++
			all++
			most = max(most, live)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			live--
			mu.Unlock()
			return nil
		}
	})
}

func TestANudgeTooManyIsDroppedAloud(t *testing.T) {
	s := New(nil, nil, Options{})
	at := time.Now()
	for i := range MaxPending {
		wake(t, s, call.ID(fmt.Sprint(i)), at)
	}
	if err := s.Wake(t.Context(), "one more", 1, at); !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "sweep will find") {
		t.Errorf("got %v", err)
	}
	wake(t, s, "17", at.Add(-time.Second)) // one that is pending already may still be moved
	if len(s.nudges.byID) != MaxPending {
		t.Errorf("%d pending", len(s.nudges.byID))
	}
}

func TestRunReturnsOnlyWhenAllItStartedHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended []string
		var mu sync.Mutex
		slow := func(what string, d time.Duration) {
			time.Sleep(d)
			mu.Lock()
			defer mu.Unlock()
			ended = append(ended, what)
		}
		s := New(func(context.Context, call.ID) error { slow("attend", 5*time.Second); return nil },
			func(context.Context) error { slow("sweep", 9*time.Second); return nil }, Options{})
		ctx, cancel := context.WithCancel(t.Context())
		now := time.Now()
		wake(t, s, "a", now)
		wake(t, s, "never", now.Add(time.Hour))
		time.AfterFunc(time.Second, cancel)
		if err := s.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(ended, []string{"attend", "sweep"}) || time.Since(now) != 9*time.Second {
			t.Errorf("after %v these had ended: %v", time.Since(now), ended)
		}
		if err := s.Wake(t.Context(), "b", 1, now); !errors.Is(err, ErrStopped) {
			t.Errorf("wake after the end: %v", err)
		}
		if err := s.Run(t.Context()); !errors.Is(err, ErrRunning) {
			t.Errorf("run again: %v", err)
		}
	})
}

func TestASlowSweepIsNotJoinedByAnother(t *testing.T) {
	var at []time.Duration
	running(t, func(t *testing.T, _ *Scheduler, _ *book) {
		time.Sleep(4 * time.Minute)
		synctest.Wait()
		if want := []time.Duration{0, 2 * time.Minute, 4 * time.Minute}; !slices.Equal(at, want) {
			t.Errorf("swept at %v, want %v", at, want)
		}
	}, func(s *Scheduler, b *book) {
		s.sweep = func(context.Context) error {
			at = append(at, time.Since(b.start))
			time.Sleep(90 * time.Second)
			return nil
		}
	})
}

func TestFailuresAreLoggedAndTheNextSweepComes(t *testing.T) {
	running(t, func(t *testing.T, s *Scheduler, b *book) {
		wake(t, s, "a", b.start)
		time.Sleep(61 * time.Second)
		synctest.Wait()
		if log := b.log.String(); strings.Count(log, "sweep failed") != 2 || !strings.Contains(log, "call_id=a error=broken") {
			t.Errorf("logged %s", log)
		}
	}, func(s *Scheduler, _ *book) {
		s.attend = func(context.Context, call.ID) error { return errors.New("broken") }
		s.sweep = func(context.Context) error { return errors.New("broken") }
	})
}

func TestTheClockMayBeAnotherThanTheWalls(t *testing.T) {
	fixed := time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		rate int
		want string
	}{"offset": {1, "a@30s"}, "ten times as fast": {10, "a@3s"}} {
		t.Run(name, func(t *testing.T) {
			running(t, func(t *testing.T, s *Scheduler, b *book) {
				wake(t, s, "a", fixed.Add(30*time.Second))
				time.Sleep(time.Minute)
				b.expect(t, c.want)
			}, func(s *Scheduler, b *book) {
				s.o.Now = func() time.Time { return fixed.Add(time.Duration(c.rate) * time.Since(b.start)) }
			})
		})
	}
}

// Whatever is asked for in whatever order, a call is attended to at the earliest time
// asked for, and, where that was later, at the one asked for last.
func TestNoTimeAskedForLastIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := newAgenda()
		base := time.Unix(0, 0)
		latest := map[call.ID]time.Time{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			id := call.ID(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "id"))
			switch n := g.byID[id]; {
			case rapid.Bool().Draw(t, "add"):
				at := base.Add(time.Duration(rapid.IntRange(0, 9).Draw(t, "at")))
				g.add(id, at)
				latest[id] = at
			case n != nil && n.taken:
				g.done(id)
			case len(g.order) > 0:
				at, _ := g.next()
				if took := g.take(); !latest[took].After(at) {
					delete(latest, took)
				}
			}
			for id, at := range latest {
				if n := g.byID[id]; n == nil || !n.asked || n.at.After(at) {
					t.Fatalf("%s was last asked for at %v and has %+v", id, at, n)
				}
			}
		}
	})
}
