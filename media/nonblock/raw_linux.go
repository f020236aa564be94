//go:build !386

package nonblock

import (
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"github.com/clawdbot/call-agent/media/prefetch"
)

// raw is a socket. The waiting is the runtime's poller's: with it come deadlines, and the end
// of a Read or Write when the connection is closed.
type raw struct {
	conn    *net.TCPConn
	socket  syscall.RawConn
	in, out transfer
}

func rawOf(c net.Conn) *raw {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return nil
	}
	socket, err := tcp.SyscallConn()
	if err != nil {
		return nil // it is closed already, which its first Read tells
	}
	r := &raw{conn: tcp, socket: socket}
	r.in.try, r.out.try = r.in.receive, r.out.send
	return r
}

// transfer is what is under way in one direction. It is here, and try made once, so that
// nothing is allocated for each.
type transfer struct {
	try   func(fd uintptr) (done bool)
	ahead atomic.Pointer[prefetch.Set] // what is to be fetched when something has come

	mu     sync.Mutex
	waited bool // for the socket
	b      []byte
	n      int
	err    syscall.Errno
}

// begin takes mu, which end gives back.
func (t *transfer) begin(b []byte) {
	t.mu.Lock()
	t.b, t.n, t.err, t.waited = b, 0, 0, false
}

// end is what came of it, where the poller has no error of its own.
func (t *transfer) end(poller error) (n int, err error) {
	n, err = t.n, poller
	if err == nil && t.err != 0 {
		err = t.err
	}
	t.b = nil
	t.mu.Unlock()
	return n, err
}

func (r *raw) prefetch(ahead *prefetch.Set) { r.in.ahead.Store(ahead) }

func (r *raw) read(b []byte) (int, error) {
	r.in.begin(b)
	n, err := r.in.end(r.socket.Read(r.in.try))
	if n == 0 && err == nil {
		return 0, io.EOF
	}
	return n, r.fault("read", err)
}

func (r *raw) write(b []byte) (int, error) {
	r.out.begin(b)
	n, err := r.out.end(r.socket.Write(r.out.try))
	return n, r.fault("write", err)
}

// What of the stack is touched by a message of audio, in bytes. Whoever waits here is 1,100 to
// 1,450 below the loop that it returns to, which then goes down to a write, 400 deeper.
const (
	stackAbove = 1536
	stackBelow = 512
)

// receive reads what is there; false if nothing is.
func (t *transfer) receive(fd uintptr) (done bool) {
	if ahead := t.ahead.Load(); ahead != nil && t.waited {
		prefetch.Room(t.b)
		ahead.Fetch()
		prefetch.Stack(stackBelow, stackAbove)
	}
	n, err := call(syscall.SYS_RECVFROM, fd, t.b, 0)
	if err == syscall.EAGAIN {
		t.waited = true
		return false
	}
	t.n, t.err = n, err
	return true
}

// send writes as much as is taken; false if the rest must wait.
func (t *transfer) send(fd uintptr) (done bool) {
	for t.n < len(t.b) {
		n, err := call(syscall.SYS_SENDTO, fd, t.b[t.n:], syscall.MSG_NOSIGNAL)
		if err == syscall.EAGAIN {
			return false
		}
		if t.err = err; err != 0 {
			return true
		}
		t.n += n
	}
	return true
}

// call makes the system call. It comes back at once, by MSG_DONTWAIT whatever the socket is
// set to: nobody else runs on this processor meanwhile.
func call(trap, fd uintptr, b []byte, flags uintptr) (n int, err syscall.Errno) {
	for {
		r, _, err := syscall.RawSyscall6(trap, fd, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), flags|syscall.MSG_DONTWAIT, 0, 0)
		switch err {
		case 0:
			return int(r), 0
		case syscall.EINTR:
		default:
			return 0, err
		}
	}
}

// fault tells an error as package net does.
func (r *raw) fault(op string, err error) error {
	switch err := err.(type) { //nolint:errorlint // they are raw's own, which wraps nothing
	case syscall.Errno:
		return &net.OpError{Op: op, Net: "tcp", Source: r.conn.LocalAddr(), Addr: r.conn.RemoteAddr(), Err: os.NewSyscallError(op, err)}
	case *net.OpError: // the poller's
		err.Op = op
	}
	return err
}

// written adds to s what a write touches, which is the runtime's and package net's as well.
func (r *raw) written(s *prefetch.Set) {
	const line = 64 // the first of each
	prefetch.Value(s, r)
	s.Behind(r, line, "socket")
	s.Behind(r, line, "conn", "conn", "fd")
	s.Behind(r, line, "conn", "conn", "fd", "pfd", "pd", "runtimeCtx")
}
