package twiliostream

import (
	"net"
	"sync"
	"sync/atomic"

	"github.com/clawdbot/call-agent/media/keepalive"
)

// Corked is a connection whose writes a [Conn] holds back until it is flushed, so that the
// messages of one moment (speech in several pieces, and their marks) are one segment and one
// system call. Put it under the WebSocket when the connection is hijacked. What others write
// meanwhile (pings, a close) keeps its place.
type Corked struct {
	net.Conn

	held atomic.Bool
	turn chan struct{} // one token: whose turn it is to write
	buf  *[]byte       // what is held back
}

// corkMost is how much is held back at most.
const corkMost = 16 << 10

// buffers are shared: a connection needs one only while it is written to.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 1024); return &b }}

// Cork wraps c.
func Cork(c net.Conn) *Corked {
	return &Corked{Conn: keepalive.NewLax(c), turn: make(chan struct{}, 1)}
}

// hold holds back what is written from now on.
func (c *Corked) hold() { c.held.Store(true) }

// Write writes b, or holds it back.
func (c *Corked) Write(b []byte) (int, error) {
	c.turn <- struct{}{}
	defer func() { <-c.turn }()
	if !c.held.Load() {
		return c.Conn.Write(b)
	}
	if c.buf == nil {
		c.buf, _ = buffers.Get().(*[]byte)
	}
	if *c.buf = append(*c.buf, b...); len(*c.buf) < corkMost {
		return len(b), nil
	}
	return len(b), c.empty()
}

// Flush writes what was held back, and holds back no more.
func (c *Corked) Flush() error {
	c.turn <- struct{}{}
	defer func() { <-c.turn }()
	c.held.Store(false)
	return c.empty()
}

// Close writes what is still held back, the WebSocket's goodbye among it, and closes.
// Somebody who is writing meanwhile is interrupted.
func (c *Corked) Close() error {
	select {
	case c.turn <- struct{}{}:
		c.held.Store(false)
		_ = c.empty() // the peer may be gone
		<-c.turn
	default:
	}
	return c.Conn.Close() //nolint:wrapcheck // as the connection itself
}

// empty writes what is held back. Its callers have the turn.
func (c *Corked) empty() error {
	b := c.buf
	if b == nil {
		return nil
	}
	c.buf = nil
	_, err := c.Conn.Write(*b)
	if cap(*b) <= 2*corkMost {
		*b = (*b)[:0]
		buffers.Put(b)
	}
	return err
}
