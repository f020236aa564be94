package realtime

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// sealed is a frame of n bytes, and what is in it.
func sealed(n int) (frame, message []byte) {
	message = make([]byte, n)
	for i := range message {
		message[i] = byte(i * i >> 5)
	}
	return seal(append(make([]byte, messageHead), message...)), message
}

// open connects to a server, and keeps the connection alive that often.
func open(t *testing.T, cfg Config, dial func(context.Context, string, string) (net.Conn, error), pings time.Duration) *Conn {
	t.Helper()
	endpoint, err := cfg.endpoint()
	if err != nil {
		t.Fatal(err)
	}
	ws, resp, err := (&websocket.Dialer{NetDialContext: dial, WriteBufferSize: writeBuffer}).Dial(endpoint, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	c := newConn(ws, pings, time.Minute)
	t.Cleanup(func() { c.Close() })
	return c
}

// TestAMessageIsAFrameOfItsOwn, whatever its length, with gorilla on the other side, and with
// gorilla's pings between any two.
func TestAMessageIsAFrameOfItsOwn(t *testing.T) {
	lengths := []int{0, 1, 7, 8, 9, 125, 126, 127, 300, 0xffff, 0x10000, 1 << 20}
	for n := range 4000 { // time for pings
		lengths = append(lengths, 320)
		if n%20 == 0 {
			lengths = append(lengths, 70_000)
		}
	}
	pings, whole := 0, make(chan struct{})
	cfg := serve(t, func(ws *websocket.Conn, _ *http.Request) {
		defer close(whole)
		ws.SetPingHandler(func(string) error { pings++; return nil })
		for _, n := range lengths {
			kind, got, err := ws.ReadMessage()
			if _, want := sealed(n); err != nil || kind != websocket.TextMessage || !bytes.Equal(got, want) {
				t.Errorf("of %d bytes %d came, of kind %d: %v", n, len(got), kind, err)
				return
			}
			if n > 60_000 {
				time.Sleep(100 * time.Microsecond) // the socket is full now and then
			}
		}
	})
	c := open(t, cfg, dial, time.Nanosecond)
	for _, n := range lengths {
		b := borrow()
		_, message := sealed(n)
		*b = append(*b, message...)
		if err := c.write(*b); err != nil {
			t.Fatal(err)
		}
		repay(b)
	}
	<-whole
	if pings == 0 {
		t.Error("no ping came")
	}
}

// TestNoFrameHasTheMaskOfAnother: the text of none stands on the wire as it is.
func TestNoFrameHasTheMaskOfAnother(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		frame, message := sealed(64)
		if bytes.Contains(frame, message[16:]) {
			t.Error("a frame is not masked")
		}
		seen[string(frame[2:6])] = true
	}
	if len(seen) < 99 {
		t.Errorf("100 frames have %d masks", len(seen))
	}
}

// stuck is a socket that takes half of a message, and then nothing in time.
type stuck struct {
	net.Conn
	writes int
}

func (s *stuck) Write(b []byte) (int, error) { s.writes++; return len(b) / 2, os.ErrDeadlineExceeded }

func (s *stuck) SetWriteDeadline(time.Time) error { return nil }

// TestNothingFollowsHalfAMessage: the peer would take it for the rest.
func TestNothingFollowsHalfAMessage(t *testing.T) {
	var socket stuck
	c := &Conn{under: &socket}
	first := c.WriteAudio("AAAA")
	if !errors.Is(first, os.ErrDeadlineExceeded) {
		t.Errorf("half a message is written: %v", first)
	}
	if err := c.Write(ResponseCancel{ResponseID: "r1"}); !errors.Is(err, first) || socket.writes != 1 {
		t.Errorf("%d writes: %v", socket.writes, err)
	}
}

func TestAPeerThatTakesNothingIsNotWaitedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer near.Close()
		defer far.Close()
		c := &Conn{under: near}
		began := time.Now()
		if err := c.WriteAudio("AAAA"); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != writeWithin {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}
