// Package realtime speaks the OpenAI Realtime API, in its GA dialect, over a
// WebSocket: the client events we send, the server events we read, the connection
// ([Conn]) and the agent of a call on top of it ([Agent], [Dialer]), which is where
// the dialect ends: package media knows none of it.
//
// It owns the wire format, the handshake (session.created, session.update,
// session.updated, formats compared) and the meaning of errors. It never decides
// what to say or when, and never keeps audio.
//
// What we send is valid by the strict reading of the specification. What we read may
// be anything: unknown events, fields and content types never break a call.
//
// Protocol: research openai-realtime.md sections 2 to 8.
package realtime

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/clawdbot/call-agent/media/keepalive"
	"github.com/clawdbot/call-agent/media/nonblock"
	"github.com/clawdbot/call-agent/media/prefetch"
)

const (
	// DefaultBaseURL is the vendor's.
	DefaultBaseURL = "wss://api.openai.com/v1"

	// readLimit: session.updated echoes instructions and tools, and audio deltas have no bound.
	readLimit     = 16 << 20
	handshakeMost = 10 * time.Second
	pingEvery     = 5 * time.Second // research section 2 has 20 to 30 s; a callee does not wait so long
	// keepAtMost is the most that is kept of a message's memory for the next: a second of PCM
	// in base64 has 64,000 characters.
	keepAtMost = 128 << 10
	// deadAfter is how long a connection may go without a pong: one that is missed is the
	// end, though the socket has not closed (research section 2).
	deadAfter = 12 * time.Second
)

// Config says where the model is and who we are.
type Config struct {
	// BaseURL has scheme ws, wss, http or https; "/realtime?model=" is appended.
	// Default [DefaultBaseURL].
	BaseURL string
	// Model, such as "gpt-realtime-2.1". Required.
	Model string
	// APIKey is sent as the bearer token.
	APIKey string
	// SafetyIdentifier is a stable hash that stands for the end user, never the
	// user's number; optional.
	SafetyIdentifier string
	// Dialer is used instead of one of the package's own; for tests and proxies.
	Dialer *websocket.Dialer
}

// endpoint is the URL to dial.
func (c Config) endpoint() (string, error) {
	base := c.BaseURL
	if base == "" {
		base = DefaultBaseURL
	}
	u, err := url.Parse(base)
	if err != nil {
		var inner *url.Error // whose own text repeats the URL, which may hold a password
		if errors.As(err, &inner) {
			err = inner.Err
		}
		return "", fmt.Errorf("base URL of the model: %w", err)
	}
	switch u.Scheme {
	case "http":
		u.Scheme = "ws"
	case "https":
		u.Scheme = "wss"
	case "ws", "wss":
	default:
		return "", fmt.Errorf("base URL of the model has scheme %q: use wss or https", u.Scheme)
	}
	if u.Host == "" {
		return "", errors.New("base URL of the model has no host")
	}
	if c.Model == "" {
		return "", errors.New("no model named: set one, such as gpt-realtime-2.1")
	}
	u.Path = strings.TrimSuffix(u.Path, "/") + "/realtime"
	q := u.Query()
	q.Set("model", c.Model)
	u.RawQuery = q.Encode()
	u.Fragment = ""
	return u.String(), nil
}

// header never names a beta: that is refused since 2026-05-12 (research section 2).
func (c Config) header() http.Header {
	h := http.Header{}
	h.Set("Authorization", "Bearer "+c.APIKey)
	if c.SafetyIdentifier != "" {
		h.Set("OpenAI-Safety-Identifier", c.SafetyIdentifier)
	}
	return h
}

// Conn is one Realtime connection. One goroutine may read and one other may write at
// the same time; Close may be called from anywhere, more than once, and ends both.
type Conn struct {
	ws  *websocket.Conn
	in  *frame // the reader's, borrowed while what it read last is of use
	out *writer
	ids atomic.Int64

	pings     *keepalive.Pings // keep the connection known to be alive: without a pong its reads time out
	pongs     *keepalive.Pings // answer the model's
	closeOnce sync.Once
	closeErr  error
}

// The readers' and the writers' buffers, of which two hundred connections need one or two at a time.
var (
	incoming = sync.Pool{New: func() any { return new(frame) }}
	outgoing = sync.Pool{New: func() any { return new([]byte) }}
)

// The connection's buffer for reading holds a frame of audio in any format; longer messages are
// read past it. That for writing is not used (ADR 31).
const (
	readBuffer  = 2 << 10
	writeBuffer = 1
)

// Dial opens a connection. It follows no redirect. Errors of the handshake are
// *[DialError]. The caller must Close what it gets.
func Dial(ctx context.Context, cfg Config) (*Conn, error) {
	endpoint, err := cfg.endpoint()
	if err != nil {
		return nil, &DialError{Kind: DialMisconfigured, Err: err}
	}
	dialer := cfg.Dialer
	if dialer == nil {
		dialer = &websocket.Dialer{Proxy: http.ProxyFromEnvironment, HandshakeTimeout: handshakeMost, ReadBufferSize: readBuffer, WriteBufferSize: writeBuffer, NetDialContext: dial}
	}
	ws, resp, err := dialer.DialContext(ctx, endpoint, cfg.header())
	if resp != nil && resp.Body != nil {
		defer resp.Body.Close()
	}
	if err != nil {
		return nil, handshakeError(resp, err)
	}
	return newConn(ws, pingEvery, deadAfter), nil
}

func dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err //nolint:wrapcheck // handshakeError does
	}
	return nonblock.Wrap(conn), nil
}

func newConn(ws *websocket.Conn, pings, dead time.Duration) *Conn {
	c := &Conn{ws: ws, out: newWriter(ws.NetConn())}
	ws.SetReadLimit(readLimit)
	alive := func(string) error { return ws.SetReadDeadline(time.Now().Add(dead)) }
	ws.SetPongHandler(alive)
	c.pongs = keepalive.Asked(c.out.pong)
	ws.SetPingHandler(c.pinged)
	ws.SetCloseHandler(func(int, string) error { return nil }) // Close answers it
	_ = alive("")                                              // a socket that takes no deadline fails at its first read
	c.pings = keepalive.Start(func() error { return c.out.write(websocket.PingMessage, make([]byte, messageHead)) }, pings)
	return c
}

// pinged has a ping of the model's answered.
func (c *Conn) pinged(text string) error {
	c.out.ping.Store(&text)
	c.pongs.Soon()
	return nil
}

// Read returns the next event. A *[SyntaxError] concerns that message alone; any other
// error means that the connection is gone, as every close of it does.
func (c *Conn) Read() (ServerEvent, error) {
	f, err := c.next()
	if err != nil {
		return ServerEvent{}, err
	}
	return Decode(f.text.Bytes())
}

// next reads a message, which is good until the next one is read.
func (c *Conn) next() (*frame, error) {
	c.giveBack()
	kind, r, err := c.ws.NextReader()
	if err != nil {
		return nil, fmt.Errorf("read from the model: %w", err)
	}
	c.in, _ = incoming.Get().(*frame)
	c.in.text.Reset()
	if _, err := c.in.text.ReadFrom(r); err != nil {
		return nil, fmt.Errorf("read from the model: %w", err)
	}
	if kind != websocket.TextMessage {
		return nil, &SyntaxError{Problem: "a binary message"}
	}
	return c.in, nil
}

// giveBack gives the reader's buffer back, unless it was made for a message of a size that is rare.
func (c *Conn) giveBack() {
	if c.in != nil && c.in.text.Cap() <= keepAtMost {
		incoming.Put(c.in)
	}
	c.in = nil
}

// WriteAudio appends audio to the model's input: base64, copied as it is.
func (c *Conn) WriteAudio(audio string) error {
	var id [32]byte
	b := borrow()
	defer repay(b)
	*b = AppendAudio(*b, strconv.AppendInt(append(id[:0], "audio_"...), c.ids.Add(1), 10), audio)
	return c.out.write(websocket.TextMessage, *b)
}

// Write sends a client event. An empty event id is filled in.
func (c *Conn) Write(ev ClientEvent) error {
	data, err := Encode(ev, c.NextID("ev"))
	if err != nil {
		return err
	}
	b := borrow()
	defer repay(b)
	*b = append(*b, data...)
	return c.out.write(websocket.TextMessage, *b)
}

// borrow returns a buffer that holds the room before a message.
func borrow() *[]byte {
	b, _ := outgoing.Get().(*[]byte)
	*b = append((*b)[:0], make([]byte, messageHead)...)
	return b
}

// repay gives it back, unless it was made for a message of a size that is rare.
func repay(b *[]byte) {
	if cap(*b) <= keepAtMost {
		outgoing.Put(b)
	}
}

// touched adds what reading a message of audio touches, and what writing one does.
func (c *Conn) touched(reading, writing *prefetch.Set) {
	prefetch.WebSocketReads(c.ws, reading)
	prefetch.Value(reading, c)
	prefetch.Value(writing, c)
	prefetch.Value(writing, c.out)
	writing.Behind(c.out, 128, "turn")
	if socket := c.socket(); socket != nil {
		socket.Written(writing)
	}
}

// socket is what is under the WebSocket; nil where that is not ours.
func (c *Conn) socket() *nonblock.Conn {
	under := c.out.conn
	if secure, ok := under.(*tls.Conn); ok {
		under = secure.NetConn()
	}
	socket, _ := under.(*nonblock.Conn)
	return socket
}

// NextID makes an event id that this connection has not used.
func (c *Conn) NextID(what string) string {
	return fmt.Sprintf("%s_%d", what, c.ids.Add(1))
}

// Close ends the session: there is no other way to say so (research section 3).
func (c *Conn) Close() error {
	c.closeOnce.Do(func() {
		c.out.bye()
		c.closeErr = c.ws.Close()
	})
	c.pings.Stop()
	c.pongs.Stop()
	return c.closeErr
}
