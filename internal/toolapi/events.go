package toolapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// Listening bounds those who listen to calls; zero fields have defaults.
type Listening struct {
	// Most is how many may listen at once, of both kinds.
	Most int
	// Wait is the longest that a long poll waits; a longer wish is cut to it.
	Wait time.Duration
	// Batch answers server-sent events with what there is, and ends: for functions, whose
	// answers are sent whole. The client comes back by itself.
	Batch bool
	// Ending, when closed, ends all listening: the listener comes back to whoever serves next.
	Ending <-chan struct{}
}

func (l Listening) withDefaults() Listening {
	if l.Most == 0 {
		l.Most = 64
	}
	if l.Wait == 0 {
		l.Wait = 25 * time.Second
	}
	return l
}

// Times of a listener.
const (
	// lookEvery is how often the record is read: who writes it may be another process.
	lookEvery = 500 * time.Millisecond
	// heartbeat keeps proxies from taking a quiet stream for a dead one.
	heartbeat = 15 * time.Second
	// listenLimit ends a stream; the client comes back with Last-Event-ID, and its token is asked anew.
	listenLimit = 15 * time.Minute
	// writeLimit is how long a client may leave what it is sent unread.
	writeLimit = 10 * time.Second
	// comeBack is when a client of server-sent events connects anew, batchBack after a batch.
	comeBack, batchBack = 2 * time.Second, 5 * time.Second
)

// eventsAnswer is the answer of a long poll.
type eventsAnswer struct {
	OK     bool                `json:"ok"`
	CallID call.ID             `json:"callId"`
	Events []call.StepDocument `json:"events"`
	// Last is the number to ask on after; Final says that no further event will come.
	Last  int  `json:"last"`
	Final bool `json:"final"`
}

// events answers GET /calls/{id}/events: as server-sent events where the client accepts
// them, otherwise as a long poll.
func (a *API) events(w http.ResponseWriter, r *http.Request) error {
	who, err := a.Caller(r.Header)
	if err == nil {
		err = who.need(scopeStatus)
	}
	if err != nil {
		return err
	}
	q, err := a.question(r)
	if err != nil {
		return err
	}
	l := &listener{api: a, w: w, who: who, after: q.after}
	ctx := r.Context()
	if l.call, err = a.Service.Get(ctx, who.name, who.readsAll(), q.id); err != nil {
		return err
	}
	if q.wait == 0 && !q.stream {
		return l.poll(ctx, 0)
	}
	select {
	case a.listeners <- struct{}{}:
		defer func() { <-a.listeners }()
	default:
		return &call.Error{Code: call.RateLimited, RetryAfter: comeBack, Message: fmt.Sprintf("%d listeners are as many as this server holds. Ask again shortly, or use call_agent_status.", a.Listening.Most)}
	}
	if q.stream {
		return l.stream(ctx)
	}
	return l.poll(ctx, q.wait)
}

// question is what a listener asks.
type question struct {
	id     call.ID
	after  int
	wait   time.Duration
	stream bool
}

func (a *API) question(r *http.Request) (question, error) {
	q := question{id: call.ID(r.PathValue("id")), stream: accepts(r, "text/event-stream")}
	fields := map[string]string{}
	after := r.URL.Query().Get("after")
	if last := r.Header.Get("Last-Event-ID"); last != "" && after == "" {
		after = last
	}
	if after != "" {
		n, err := strconv.Atoi(after)
		if err != nil || n < 0 {
			fields["after"] = "must be the number of an event, from 0; Last-Event-ID likewise"
		}
		q.after = n
	}
	if wait := r.URL.Query().Get("wait"); wait != "" {
		d, err := time.ParseDuration(wait)
		if err != nil || d < 0 {
			fields["wait"] = "must be a duration such as 25s"
		}
		q.wait = min(d, a.Listening.Wait)
	}
	if len(fields) > 0 {
		return q, &call.Error{Code: call.InvalidRequest, Message: "The question has faults; mend each and ask again.", Fields: fields}
	}
	return q, nil
}

