package twiliostream

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// counted counts writes, and keeps what was written.
type counted struct {
	net.Conn
	writes int
	bytes  bytes.Buffer
	closed bool
}

func (c *counted) SetDeadline(time.Time) error      { return nil }
func (c *counted) SetWriteDeadline(time.Time) error { return nil }

func (c *counted) Write(b []byte) (int, error) { c.writes++; return c.bytes.Write(b) }
func (c *counted) Close() error                { c.closed = true; return nil }

// Whoever closes a stream has said goodbye on it: a phone that does not hear it takes the
// connection for lost.
func TestWhatIsHeldBackIsWrittenBeforeTheEnd(t *testing.T) {
	under := &counted{}
	c := Cork(under)
	c.hold()
	if _, err := c.Write([]byte("goodbye")); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil || under.bytes.String() != "goodbye" || !under.closed {
		t.Errorf("%q was written, closed %t, %v", under.bytes.String(), under.closed, err)
	}
}

// stuck is a connection on which a write waits until it is closed.
type stuck struct {
	counted
	writing, gone chan struct{}
	deadlines     []time.Duration
}

func newStuck() *stuck { return &stuck{writing: make(chan struct{}, 9), gone: make(chan struct{})} }

func (c *stuck) Write(b []byte) (int, error) {
	c.writing <- struct{}{}
	<-c.gone
	return c.counted.Write(b)
}

func (c *stuck) Close() error { c.closed = true; close(c.gone); return nil }

func (c *stuck) SetWriteDeadline(t time.Time) error {
	c.deadlines = append(c.deadlines, time.Until(t).Round(time.Second))
	return nil
}

// TestNobodyWaitsForAWriteThatIsStuck: neither who answers a ping, whose deadline is not the
// write's, nor who closes the connection.
func TestNobodyWaitsForAWriteThatIsStuck(t *testing.T) {
	under := newStuck()
	c := Cork(under)
	var writer sync.WaitGroup
	writer.Go(func() {
		c.hold()
		_, _ = c.Write([]byte("media"))
		_ = c.Flush()
	})
	<-under.writing
	_ = c.SetWriteDeadline(time.Now().Add(time.Second))
	if n, err := c.Write([]byte("pong")); n != 4 || err != nil {
		t.Error(n, err)
	}
	if err := c.Close(); err != nil || !under.closed {
		t.Errorf("closed %t, %v", under.closed, err)
	}
	writer.Wait()
	if want := []time.Duration{writeWithin, byeWithin}; !slices.Equal(under.deadlines, want) {
		t.Errorf("deadlines of %v, want %v", under.deadlines, want)
	}
	if under.bytes.String() != "mediapong" {
		t.Errorf("%q was written", under.bytes.String())
	}
}

func TestAWriteThatFailsIsToldToWhoComesNext(t *testing.T) {
	near, far := net.Pipe()
	far.Close()
	c := Cork(near)
	c.hold()
	if _, err := c.Write([]byte("media")); err != nil {
		t.Fatal(err)
	}
	if c.Flush() == nil {
		t.Error("the flush fails")
	}
	if _, err := c.Write([]byte("media")); err == nil {
		t.Error("and all that is written after it")
	}
}

func TestACorkMakesOneWriteOfMany(t *testing.T) {
	under := &counted{}
	c := Cork(under)
	say := func(s string) {
		t.Helper()
		if n, err := c.Write([]byte(s)); n != len(s) || err != nil {
			t.Fatal(n, err)
		}
	}
	say("a")
	c.hold()
	say("b")
	say("c")
	if under.bytes.String() != "a" {
		t.Errorf("%q was written", under.bytes.String())
	}
	if err := c.Flush(); err != nil || under.bytes.String() != "abc" || under.writes != 2 {
		t.Errorf("%q in %d writes, %v", under.bytes.String(), under.writes, err)
	}
	say("d") // nobody holds it back
	c.hold()
	say(strings.Repeat("x", corkMost)) // too much to be held back
	if under.bytes.Len() != 4+corkMost {
		t.Errorf("%d bytes were written", under.bytes.Len())
	}
	if err := c.Flush(); err != nil || under.writes != 4 {
		t.Errorf("%d writes, %v", under.writes, err)
	}
}

