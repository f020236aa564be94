package cloudtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/telephony/twiliotest"
)

// newTalk is a world whose callee picks up, and a wait until the agent has spoken.
func newTalk(t *testing.T) (w *world, talking func()) {
	t.Helper()
	spoken := make(chan struct{})
	var once sync.Once
	w = newWorld(t, func(human twiliotest.Answer) []twiliotest.Answer { return []twiliotest.Answer{human} }, func(o *twiliotest.Options) {
		o.Observe = func(m twiliotest.Moment) {
			if m.Kind == twiliotest.AgentSpeaks {
				once.Do(func() { close(spoken) })
			}
		}
	})
	return w, func() {
		t.Helper()
		select {
		case <-spoken:
		case <-time.After(patience):
			t.Fatal("there was no conversation")
		}
	}
}

// get asks the functions for something.
func (w *world) get(method, path, body string) (status int, answer string) {
	w.Helper()
	r, err := http.NewRequestWithContext(w.Context(), method, w.base+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	r.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json, text/event-stream"}, "Authorization": {"Bearer " + toolToken}}
	if method == http.MethodGet {
		r.Header.Set("Accept", "application/json")
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// follow listens to a call through the functions, to its end, and returns its stages.
func (w *world) follow(id call.ID) (stages []call.Stage) {
	w.Helper()
	for after, end := 0, time.Now().Add(2*time.Minute); time.Now().Before(end); {
		status, body := w.get(http.MethodGet, fmt.Sprintf("/calls/%s/events?after=%d&wait=25s", id, after), "")
		var a struct {
			Events []call.StepDocument
			Last   int
			Final  bool
		}
		if err := json.Unmarshal([]byte(body), &a); err != nil || status != http.StatusOK {
			w.Fatalf("%d %s", status, body)
		}
		for _, e := range a.Events {
			stages = append(stages, e.Event)
		}
		if after = a.Last; a.Final {
			return stages
		}
	}
	w.Fatalf("the call does not end: %v", stages)
	return nil
}

// TestACallIsStoppedThroughTheFunctions: a function takes the request, and a media host that
// knows nothing of it says goodbye.
func TestACallIsStoppedThroughTheFunctions(t *testing.T) {
	if !wanted(t) {
		return
	}
	t.Parallel()
	w, talking := newTalk(t)
	w.oneHost(nil)
	a, err := w.place("+14155550123")
	if err != nil {
		t.Fatal(err)
	}
	talking()
	asked := time.Now()
	if status, body := w.get(http.MethodPost, "/tools/call_agent_cancel", `{"callId":"`+string(a.CallID)+`"}`); status != http.StatusOK || !strings.Contains(body, "cancelRequestedAt") {
		t.Fatalf("%d %s", status, body)
	}
	stages := w.follow(a.CallID)
	took := time.Since(asked)
	if last := len(stages) - 1; stages[0] != call.StageQueued || stages[last] != call.StageEnded {
		t.Errorf("%v", stages)
	}
	d := w.untilTold(a.CallID, patience)
	if d.Status != call.Canceled || d.Outcome != call.NotBooked || len(d.Attempts) != 1 || d.Attempts[0].EndReason != call.EndCanceled || took > 25*time.Second {
		t.Errorf("%s, %s after %v: %+v", d.Status, d.Outcome, took, d.Attempts)
	}
	if texts, posts := w.notices(); len(texts) != 1 || posts != 1 || !strings.Contains(texts[0], "canceled") || len(w.twilio.Calls()) != 1 || w.events() != 0 {
		t.Errorf("%v, %d posts, %d calls", texts, posts, len(w.twilio.Calls()))
	}
	for path, want := range map[string]string{"/openapi.json": `"openapi":"3.1.0"`, "/tools": "call_agent_cancel"} {
		if status, body := w.get(http.MethodGet, path, ""); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d %.200s", path, status, body)
		}
	}
	if status, body := w.get(http.MethodPost, "/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`); status != http.StatusOK || strings.Count(body, `"inputSchema"`) != 3 {
		t.Errorf("%d %.200s", status, body)
	}
	t.Logf("over %v after it was asked to stop", took.Round(time.Second))
}
