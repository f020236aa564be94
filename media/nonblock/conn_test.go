package nonblock

import (
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/nettest"

	"github.com/clawdbot/call-agent/media/prefetch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sockets are the two ends of a connection on the loopback, as package net has them.
func sockets(t testing.TB) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if b, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// TestItIsAConnection: the suite of Go's own, for a socket, and for what has none.
func TestItIsAConnection(t *testing.T) {
	for name, pair := range map[string]func() (net.Conn, net.Conn){
		"socket": func() (net.Conn, net.Conn) { return sockets(t) },
		"pipe":   net.Pipe,
	} {
		t.Run(name, func(t *testing.T) {
			nettest.TestConn(t, func() (_, _ net.Conn, stop func(), err error) {
				a, b := pair()
				c1, c2 := Wrap(a), Wrap(b)
				ahead := new(prefetch.Set)
				c2.Written(ahead)
				c1.Prefetch(ahead) // which changes nothing
				return c1, c2, func() { c1.Close(); c2.Close() }, nil
			})
		})
	}
}

// A peer that is gone is an error of the connection's, as package net has it, and no signal
// that ends the process.
func TestAPeerThatIsGone(t *testing.T) {
	a, b := sockets(t)
	c := Wrap(a)
	_ = b.(*net.TCPConn).SetLinger(0) // its close is a reset
	b.Close()
	_, err := c.Read(make([]byte, 8))
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a read from it: %v", err)
	}
	_, err = c.Write([]byte("hello"))
	var op *net.OpError
	if !errors.Is(err, syscall.EPIPE) || !errors.As(err, &op) || op.Op != "write" {
		t.Errorf("a write to it: %v", err)
	}
}

// What the poller says is told as package net tells it.
func TestADeadlineAndAClose(t *testing.T) {
	a, _ := sockets(t)
	c := Wrap(a)
	for _, end := range []struct {
		by   func() error
		want error
	}{
		{func() error { return c.SetDeadline(time.Now().Add(-time.Second)) }, os.ErrDeadlineExceeded},
		{c.Close, net.ErrClosed},
	} {
		if err := end.by(); err != nil {
			t.Fatal(err)
		}
		_, reading := c.Read(make([]byte, 8))
		_, writing := c.Write([]byte("hello"))
		for op, err := range map[string]error{"read": reading, "write": writing} {
			var told *net.OpError
			if !errors.Is(err, end.want) || !errors.As(err, &told) || told.Op != op {
				t.Errorf("a %s: %v, want %v", op, err, end.want)
			}
		}
	}
}

func TestTheEndIsTheEnd(t *testing.T) {
	a, b := sockets(t)
	if _, err := b.Write([]byte("last words")); err != nil {
		t.Fatal(err)
	}
	b.Close()
	all, err := io.ReadAll(Wrap(a))
	if err != nil || string(all) != "last words" {
		t.Errorf("%q, %v", all, err)
	}
}

// A socket that takes only some has the rest written when it takes more.
func TestWhatDoesNotFitWaits(t *testing.T) {
	a, b := sockets(t)
	c := Wrap(a)
	sent := make([]byte, 8<<20) // more than the loopback holds
	for i := range sent {
		sent[i] = byte(i * i >> 7)
	}
	done := make(chan error, 1)
	go func() {
		n, err := c.Write(sent)
		if n != len(sent) && err == nil {
			err = io.ErrShortWrite
		}
		c.Close()
		done <- err
	}()
	got, err := io.ReadAll(Wrap(b))
	if err != nil || !slices.Equal(got, sent) {
		t.Errorf("%d bytes came of %d, %v", len(got), len(sent), err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	a, b := sockets(t)
	c, d := Wrap(a), Wrap(b)
	frame, room := make([]byte, 300), make([]byte, 300)
	n := testing.AllocsPerRun(100, func() {
		if _, err := c.Write(frame); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(d, room); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%g allocations for a frame", n)
	}
}

// noted is a connection that takes note of the write deadlines that it is told.
type noted struct {
	net.Conn
	writes []time.Duration
	began  time.Time
}

func (c *noted) SetWriteDeadline(t time.Time) error {
	c.writes = append(c.writes, t.Sub(c.began))
	return nil
}

func TestADeadlineIsSetWhereItChanges(t *testing.T) {
	c := &noted{began: time.Now()}
	l := Wrap(c)
	for _, s := range []int{10, 10, 10, 1, 10, 10} {
		if err := l.SetWriteDeadline(c.began.Add(time.Duration(s) * time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	if want := []time.Duration{10 * time.Second, time.Second, 10 * time.Second}; !slices.Equal(c.writes, want) {
		t.Errorf("set %v, want %v", c.writes, want)
	}
}

// BenchmarkFrame is a frame through the loopback, beside package net's own way.
func BenchmarkFrame(b *testing.B) {
	for name, wrap := range map[string]func(net.Conn) net.Conn{
		"nonblock": func(c net.Conn) net.Conn { return Wrap(c) },
		"net":      func(c net.Conn) net.Conn { return c },
	} {
		b.Run(name, func(b *testing.B) {
			one, other := sockets(b)
			c, d := wrap(one), wrap(other)
			frame, room := make([]byte, 300), make([]byte, 300)
			for b.Loop() {
				if _, err := c.Write(frame); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(d, room); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
