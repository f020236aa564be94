package realtimetest

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"github.com/clawdbot/call-agent/media/keepalive"
)

// conn is one session. Its loop owns every field; the other goroutines, which read frames and ping, end with it.
type conn struct {
	server *Server
	ws     *websocket.Conn
	call   int
	script Script
	random *rand.Rand
	beta   bool
	dead   bool
	frames chan []byte
	gone   chan struct{} // closed when the loop has ended
	sent   int           // events

	session    *session
	configured bool // a session.updated was sent
	updates    int
	spoken     bool // assistant audio was emitted: the voice is locked
	queue      []scheduled

	talk        conversation
	hearing     *detector
	hearingAt   string // format that hearing decodes
	uncommitted time.Duration
	utterance   string        // id of the future user item, while speech is active
	began       time.Duration // audio offset of that speech
	beganAt     time.Time
	turns       int // answers of the callee counted so far
	said        int // of them, those heard on this connection
	model       *model
	active      *response
	responses   int
	ended       time.Time // of the last response
	idleEpoch   int
	resumed     bool        // the client told of a conversation held before
	history     []*talkItem // of it, what the model has not taken in yet
}

// scheduled is something due later: a step of a response (owner is its id) or a transcript (no owner).
type scheduled struct {
	at    time.Time
	owner string
	do    func()
}

type event map[string]any

const (
	writeLimit = 10 * time.Second
	// pingEvery and deadAfter are what many servers do, and those that stand before them; of the real
	// one it is not known. A client that answers none is cut off.
	pingEvery = 2 * time.Second
	deadAfter = 20 * time.Second
)

func newConn(s *Server, ws *websocket.Conn, call int, script Script, r *http.Request) *conn {
	c := &conn{
		server: s, ws: ws, call: call, script: script, frames: make(chan []byte, 64), gone: make(chan struct{}),
		random: rand.New(rand.NewPCG(script.Seed, 0x5eed)),
		beta:   strings.Contains(r.Header.Get("OpenAI-Beta"), "realtime=v1"),
	}
	c.session = defaultSession(c.id("sess"), r.URL.Query().Get("model"), time.Now().Add(script.Lifetime))
	c.talk = newConversation(c.id("conv"))
	c.model = newModel(script, c.violate)
	ws.SetReadLimit(20 << 20)
	alive := func(string) error { return ws.SetReadDeadline(time.Now().Add(deadAfter)) }
	ws.SetPongHandler(alive)
	_ = alive("") // a socket that takes no deadline fails at its first read
	return c
}

func (c *conn) run() {
	reader := make(chan struct{})
	go func() {
		defer close(reader)
		c.read()
	}()
	pings := keepalive.Start(keepalive.Of(c.ws), pingEvery)
	c.loop()
	close(c.gone)
	_ = c.ws.Close()
	pings.Stop()
	<-reader
}

// read hands frames to the loop; the channel's bound makes a client that floods wait, as TCP would.
func (c *conn) read() {
	defer close(c.frames)
	for {
		kind, frame, err := c.ws.ReadMessage()
		if err != nil {
			return
		}
		if kind != websocket.TextMessage {
			frame = []byte(`"binary"`)
		}
		select {
		case c.frames <- frame:
		case <-c.gone:
			return
		}
	}
}

func (c *conn) loop() {
	if !c.open() {
		return
	}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for !c.dead {
		timer.Reset(c.next())
		select {
		case frame, ok := <-c.frames:
			if !ok {
				return
			}
			c.receive(frame)
		case <-timer.C:
			c.fire()
		case <-c.server.closing:
			c.close(websocket.CloseGoingAway, "simulated service closed")
		}
	}
}

