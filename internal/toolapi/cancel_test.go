package toolapi

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/clawdbot/call-agent/call"
)

const cancelPath = "/tools/call_agent_cancel"

// place places a call and returns its id.
func (d *desk) place(bearer string) call.ID {
	d.Helper()
	var a call.Answer
	w := d.post(callPath, bearer, minimal)
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || !a.OK {
		d.Fatalf("%s, %v", w.Body, err)
	}
	return a.CallID
}

func callOf(t testing.TB, w *httptest.ResponseRecorder) call.Document {
	t.Helper()
	var a callAnswer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != 200 || !a.OK {
		t.Fatalf("%d %s, %v", w.Code, w.Body, err)
	}
	return a.Call
}

func TestACallIsStoppedOnceAndAnswersTheSameThen(t *testing.T) {
	d := newDesk(t)
	body := `{"callId":"` + string(d.place("full")) + `","reason":"She found another dentist.\nSee https://x.example"}`
	first := callOf(t, d.post(cancelPath, "full", body))
	if first.Status != call.Canceled || first.Outcome != call.NotBooked || first.CancelRequestedAt == nil || strings.ContainsAny(first.CancelReason, "\n") || first.CancelReason == "" {
		t.Errorf("%+v", first)
	}
	second := callOf(t, d.post(cancelPath, "full", body))
	if !second.CompletedAt.Equal(*first.CompletedAt) || second.Status != call.Canceled {
		t.Errorf("%+v", second)
	}
	if len(d.Telephony.Ended()) != 1 {
		t.Errorf("the line was put down %d times", len(d.Telephony.Ended()))
	}
}

func TestStoppingACallNeedsItsTokenAndTheScope(t *testing.T) {
	d := newDesk(t)
	own := `{"callId":"` + string(d.place("full")) + `"}`
	for _, tt := range []struct {
		bearer, body string
		want         int
	}{
		{"", own, 401},
		{"watcher", own, 403},
		{"reader", own, 403},
		{"caller", own, 403},
		{"stopper", own, 404}, // another token's call
		{"full", `{"callId":"nope"}`, 404},
		{"full", `{"callId":"../calls"}`, 404},
		{"full", `{}`, 400},
		{"full", `{"callId":"x","why":"y"}`, 400},
		{"full", `{"callId":"x","reason":7}`, 400},
		{"full", `{"callId":"x","reason":null}`, 400},
		{"full", `{"callId":"x","reason":"` + strings.Repeat("é", 201) + `"}`, 400},
		{"full", `[]`, 400},
	} {
		if w := d.post(cancelPath, tt.bearer, tt.body); w.Code != tt.want {
			t.Errorf("%q %s: %d, want %d: %s", tt.bearer, tt.body, w.Code, tt.want, w.Body)
		}
	}
	if len(d.Telephony.Ended()) != 0 {
		t.Error("somebody stopped it")
	}
}

func TestADryRunIsAnsweredAndForgotten(t *testing.T) {
	d := newDesk(t)
	dry := strings.TrimSuffix(minimal, "}") + `,"dryRun":true}`
	for range 2 {
		w := d.post(callPath, "full", dry, "Idempotency-Key", "k1")
		var p call.Preview
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != 200 || !p.DryRun || p.To != "+1******0123" || len(p.Slots) == 0 {
			t.Fatalf("%d %s, %v", w.Code, w.Body, err)
		}
	}
	if w := d.post(callPath, "full", dry, "Idempotency-Key", ""); w.Code != 400 {
		t.Errorf("a bad key: %d", w.Code)
	}
	if w := d.post(callPath, "watcher", dry); w.Code != 403 {
		t.Errorf("without the scope call: %d", w.Code)
	}
	if n := len(d.Telephony.Dials()); n != 0 {
		t.Errorf("%d dials", n)
	}
	// The same key places a real call: the dry run did not use it up.
	if w := d.post(callPath, "full", minimal, "Idempotency-Key", "k1"); w.Code != 200 || strings.Contains(w.Body.String(), "dryRun") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
