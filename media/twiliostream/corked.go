package twiliostream

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clawdbot/call-agent/media/keepalive"
	"github.com/clawdbot/call-agent/media/nonblock"
)

// Corked is a connection whose writes a [Conn] holds back until it is flushed, so that the
// messages of one moment (speech in several pieces, and their marks) are one segment and one
// system call. Put it under the WebSocket when the connection is hijacked. What others write
// meanwhile (pings, a close) keeps its place, and nobody waits here for somebody else's write:
// who finds one under way leaves what it has, and that one takes it along. So an error is told
// to whoever comes next. What is not held back is written at once.
//
// It sets the deadlines of its writes itself: those that a WebSocket sets are of messages that
// may be written later, and a pong's is of a second.
type Corked struct {
	*nonblock.Conn
	held atomic.Bool

	mu      sync.Mutex
	waiting *[]byte          // what is held back
	busy    bool             // somebody writes
	writes  keepalive.Writes // the deadline that is set
	ending  bool             // it is not put off any more
	err     error
}

const (
	// corkMost is how much is held back at most, corkStuck how much may come while a write
	// is under way.
	corkMost  = 16 << 10
	corkStuck = 64 << 10
)

var errStuck = errors.New("the peer takes nothing of what it is sent")

// buffers are shared: a connection needs them only while it is written to.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 1024); return &b }}

// borrow is an empty one.
func borrow() *[]byte {
	b, _ := buffers.Get().(*[]byte)
	*b = (*b)[:0]
	return b
}

// Cork wraps c.
func Cork(c net.Conn) *Corked { return &Corked{Conn: nonblock.Wrap(c)} }

// hold holds back what is written from now on.
func (c *Corked) hold() { c.held.Store(true) }

// SetWriteDeadline does nothing.
func (c *Corked) SetWriteDeadline(time.Time) error { return nil }

// Write writes b, or holds it back.
func (c *Corked) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return 0, c.err
	}
	if c.waiting == nil && !c.busy && !c.held.Load() {
		if err := c.write(b); err != nil {
			return 0, err
		}
		return len(b), nil
	}
	if c.waiting == nil {
		c.waiting = borrow()
	}
	*c.waiting = append(*c.waiting, b...)
	if len(*c.waiting) > corkStuck {
		c.err = errStuck // somebody asks and asks, and takes nothing
		return 0, c.err
	}
	if c.busy || c.held.Load() && len(*c.waiting) < corkMost {
		return len(b), nil
	}
	return len(b), c.write(nil)
}

// Flush writes what was held back, and holds back no more.
func (c *Corked) Flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held.Store(false)
	if c.busy {
		return c.err
	}
	return c.write(nil)
}

// write writes b, if there is something in it, and what waits by then. Its callers hold mu,
// which is let go of meanwhile.
func (c *Corked) write(b []byte) error {
	c.busy = true
	c.send(b)
	for c.waiting != nil && c.err == nil {
		more := c.waiting
		c.waiting = nil
		c.send(*more)
		if cap(*more) <= 2*corkMost {
			buffers.Put(more)
		}
	}
	c.busy = false
	return c.err
}

// send writes b alone. Callers hold mu.
func (c *Corked) send(b []byte) {
	if len(b) == 0 {
		return
	}
	if !c.ending {
		c.err = c.writes.Within(c.Conn, writeWithin)
	}
	if c.err != nil {
		return
	}
	c.mu.Unlock()
	_, err := c.Conn.Write(b)
	c.mu.Lock()
	c.err = err
}

// end gives what is written, and what still comes, this long at most.
func (c *Corked) end(within time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ending = true
	_ = c.Conn.SetWriteDeadline(time.Now().Add(within)) // one that takes no deadline is closed
}

// Close writes what is still held back, the WebSocket's goodbye among it, and closes.
// Somebody who is writing meanwhile is interrupted.
func (c *Corked) Close() error {
	c.end(byeWithin)
	_ = c.Flush()         // the peer may be gone
	return c.Conn.Close() //nolint:wrapcheck // as the connection itself
}
