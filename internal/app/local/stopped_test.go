package local

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/clawdbot/call-agent/call"
)

// TestAConversationThatIsToBeStoppedIsToldAtOnce, by the host that holds it: the record is
// looked at with the lease only, three times a minute.
func TestAConversationThatIsToBeStoppedIsToldAtOnce(t *testing.T) {
	h := open(t, nil)
	a := compose(t, h, site(t, nil))
	srv := httptest.NewServer(a)
	defer srv.Close()
	var placed call.Answer
	if err := json.Unmarshal(ask(a, "POST", "/tools/call_agent", request).Body.Bytes(), &placed); err != nil || placed.StreamURL == "" {
		t.Fatal(err, placed)
	}
	stream, err := url.Parse(placed.StreamURL)
	if err != nil {
		t.Fatal(err)
	}
	phone, res, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(srv.URL, "http")+stream.Path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	defer phone.Close()
	start := `{"event":"start","streamSid":"MZ1","start":{"streamSid":"MZ1","accountSid":"AC1","callSid":"CA1","mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}`
	for _, message := range []string{`{"event":"connected"}`, start} {
		if err := phone.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
			t.Fatal(err)
		}
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		for err := error(nil); err == nil; {
			_, _, err = phone.ReadMessage()
		}
	}()
	for end := time.Now().Add(10 * time.Second); len(h.Sessions()) == 0 || h.Sessions()[0].State == "opening"; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the conversation has not begun: %+v", h.Sessions())
		}
	}
	if w := ask(a, "POST", "/tools/call_agent_cancel", fmt.Sprintf(`{"callId":%q}`, placed.CallID)); w.Code != 200 {
		t.Fatal(w.Body)
	}
	if l := h.Sessions(); len(l) == 1 && l[0].State != "ending" {
		t.Errorf("when the request is answered the session is %s", l[0].State)
	}
	h.sessions.Close()
	<-gone
}
