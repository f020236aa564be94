package twiliotest

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Codes of Twilio's debugger for streams.
const (
	codeHandshake      = 31920
	codeServerClosed   = 31921
	codeStreamScheme   = 31922
	codeStreamURL      = 31923
	codeProtocol       = 31924
	codeBufferOverflow = 31931
	codeTrack          = 31941
	codeBinary         = 31950
	codeMessage        = 31951
)

const (
	// outQueue bounds what waits for our side to read: 10 s of audio. A stream that falls
	// further behind is broken off and the call goes on without it.
	outQueue = 500
	// firstTimestamp is what recorded streams begin with: 0 or 20 would invite assumptions.
	firstTimestamp = 102
	// streamWrite is longer than outQueue lasts, so that the queue notices first.
	streamWrite = 15 * time.Second
	// lastWords is how long a peer may take to read what is queued when the call ends.
	lastWords = 2 * time.Second
)

// Why a stream ended, in StreamStopped.
const (
	stoppedByServer = "server closed"
	stoppedByCall   = "call ended"
	stoppedByBreak  = "connection broken"
	stoppedRefused  = "upgrade refused"
)

// stream is one <Connect><Stream>: a WebSocket client with one reader and one writer.
type stream struct {
	call       *Call
	url        string
	sid        string
	name       string
	parameters map[string]string
	nasty      Nasty
	callback   hook
	connection *connection
	broken     chan struct{} // closed when the writer can't keep up
	breaking   sync.Once
	lost       string // why the connection ended; written before gone is closed

	mu       sync.Mutex
	out      chan []byte // nil before start and after the end
	sequence int
	chunk    int
	echoes   int
	burst    [][]byte
	faults   map[string]bool
}

// stream carries out <Connect><Stream> and returns when the stream has ended.
func (c *Call) stream(ctx context.Context, connect *element) {
	s := c.newStream(connect.children[0])
	if s.url == "" {
		return
	}
	if c.answer.Nasty.WrongToken {
		c.probeWrongToken(ctx, s)
	}
	if err := s.open(ctx); err != nil {
		if ctx.Err() == nil {
			c.violation(codeHandshake, "stream: %v", err)
			c.observe(StreamStopped, stoppedRefused)
			s.report("stream-error", err.Error())
		}
		return
	}
	why := s.run(ctx)
	c.observe(StreamStopped, why)
	s.report("stream-stopped", "")
}

// newStream reads the element; a URL that Twilio would not dial leaves url empty.
func (c *Call) newStream(e *element) *stream {
	s := &stream{
		call: c, sid: newSID("MZ"), parameters: map[string]string{}, nasty: c.answer.Nasty,
		broken: make(chan struct{}), faults: map[string]bool{}, name: e.attrs["name"],
		callback: hook{url: e.attrs["statusCallback"], method: e.attrs["statusCallbackMethod"]},
	}
	if s.name == "" {
		s.name = s.sid
	}
	for _, p := range e.children {
		s.parameters[p.attrs["name"]] = p.attrs["value"]
	}
	if track := e.attrs["track"]; track != "" && track != "inbound_track" {
		c.violation(codeTrack, "track %q: <Connect><Stream> has only inbound_track", track)
		return s
	}
	address, query, hasQuery := strings.Cut(e.attrs["url"], "?")
	if hasQuery {
		c.violation(codeHandshake, "the stream's URL has a query of %d bytes, which Twilio drops: put it in the path", len(query))
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "":
		c.violation(codeStreamURL, "the stream's URL is not one")
	case u.Scheme != "wss" && (u.Scheme != "ws" || !isLoopback(u.Hostname())):
		c.violation(codeStreamScheme, "the stream's URL has scheme %q, only wss is allowed", u.Scheme)
	default:
		s.url = address
	}
	return s
}

// open makes the upgrade, signed over the URL exactly as the TwiML has it.
func (s *stream) open(ctx context.Context) (err error) {
	s.connection, err = s.call.dial(ctx, s.url, !s.nasty.UnsignedUpgrade)
	if err == nil {
		s.call.observe(StreamOpened, "")
	}
	return err
}

// run speaks the protocol until the call, the document or the connection ends.
func (s *stream) run(ctx context.Context) (why string) {
	var pumps sync.WaitGroup
	gone, written := make(chan struct{}), make(chan struct{})
	probing, endProbe := context.WithCancel(ctx)
	defer endProbe()
	pumps.Go(func() {
		defer close(gone)
		s.lost = s.read()
	})
	if out := s.greet(ctx, gone); out != nil {
		pumps.Go(func() {
			defer close(written)
			s.write(out)
		})
		s.report("stream-started", "")
		if s.nasty.SecondSocket {
			pumps.Go(func() { s.call.probeSecondSocket(probing, s) })
		}
	} else {
		close(written)
	}
	why = s.wait(ctx, gone)
	endProbe()
	s.finish(why)
	unread := time.AfterFunc(lastWords, s.connection.abort)
	<-written
	unread.Stop()
	s.connection.close(why == stoppedByCall)
	pumps.Wait()
	return why
}

