package call_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/call/calltest"
)

// FuzzDeskArguments: whatever arguments a model gives a calendar tool, it gets one answer
// that is valid JSON, and nothing is asked of the calendar outside the request's window,
// nor booked that was not offered.
func FuzzDeskArguments(f *testing.F) {
	for tool, all := range map[string][]string{
		call.ToolFindSlots:   {`{}`, `{"from":"2026-03-03"}`, `{"from":"2026-03-08T02:30:00","to":"9999-12-31"}`, `{"from":7}`, `[]`, `{"to":""}`},
		call.ToolCheckSlot:   {`{"start":"2026-03-03T09:30:00-08:00"}`, `{"start":"9999-12-31T23:59:59Z"}`, `{"start":"tomorrow"}`, `{}`, ``, `{"start":"2026-11-01T01:30:00"}`},
		call.ToolCreateEvent: {`{"start":"2026-03-03T09:30:00-08:00","title":"x"}`, `{"start":"0000-01-01T00:00:00Z","title":"\ud800"}`, `null`, `{"start":`},
		"no_such_tool\n":     {`{}`},
	} {
		for _, args := range all {
			f.Add(tool, []byte(args))
		}
	}
	f.Fuzz(func(t *testing.T, tool string, args []byte) {
		w := calltest.NewWorld()
		place(t, w)
		live := talking(t, w)
		a := call.NewDesk(live).Use(t.Context(), tool, args)
		b, err := json.Marshal(a)
		if err != nil || strings.ContainsAny(a.Error+a.Message, "\r\n") {
			t.Errorf("%q %q: %s, %v", tool, args, b, err)
		}
		if is(a.Booked, true) || len(w.Calendar.Asked()) > 0 {
			t.Errorf("%q %q booked what nobody was offered: %s", tool, args, b)
		}
		r := live.Call().Request
		for _, q := range w.Calendar.Finds() {
			if q.WindowStart.Before(r.WindowStart) || q.WindowEnd.After(r.WindowEnd) || !q.WindowEnd.After(q.WindowStart) {
				t.Errorf("%q asks the calendar for %v to %v", args, q.WindowStart, q.WindowEnd)
			}
		}
	})
}
