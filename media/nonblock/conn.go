// Package nonblock reads and writes sockets that never block without telling Go's
// scheduler. Around every other system call the scheduler prepares for one that blocks, and
// its monitor thread, which would then take the processor away, is woken by the first after
// each pause: with a hundred small messages a second in every call that monitor alone took a
// tenth of the bridge's time (docs/performance.md, ADR 0027).
//
// It owns how bytes get in and out of one connection. What they mean is its callers'.
package nonblock

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clawdbot/call-agent/media/prefetch"
)

// Conn is a connection whose socket is read and written directly, where it has one and the
// system is Linux (on 386 not); elsewhere, and over TLS, as the connection itself does. Its
// write deadline is set only where it changes: a WebSocket sets its own before every message,
// and each time the runtime's poller would be told. Its methods may be called concurrently.
type Conn struct {
	net.Conn
	raw   *raw                         // nil: there is no such socket
	ahead atomic.Pointer[prefetch.Set] // what a Read asks for behind it, where there is none

	mu sync.Mutex
	at time.Time
}

// Wrap takes over c, whose deadlines nobody else sets from now on.
func Wrap(c net.Conn) *Conn { return &Conn{Conn: c, raw: rawOf(c)} }

// Prefetch has every Read that begins from now on, and has to wait for something, ask for ahead,
// which its caller is going to need: before the system call that reads what has come, and takes
// about as long as that memory. Where no socket is read directly, it is asked for after it.
func (c *Conn) Prefetch(ahead *prefetch.Set) {
	if c.raw != nil {
		c.raw.prefetch(ahead)
		return
	}
	c.ahead.Store(ahead)
}

// Written adds to s what a Write touches.
func (c *Conn) Written(s *prefetch.Set) {
	prefetch.Value(s, c)
	if c.raw != nil {
		c.raw.written(s)
	}
}

// Read reads as net.Conn does.
func (c *Conn) Read(b []byte) (int, error) {
	if c.raw == nil || len(b) == 0 {
		n, err := c.Conn.Read(b)
		c.ahead.Load().Fetch()
		return n, err //nolint:wrapcheck // as the connection itself
	}
	return c.raw.read(b)
}

// Write writes as net.Conn does.
func (c *Conn) Write(b []byte) (int, error) {
	if c.raw == nil {
		return c.Conn.Write(b) //nolint:wrapcheck // as the connection itself
	}
	return c.raw.write(b)
}

// SetWriteDeadline sets the deadline of writes, unless it is set already.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.Equal(c.at) {
		return nil
	}
	c.at = t
	return c.Conn.SetWriteDeadline(t) //nolint:wrapcheck // as the connection itself
}

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = t
	return c.Conn.SetDeadline(t) //nolint:wrapcheck // as the connection itself
}
