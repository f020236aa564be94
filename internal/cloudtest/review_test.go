package cloudtest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/telephony/twiliotest"
)

// review lists, reads and deletes a final call through the API, the only one there is.
// Kept says whether somebody was on the line, and what was said was kept.
func (w *world) review(id call.ID, kept bool) {
	w.Helper()
	path := "/calls/" + string(id)
	status, body := w.get(http.MethodGet, path, "")
	var whole struct {
		Call  call.Document
		Steps []call.StepDocument

		Timelines  []call.Timeline
		Recordings []struct{ Bytes int64 }
	}
	if err := json.Unmarshal([]byte(body), &whole); err != nil || status != http.StatusOK || whole.Call.CallID != id || len(whole.Steps) < 2 || !strings.Contains(body, `"keeps":{`) {
		w.Fatalf("%d %s", status, body)
	}
	if status, page := w.get(http.MethodGet, "/console", ""); status != http.StatusOK || !strings.Contains(page, "<html") {
		w.Errorf("the console: %d %.200s", status, page)
	}
	c := whole.Call
	if !kept && len(whole.Timelines)+len(whole.Recordings) > 0 || kept && (len(whole.Timelines) != 1 || !whole.Timelines[0].Complete || whole.Timelines[0].Cut || len(whole.Recordings) != 1) {
		w.Errorf("what is kept of it, %v: %d timelines, %v", kept, len(whole.Timelines), whole.Recordings)
	}
	status, body = w.get(http.MethodGet, path+"/recording", "")
	if kept && (status != http.StatusOK || !strings.HasPrefix(body, "RIFF") || int64(len(body)) != whole.Recordings[0].Bytes) || !kept && status != http.StatusNotFound {
		w.Errorf("the recording: %d, %d bytes", status, len(body))
	}
	for query, want := range map[string]int{
		"": 1, "?limit=1": 1, "?status=" + string(c.Status): 1, "?outcome=" + string(c.Outcome): 1, "?to=%2B" + c.Request.To[1:]: 1,
		"?status=ringing": 0, "?outcome=unconfirmed": 0, "?to=%2B4930100001": 0,
		"?until=" + c.CreatedAt.Format(time.RFC3339Nano):                                                                  0,
		"?from=" + c.CreatedAt.Format(time.RFC3339Nano) + "&status=" + string(c.Status) + "&outcome=" + string(c.Outcome): 1,
	} {
		if got := w.list(query); len(got) != want || want == 1 && got[0] != id {
			w.Errorf("%s lists %v", query, got)
		}
	}
	for method, target := range map[string]string{http.MethodGet: "/calls/nope/recording", http.MethodDelete: "/calls/nope"} {
		if status, body := w.get(method, target, ""); status != http.StatusNotFound || !strings.Contains(body, `"code":"not_found"`) {
			w.Errorf("%s %s: %d %s", method, target, status, body)
		}
	}
	if status, body := w.get(http.MethodDelete, path, ""); status != http.StatusOK || !strings.Contains(body, string(id)) {
		w.Fatalf("%d %s", status, body)
	}
	for _, route := range [][2]string{{http.MethodDelete, path}, {http.MethodGet, path}, {http.MethodGet, path + "/events"}} {
		if status, _ := w.get(route[0], route[1], ""); status != http.StatusNotFound {
			w.Errorf("%v after the deletion: %d", route, status)
		}
	}
	if got := w.list(""); len(got) > 0 {
		w.Errorf("%v is still listed", got)
	}
	if _, err := w.status(id); err == nil {
		w.Error("call_agent_status still knows it")
	}
}

// list is what GET /calls answers to a query.
func (w *world) list(query string) (ids []call.ID) {
	w.Helper()
	status, body := w.get(http.MethodGet, "/calls"+query, "")
	var a struct{ Calls []call.Summary }
	if err := json.Unmarshal([]byte(body), &a); err != nil || status != http.StatusOK {
		w.Fatalf("%s: %d %s", query, status, body)
	}
	for _, c := range a.Calls {
		ids = append(ids, c.CallID)
	}
	return ids
}

// TestACallIsReviewed: the function calls, as it is deployed, over DynamoDB Local.
func TestACallIsReviewed(t *testing.T) {
	if !wanted(t) {
		return
	}
	t.Parallel()
	w := newWorld(t, func(twiliotest.Answer) []twiliotest.Answer { return []twiliotest.Answer{twiliotest.Busy} }, nil)
	w.oneHost(map[string]any{"retry": map[string]any{"maxAttempts": 1}})
	a, err := w.place("+14155550123")
	if err != nil {
		t.Fatal(err)
	}
	w.untilTold(a.CallID, patience)
	w.review(a.CallID, false)
}