// accepts says whether the client asks for a kind of answer by name.
func accepts(r *http.Request, kind string) bool {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept"), ","), ",") {
		if k, _, err := mime.ParseMediaType(part); err == nil && k == kind {
			return true
		}
	}
	return false
}

// listener is one who listens to a call, on the request's own goroutine.
type listener struct {
	api   *API
	w     http.ResponseWriter
	who   Caller
	call  call.Call
	after int
}

// poll answers when there is an event to tell, none will come, or the wait is over.
func (l *listener) poll(ctx context.Context, wait time.Duration) error {
	events := l.call.StepsAfter(l.after)
	if len(events) == 0 && wait > 0 && !l.call.Final() {
		var err error
		if events, err = l.next(ctx, time.After(wait)); err != nil {
			return err
		}
	}
	answer := eventsAnswer{OK: true, CallID: l.call.ID, Events: events, Last: l.after, Final: l.call.Final()}
	if n := len(events); n > 0 {
		answer.Last = events[n-1].ID
	}
	writeJSON(l.w, http.StatusOK, answer)
	return nil
}

// next waits for events; none where it was not worth waiting any more.
func (l *listener) next(ctx context.Context, enough <-chan time.Time) ([]call.StepDocument, error) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return l.call.StepsAfter(l.after), nil
		case <-l.api.Listening.Ending:
			return l.call.StepsAfter(l.after), nil
		case <-enough:
			return l.call.StepsAfter(l.after), nil
		case <-look.C:
		}
		c, err := l.api.Service.Get(ctx, l.who.name, l.who.readsAll(), l.call.ID)
		if err != nil {
			return nil, err
		}
		l.call = c
		if events := c.StepsAfter(l.after); len(events) > 0 || c.Final() {
			return events, nil
		}
	}
}

// stream sends events as they come, until the call is final, somebody ends it, or a while
// has passed; the client then comes back by itself. One who has heard the end already is
// told 204, on which it does not.
func (l *listener) stream(ctx context.Context) error {
	events := l.call.StepsAfter(l.after)
	if len(events) == 0 && l.call.Final() {
		l.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	header := l.w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store, no-transform") // an encoder would hold events back until they fill its buffer
	header.Set("X-Content-Type-Options", "nosniff")
	back := comeBack
	if l.api.Listening.Batch {
		back = batchBack
	}
	if !l.send(ctx, fmt.Sprintf("retry: %d\n\n", back.Milliseconds()), events) || l.api.Listening.Batch {
		return nil
	}
	end := time.After(listenLimit)
	for !l.call.Final() && !l.over(ctx, end) {
		events, err := l.next(ctx, time.After(heartbeat))
		if err != nil { // the answer has begun: it breaks off, and the client comes back
			l.api.Log.WarnContext(ctx, "a listener's stream is cut off", "call_id", l.call.ID, "error", err)
			return nil
		}
		beat := ""
		if len(events) == 0 {
			beat = ": still here\n\n"
		}
		if !l.send(ctx, beat, events) {
			return nil
		}
	}
	return nil
}

// over says whether the stream has lasted long enough, or is to end.
func (l *listener) over(ctx context.Context, end <-chan time.Time) bool {
	select {
	case <-end:
	case <-ctx.Done():
	case <-l.api.Listening.Ending:
	default:
		return false
	}
	return true
}

// send writes and flushes; false where the client has gone, or does not read.
func (l *listener) send(ctx context.Context, before string, events []call.StepDocument) bool {
	b := bytes.NewBufferString(before)
	for _, e := range events {
		data, err := json.Marshal(e)
		if err != nil {
			l.api.Log.ErrorContext(ctx, "cannot encode an event", "call_id", l.call.ID, "error", err)
			return false
		}
		fmt.Fprintf(b, "id: %d\nevent: %s\ndata: %s\n\n", e.ID, e.Event, data)
		l.after = e.ID
	}
	c := http.NewResponseController(l.w)
	_ = c.SetWriteDeadline(time.Now().Add(writeLimit)) // where it cannot be set, the connection's own end will do
	if _, err := l.w.Write(b.Bytes()); err != nil {
		return false
	}
	_ = c.Flush() // a recorder of whole answers has nothing to flush
	return true
}
