package stream

import (
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/clawdbot/call-agent/media"
	"github.com/clawdbot/call-agent/media/twiliostream"
)

// MomentsProtocol is the WebSocket subprotocol by which a phone asks to be told what
// happens in its call: the transcript, and what the agent is doing. It is granted where
// [Options].Moments is set, and to nobody else.
const MomentsProtocol = "moments.call-agent"

const (
	// mostUntold bounds the moments that wait for the socket; newer ones are dropped.
	mostUntold = 64
	// aliveEvery is how often the phone is told that this side still runs: a browser
	// sees no pings, and would take a dead network for a silent agent.
	aliveEvery = 4 * time.Second
	// tellWithin is how long a write may take, as for the stream's own messages.
	tellWithin = 10 * time.Second
	// lastWordsWithin is how long the line waits for the last moments to be written.
	lastWordsWithin = time.Second
)

// momentBooked is the desk's: the calendar holds the appointment. Text says when.
const momentBooked media.MomentKind = "booked"

// told are the moments that a phone is told. The rest is for operators.
var told = map[media.MomentKind]bool{
	media.MomentReady: true, media.MomentCalleeStarted: true, media.MomentCalleeStopped: true,
	media.MomentDisclosurePlayed: true, media.MomentBargeIn: true,
	media.MomentToolCalled: true, media.MomentToolAnswered: true, momentBooked: true,
	media.MomentTranscript: true, media.MomentFiller: true, media.MomentDTMF: true,
	media.MomentFarewellStarted: true, media.MomentApology: true, media.MomentEnded: true,
}

// teller is a phone that asked to be told: a [twiliostream.Conn] with further messages
// between the stream's own, {"event":"moment"} and {"event":"alive"}. tell may be called
// from anywhere, also on a nil teller, and never blocks. The one goroutine ends with
// Close, which waits for it.
type teller struct {
	*twiliostream.Conn
	ws  *websocket.Conn
	log *slog.Logger

	write   sync.Mutex // a socket has one writer at a time
	moments chan media.Moment
	untold  atomic.Int64

	closing   chan struct{}
	closeOnce sync.Once
	done      chan struct{}
}

func newTeller(ws *websocket.Conn, log *slog.Logger) *teller {
	t := &teller{
		Conn: twiliostream.New(ws), ws: ws, log: log, moments: make(chan media.Moment, mostUntold),
		closing: make(chan struct{}), done: make(chan struct{}),
	}
	go t.run()
	return t
}

// tell queues a moment for the phone.
func (t *teller) tell(m media.Moment) {
	if t == nil || !told[m.Kind] {
		return
	}
	select {
	case t.moments <- m:
	default:
		t.untold.Add(1)
	}
}

// run writes until the phone is closed or takes nothing any more.
func (t *teller) run() {
	defer close(t.done)
	alive := time.NewTicker(aliveEvery)
	defer alive.Stop()
	for {
		var err error
		select {
		case m := <-t.moments:
			err = t.send(momentMessage(m))
		case <-alive.C:
			err = t.send([]byte(`{"event":"alive"}`))
		case <-t.closing:
			t.flush()
			return
		}
		if err != nil {
			return // the session learns it from its own reads and writes
		}
	}
}

// flush writes what is left: the end of the call is its last moment.
func (t *teller) flush() {
	for {
		select {
		case m := <-t.moments:
			if t.send(momentMessage(m)) != nil {
				return
			}
		default:
			return
		}
	}
}

func (t *teller) send(msg []byte) error {
	t.write.Lock()
	defer t.write.Unlock()
	_ = t.ws.SetWriteDeadline(time.Now().Add(tellWithin)) // gorilla only takes note of it
	return t.ws.WriteMessage(websocket.TextMessage, msg)
}

// momentMessage is a moment on the wire.
func momentMessage(m media.Moment) []byte {
	type moment struct {
		Kind    media.MomentKind `json:"kind"`
		Name    string           `json:"name,omitempty"`
		MS      int              `json:"ms"`
		Speaker media.Speaker    `json:"speaker,omitempty"`
		Text    string           `json:"text,omitempty"`
	}
	b, _ := json.Marshal(struct { // strings and numbers always have a JSON form
		Event  string `json:"event"`
		Moment moment `json:"moment"`
	}{"moment", moment{m.Kind, m.Name, m.MS, m.Speaker, m.Text}})
	return b
}

// WriteMedia is [twiliostream.Conn.WriteMedia], between two moments.
func (t *teller) WriteMedia(payload string) error {
	t.write.Lock()
	defer t.write.Unlock()
	return t.Conn.WriteMedia(payload)
}

// WriteMark is [twiliostream.Conn.WriteMark], between two moments.
func (t *teller) WriteMark(name string) error {
	t.write.Lock()
	defer t.write.Unlock()
	return t.Conn.WriteMark(name)
}

// WriteClear is [twiliostream.Conn.WriteClear], between two moments.
func (t *teller) WriteClear() error {
	t.write.Lock()
	defer t.write.Unlock()
	return t.Conn.WriteClear()
}

// Flush is [twiliostream.Conn.Flush], between two moments.
func (t *teller) Flush() error {
	t.write.Lock()
	defer t.write.Unlock()
	return t.Conn.Flush()
}

// Close writes the last moments, then closes the stream.
func (t *teller) Close() error {
	t.closeOnce.Do(func() { close(t.closing) })
	timeout := time.NewTimer(lastWordsWithin)
	defer timeout.Stop()
	select {
	case <-t.done:
	case <-timeout.C: // the peer takes nothing: closing the socket ends the write
	}
	err := t.Conn.Close()
	<-t.done
	if n := t.untold.Swap(0); n > 0 {
		t.log.Warn("the phone was too slow to be told everything", "moments_dropped", n)
	}
	return err
}
