package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/media"
	"github.com/clawdbot/call-agent/media/twiliostream"
)

// line is one call's connection between its media session and its record. Its
// goroutines are those of the lease's renewal and the writes that the session must not
// wait for; wait ends when they have.
type line struct {
	h       *Handler
	token   call.StreamToken
	ctx     context.Context //nolint:containedctx // a line lives exactly as long as the session whose context this is
	session *media.Session  // set before it runs
	teller  *teller         // nil where the phone did not ask to be told
	diary   *diary          // nil where nothing is kept

	// greeted and answered are true once the moment is written down, or about to be.
	greeted, answered atomic.Bool
	writes            sync.WaitGroup

	// The renewal's own: when it is due, and that the session was asked to say goodbye.
	renewAt  time.Time
	canceled bool

	mu   sync.Mutex
	live *call.Live // between admit and settle
	desk *call.Desk
	// settled is what the session came to, once it has; ended is where its end was recorded.
	settled *media.Outcome
	ended   *call.Live
	pulse   pulse
}

var errOverBeforeStart = errors.New("the session ended while the stream was being opened")

// admit is asked when the stream has started: it uses the token up.
func (l *line) admit(ctx context.Context, start twiliostream.Start) error {
	live, err := l.h.o.Service.OpenStream(ctx, l.token, start.AccountSID, start.CallSID)
	if err != nil {
		return fmt.Errorf("stream of attempt %d: %w", l.token.Attempt, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.settled != nil { // a host that closes may have ended the session meanwhile
		l.end(live, *l.settled)
		return errOverBeforeStart
	}
	l.live, l.desk = live, call.NewDesk(live)
	l.renewAt = time.Now().Add(call.LeaseLength / 3)
	every := call.CancelEvery
	if l.h.o.Alone {
		every = call.LeaseLength / 3
	}
	l.pulse.start(every, every, &l.writes, func() bool { return l.renew(live) })
	return nil
}

// obeyCancel asks the session, once, to say goodbye if the call is to be stopped. Whoever
// took that request may be another process: the record is where both look.
func (l *line) obeyCancel(live *call.Live) {
	if l.canceled {
		return
	}
	asked, err := live.Canceled(l.ctx)
	if err != nil {
		l.h.o.Log.WarnContext(l.ctx, "cannot read whether the call is to be stopped", "call_id", l.token.CallID, "error", err)
	}
	if l.canceled = asked; asked {
		l.h.o.Sessions.HangUp(l.token.CallID)
	}
}

// recordedReason is how the attempt ended as the record has it, which was perhaps not
// this session's doing: somebody who reads the log or a metric must find the same word there.
func (l *line) recordedReason(out media.Outcome) call.EndReason {
	c, err := l.h.o.Service.Store.Get(l.ctx, l.token.CallID)
	if err != nil {
		return call.EndReason(out.Reason)
	}
	if a := c.Attempt(l.token.Attempt); a != nil && a.EndReason != "" {
		return a.EndReason
	}
	return call.EndReason(out.Reason)
}

// recordedEnd is why the record has moved on without the session, as a reason that ends
// it without a word: nobody is left to hear one. The record keeps its own reason.
func (l *line) recordedEnd() media.EndReason {
	c, err := l.h.o.Service.Store.Get(l.ctx, l.token.CallID)
	if err != nil {
		l.h.o.Log.ErrorContext(l.ctx, "cannot read why the stream's attempt has ended", "call_id", l.token.CallID, "error", err)
		return media.EndHostLost
	}
	a := c.Attempt(l.token.Attempt)
	if a == nil {
		return media.EndHostLost
	}
	switch a.EndReason {
	case call.EndMachine:
		return media.EndMachine
	case call.EndCalleeHangup, call.EndGreetingUnheard:
		return media.EndCalleeHangup
	case call.EndHostLost:
		return media.EndHostLost
	default: // the provider reported the line's end, or the sweep found it
		return media.EndPhoneLost
	}
}

// Call carries out the model's calendar tools at the desk.
func (l *line) Call(ctx context.Context, t media.ToolCall) (string, error) {
	l.mu.Lock()
	desk := l.desk
	l.mu.Unlock()
	answer := desk.Use(ctx, t.Name, t.Arguments)
	if answer.Booked != nil && *answer.Booked {
		l.teller.tell(media.Moment{Kind: momentBooked, Text: answer.Slot.Spoken})
	}
	b, err := json.Marshal(answer)
	return string(b), err
}

// Observe writes down what the record must know while the call goes on, each thing
// once. The writes are done beside the session, which must not wait for the store.
func (l *line) Observe(m media.Moment) {
	l.teller.tell(m)
	l.diary.observe(m)
	switch m.Kind {
	case media.MomentGreetingHeard:
		l.write(&l.greeted, (*call.Live).GreetingHeard)
	case media.MomentCalleeStopped: // a verdict on what is still speaking is heeded (contract section 2)
		l.write(&l.answered, (*call.Live).CalleeSpoke)
	default:
	}
}

// write starts one write, unless it was done before. A write that failed is tried again
// when the moment comes again.
func (l *line) write(done *atomic.Bool, do func(*call.Live, context.Context) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	live := l.live
	if live == nil || !done.CompareAndSwap(false, true) {
		return
	}
	l.writes.Go(func() {
		if err := do(live, l.ctx); err != nil {
			done.Store(false)
			l.h.o.Log.ErrorContext(l.ctx, "cannot record what happened on the line", "call_id", l.token.CallID, "error", err)
		}
	})
}

// settle records the session's end and puts the line down, before the stream is
// closed: a provider that then asks what to do next is answered by the record.
func (l *line) settle(out media.Outcome) {
	l.mu.Lock()
	live := l.live
	l.live, l.settled, l.ended = nil, &out, live
	l.pulse.stop()
	l.mu.Unlock()
	if live == nil {
		return
	}
	l.writes.Wait()
	if out.GreetingHeard && !l.greeted.Load() { // the end must not be read without it
		if err := live.GreetingHeard(l.ctx); err != nil {
			l.h.o.Log.ErrorContext(l.ctx, "cannot record that the greeting was heard", "call_id", l.token.CallID, "error", err)
		}
	}
	l.end(live, out)
}

func (l *line) end(live *call.Live, out media.Outcome) {
	end := sessionEnd(out)
	measures := l.h.measures(out)
	end.Measures = &measures
	if err := live.End(l.ctx, end); err != nil {
		l.h.o.Log.ErrorContext(l.ctx, "the call's end is not settled; the sweep will do it", "call_id", l.token.CallID, "error", err)
	}
}

// remeasure records the session's numbers again where more became known after its end was
// recorded: the last response's bill, the last transcript's.
func (l *line) remeasure(now call.Measures) {
	l.mu.Lock()
	ended, settled := l.ended, l.settled
	l.mu.Unlock()
	if ended == nil {
		return // there is no stream on record
	}
	if settled != nil && reflect.DeepEqual(l.h.measures(*settled), now) {
		return
	}
	if err := ended.Measure(l.ctx, now); err != nil {
		l.h.o.Log.ErrorContext(l.ctx, "what the session cost is not recorded in full", "call_id", l.token.CallID, "error", err)
	}
}

func (l *line) wait() { l.writes.Wait() }
