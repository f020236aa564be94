package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 6455 section 1.3 has it so
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"time"
)

// socket is a WebSocket of RFC 6455 with just what a load generator needs: whole text
// frames, written in one system call and read in place. What it costs is taken from the
// processors that what is measured needs too. One goroutine may read; any may write,
// since each frame is one Write of a net.Conn.
type socket struct {
	conn   net.Conn
	in     *bufio.Reader
	masked bool // we are the client
	// bound is the second of the wall clock in which a write's deadline was last set.
	bound atomic.Int64
}

const (
	opContinued = 0
	opText      = 1
	opClose     = 8
	opPing      = 9
	opPong      = 10

	// headerMost is the longest header: of a masked frame of 64 KiB or more.
	headerMost = 14
	// writeWithin bounds a write into a socket that nobody reads, to the second.
	writeWithin = 5 * time.Second
)

// frame returns a buffer for a message: what is appended to it is the payload, and send
// puts the header before that.
func frame(buf []byte) []byte { return append(buf[:0], make([]byte, headerMost)...) }

// send writes what was appended to a buffer of frame's as one message.
func (s *socket) send(buf []byte) error { return s.sendAs(opText, buf) }

func (s *socket) sendAs(op byte, buf []byte) error {
	n := len(buf) - headerMost
	header := make([]byte, 0, headerMost)
	mask := byte(0)
	if s.masked {
		mask = 0x80
	}
	switch {
	case n < 126:
		header = append(header, 0x80|op, mask|byte(n))
	case n < 1<<16:
		header = binary.BigEndian.AppendUint16(append(header, 0x80|op, mask|126), uint16(n))
	default:
		header = binary.BigEndian.AppendUint64(append(header, 0x80|op, mask|127), uint64(n))
	}
	if s.masked {
		header = append(header, 0, 0, 0, 0) // the key under which masking changes nothing
	}
	start := headerMost - len(header)
	copy(buf[start:], header)
	if now := time.Now(); s.bound.Swap(now.Unix()) != now.Unix() {
		if err := s.conn.SetWriteDeadline(now.Add(writeWithin)); err != nil {
			return fmt.Errorf("set the deadline of a frame: %w", err)
		}
	}
	if _, err := s.conn.Write(buf[start:]); err != nil {
		return fmt.Errorf("write a frame: %w", err)
	}
	return nil
}

var errClosed = errors.New("the other end closed the socket")

// next reads a message into buf and returns it; pings are answered.
func (s *socket) next(buf []byte) ([]byte, error) {
	buf = buf[:0]
	for {
		op, last, whole, err := s.read(buf)
		if err != nil {
			return nil, err
		}
		switch op {
		case opContinued, opText:
			if buf = whole; last {
				return whole, nil
			}
		case opClose:
			return nil, errClosed
		case opPing:
			if err := s.sendAs(opPong, append(frame(nil), whole[len(buf):]...)); err != nil {
				return nil, err
			}
		}
	}
}

// read appends a frame's payload to buf; last says that no other continues it.
func (s *socket) read(buf []byte) (op byte, last bool, whole []byte, err error) {
	var head [headerMost]byte
	if _, err := io.ReadFull(s.in, head[:2]); err != nil {
		return 0, false, nil, fmt.Errorf("read a frame: %w", err)
	}
	n, more := int(head[1]&0x7f), 0
	switch n {
	case 126:
		more = 2
	case 127:
		more = 8
	}
	key := 2 + more
	if head[1]&0x80 != 0 {
		more += 4
	}
	if _, err := io.ReadFull(s.in, head[2:2+more]); err != nil {
		return 0, false, nil, fmt.Errorf("read a frame: %w", err)
	}
	switch n {
	case 126:
		n = int(binary.BigEndian.Uint16(head[2:]))
	case 127:
		n = int(binary.BigEndian.Uint64(head[2:]))
	}
	at := len(buf)
	whole = slices.Grow(buf, n)[:at+n]
	if _, err := io.ReadFull(s.in, whole[at:]); err != nil {
		return 0, false, nil, fmt.Errorf("read a frame: %w", err)
	}
	if head[1]&0x80 != 0 {
		unmask(whole[at:], [4]byte(head[key:key+4]))
	}
	return head[0] & 0x0f, head[0]&0x80 != 0, whole, nil
}

func unmask(b []byte, key [4]byte) {
	k := uint64(binary.LittleEndian.Uint32(key[:]))
	k |= k << 32
	i := 0
	for ; i+8 <= len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], binary.LittleEndian.Uint64(b[i:])^k)
	}
	for ; i < len(b); i++ {
		b[i] ^= key[i&3]
	}
}

// close says goodbye and closes the connection.
func (s *socket) close() {
	_ = s.sendAs(opClose, append(frame(nil), 0x03, 0xe8))
	_ = s.conn.Close()
}

func connect(address string) (net.Conn, error) {
	d := net.Dialer{Timeout: writeWithin}
	conn, err := d.DialContext(context.Background(), "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	return conn, nil
}

func listenOn(address string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return l, nil
}

// refusedError is an upgrade that was answered with another status.
type refusedError struct {
	status     int
	retryAfter string
}

// Error tells the status.
func (e *refusedError) Error() string {
	return fmt.Sprintf("the upgrade was answered %d (Retry-After %q)", e.status, e.retryAfter)
}

// dial opens a client's socket. An answer other than 101 is a *refusedError.
func dial(address string, trust *tls.Config) (*socket, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	conn, err := connect(u.Host)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "wss" {
		conn = tls.Client(conn, trust)
	}
	s := &socket{conn: conn, in: bufio.NewReaderSize(conn, 4096), masked: true}
	var key [16]byte
	_, _ = rand.Read(key[:]) // never fails
	nonce := base64.StdEncoding.EncodeToString(key[:])
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n",
		u.RequestURI(), u.Host, nonce)
	if err == nil {
		err = s.upgraded(nonce)
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return s, nil
}

func (s *socket) upgraded(nonce string) error {
	res, err := http.ReadResponse(s.in, nil)
	if err != nil {
		return fmt.Errorf("dial: read the answer: %w", err)
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode != http.StatusSwitchingProtocols:
		return &refusedError{res.StatusCode, res.Header.Get("Retry-After")}
	case res.Header.Get("Sec-WebSocket-Accept") != accepted(nonce):
		return errors.New("dial: the upgrade's answer is to another question")
	}
	return nil
}

// accept upgrades a server's request.
func accept(w http.ResponseWriter, r *http.Request) (*socket, error) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, fmt.Errorf("take over the connection: %w", err)
	}
	_, err = fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		accepted(r.Header.Get("Sec-WebSocket-Key")))
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("answer the upgrade: %w", err)
	}
	return &socket{conn: conn, in: rw.Reader}, nil
}

func accepted(nonce string) string {
	sum := sha1.Sum([]byte(nonce + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // RFC 6455 section 1.3 has it so
	return base64.StdEncoding.EncodeToString(sum[:])
}