// wait returns why the stream ended.
func (s *stream) wait(ctx context.Context, gone <-chan struct{}) string {
	var limit <-chan time.Time
	if s.nasty.BreakAfter > 0 {
		timer := time.NewTimer(s.nasty.BreakAfter)
		defer timer.Stop()
		limit = timer.C
	}
	select {
	case <-ctx.Done():
		if s.call.server.ctx.Err() == nil {
			return stoppedByCall
		}
	case <-gone:
		return s.lost
	case <-limit:
	case <-s.broken:
	}
	return stoppedByBreak
}

// greet sends connected and start, which may be late or share a segment. It returns the queue
// of what follows, or nil if it did not come to start. The line is attached before start is on
// the wire, since our side may answer it at once.
func (s *stream) greet(ctx context.Context, gone <-chan struct{}) <-chan []byte {
	if !s.delay(ctx, gone, s.nasty.ConnectedAfter) {
		return nil
	}
	if s.nasty.Glue {
		s.connection.cork()
	}
	s.connection.send(s.call, encode(connectedMessage{"connected", "Call", "1.0.0"}))
	if !s.delay(ctx, gone, s.nasty.StartAfter) {
		return nil
	}
	out := make(chan []byte, outQueue)
	s.mu.Lock()
	s.out, s.sequence = out, 1
	s.mu.Unlock()
	s.call.line.attach(s)
	s.call.observe(StreamStarted, s.sid)
	s.connection.send(s.call, s.startMessage())
	s.connection.uncork()
	return out
}

func (s *stream) delay(ctx context.Context, gone <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-gone:
	}
	return false
}

func (s *stream) startMessage() []byte {
	account := s.call.server.options.AccountSID
	return encode(startMessage{
		Event: "start", SequenceNumber: "1", StreamSID: s.sid,
		Start: startBody{
			StreamSID: s.sid, AccountSID: account, CallSID: s.call.sid, Tracks: []string{"inbound"},
			CustomParameters: s.parameters, MediaFormat: mediaFormat{"audio/x-mulaw", 8000, 1},
		},
	})
}

// finish disconnects the line; stop is the last message if the call ended in order.
func (s *stream) finish(why string) {
	s.call.line.detach()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.out == nil {
		return
	}
	if why == stoppedByCall && !s.nasty.CloseWithoutStop {
		s.flushBurst()
		stop := stopBody{s.call.server.options.AccountSID, s.call.sid}
		s.enqueue(stopMessage{"stop", s.next(), s.sid, stop})
	}
	close(s.out)
	s.out = nil
	if why != stoppedByCall {
		s.connection.abort()
	}
}

// read takes messages until the connection ends, and returns why it did.
func (s *stream) read() string {
	for {
		kind, text, err := s.connection.ReadMessage()
		if err != nil {
			return s.judgeClose(err)
		}
		if kind == websocket.BinaryMessage {
			s.fault(codeBinary, "a binary frame was ignored: messages are text")
			continue
		}
		s.call.server.wire(WireMessage{CallSID: s.call.sid, FromServer: true, Text: text})
		m, err := decodeServer(text)
		switch {
		case err != nil:
			s.fault(codeMessage, "invalid message: "+err.Error())
		case m.streamSID != s.sid:
			s.fault(codeMessage, "message with a streamSid of another stream, or before start was sent")
		default:
			s.call.line.receive(m)
		}
	}
}

// judgeClose accepts a clean close and a vanished peer; a breach of the WebSocket protocol is our side's fault.
func (s *stream) judgeClose(err error) string {
	closed := (*websocket.CloseError)(nil)
	switch {
	case !errors.As(err, &closed):
		if strings.HasPrefix(err.Error(), "websocket: ") {
			s.fault(codeProtocol, err.Error())
		}
		return stoppedByBreak
	case closed.Code == websocket.CloseAbnormalClosure:
		return stoppedByBreak
	case closed.Code == websocket.CloseNormalClosure, closed.Code == websocket.CloseGoingAway, closed.Code == websocket.CloseNoStatusReceived:
	default:
		s.fault(codeServerClosed, "the server closed with "+strconv.Itoa(closed.Code))
	}
	return stoppedByServer
}

// fault records a violation once per stream and text, as Twilio warns once.
func (s *stream) fault(code int, text string) {
	s.mu.Lock()
	known := s.faults[text]
	s.faults[text] = true
	s.mu.Unlock()
	if !known {
		s.call.violation(code, "%s", text)
	}
}

// report sends the stream's own status callback.
func (s *stream) report(event, fault string) {
	if s.callback.url == "" {
		return
	}
	fields := url.Values{
		"AccountSid": {s.call.server.options.AccountSID}, "CallSid": {s.call.sid}, "StreamSid": {s.sid}, "StreamName": {s.name},
		"StreamEvent": {event}, "Timestamp": {time.Now().UTC().Format(time.RFC3339Nano)},
	}
	if fault != "" {
		fields.Set("StreamError", fault)
	}
	s.call.work.Go(func() {
		if s.call.server.ctx.Err() == nil {
			s.call.notify(s.call.server.ctx, "stream", s.callback, fields)
		}
	})
}
