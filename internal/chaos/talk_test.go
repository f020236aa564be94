package chaos

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/call/calltest"
)

// talk is a media session as it meets the record, in the process that answered.
func (w *world) talk(l *line, url string) {
	p := w.current()
	if p == nil {
		return
	}
	ctx, run := p.begin(w.Context())
	token, err := p.service.CheckStream(ctx, url[strings.LastIndexByte(url, '/')+1:])
	if err != nil {
		return
	}
	live, err := p.service.OpenStream(ctx, token, calltest.Account, l.id)
	if err != nil {
		return
	}
	over, canceled := make(chan struct{}), make(chan struct{})
	var renewing sync.WaitGroup
	renewing.Go(func() {
		tick := time.NewTicker(call.CancelEvery)
		defer tick.Stop()
		for {
			select {
			case <-over:
				return
			case <-tick.C:
				if asked, _ := live.Canceled(ctx); asked {
					close(canceled)
					return
				}
			}
		}
	})
	renewing.Go(func() {
		tick := time.NewTicker(call.LeaseLength / 3)
		defer tick.Stop()
		for {
			select {
			case <-over:
				return
			case <-tick.C:
				if gone, _ := live.Renew(ctx); gone {
					return
				}
			}
		}
	})
	end := w.converse(ctx, run, l, live, canceled)
	close(over)
	renewing.Wait()
	if run.dead.Load() {
		return // the socket broke with the process
	}
	select {
	case <-canceled:
		end = call.SessionEnd{Reason: call.EndCanceled, FarewellPlayed: l.up()}
	default:
	}
	_ = live.End(ctx, end) // a failed one is the sweep's
}

// converse is the conversation, and how it ended. The process may die at any word.
func (w *world) converse(ctx context.Context, run *run, l *line, live *call.Live, canceled <-chan struct{}) call.SessionEnd {
	broken := func() bool { return run.dead.Load() || !l.up() }
	gone := call.SessionEnd{Reason: call.EndCalleeHangup}
	pause := func(d time.Duration) bool {
		select {
		case <-time.After(w.fate.upTo(d)):
		case <-l.down:
		case <-canceled:
			return false
		}
		return !broken()
	}
	if !pause(4 * time.Second) {
		return gone
	}
	if err := live.GreetingHeard(ctx); err != nil || !pause(5*time.Second) {
		return gone
	}
	if err := live.CalleeSpoke(ctx); err != nil || !pause(10*time.Second) {
		return gone
	}
	switch reason := w.fate.talk(); reason {
	case call.EndCalleeHangup:
		return gone
	case call.EndRefused:
		return call.SessionEnd{Reason: call.EndRefused, ModelReason: call.EndRefused, FarewellPlayed: true}
	case call.EndModelLost:
		return call.SessionEnd{Reason: call.EndModelLost, Words: "the model was lost"}
	default:
		return w.book(ctx, broken, live, pause)
	}
}

// book offers times until one is booked, three times at most.
func (w *world) book(ctx context.Context, broken func() bool, live *call.Live, pause func(time.Duration) bool) call.SessionEnd {
	desk := call.NewDesk(live)
	for range 3 {
		found := desk.Use(ctx, call.ToolFindSlots, []byte(`{}`))
		if !pause(8*time.Second) || len(found.Slots) == 0 {
			break
		}
		start, err := json.Marshal(map[string]any{"start": found.Slots[w.fate.pick(len(found.Slots))].Start, "title": "Appointment"})
		if err != nil {
			w.Error(err)
		}
		answer := desk.Use(ctx, call.ToolCreateEvent, start)
		if broken() {
			break
		}
		if answer.Booked != nil && *answer.Booked {
			if w.fate.of(5) { // and then they want something else
				return call.SessionEnd{Reason: call.EndCallback, ModelReason: call.EndCallback, FarewellPlayed: true}
			}
			return call.SessionEnd{Reason: call.EndBooked, ModelReason: call.EndBooked, FarewellPlayed: true}
		}
		if !pause(5 * time.Second) {
			break
		}
	}
	return call.SessionEnd{Reason: call.EndUnclear, ModelReason: call.EndUnclear, FarewellPlayed: true}
}
