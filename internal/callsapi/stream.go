package callsapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// eventStream is the type of server-sent events.
const eventStream = "text/event-stream"

// Listening bounds those who listen to calls; zero fields have defaults.
type Listening struct {
	// Most is how many may listen at once, of all kinds.
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
	// lookEvery is how often a record is read, and listEvery a list: who writes may be
	// another process.
	lookEvery = 500 * time.Millisecond
	listEvery = time.Second
	// heartbeat keeps proxies from taking a quiet stream for a dead one.
	heartbeat = 15 * time.Second
	// listenLimit ends a stream; the client comes back, and its token is asked anew.
	listenLimit = 15 * time.Minute
	// writeLimit is how long a client may leave what it is sent unread.
	writeLimit = 10 * time.Second
	// comeBack is when a client of server-sent events connects anew, batchBack after a batch.
	comeBack, batchBack = 2 * time.Second, 5 * time.Second
)

// enter takes a place among the listeners, which leave gives back.
func (a *API) enter() (leave func(), err error) {
	select {
	case a.listeners <- struct{}{}:
		return func() { <-a.listeners }, nil
	default:
		return nil, &call.Error{Code: call.RateLimited, RetryAfter: comeBack, Message: fmt.Sprintf("%d listeners are as many as this server holds. Ask again shortly, or without waiting.", a.listening.Most)}
	}
}

// stream is an answer of server-sent events, on the request's own goroutine.
type stream struct {
	api *API
	w   http.ResponseWriter
	// next is what will be sent: events wait here until they are sent together.
	next bytes.Buffer
}

// open begins the answer.
func (a *API) open(w http.ResponseWriter) *stream {
	h := w.Header()
	h.Set("Content-Type", eventStream)
	h.Set("Cache-Control", "no-store, no-transform") // an encoder would hold events back until they fill its buffer
	back := comeBack
	if a.listening.Batch {
		back = batchBack
	}
	s := &stream{api: a, w: w}
	fmt.Fprintf(&s.next, "retry: %d\n\n", back.Milliseconds())
	return s
}

// event adds one event; id 0 is none, which leaves the client's Last-Event-ID as it is.
func (s *stream) event(id int, name string, data any) error {
	b, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode an event: %w", err)
	}
	if id > 0 {
		fmt.Fprintf(&s.next, "id: %d\n", id)
	}
	fmt.Fprintf(&s.next, "event: %s\ndata: %s\n\n", name, b)
	return nil
}

// send writes what was added and flushes; false where the client has gone, or does not read.
func (s *stream) send() bool {
	c := http.NewResponseController(s.w)
	_ = c.SetWriteDeadline(time.Now().Add(writeLimit)) // where it cannot be set, the connection's own end will do
	if _, err := s.w.Write(s.next.Bytes()); err != nil {
		return false
	}
	s.next.Reset()
	_ = c.Flush() // a recorder of whole answers has nothing to flush
	return true
}

// follow asks look again and again, and sends what it added, until look says that it was
// the last, the client goes, somebody ends it, or a while has passed.
func (s *stream) follow(ctx context.Context, every time.Duration, look func() (last bool, err error)) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	end, beat := time.After(listenLimit), time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.api.listening.Ending:
			return
		case <-end:
			return
		case <-beat.C:
			s.next.WriteString(": still here\n\n")
			if !s.send() {
				return
			}
			continue
		case <-ticker.C:
		}
		last, err := look()
		if err != nil { // the answer has begun: it breaks off, and the client comes back
			s.cutOff(ctx, err)
			return
		}
		if s.next.Len() > 0 {
			beat.Reset(heartbeat)
			if !s.send() {
				return
			}
		}
		if last {
			return
		}
	}
}

// cutOff says in the log why a stream ended early; that its call was deleted is no trouble.
func (s *stream) cutOff(ctx context.Context, err error) {
	if gone(err) {
		return
	}
	s.api.Log.WarnContext(ctx, "a listener's stream is cut off", "error", err)
}
