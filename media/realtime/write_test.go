package realtime

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/clawdbot/call-agent/media/keepalive"
)

// sealed is a text frame of n bytes, and what is in it.
func sealed(n int) (frame, message []byte) {
	message = make([]byte, n)
	for i := range message {
		message[i] = byte(i * i >> 5)
	}
	return seal(websocket.TextMessage, behindHead(message)), message
}

func behindHead(message []byte) []byte { return append(make([]byte, messageHead), message...) }

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
// pings and pongs between any two.
func TestAMessageIsAFrameOfItsOwn(t *testing.T) {
	lengths := []int{0, 1, 7, 8, 9, 125, 126, 127, 300, 0xffff, 0x10000, 1 << 20}
	for n := range 4000 { // time for pings
		lengths = append(lengths, 320)
		if n%20 == 0 {
			lengths = append(lengths, 70_000)
		}
	}
	pings, pongs, whole := 0, 0, make(chan struct{})
	cfg := serve(t, func(ws *websocket.Conn, _ *http.Request) {
		defer close(whole)
		ws.SetPingHandler(func(string) error { pings++; return nil })
		ws.SetPongHandler(func(string) error { pongs++; return nil })
		for i, n := range lengths {
			if i%5 == 0 {
				_ = ws.WriteControl(websocket.PingMessage, []byte(strconv.Itoa(i)), time.Now().Add(time.Minute))
			}
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
	var reader sync.WaitGroup
	reader.Go(func() { _, _ = c.Read() })
	for _, n := range lengths {
		_, message := sealed(n)
		if err := c.out.write(websocket.TextMessage, behindHead(message)); err != nil {
			t.Fatal(err)
		}
	}
	<-whole
	c.Close()
	reader.Wait()
	if pings == 0 || pongs == 0 {
		t.Errorf("%d pings and %d pongs came", pings, pongs)
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

// frames reads up to n frames of less than 64 KB as they are on the wire.
func frames(t *testing.T, wire io.Reader, n int) (all []string) {
	t.Helper()
	for range n {
		head := make([]byte, 2)
		if _, err := io.ReadFull(wire, head); err != nil {
			return all
		}
		length := uint64(head[1] & 0x7f)
		if length == 126 {
			long := make([]byte, 2)
			_, _ = io.ReadFull(wire, long)
			length = uint64(binary.BigEndian.Uint16(long))
		}
		rest := make([]byte, 4+length)
		if _, err := io.ReadFull(wire, rest); err != nil {
			return append(all, "half a frame")
		}
		mask(rest[4:], binary.LittleEndian.Uint32(rest))
		all = append(all, strconv.Itoa(int(head[0]&0xf))+" "+string(rest[4:]))
	}
	return all
}

// ends are the two of a connection without a buffer, in virtual time; the near one answers pings.
func ends(t *testing.T, test func(c *Conn, far net.Conn)) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		near, far := net.Pipe()
		defer near.Close()
		defer far.Close()
		c := &Conn{out: newWriter(near)}
		c.pongs = keepalive.Asked(c.out.pong)
		test(c, far)
		near.Close()
		c.pongs.Stop()
	})
}

// TestAPingWaitsForNobody: the reader, to whom it comes, goes on at once, whatever is being written.
func TestAPingWaitsForNobody(t *testing.T) {
	ends(t, func(c *Conn, far net.Conn) {
		var writing sync.WaitGroup
		writing.Go(func() {
			if err := c.out.write(websocket.TextMessage, behindHead([]byte("hello"))); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait() // nobody reads: it is stuck
		began := time.Now()
		for _, text := range []string{"first", "second", "third"} {
			_ = c.pinged(text)
			time.Sleep(time.Second) // all of it is longer than gorilla gives a pong
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("it took %v", took)
		}
		if got := frames(t, far, 3); !slices.Equal(got, []string{"1 hello", "10 first", "10 third"}) {
			t.Errorf("on the wire: %q", got)
		}
		writing.Wait()
	})
}

// TestAPongTakesNoMessagesTime: a pong of gorilla's leaves a deadline of a second on the socket.
func TestAPongTakesNoMessagesTime(t *testing.T) {
	ends(t, func(c *Conn, far net.Conn) {
		_ = c.pinged("are you there?")
		if got := frames(t, far, 1); !slices.Equal(got, []string{"10 are you there?"}) {
			t.Errorf("on the wire: %q", got)
		}
		var peer sync.WaitGroup
		for range 5 {
			time.Sleep(2 * time.Second)
			peer.Go(func() { frames(t, far, 1) })
			if err := c.out.write(websocket.TextMessage, behindHead([]byte("hello"))); err != nil {
				t.Fatal(err)
			}
		}
		peer.Wait()
	})
}

// TestAPeerThatTakesNothingIsNotWaitedForLong, and is not written to again.
func TestAPeerThatTakesNothingIsNotWaitedForLong(t *testing.T) {
	ends(t, func(c *Conn, _ net.Conn) {
		w := c.out
		began := time.Now()
		first := w.write(websocket.TextMessage, behindHead([]byte("hello")))
		if !errors.Is(first, os.ErrDeadlineExceeded) || time.Since(began) != writeWithin {
			t.Errorf("after %v: %v", time.Since(began), first)
		}
		if err := w.write(websocket.PingMessage, behindHead(nil)); !errors.Is(err, first) || time.Since(began) != writeWithin {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

// TestNothingFollowsAGoodbye, nor does a goodbye follow half a message, which is given up for it.
func TestNothingFollowsAGoodbye(t *testing.T) {
	goodbye := "8 " + string(websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
	ends(t, func(c *Conn, far net.Conn) {
		w := c.out
		var leaving sync.WaitGroup
		leaving.Go(func() {
			w.bye()
			_ = c.pinged("are you there?")
			if err := w.write(websocket.TextMessage, behindHead([]byte("hello"))); !errors.Is(err, net.ErrClosed) {
				t.Errorf("after it: %v", err)
			}
			w.conn.Close()
		})
		if got := frames(t, far, 3); !slices.Equal(got, []string{goodbye}) {
			t.Errorf("on the wire: %q", got)
		}
		leaving.Wait()
	})
	ends(t, func(c *Conn, far net.Conn) {
		w := c.out
		var writing sync.WaitGroup
		writing.Go(func() { _ = w.write(websocket.TextMessage, behindHead([]byte("hello"))) })
		if _, err := io.ReadFull(far, make([]byte, 3)); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		w.bye()
		if took := time.Since(began); took != byeWithin {
			t.Errorf("it took %v", took)
		}
		writing.Wait()
		w.conn.Close()
		if rest, _ := io.ReadAll(far); len(rest) != 0 {
			t.Errorf("behind half a message: %q", rest)
		}
	})
}
