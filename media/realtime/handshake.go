package realtime

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// readyWithin bounds the time from the upgrade to the end of the handshake.
const readyWithin = 10 * time.Second

// Probe says whether a call could be held now: it opens the socket with the key and
// the model, waits for session.created and closes. No session is configured and no
// response asked for, so it costs nothing. Errors are *[DialError]. It takes up to 20 s
// where ctx allows them, and is safe for concurrent use.
func (d Dialer) Probe(ctx context.Context) error {
	conn, err := Dial(ctx, d.Config)
	if err != nil {
		return err
	}
	if err := conn.handshake(ctx, func() error { _, err := conn.await("session.created"); return err }); err != nil {
		return err
	}
	_ = conn.Close() // a session was there: how its socket ends changes nothing
	return nil
}

// handshake runs do, whose reads a closed socket ends, within readyWithin and ctx. When
// it fails the connection is closed and the error is a *DialError.
func (c *Conn) handshake(ctx context.Context, do func() error) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	err := do()
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		return nil
	}
	_ = c.Close() // the handshake's error is the one to tell
	if ctx.Err() != nil {
		err = fmt.Errorf("no session in time: %w", context.Cause(ctx))
	}
	var dial *DialError
	if errors.As(err, &dial) {
		return dial
	}
	return &DialError{Kind: DialUnreachable, Err: err}
}

// await reads up to an event of type typ. An error event before it is the end: it may
// be a refused key after an accepted upgrade (research section 2).
func (c *Conn) await(typ string) (ServerEvent, error) {
	for {
		ev, err := c.Read()
		var syntax *SyntaxError
		switch {
		case errors.As(err, &syntax):
			continue
		case err != nil:
			return ServerEvent{}, closeError(err)
		case ev.Type == typ:
			return ev, nil
		case ev.Type == "error":
			return ServerEvent{}, refusal(ev.Error)
		}
	}
}

// refusal classifies an error event of the handshake. A message about the key quotes
// part of the key, so that one is left out.
func refusal(b ErrorBody) *DialError {
	kind, known := fatalCodes[b.Code]
	if !known {
		kind = DialRefused
	}
	e := &DialError{Kind: kind, Code: clip(b.Code)}
	if kind != DialUnauthorized {
		e.Err = fmt.Errorf("%.200s (parameter %q)", b.Message, b.Param)
	}
	return e
}

// closeError reads the reason of a close that came without an error event, which names
// the code behind a dot: "invalid_request_error.model_not_found" (research section 2).
func closeError(err error) error {
	var closed *websocket.CloseError
	if !errors.As(err, &closed) {
		return err
	}
	code := closed.Text[strings.LastIndexByte(closed.Text, '.')+1:]
	if kind, known := fatalCodes[code]; known {
		return &DialError{Kind: kind, Code: code, Err: fmt.Errorf("closed with code %d", closed.Code)}
	}
	return err
}
