package stream

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestAHandshakeStandsForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var result error
		probes := 0
		m := NewModel(func(context.Context) error { probes++; return result }, time.Now)
		ask := func(want error, made int) {
			t.Helper()
			if err := m.Ready(t.Context()); !errors.Is(err, want) || probes != made {
				t.Errorf("%v after %d handshakes, want %v after %d", err, probes, want, made)
			}
		}
		ask(nil, 1)
		time.Sleep(modelGood - time.Second)
		ask(nil, 1)
		time.Sleep(2 * time.Second)
		result = errors.New("down")
		ask(result, 2)
		ask(result, 2)
		down := result
		result = nil
		ask(down, 2) // not older than a bad one may be
		time.Sleep(modelBad)
		ask(nil, 3)
	})
}

func TestManyAskAndOneHandshakeIsMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		probes := 0
		m := NewModel(func(context.Context) error {
			probes++
			time.Sleep(time.Second)
			return nil
		}, time.Now)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if err := m.Ready(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if probes != 1 {
			t.Errorf("%d handshakes", probes)
		}
	})
}

func TestWhoCannotWaitForTheHandshakeIsToldSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewModel(func(ctx context.Context) error {
			time.Sleep(10 * time.Second)
			return ctx.Err()
		}, time.Now)
		var wg sync.WaitGroup
		wg.Go(func() { _ = m.Ready(t.Context()) })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := m.Ready(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		wg.Wait()
	})
}
