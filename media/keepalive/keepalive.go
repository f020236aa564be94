// Package keepalive pings a WebSocket now and then, from a timer: a goroutine that waits
// would keep a stack for it, twice in every call.
//
// It owns the pings' timing. What their absence means is decided by who reads the socket.
package keepalive

import (
	"time"

	"github.com/gorilla/websocket"
)

// writeWithin bounds a ping into a socket that takes nothing.
const writeWithin = 10 * time.Second

// Pings are those of one socket. Its methods may be called from anywhere, more than once.
type Pings struct {
	write func() error
	every time.Duration
	timer *time.Timer

	// turn is taken while one is written, and with it what follows. It is no mutex: virtual time
	// passes for those who wait for a channel, and not for those who wait for a lock.
	turn    chan struct{}
	stopped bool
}

// Start has a ping written every so often, until one fails or Stop is called. That it stands in no
// other message, and how long it may take, is write's to see to.
func Start(write func() error, every time.Duration) *Pings {
	p := &Pings{write: write, every: every, turn: make(chan struct{}, 1)}
	p.turn <- struct{}{} // the first may come before the timer is known here
	p.timer = time.AfterFunc(every, p.ping)
	<-p.turn
	return p
}

// Asked has write called whenever Soon is, and else never.
func Asked(write func() error) *Pings {
	p := Start(write, never)
	p.every = 0
	return p
}

const never = 1 << 62

// Soon has one written now, by a goroutine of the timer's: whoever reads the socket must not write
// to it, since the peer may be waiting to write as well.
func (p *Pings) Soon() { p.timer.Reset(0) }

func (p *Pings) ping() {
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	if p.stopped {
		return
	}
	if p.write() == nil && p.every > 0 {
		p.timer.Reset(p.every)
	}
}

// Stop ends the pings and waits for one under way, which closing the socket ends at once.
func (p *Pings) Stop() {
	p.timer.Stop()
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	p.stopped = true
	p.timer.Stop() // the one under way has set it again
}

// Of writes a ping to ws, as gorilla does: between two messages, and within 10 s.
func Of(ws *websocket.Conn) (write func() error) {
	return func() error { return ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeWithin)) }
}
