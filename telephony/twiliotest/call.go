package twiliotest

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// Statuses of a call in Twilio's spelling. A callback says "initiated" while the resource still
// says "queued".
const (
	statusQueued     = "queued"
	statusInitiated  = "initiated"
	statusRinging    = "ringing"
	statusInProgress = "in-progress"
	statusCompleted  = "completed"
	statusBusy       = "busy"
	statusNoAnswer   = "no-answer"
	statusFailed     = "failed"
	statusCanceled   = "canceled"
)

// Twilio's limits where the request names none.
const (
	defaultTimeout   = 60 * time.Second
	defaultTimeLimit = 4 * time.Hour
)

// Call is one phone call. Its methods are safe for concurrent use.
type Call struct {
	server   *Server
	sid      string
	to, from string
	form     url.Values
	answer   Answer
	created  time.Time
	startDue time.Time

	ctx  context.Context //nolint:containedctx // ends with the call, which owns its own lifetime
	hang context.CancelCauseFunc
	over chan struct{} // closed when the status is final
	done chan struct{} // closed when callbacks are delivered too
	work sync.WaitGroup
	line *line
	hung sync.Once

	mu           sync.Mutex
	status       string
	started      time.Time
	answered     time.Time
	ended        time.Time
	answeredBy   string
	sequence     int
	lastCallback <-chan struct{}
	timeLimit    time.Duration
	limiter      *time.Timer
	document     context.CancelFunc
	redirected   *hook
}

// hungUpBy is the cause of a call's end: who put the line down.
type hungUpBy string

// Error names who hung up.
func (h hungUpBy) Error() string { return "hung up by " + string(h) }

func newCall(s *Server, form url.Values, answer Answer, now, start time.Time) *Call {
	c := &Call{
		server: s, sid: newSID("CA"), to: form.Get("To"), from: form.Get("From"), form: form, answer: answer,
		created: now, startDue: start, over: make(chan struct{}), done: make(chan struct{}), status: statusQueued,
	}
	c.ctx, c.hang = context.WithCancelCause(s.ctx)
	c.timeLimit = secondsOf(form, "TimeLimit", defaultTimeLimit)
	c.line = newLine(c)
	return c
}

// SID is the call's CallSid.
func (c *Call) SID() string { return c.sid }

// To is the number that was called.
func (c *Call) To() string { return c.to }

// Params are the parameters of the create request; they must not be changed.
func (c *Call) Params() url.Values { return c.form }

// Status is the status as REST would tell it.
func (c *Call) Status() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// Done is closed when the call is over and its last callback has been delivered.
func (c *Call) Done() <-chan struct{} { return c.done }

// HangUp makes the callee put the line down.
func (c *Call) HangUp() { c.hangUp("callee") }

// hangUp ends the call unless somebody else was first.
func (c *Call) hangUp(who string) {
	c.hung.Do(func() {
		c.hang(hungUpBy(who))
		c.observe(HungUp, who)
	})
}

func (c *Call) final() bool {
	select {
	case <-c.over:
		return true
	default:
		return false
	}
}

func (c *Call) inProgress() bool { return c.Status() == statusInProgress }

func (c *Call) awaitEnd(ctx context.Context) {
	select {
	case <-c.over:
	case <-ctx.Done():
	}
}

// times are those of the list's filters: creation stands in for a start that was not yet.
func (c *Call) times() (start, end time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.started.IsZero() {
		return c.created, c.ended
	}
	return c.started, c.ended
}

func (c *Call) observe(kind Kind, text string) {
	c.server.observe(Moment{At: time.Now(), CallSID: c.sid, Clock: c.line.clock(), Kind: kind, Text: text})
}

func (c *Call) violation(code int, format string, args ...any) {
	c.server.violation(c.sid, code, fmt.Sprintf(format, args...))
}

// run lives the call from the queue to its last callback.
func (c *Call) run() {
	defer close(c.done)
	c.end(c.live())
	c.work.Wait()
}

// live returns the final status.
func (c *Call) live() string {
	if !pause(c.ctx, time.Until(c.startDue)) {
		return statusCanceled
	}
	c.mu.Lock()
	c.started = time.Now()
	c.mu.Unlock()
	c.observe(Initiated, "")
	c.report(statusInitiated, statusInitiated)
	if outcome := c.ring(); outcome != statusInProgress {
		return outcome
	}
	c.talk()
	return statusCompleted
}

// ring returns how the ringing ended.
func (c *Call) ring() string {
	if !c.answer.SkipRinging {
		c.setStatus(statusRinging)
		c.observe(Ringing, "")
		c.report(statusRinging, statusRinging)
	}
	ring, outcome := c.answer.Ring, statusInProgress
	if ring <= 0 {
		ring = c.server.options.Ring
	}
	limit := secondsOf(c.form, "Timeout", defaultTimeout)
	switch {
	case c.answer.Outcome == OutcomeBusy:
		outcome = statusBusy
	case c.answer.Outcome == OutcomeFailed:
		outcome = statusFailed
	case c.answer.Outcome == OutcomeNoAnswer, ring > limit:
		ring, outcome = limit, statusNoAnswer
	}
	if !pause(c.ctx, c.server.scaled(ring)) {
		return statusCanceled
	}
	return outcome
}

// talk is everything between the answer and the end of the call.
func (c *Call) talk() {
	c.mu.Lock()
	c.status, c.answered = statusInProgress, time.Now()
	c.mu.Unlock()
	c.observe(Answered, "")
	c.limit(0)
	c.work.Go(func() { c.line.run(c.ctx) })
	c.report("answered", statusInProgress)
	if c.detectMachine() {
		c.follow(&hook{
			url: c.form.Get("Url"), method: c.form.Get("Method"), twiml: c.form.Get("Twiml"),
			fallback: c.form.Get("FallbackUrl"), fallbackMethod: c.form.Get("FallbackMethod"),
		})
	}
	c.hangUp("twiml")
}

// limit hangs up when the talk has lasted for the limit; d replaces it, 0 leaves it as it is.
func (c *Call) limit(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d > 0 {
		c.timeLimit = d
	}
	if c.answered.IsZero() {
		return
	}
	if c.limiter != nil {
		c.limiter.Stop()
	}
	c.limiter = time.AfterFunc(time.Until(c.answered.Add(c.timeLimit)), func() { c.hangUp("time limit") })
}

func (c *Call) setStatus(status string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status = status
}

// end makes the status final and reports it, except for a call that never left the queue.
func (c *Call) end(status string) {
	c.mu.Lock()
	c.status, c.ended = status, time.Now()
	if c.limiter != nil {
		c.limiter.Stop()
	}
	neverStarted := c.started.IsZero()
	c.mu.Unlock()
	close(c.over)
	c.hang(hungUpBy("nobody")) // releases the context; an earlier cause stands
	c.observe(Ended, status)
	if !neverStarted {
		c.report(statusCompleted, status)
	}
}

func secondsOf(form url.Values, name string, otherwise time.Duration) time.Duration {
	n, err := strconv.Atoi(form.Get(name))
	if err != nil {
		return otherwise
	}
	return time.Duration(n) * time.Second
}
