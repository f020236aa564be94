package twiliostream

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/clawdbot/call-agent/media/keepalive"
	"github.com/clawdbot/call-agent/media/prefetch"
)

const (
	// readLimit is ample: inbound frames are below 500 bytes (research twilio.md section 5).
	readLimit = 64 << 10
	// startWithin bounds the time to "connected" and "start"; Twilio needs about 100 ms.
	startWithin = 10 * time.Second
	pingEvery   = 20 * time.Second
	writeWithin = 10 * time.Second
	// pongWithin is short: whoever reads the phone must not wait for it to take something.
	pongWithin = 20 * time.Millisecond
	// byeWithin is how long a phone that is let go of may take for what is on its way to it.
	byeWithin = time.Second
	// maxBeforeStart bounds what a peer may send instead of a start.
	maxBeforeStart = 16
)

// frames are the readers': two hundred streams need one or two of them at a time. A message is
// bounded by readLimit.
var frames = sync.Pool{New: func() any { return new(frame) }}

// ErrNotStarted is returned by reads and writes before [Conn.Start] succeeded: no
// message has an address until the phone has named its stream.
var ErrNotStarted = errors.New("media stream: not started: call Start first")

// Conn is the phone's side of one stream. One goroutine may call Start and Read, and at
// the same time one at a time the Write methods, Hold and Flush; Close may be called from
// anywhere, any number of times, and ends both. Conn answers pings while it is being
// read, and sends its own from a timer that Close stops.
type Conn struct {
	ws        *websocket.Conn
	cork      *Corked // under ws; nil where it writes at once
	frame     *frame  // the reader's, borrowed while what it read last is of use
	decoder   decoder
	writes    keepalive.Writes
	streamSID string // set by Start, before the writer begins
	start     Start
	// before is what stands before the payload in a media message: the same in all of them.
	before []byte
	inline [96]byte // where before is, unless the phone's name for its stream is a long one

	// pings keep middleboxes from dropping an idle socket. That a peer is gone is noticed
	// by its silence, not by a missing pong: Twilio sends 50 frames a second.
	pings     *keepalive.Pings
	closeOnce sync.Once
	closeErr  error
}

// New takes over ws, whose upgrade was just answered. The caller must Close it.
func New(ws *websocket.Conn) *Conn { return newConn(ws, pingEvery) }

func newConn(ws *websocket.Conn, pings time.Duration) *Conn {
	ws.SetReadLimit(readLimit)
	ws.SetPingHandler(func(text string) error {
		err := ws.WriteControl(websocket.PongMessage, []byte(text), time.Now().Add(pongWithin))
		if fault := net.Error(nil); errors.Is(err, websocket.ErrCloseSent) || errors.As(err, &fault) && fault.Timeout() {
			return nil // what is being written tells by itself that the phone takes nothing
		}
		return err
	})
	cork, _ := ws.NetConn().(*Corked)
	return &Conn{ws: ws, cork: cork, pings: keepalive.Start(keepalive.Of(ws), pings)}
}

// Start reads up to the phone's "start" message and returns what it said, at once
// when called again. The order is connected, start; a *[StartError] names what the
// peer did instead. It gives up after 10 s.
func (c *Conn) Start() (Start, error) {
	if c.streamSID != "" {
		return c.start, nil
	}
	if err := c.ws.SetReadDeadline(time.Now().Add(startWithin)); err != nil {
		return Start{}, fmt.Errorf("media stream: set deadline for its start: %w", err)
	}
	connected := false
	for range maxBeforeStart {
		ev, err := c.next()
		if err != nil {
			return Start{}, err
		}
		switch ev.Kind {
		case Connected:
			connected = true
		case Started:
			if !connected {
				return Start{}, &StartError{Problem: `"start" came before "connected"`}
			}
			c.begin(ev.Start)
			return c.start, c.ws.SetReadDeadline(time.Time{})
		case Media, Mark, DTMF, Stop:
			return Start{}, &StartError{Problem: `the first messages must be "connected" and "start"`}
		case Other:
		}
	}
	return Start{}, &StartError{Problem: `no "start" among the first messages`}
}

