package callsapi

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/access"
)

// eventsAnswer is the answer of a long poll.
type eventsAnswer struct {
	OK     bool                `json:"ok"`
	CallID call.ID             `json:"callId"`
	Events []call.StepDocument `json:"events"`
	// Lines are those of the timelines, where they were asked for.
	Lines *[]lineEvent `json:"lines,omitempty"`
	// Last is the number to ask on after; Final says that nothing further will come of what
	// was asked for.
	Last  int  `json:"last"`
	Final bool `json:"final"`
}

// events answers GET /calls/{id}/events: as server-sent events where the client accepts
// them, otherwise as a long poll.
func (a *API) events(w http.ResponseWriter, r *http.Request) error {
	who, err := a.CallerWith(r.Header, access.ScopeStatus)
	if err != nil {
		return err
	}
	q, err := a.question(r)
	if err != nil {
		return err
	}
	ctx := r.Context()
	l := &listener{api: a, who: who, after: q.after, lines: q.lines}
	if l.call, err = a.service.Get(ctx, who.Name(), who.ReadsAll(), q.id); err != nil {
		return err
	}
	if q.wait == 0 && !q.stream {
		return l.poll(ctx, w, 0)
	}
	leave, err := a.enter()
	if err != nil {
		return err
	}
	defer leave()
	if q.stream {
		return l.stream(ctx, w)
	}
	return l.poll(ctx, w, q.wait)
}

// question is what a listener asks.
type question struct {
	id     call.ID
	after  int
	lines  *position
	wait   time.Duration
	stream bool
}

// mostSteps is more events than any call has.
const mostSteps = 1 << 20

func (a *API) question(r *http.Request) (question, error) {
	in := ask(r, "after", "lines", "wait")
	head := r.Method == http.MethodHead // has no body that one could wait for
	q := question{id: call.ID(r.PathValue("id")), stream: accepts(r, eventStream) && !head}
	if last := r.Header.Get("Last-Event-ID"); last != "" && in.values["after"] == "" {
		in.values["after"] = last
	}
	if after := in.values["after"]; after != "" {
		n, err := strconv.Atoi(after)
		if err != nil || n < 0 || n > mostSteps {
			in.fault("after", "must be the number of an event, from 0; Last-Event-ID likewise")
		}
		q.after = n
	}
	if lines, given := in.values["lines"]; given {
		var ok bool
		if q.lines, ok = positionOf(lines); !ok {
			in.fault("lines", "must be the last line that you have, as attempt.line: 1.0 for all, 2.17 for those behind line 17 of the second attempt")
		}
	}
	if wait := in.values["wait"]; wait != "" {
		d, err := time.ParseDuration(wait)
		if err != nil || d < 0 {
			in.fault("wait", "must be a duration such as 25s")
		}
		q.wait = min(d, a.listening.Wait)
	}
	if head {
		q.wait = 0
	}
	return q, in.err()
}

// listener is one who listens to a call, on the request's own goroutine.
type listener struct {
	api   *API
	who   access.Caller
	call  call.Call
	after int
	// lines is behind the last line that was told; nil where none are asked for.
	lines *position
}

// news are what a look brought.
type news struct {
	steps []call.StepDocument
	lines []lineEvent
	// last says that nothing further will come.
	last bool
}

func (n news) none() bool { return len(n.steps) == 0 && len(n.lines) == 0 }

// news are what there is to tell of the call as it was read last; whoever reads them is
// told them.
func (l *listener) news(ctx context.Context) (n news, err error) {
	n.steps, n.last = l.call.StepsAfter(l.after), l.call.Final()
	if count := len(n.steps); count > 0 {
		l.after = n.steps[count-1].ID
	}
	if l.lines == nil {
		return n, nil
	}
	var told bool
	if n.lines, told, err = l.linesAfter(ctx); err != nil {
		return n, err
	}
	n.last = n.last && told
	return n, nil
}

// look reads the call anew.
func (l *listener) look(ctx context.Context) (n news, err error) {
	if l.call, err = l.api.service.Get(ctx, l.who.Name(), l.who.ReadsAll(), l.call.ID); err != nil {
		return n, err
	}
	return l.news(ctx)
}

// poll answers when there is something to tell, nothing will come, or the wait is over.
func (l *listener) poll(ctx context.Context, w http.ResponseWriter, wait time.Duration) error {
	n, err := l.news(ctx)
	if err != nil {
		return err
	}
	if n.none() && !n.last && wait > 0 {
		if n, err = l.await(ctx, wait); err != nil {
			return err
		}
	}
	answer := eventsAnswer{OK: true, CallID: l.call.ID, Events: n.steps, Last: l.after, Final: n.last}
	if l.lines != nil {
		answer.Lines = &n.lines
	}
	access.WriteJSON(w, http.StatusOK, answer)
	return nil
}

// await looks until there is something to tell, or it is not worth waiting any more.
func (l *listener) await(ctx context.Context, wait time.Duration) (news, error) {
	ticker, enough := time.NewTicker(lookEvery), time.After(wait)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return l.nothing(), nil
		case <-l.api.listening.Ending:
			return l.nothing(), nil
		case <-enough:
			return l.nothing(), nil
		case <-ticker.C:
		}
		if n, err := l.look(ctx); err != nil || !n.none() || n.last {
			return n, err
		}
	}
}

func (l *listener) nothing() news {
	return news{steps: []call.StepDocument{}, lines: []lineEvent{}}
}

// stream sends what comes, until nothing further will, somebody ends it, or a while
// has passed; the client then comes back by itself. One who has heard the end already is
// told 204, on which it does not.
func (l *listener) stream(ctx context.Context, w http.ResponseWriter) error {
	n, err := l.news(ctx)
	if err != nil {
		return err
	}
	if n.none() && n.last {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	out := l.api.open(w)
	if err := n.addTo(out); err != nil {
		return err
	}
	if !out.send() || l.api.listening.Batch || n.last {
		return nil
	}
	out.follow(ctx, lookEvery, func() (bool, error) {
		n, err := l.look(ctx)
		if err == nil {
			err = n.addTo(out)
		}
		return n.last, err
	})
	return nil
}

// addTo adds the news as events. Lines have no number, so that a client that comes back
// goes on with the steps by Last-Event-ID and says itself which lines it has.
func (n news) addTo(out *stream) error {
	for _, s := range n.steps {
		if err := out.event(s.ID, string(s.Event), s); err != nil {
			return err
		}
	}
	for _, line := range n.lines {
		if err := out.event(0, "line", line); err != nil {
			return err
		}
	}
	return nil
}
