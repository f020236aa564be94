package twiliotest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// connection is a WebSocket whose segments can be glued. send is for one goroutine at a time.
type connection struct {
	*websocket.Conn
	tcp *corkedConn
}

// dial makes the upgrade as Twilio does, signed or not.
func (c *Call) dial(ctx context.Context, address string, signed bool) (*connection, error) {
	made := &connection{}
	dialer := websocket.Dialer{
		TLSClientConfig: c.server.options.TLS, HandshakeTimeout: streamWrite,
		NetDialContext: func(ctx context.Context, network, host string) (net.Conn, error) {
			plain, err := c.server.dialNetwork(ctx, network, host)
			if err != nil {
				return nil, err
			}
			made.tcp = &corkedConn{Conn: plain}
			return made.tcp, nil
		},
	}
	conn, response, err := dialer.DialContext( //nolint:bodyclose // gorilla: the body of a failed upgrade needs no closing
		ctx, address, c.upgradeHeader(address, signed))
	if err != nil {
		if response != nil {
			return nil, fmt.Errorf("upgrade answered %d: %w", response.StatusCode, err)
		}
		return nil, fmt.Errorf("upgrade: %w", err)
	}
	conn.SetReadLimit(1 << 20)
	made.Conn = conn
	return made, nil
}

func (s *Server) dialNetwork(ctx context.Context, network, address string) (net.Conn, error) {
	if s.options.DialContext != nil {
		return s.options.DialContext(ctx, network, address)
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// upgradeHeader carries the signature in lower case, as it arrives from Twilio.
func (c *Call) upgradeHeader(address string, signed bool) http.Header {
	header := http.Header{"User-Agent": {"TwilioMediaStreams/1.0"}}
	if signed {
		header["x-twilio-signature"] = []string{sign(c.server.options.AuthToken, address, nil)}
	}
	return header
}

// send writes one text message. An error is not returned: the reader meets it too.
func (c *connection) send(call *Call, text []byte) {
	call.server.wire(WireMessage{CallSID: call.sid, Text: text})
	_ = c.SetWriteDeadline(time.Now().Add(streamWrite))
	_ = c.WriteMessage(websocket.TextMessage, text)
}

func (c *connection) cork()   { c.tcp.cork() }
func (c *connection) uncork() { c.tcp.uncork() }

// abort closes the TCP connection without a word; it unblocks reader and writer.
func (c *connection) abort() { _ = c.tcp.Close() }

// close ends the WebSocket: with a close frame if clean, and without waiting for the answer,
// as Twilio was seen to close 1 ms after stop.
func (c *connection) close(clean bool) {
	if clean {
		farewell := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
		_ = c.WriteControl(websocket.CloseMessage, farewell, time.Now().Add(time.Second))
	}
	_ = c.Close()
}

// corkedConn holds writes back between cork and uncork, then makes them one.
type corkedConn struct {
	net.Conn
	mu     sync.Mutex
	corked bool
	held   bytes.Buffer
}

// Write writes now or at uncork.
func (c *corkedConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	corked := c.corked
	if corked {
		c.held.Write(p)
	}
	c.mu.Unlock()
	if corked {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

func (c *corkedConn) cork() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.corked = true
}

func (c *corkedConn) uncork() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.corked = false
	if c.held.Len() > 0 {
		_, _ = c.held.WriteTo(c.Conn) // the reader meets a broken connection too
	}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback() || strings.EqualFold(host, "localhost")
}
