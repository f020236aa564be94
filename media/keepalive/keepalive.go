// Package keepalive pings a WebSocket now and then, from a timer: a goroutine that waits
// would keep a stack for it, twice in every call.
//
// It owns the pings' timing. What their absence means is decided by who reads the socket.
package keepalive

import (
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// writeWithin bounds a ping into a socket that takes nothing.
const writeWithin = 10 * time.Second

// Pings are those of one socket. Stop may be called from anywhere, more than once.
type Pings struct {
	ws    *websocket.Conn
	every time.Duration
	timer *time.Timer

	mu      sync.Mutex // held while one is written
	stopped bool
}

// Start pings ws every so often, until a ping fails or Stop is called.
func Start(ws *websocket.Conn, every time.Duration) *Pings {
	p := &Pings{ws: ws, every: every}
	p.mu.Lock() // the first may come before the timer is known here
	defer p.mu.Unlock()
	p.timer = time.AfterFunc(every, p.ping)
	return p
}

func (p *Pings) ping() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return
	}
	if err := p.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeWithin)); err == nil {
		p.timer.Reset(p.every)
	}
}

// Stop ends the pings and waits for one under way, which closing ws ends at once.
func (p *Pings) Stop() {
	p.timer.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	p.timer.Stop() // the one under way has set it again
}
