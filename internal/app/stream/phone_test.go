package stream

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// phone plays a carrier's part by hand: it sends silence in real time, plays what it
// gets in no time, and echoes marks.
type phone struct {
	r     *rig
	ws    *websocket.Conn
	also  func(message []byte)
	write sync.Mutex
	heard atomic.Int64 // bytes of the agent's audio
	gone  chan struct{}
	tasks sync.WaitGroup
}

const streamSID = "MZ00000000000000000000000000000001"

func (r *rig) dial(path string) *phone { r.Helper(); return r.dialWith(path, nil) }

func (r *rig) dialWith(path string, header http.Header) *phone {
	r.Helper()
	ws, _, err := websocket.DefaultDialer.DialContext(r.Context(), r.base+path, header)
	if err != nil {
		r.Fatalf("dial %s: %v", strings.Split(path, ".")[0], err)
	}
	return r.hold(ws, func([]byte) {})
}

// hold is a phone on an open socket; also is shown every message.
func (r *rig) hold(ws *websocket.Conn, also func(message []byte)) *phone {
	p := &phone{r: r, ws: ws, also: also, gone: make(chan struct{})}
	p.tasks.Go(p.read)
	r.Cleanup(p.hangUp)
	return p
}

func (p *phone) read() {
	defer close(p.gone)
	for {
		var m struct {
			Event string
			Media struct{ Payload string }
			Mark  struct{ Name string }
		}
		_, b, err := p.ws.ReadMessage()
		if err != nil {
			return
		}
		if err := json.Unmarshal(b, &m); err != nil {
			p.r.Errorf("not JSON: %s", b)
		}
		p.also(b)
		switch m.Event {
		case "media":
			p.heard.Add(int64(base64.StdEncoding.DecodedLen(len(m.Media.Payload))))
		case "mark":
			p.send(fmt.Sprintf(`{"event":"mark","sequenceNumber":"9","streamSid":%q,"mark":{"name":%q}}`, streamSID, m.Mark.Name))
		}
	}
}

func (p *phone) send(msg string) {
	p.write.Lock()
	defer p.write.Unlock()
	_ = p.ws.WriteMessage(websocket.TextMessage, []byte(msg)) // the other side may have closed
}

// start sends connected and start, and silence from then on.
func (p *phone) start(account, callSID string, parameters map[string]string) {
	p.send(`{"event":"connected","protocol":"Call","version":"1.0.0"}`)
	if parameters == nil {
		parameters = map[string]string{}
	}
	b, _ := json.Marshal(parameters)
	p.send(fmt.Sprintf(`{"event":"start","sequenceNumber":"1","streamSid":%q,"start":{"streamSid":%q,"accountSid":%q,"callSid":%q,"tracks":["inbound"],"customParameters":%s,"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}`,
		streamSID, streamSID, account, callSID, b))
	silence := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\xff", 160)))
	p.tasks.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for at := 20; ; at += 20 {
			select {
			case <-p.gone:
				return
			case <-tick.C:
				p.send(fmt.Sprintf(`{"event":"media","sequenceNumber":"2","streamSid":%q,"media":{"track":"inbound","chunk":"1","timestamp":"%d","payload":%q}}`, streamSID, at, silence))
			}
		}
	})
}

// hangUp says stop, closes, and waits until nothing of the phone is left.
func (p *phone) hangUp() {
	p.send(fmt.Sprintf(`{"event":"stop","streamSid":%q,"stop":{}}`, streamSID))
	_ = p.ws.Close()
	p.tasks.Wait()
}

// closed waits until the other side has closed.
func (p *phone) closed() {
	p.r.Helper()
	select {
	case <-p.gone:
		p.hangUp()
	case <-time.After(time.Minute):
		p.r.Fatal("the socket was not closed")
	}
}

func (p *phone) wantHeard() {
	p.r.Helper()
	p.r.await("the agent speaks", func() bool { return p.heard.Load() > 0 })
}

func (p *phone) wantSilence() {
	p.r.Helper()
	if n := p.heard.Load(); n > 0 {
		p.r.Errorf("heard %d bytes of the agent", n)
	}
}
