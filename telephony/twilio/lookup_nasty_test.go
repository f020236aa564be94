package twilio

import (
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// FuzzLookUpDecode: whatever answers a look-up, a call that is found is one of Twilio's,
// has a status of ours, and, searched by number, was created after the dial.
func FuzzLookUpDecode(f *testing.F) {
	const known = `"sid":"CA00000000000000000000000000000001","to":"` + testTo + `","from":"` + testFrom + `","status":"busy"`
	for _, body := range []string{
		`{` + known + `,"date_created":"Tue, 24 Nov 2026 10:00:00 +0000"}`,
		`{"calls":[{` + known + `,"date_created":"Tue, 24 Nov 2026 10:00:00 +0000"}],"page":0}`,
		`{"calls":[{` + known + `,"date_created":"yesterday"}],"next_page_uri":"/elsewhere"}`,
		`{"calls":null}`, `{"calls":{}}`, `{"sid":7}`, `{"status":"dancing"}`, `[1,2`, `<html>`, ``, `{"code":20404}`,
	} {
		f.Add(200, body, true)
		f.Add(404, body, false)
	}
	f.Fuzz(func(t *testing.T, status int, body string, bySID bool) {
		if status < 200 || status > 599 {
			return
		}
		p := newProvider(t, Options{Transport: canned{status, body}})
		q := call.LookUp{To: testTo, DialledAfter: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)}
		if bySID {
			q = call.LookUp{ProviderCallID: "CA00000000000000000000000000000001"}
		}
		report, found, err := p.LookUp(t.Context(), q)
		if found != (report.ProviderCallID != "") || found && err != nil {
			t.Fatalf("%d %q: %+v %t %v", status, body, report, found, err)
		}
		if !found {
			return
		}
		if !isSID(report.ProviderCallID) || report.Status == "" || status >= 300 {
			t.Errorf("%d %q is %+v", status, body, report)
		}
		if !bySID && report.At.Before(q.DialledAfter.Add(-clockSkew)) {
			t.Errorf("%q is a call of before the dial", body)
		}
	})
}