// open says what a session begins with, or what ends it at once.
func (c *conn) open() bool {
	if c.beta {
		f := refuse("beta_api_shape_disabled", "", "The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API.")
		c.violate("upgrade", f.Code, "the header OpenAI-Beta was sent: leave it out")
		c.fail(f, "")
		c.close(4000, "invalid_request_error.beta_api_shape_disabled")
		return false
	}
	if code := c.script.Faults.AuthError; code != "" {
		c.fail(refuse(code, "", "The session was refused: %s.", code), "")
		c.close(websocket.ClosePolicyViolation, "invalid_request_error."+code)
		return false
	}
	c.emit("session.created", event{"session": c.session})
	c.after(c.script.Lifetime, "", c.expire)
	if c.script.Seed%2 == 0 { // specified, and absent from a log: clients must take both (research section 3)
		c.emit("conversation.created", event{"conversation": event{"id": c.talk.id, "object": "realtime.conversation"}})
	}
	return !c.dead
}

// after schedules do; what is due at the same moment runs in the order of scheduling.
func (c *conn) after(d time.Duration, owner string, do func()) {
	at := time.Now().Add(d)
	i, _ := slices.BinarySearchFunc(c.queue, at, func(s scheduled, at time.Time) int {
		if s.at.After(at) {
			return 1
		}
		return -1
	})
	c.queue = slices.Insert(c.queue, i, scheduled{at, owner, do})
}

func (c *conn) next() time.Duration {
	if len(c.queue) == 0 {
		return time.Hour
	}
	return max(0, time.Until(c.queue[0].at))
}

func (c *conn) fire() {
	for !c.dead && len(c.queue) > 0 && !c.queue[0].at.After(time.Now()) {
		do := c.queue[0].do
		c.queue = c.queue[1:]
		do()
	}
}

// emit sends one event; a client that doesn't read for writeLimit loses the session.
func (c *conn) emit(kind string, fields event) {
	if c.dead {
		return
	}
	fields["type"], fields["event_id"] = kind, c.id("event")
	if c.script.Faults.Unknown && c.sent%3 == 1 {
		fields["x_future_field"] = map[string]any{"level": c.sent}
	}
	c.write(fields)
	if c.script.Faults.Unknown && c.sent%10 == 4 {
		c.write(event{"type": "session.weather.updated", "event_id": c.id("event"), "sunny": true})
	}
	switch c.sent {
	case c.script.Faults.CloseAfterEvents:
		c.cut()
	case c.script.Faults.ExpireAfterEvents:
		c.script.Faults.ExpireAfterEvents = 0
		c.expire()
	}
}

// expire ends a session at its cap (research section 3).
func (c *conn) expire() {
	c.fail(refuse("session_expired", "", "Your session hit the maximum duration of 60 minutes."), "")
	c.close(websocket.CloseGoingAway, "")
}

func (c *conn) write(fields event) {
	frame, err := json.Marshal(fields)
	if err != nil {
		c.violate("", "model", "an event of ours can't be encoded: "+err.Error())
		return
	}
	if c.server.config.Record != nil {
		c.server.config.Record(SideServer, frame)
	}
	c.sent++
	_ = c.ws.SetWriteDeadline(time.Now().Add(writeLimit))
	if err := c.ws.WriteMessage(websocket.TextMessage, frame); err != nil {
		c.dead = true
	}
}

// fail sends an error event; cause is the event_id of the client's event, or empty.
func (c *conn) fail(f *fault, cause string) {
	body := event{"type": f.Type, "code": f.Code, "message": f.Message, "param": nil, "event_id": nil}
	if f.Code == "" {
		body["code"] = nil
	}
	if f.Param != "" {
		body["param"] = f.Param
	}
	if cause != "" {
		body["event_id"] = cause
	}
	c.emit("error", event{"error": body})
}

func (c *conn) close(code int, reason string) {
	c.dead = true
	_ = c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), time.Now().Add(time.Second))
}

// cut ends the socket without a close frame, as a lost machine does.
func (c *conn) cut() {
	c.dead = true
	_ = c.ws.NetConn().Close()
}

func (c *conn) violate(kind, code, message string) {
	c.server.violateUnless(false, Violation{c.call, kind, code, message})
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

func (c *conn) id(prefix string) string { return prefix + "_" + c.letters(21) }

func (c *conn) letters(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[c.random.IntN(len(alphabet))]
	}
	return string(b)
}

// veil is the padding that the service adds to deltas (research section 7).
func (c *conn) veil() string { return c.letters(4 + c.random.IntN(12)) }
