package twiliotest

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/gorilla/websocket"
)

// probePatience is how long a socket that should be refused may stay open.
const probePatience = 5 * time.Second

// probeWrongToken opens the stream with the last character of its path changed.
func (c *Call) probeWrongToken(ctx context.Context, genuine *stream) {
	last := genuine.url[len(genuine.url)-1]
	other := byte('A')
	if last == other {
		other = 'B'
	}
	wrong := c.probe(genuine)
	wrong.url = genuine.url[:len(genuine.url)-1] + string(other)
	c.expectRefusal(ctx, wrong, "a stream with a wrong token")
}

// probeSecondSocket opens the genuine URL again while the genuine stream is up.
func (c *Call) probeSecondSocket(ctx context.Context, genuine *stream) {
	c.expectRefusal(ctx, c.probe(genuine), "a second socket for the same call")
}

// probe is a stream of its own SID that never touches the line.
func (c *Call) probe(genuine *stream) *stream {
	return &stream{call: c, url: genuine.url, sid: newSID("MZ"), parameters: genuine.parameters}
}

// expectRefusal is content with a refused upgrade or a close; a message, or a socket that
// stays open while the genuine stream lives, is a violation.
func (c *Call) expectRefusal(ctx context.Context, s *stream, what string) {
	conn, err := c.dial(ctx, s.url, true)
	if err != nil {
		return
	}
	defer conn.close(true)
	stop := context.AfterFunc(ctx, conn.abort)
	defer stop()
	for _, message := range [][]byte{encode(connectedMessage{"connected", "Call", "1.0.0"}), s.startMessage()} {
		_ = conn.SetWriteDeadline(time.Now().Add(streamWrite))
		_ = conn.WriteMessage(websocket.TextMessage, message)
	}
	_ = conn.SetReadDeadline(time.Now().Add(probePatience))
	_, _, err = conn.ReadMessage()
	var network net.Error
	switch {
	case err == nil:
		c.violation(0, "%s was accepted and answered", what)
	case errors.As(err, &network) && network.Timeout() && ctx.Err() == nil:
		c.violation(0, "%s was accepted and kept open", what)
	}
}
