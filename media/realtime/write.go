package realtime

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/clawdbot/call-agent/media/keepalive"
)

const (
	// writeWithin is how long a peer has to take a frame: at least half of it.
	writeWithin = 10 * time.Second
	// byeWithin is what is left of that when the connection is to be closed.
	byeWithin = time.Second
)

// writer writes a client's frames to the connection under a WebSocket, each with one Write (ADR 31). gorilla's
// reader writes there by itself only what ends it: why it reads no more. Its methods may be called concurrently.
type writer struct {
	conn    net.Conn
	closing atomic.Bool
	// ping is the peer's last that is not answered: those before it need no answer (RFC 6455 section 5.5.3).
	ping atomic.Pointer[string]

	// turn is taken by whoever writes one, and with it what follows. It is no mutex: virtual time
	// passes for those who wait for a channel, and not for those who wait for a lock.
	turn     chan struct{}
	deadline keepalive.Writes
	broken   error // why nothing follows: what was written in part would be taken for more of it
}

func newWriter(conn net.Conn) *writer { return &writer{conn: conn, turn: make(chan struct{}, 1)} }

// write writes the frame of a message that stands behind the room for its head.
func (w *writer) write(kind int, b []byte) error {
	w.turn <- struct{}{}
	defer func() { <-w.turn }()
	return w.next(kind, b)
}

// next writes the next frame. It is the caller's turn.
func (w *writer) next(kind int, b []byte) error {
	if w.broken != nil {
		return w.broken
	}
	err := w.deadline.Within(w.conn, writeWithin)
	if w.closing.Load() { // looked at after the deadline is set: whoever closes sets an earlier one
		return fmt.Errorf("write to the model: %w", net.ErrClosed)
	}
	if err == nil {
		_, err = w.conn.Write(seal(kind, b))
	}
	if err != nil {
		w.broken = fmt.Errorf("write to the model: %w", err)
	}
	return w.broken
}

// pong answers the peer's last ping, if it is not answered yet.
func (w *writer) pong() error {
	ping := w.ping.Swap(nil)
	if ping == nil {
		return nil
	}
	return w.write(websocket.PongMessage, append(make([]byte, messageHead), *ping...))
}

// bye writes the close frame, unless it would follow half of another, and nothing follows it.
func (w *writer) bye() {
	w.closing.Store(true)
	_ = w.conn.SetWriteDeadline(time.Now().Add(byeWithin)) // also of what is being written
	w.turn <- struct{}{}
	defer func() { <-w.turn }()
	if w.broken == nil {
		_ = w.conn.SetWriteDeadline(time.Now().Add(byeWithin)) // who was about to write may have set his
		_, _ = w.conn.Write(seal(websocket.CloseMessage, append(make([]byte, messageHead), websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")...)))
	}
}

// messageHead is the room before a message for what its frame begins with: 2 bytes, at most 8
// for its length, and 4 for the mask (RFC 6455 section 5.2).
const messageHead = 14

// seal makes the message that stands behind such a room the one frame of a client's message of a
// kind, which is gorilla's number and the RFC's opcode: it is masked where it is. The frame is a part of b.
func seal(kind int, b []byte) []byte {
	message := b[messageHead:]
	const final, masked = 0x80, 0x80
	begin := messageHead - 4 - 2
	switch n := len(message); {
	case n < 126:
		b[begin+1] = masked | byte(n)
	case n <= 0xffff:
		begin -= 2
		b[begin+1] = masked | 126
		binary.BigEndian.PutUint16(b[begin+2:], uint16(n))
	default:
		begin -= 8
		b[begin+1] = masked | 127
		binary.BigEndian.PutUint64(b[begin+2:], uint64(n))
	}
	b[begin] = final | byte(kind)
	key := rand.Uint32() // whoever writes the message must not foresee it (RFC 6455 section 10.3): this one is seeded by the system
	binary.LittleEndian.PutUint32(b[messageHead-4:], key)
	mask(message, key)
	return b[begin:]
}

// mask masks b, the key's lowest byte first.
func mask(b []byte, key uint32) {
	wide := uint64(key)<<32 | uint64(key)
	for ; len(b) >= 8; b = b[8:] {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
	}
	for i := range b {
		b[i] ^= byte(wide >> (8 * i))
	}
}