func (c *Conn) begin(s Start) {
	c.start, c.streamSID = s, s.StreamSID
	c.before = appendBefore(c.inline[:0], s.StreamSID)
}

// Read returns the next message, which is good until the next Read. A *[FrameError] concerns
// that message alone; any other error ends the stream. The deadline for a silent phone is the
// caller's: Close ends a Read.
func (c *Conn) Read() (*Event, error) {
	if c.streamSID == "" {
		return nil, ErrNotStarted
	}
	return c.next()
}

func (c *Conn) next() (*Event, error) {
	if c.frame != nil {
		frames.Put(c.frame)
		c.frame = nil
	}
	kind, r, err := c.ws.NextReader()
	if err != nil {
		return nil, fmt.Errorf("media stream: read: %w", err)
	}
	c.frame, _ = frames.Get().(*frame)
	c.frame.text.Reset()
	if _, err := c.frame.text.ReadFrom(r); err != nil {
		return nil, fmt.Errorf("media stream: read: %w", err)
	}
	if kind != websocket.TextMessage {
		return nil, &FrameError{Problem: "a binary frame; messages are JSON in text frames"}
	}
	if err := c.decoder.decode(c.frame, c.streamSID); err != nil {
		return nil, err
	}
	return &c.decoder.event, nil
}

// WriteMedia sends audio: mu-law in base64, at most [MaxMediaBytes] of it.
func (c *Conn) WriteMedia(payload string) error {
	b := borrow()
	defer buffers.Put(b)
	*b = append(append(append(*b, c.before...), payload...), afterPayload...)
	return c.write("media", *b)
}

// WriteMark sends a mark, which comes back when everything before it was played.
func (c *Conn) WriteMark(name string) error {
	b := borrow()
	defer buffers.Put(b)
	*b = AppendMark(*b, c.streamSID, name)
	return c.write("mark", *b)
}

// WriteClear makes the phone forget what it has not played.
func (c *Conn) WriteClear() error {
	return c.write("clear", AppendClear(nil, c.streamSID))
}

func (c *Conn) write(what string, msg []byte) error {
	if c.streamSID == "" {
		return fmt.Errorf("send %s: %w", what, ErrNotStarted)
	}
	if c.cork == nil { // that one sets its own deadlines
		if err := c.writes.Within(c.ws, writeWithin); err != nil {
			return fmt.Errorf("media stream: send %s: %w", what, err)
		}
	}
	if err := c.ws.WriteMessage(websocket.TextMessage, msg); err != nil {
		return fmt.Errorf("media stream: send %s: %w", what, err)
	}
	return nil
}

// Hold has the Write methods hold back what they write from now on, where there is a
// [Corked] under the socket.
func (c *Conn) Hold() {
	if c.cork != nil {
		c.cork.hold()
	}
}

// Flush writes what was held back since Hold.
func (c *Conn) Flush() error {
	if c.cork == nil {
		return nil
	}
	if err := c.cork.Flush(); err != nil {
		return fmt.Errorf("media stream: send: %w", err)
	}
	return nil
}

// Touched adds what reading a message of audio touches, and what writing one does.
func (c *Conn) Touched(reading, writing *prefetch.Set) {
	prefetch.WebSocketReads(c.ws, reading)
	prefetch.WebSocketWrites(c.ws, writing)
	prefetch.Value(reading, c)
	prefetch.Value(writing, c)
	if c.cork != nil {
		prefetch.Value(writing, c.cork)
		c.cork.Written(writing)
	}
}

// Prefetch has a Read that waited ask for ahead, where there is a [Corked] under the socket.
func (c *Conn) Prefetch(ahead *prefetch.Set) {
	if c.cork != nil {
		c.cork.Prefetch(ahead)
	}
}

// Close says goodbye to the socket and closes it. Twilio then asks the call's
// action URL what comes next.
func (c *Conn) Close() error {
	c.closeOnce.Do(func() {
		// The peer may be gone already, and a second is enough for one that is not.
		if c.cork != nil {
			c.cork.end(byeWithin)
		}
		bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
		_ = c.ws.WriteControl(websocket.CloseMessage, bye, time.Now().Add(byeWithin))
		c.closeErr = c.ws.Close()
	})
	c.pings.Stop()
	return c.closeErr
}
