package cloudtest

import (
	"syscall"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/lambdalocal"
)

// TestAMediaHostIsLost: the host dies in the middle of a conversation. Its lease runs out,
// the sweep finds it, and the next attempt is held by another host.
func TestAMediaHostIsLost(t *testing.T) {
	if !wanted(t) {
		return
	}
	t.Parallel()
	w, talking := newTalk(t)
	dynamoDB := w.newTable()
	first, second := freePort(t), freePort(t)
	document := w.document([]string{"ws://127.0.0.1:" + first, "ws://127.0.0.1:" + second}, map[string]any{
		"retry": map[string]any{"maxAttempts": 2, "initialDelayMs": 1000, "backoffFactor": 1},
	})
	r := w.run(lambdalocal.Options{Dist: functions(t), DynamoDB: dynamoDB}, func() map[string]any { return document })
	host := w.startHost(first, w.hostEnvironment(r, dynamoDB)...)
	w.await("the functions see the media host", patience, func() bool { return answers(w.base + "/readyz") })
	a, err := w.place("+14155550123")
	if err != nil {
		t.Fatal(err)
	}
	talking()
	host.end(syscall.SIGKILL)
	w.startHost(second, w.hostEnvironment(r, dynamoDB)...)
	d := w.untilTold(a.CallID, 6*time.Minute)
	if d.Status != call.Completed || d.Outcome != call.Booked || len(d.Attempts) != 2 || d.Attempts[0].EndReason != call.EndHostLost {
		t.Errorf("%s, %s after %+v", d.Status, d.Outcome, d.Attempts)
	}
	if texts, posts := w.notices(); w.events() != 1 || len(texts) != 1 || posts != 1 || len(w.twilio.Calls()) != 2 {
		t.Errorf("%d events, %d posts, %d calls", w.events(), posts, len(w.twilio.Calls()))
	}
}