// TestAPhoneThatTakesNothingIsClosedInASecond, although a write to it is under way.
func TestAPhoneThatTakesNothingIsClosedInASecond(t *testing.T) {
	near, far := net.Pipe() // nobody reads far after the handshake
	defer far.Close()
	closed := make(chan time.Duration, 1)
	go func() {
		c, err := upgraded(Cork(near))
		if err != nil {
			t.Error(err)
			close(closed)
			return
		}
		go func() { _ = c.WriteMedia("////"); _ = c.Flush() }()
		time.Sleep(20 * time.Millisecond) // the flush has the turn
		began := time.Now()
		_ = c.Close()
		closed <- time.Since(began)
	}()
	if _, err := http.ReadResponse(bufio.NewReader(far), nil); err != nil {
		t.Fatal(err)
	}
	if took := <-closed; took > 4*time.Second { // a write may take ten
		t.Errorf("closing took %v", took)
	}
}

// TestAPhoneThatTakesNothingIsReadAllTheSame, also when it asks for a pong.
func TestAPhoneThatTakesNothingIsReadAllTheSame(t *testing.T) {
	near, far := net.Pipe() // nobody reads far after the handshake
	upgrade := make(chan *Conn, 1)
	go func() {
		c, err := upgraded(Cork(near))
		if err != nil {
			t.Error(err)
		}
		upgrade <- c
	}()
	if _, err := http.ReadResponse(bufio.NewReader(far), nil); err != nil {
		t.Fatal(err)
	}
	c := <-upgrade
	var others sync.WaitGroup
	others.Go(func() { _ = c.WriteMedia("////") }) // it is stuck
	defer others.Wait()
	defer far.Close()
	defer near.Close()
	time.Sleep(20 * time.Millisecond)
	others.Go(func() {
		ping := []byte("\x89\x80\x00\x00\x00\x00") // as a client's: masked, with zeros
		mark := `{"event":"mark","streamSid":"MZ1","mark":{"name":"m"}}`
		for _, frame := range [][]byte{ping, ping, append([]byte{0x81, 0x80 | byte(len(mark)), 0, 0, 0, 0}, mark...)} {
			if _, err := far.Write(frame); err != nil {
				t.Error(err)
			}
		}
	})
	began := time.Now()
	if ev, err := c.Read(); err != nil || ev.Mark != "m" {
		t.Errorf("%+v, %v", ev, err)
	}
	if took := time.Since(began); took > 800*time.Millisecond { // two pongs that waited would take two seconds
		t.Errorf("it was read after %v", took)
	}
}

// TestNothingOfAMessageIsInTheNext: the buffers that messages are made in are borrowed, by
// all streams.
func TestNothingOfAMessageIsInTheNext(t *testing.T) {
	under := &counted{}
	c, err := upgraded(Cork(under))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 3 {
		under.bytes.Reset()
		c.Hold()
		for _, err := range []error{c.WriteMedia("////"), c.WriteMark("m"), c.Flush()} {
			if err != nil {
				t.Fatal(err)
			}
		}
		media, mark := string(AppendMedia(nil, "MZ1", "////")), string(AppendMark(nil, "MZ1", "m"))
		want := "\x81" + string(rune(len(media))) + media + "\x81" + string(rune(len(mark))) + mark
		if under.bytes.String() != want {
			t.Fatalf("%q was written, want %q", under.bytes.String(), want)
		}
	}
}

// upgraded is a stream that has begun, on conn.
func upgraded(conn net.Conn) (*Conn, error) {
	w := hijacker{httptest.NewRecorder(), conn}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for k, v := range map[string]string{"Connection": "upgrade", "Upgrade": "websocket", "Sec-Websocket-Version": "13", "Sec-Websocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
		r.Header.Set(k, v)
	}
	ws, err := (&websocket.Upgrader{WriteBufferSize: 1024}).Upgrade(w, r, nil)
	if err != nil {
		return nil, err
	}
	c := New(ws)
	c.begin(Start{StreamSID: "MZ1"})
	return c, nil
}

type hijacker struct {
	*httptest.ResponseRecorder
	conn net.Conn
}

func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.conn, bufio.NewReadWriter(bufio.NewReader(h.conn), bufio.NewWriter(h.conn)), nil
}
