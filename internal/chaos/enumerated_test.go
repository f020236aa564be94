package chaos

import (
	"crypto/rand"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/call/calltest"
	"github.com/clawdbot/call-agent/internal/store/dynamo/dynamotest"
)

// scenarios are calls that take every path on which something is dialled, booked or told.
var scenarios = map[string]script{
	"booked":                    {},
	"busy, then booked":         {rings: []call.Status{call.Busy}},
	"nobody answers":            {rings: []call.Status{call.NoAnswer, call.NoAnswer, call.NoAnswer}},
	"refused":                   {ends: call.EndRefused},
	"the callee hangs up":       {ends: call.EndCalleeHangup},
	"a machine answers":         {machine: true},
	"the model is lost in talk": {ends: call.EndModelLost},
	"stopped as it is dialled":  {stopped: 40 * time.Millisecond},
	"stopped while it rings":    {stopped: 3 * time.Second},
	"stopped in talk":           {stopped: 12 * time.Second},
	"busy, then stopped":        {rings: []call.Status{call.Busy}, stopped: 30 * time.Second},
}

// most is how many effects a scenario may have: beyond it, something goes round in circles.
const most = 200

// TestKilledAtEveryEffect kills the process at every single write and request of a call,
// once before it and once after it, and judges what became of the call.
func TestKilledAtEveryEffect(t *testing.T) {
	everyEffect(t, scenarios, func() *cloud { return nil })
}

// everyEffect runs every scenario once for every effect that it has.
func everyEffect(t *testing.T, scenarios map[string]script, cloudOf func() *cloud) {
	for name, s := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kills, seen := 0, map[string]int{}
			for at := 1; at <= most; at++ {
				struck := ""
				for _, after := range []bool{false, true} {
					dir, c := t.TempDir(), cloudOf()
					k := &strike{at: at, after: after}
					synctest.Test(t, func(t *testing.T) { once(t, dir, c, s, k) })
					if k.done != "" {
						struck = k.done
						seen[struck]++
						kills++
					}
				}
				if struck == "" {
					t.Logf("%d kills: %v", kills, seen)
					return
				}
			}
			t.Errorf("more than %d effects: %v", most, seen)
		})
	}
}

// once is one call, from the request for it until it is final and told.
func once(t *testing.T, dir string, c *cloud, s script, k *strike) {
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("killed at effect %d (%s), after it: %v; the effects: %s", k.at, k.done, k.after, strings.Join(k.what, ", "))
		}
	})
	w := &world{T: t, dir: dir, fate: s, cloud: c, strike: k, calendar: calltest.NewCalendar(), owners: &owners{fate: s}}
	w.company = newCompany(w)
	w.startProcess()
	ids := []call.ID{w.place(0)}
	w.settle(ids)
	time.Sleep(5 * time.Minute) // what comes late comes to nothing
	w.people.Wait()
	w.company.lines.Wait()
	judge(w, ids)
	if k.at > len(k.what) { // undisturbed, it goes as the scenario has it
		final, err := w.current().store.Get(t.Context(), ids[0])
		if err != nil || (final.Outcome == call.Booked) != (s.ends == "" && !s.machine && len(s.rings) < 3 && s.stopped == 0) {
			t.Errorf("the outcome is %s: %v", final.Outcome, err)
		}
	}
	w.kill()
}

// TestFunctionsKilledAtEveryEffect kills one invocation of a function, or one session on a
// media host, before and after each of its effects.
func TestFunctionsKilledAtEveryEffect(t *testing.T) {
	for name, unscheduled := range map[string]bool{"with schedules": false, "every schedule lost": true} {
		t.Run(name, func(t *testing.T) {
			everyEffect(t, scenarios, func() *cloud { return &cloud{unscheduled: unscheduled} })
		})
	}
}

// TestFunctionsKilledAtEveryRequestToDynamoDB is the same over the real store, where a
// write may be several requests. It runs with the cloud's other tests (make test-cloud).
func TestFunctionsKilledAtEveryRequestToDynamoDB(t *testing.T) {
	server := dynamotest.Start(t)
	if server == nil {
		return
	}
	longest := map[string]script{"busy, then booked": scenarios["busy, then booked"]}
	everyEffect(t, longest, func() *cloud { return &cloud{endpoint: server.Endpoint, table: "calls-" + rand.Text()} })
}
