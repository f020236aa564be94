package keepalive

import (
	"net"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Lax is a connection whose write deadline is set only where it changes. A WebSocket sets its
// deadline before every message, and each time the runtime's poller would be told: a hundred
// times a second in every call. Its methods may be called concurrently.
type Lax struct {
	net.Conn

	mu sync.Mutex
	at time.Time
}

// NewLax wraps c, whose deadlines nobody else sets from now on.
func NewLax(c net.Conn) *Lax { return &Lax{Conn: c} }

// SetWriteDeadline sets the deadline of writes, unless it is set already.
func (l *Lax) SetWriteDeadline(t time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.Equal(l.at) {
		return nil
	}
	l.at = t
	return l.Conn.SetWriteDeadline(t)
}

// SetDeadline sets both deadlines.
func (l *Lax) SetDeadline(t time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at = t
	return l.Conn.SetDeadline(t)
}

// Writes is the deadline of a WebSocket's messages: it is put off when less than half of the
// wait is left, so that a write that nobody takes fails after half of it at the soonest. The
// zero value is ready; it is the writer's own.
type Writes struct{ until time.Time }

// Within gives the message that is about to be written this long.
func (w *Writes) Within(ws *websocket.Conn, wait time.Duration) error {
	now := time.Now()
	if w.until.Sub(now) > wait/2 {
		return nil
	}
	w.until = now.Add(wait)
	return ws.SetWriteDeadline(w.until) //nolint:wrapcheck // its caller does
}
