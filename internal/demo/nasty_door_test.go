package demo

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" // Twilio's own algorithm
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/telephony/twiliotest"
)

// insist is a client that repeats its request until it is answered.
func insist(ctx context.Context, t *testing.T, s *stage, request map[string]any) call.Document {
	t.Helper()
	var answer call.Answer
	s.keepAsking(ctx, t, "call_agent", request, &answer, func() bool { return answer.CallID != "" })
	return untilTold(ctx, t, s, answer.CallID)
}

// untilTold waits until a call is final, the owner was told and every line is down.
func untilTold(ctx context.Context, t *testing.T, s *stage, id call.ID) call.Document {
	t.Helper()
	var status struct{ Call call.Document }
	s.keepAsking(ctx, t, "call_agent_status", map[string]any{"callId": id}, &status, func() bool {
		n := status.Call.Notification
		return status.Call.CompletedAt != nil && n != nil && n.State != call.NoticePending
	})
	if err := s.lineDown(ctx); err != nil {
		t.Error(err)
	}
	return status.Call
}

// door is a call agent with one call that rings, and everybody who knocks.
type door struct {
	*testing.T
	*stage
	ctx                context.Context
	account, authToken string
	id                 call.ID
	sid                string
}

// TestWhateverIsSentToTheDoor: requests, webhooks and streams that are wrong in every way
// are refused in clear words, dial nobody and change nothing of the call that rings.
func TestWhateverIsSentToTheDoor(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	p := usually(t, "busy")
	p.cast.callee = []twiliotest.Answer{{Outcome: twiliotest.OutcomeBusy, Ring: 12 * time.Second}}
	p.settings = map[string]any{"retry": map[string]any{"maxAttempts": 1}}
	d := &door{T: t, ctx: ctx}
	tr := trial{play: p, change: func(_ *testing.T, site *Site) {
		d.account, d.authToken = site.Document["twilio"].(map[string]any)["accountSid"].(string), site.Secrets["DEMO_TWILIO_TOKEN"]
	}}
	d.stage = tr.raise(ctx, t, serveHere(t))
	var answer call.Answer
	if err := d.invoke(ctx, "call_agent", d.request(), &answer); err != nil {
		t.Fatal(err)
	}
	d.id, d.sid = answer.CallID, d.twilio.Calls()[0].SID()
	d.post("/status", d.named(), d.report("ringing", "1"), d.sign, 204)
	before := d.record()
	if before.Status != call.Ringing {
		t.Fatalf("the call is %s; it should ring during the test", before.Status)
	}
	d.tools()
	d.webhooks()
	d.streams()
	if after := d.record(); after.Status != call.Ringing || !after.UpdatedAt.Equal(before.UpdatedAt) {
		t.Errorf("the call is %s, changed at %v; was %s at %v", after.Status, after.UpdatedAt, before.Status, before.UpdatedAt)
	}
	if n := len(d.twilio.Calls()); n != 1 {
		t.Errorf("%d calls were dialled, want the first alone", n)
	}
	if end := untilTold(ctx, t, d.stage, d.id); end.Status != call.Busy || len(d.hook.posts()) != 1 {
		t.Errorf("the call ended as %s, the owner was told %d times", end.Status, len(d.hook.posts()))
	}
}

func (d *door) request() map[string]any {
	return map[string]any{"to": calleeNumber, "goal": "Book a dental check-up for Alex.", "durationMinutes": 30, "windowEnd": "2026-03-06T18:00:00-08:00"}
}

func (d *door) record() call.Document {
	d.Helper()
	var status struct{ Call call.Document }
	if err := d.invoke(d.ctx, "call_agent_status", map[string]any{"callId": d.id}, &status); err != nil {
		d.Fatal(err)
	}
	return status.Call
}

// with is the good request with some fields changed.
func (d *door) with(fields ...any) string {
	d.Helper()
	m := d.request()
	m["to"] = "+14155550124"
	for i := 0; i < len(fields); i += 2 {
		m[fields[i].(string)] = fields[i+1]
	}
	b, err := json.Marshal(m)
	if err != nil {
		d.Fatal(err)
	}
	return string(b)
}

// tools sends what no assistant should.
func (d *door) tools() {
	good := d.with()
	for name, c := range map[string]struct {
		body, token, kind string
		status            int
		code              call.Code
		says              string
	}{
		"no token":               {body: good, token: "-", status: 401, code: call.Unauthorized},
		"another's token":        {body: good, token: strings.Repeat("x", 48), status: 401, code: call.Unauthorized},
		"64 KiB and one":         {body: good + strings.Repeat(" ", 64<<10+1-len(good)), status: 413, code: call.TooLarge},
		"a megabyte":             {body: d.with("goal", strings.Repeat("x", 1<<20)), status: 413, code: call.TooLarge},
		"no JSON":                {body: "to=%2B14155550124", status: 400, code: call.InvalidRequest},
		"a form":                 {body: good, kind: "application/x-www-form-urlencoded", status: 400, code: call.InvalidRequest},
		"a list":                 {body: "[" + good + "]", status: 400, code: call.InvalidRequest},
		"half":                   {body: good[:len(good)/2], status: 400, code: call.InvalidRequest},
		"two":                    {body: good + good, status: 400, code: call.InvalidRequest},
		"not UTF-8":              {body: strings.Replace(good, "dental", "d\xe9ntal", 1), status: 400, code: call.InvalidRequest, says: "UTF-8"},
		"misspelt":               {body: d.with("windowstart", "2026-03-03T00:00:00Z"), status: 400, code: call.InvalidRequest, says: "windowstart"},
		"no number":              {body: d.with("to", "call me"), status: 400, code: call.InvalidRequest, says: `"to"`},
		"a national number":      {body: d.with("to", "4155550124"), status: 400, code: call.InvalidRequest, says: `"to"`},
		"a number too long":      {body: d.with("to", "+1415555012456789"), status: 400, code: call.InvalidRequest, says: `"to"`},
		"a number of a number":   {body: d.with("to", 14155550124), status: 400, code: call.InvalidRequest, says: `"to"`},
		"our own":                {body: d.with("to", ownNumber), status: 403, code: call.Forbidden},
		"a premium number":       {body: d.with("to", "+19005550124"), status: 403, code: call.Forbidden},
		"ends before it starts":  {body: d.with("windowStart", "2026-03-07T00:00:00-08:00"), status: 400, code: call.InvalidRequest, says: "windowEnd"},
		"ends as it starts":      {body: d.with("windowStart", "2026-03-06T18:00:00-08:00"), status: 400, code: call.InvalidRequest, says: "windowEnd"},
		"is over":                {body: d.with("windowEnd", "2026-03-01T00:00:00-08:00"), status: 400, code: call.InvalidRequest, says: "windowEnd"},
		"a local time":           {body: d.with("windowEnd", "2026-03-06T18:00:00"), status: 400, code: call.InvalidRequest, says: "windowEnd"},
		"a day that never comes": {body: d.with("windowEnd", "2026-02-30T00:00:00Z"), status: 400, code: call.InvalidRequest, says: "windowEnd"},
		"a zone on the moon":     {body: d.with("timezone", "Moon/Tranquility"), status: 400, code: call.InvalidRequest, says: "timezone"},
		"the callee again":       {body: d.with("to", calleeNumber, "goal", "once more"), status: 409, code: call.Conflict, says: string(d.id)},
	} {
		if c.token == "" {
			c.token = d.toolToken
		}
		if c.kind == "" {
			c.kind = "application/json"
		}
		status, answer := d.send("/tools/call_agent", c.body, http.Header{"Authorization": {"Bearer " + strings.Trim(c.token, "-")}, "Content-Type": {c.kind}})
		var e struct {
			OK    bool
			Error struct {
				Code    call.Code
				Message string
			}
		}
		if err := json.Unmarshal([]byte(answer), &e); err != nil || status != c.status || e.Error.Code != c.code || e.Error.Message == "" || e.OK || !strings.Contains(answer, c.says) {
			d.Errorf("%s: %d %.300s", name, status, answer)
		}
	}
}

func (d *door) send(target, body string, header http.Header) (int, string) {
	d.Helper()
	r, err := http.NewRequestWithContext(d.ctx, http.MethodPost, d.base+target, strings.NewReader(body))
	if err != nil {
		d.Fatal(err)
	}
	r.Header = header
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		d.Fatalf("%s: %v", target, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		d.Fatal(err)
	}
	return res.StatusCode, string(answer)
}

// named is the query of the call that rings.
func (d *door) named() string { return fmt.Sprintf("?callId=%s&attempt=1", d.id) }

func (d *door) report(status, sequence string) url.Values {
	return url.Values{
		"AccountSid": {d.account}, "CallSid": {d.sid}, "CallStatus": {status}, "SequenceNumber": {sequence}, "CallbackSource": {"call-progress-events"},
		"From": {ownNumber}, "To": {calleeNumber}, "Direction": {"outbound-api"}, "ApiVersion": {"2010-04-01"},
		"Timestamp": {"Mon, 02 Mar 2026 18:00:05 +0000"},
	}
}

// sign is Twilio's signature of a form, as its documentation says.
func (d *door) sign(target string, form url.Values) string {
	mac := hmac.New(sha1.New, []byte(d.authToken))
	mac.Write([]byte(d.base + target))
	for _, name := range slices.Sorted(maps.Keys(form)) {
		mac.Write([]byte(name + form.Get(name)))
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// post sends a webhook with a signature and wants a status; it returns the answer's body.
func (d *door) post(path, query string, form url.Values, sign func(string, url.Values) string, want int) string {
	d.Helper()
	h := http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=UTF-8"}}
	if signature := sign(path+query, form); signature != "" {
		h.Set("X-Twilio-Signature", signature)
	}
	status, answer := d.send(path+query, form.Encode(), h)
	if status != want || (want == 403 && answer != "") {
		d.Errorf("%s %v: %d %q, want %d", path, form, status, answer, want)
	}
	return answer
}

// webhooks sends what Twilio never would, and what it would twice.
func (d *door) webhooks() {
	unsigned := func(string, url.Values) string { return "" }
	forged := func(target string, form url.Values) string {
		return (&door{stage: d.stage, authToken: "x" + d.authToken[1:]}).sign(target, form)
	}
	stolen := func(string, url.Values) string { return d.sign("/amd"+d.named(), d.report("ringing", "1")) }
	for _, path := range []string{"/voice", "/status", "/amd"} {
		for _, sign := range []func(string, url.Values) string{unsigned, forged} {
			d.post(path, d.named(), d.report("completed", "9"), sign, 403)
			d.post(path, "", d.report("completed", "9"), sign, 403)
		}
		d.post(path, d.named(), d.report("completed", "9"), stolen, 403) // replayed with other fields
		long := d.report("completed", "9")
		long.Set("Long", strings.Repeat("x", 64<<10))
		d.post(path, d.named(), long, d.sign, 413)
	}
	d.post("/status", d.named(), d.report("ringing", "1"), stolen, 403) // replayed to another path
	for range 2 {
		d.post("/status", d.named(), d.report("ringing", "1"), d.sign, 204) // replayed as it was
		d.post("/status", d.named(), d.report("initiated", "0"), d.sign, 204)
	}
	foreign, other, odd := d.report("completed", "9"), d.report("completed", "9"), d.report("dancing", "-1")
	foreign.Set("AccountSid", "AC"+strings.Repeat("0", 32))
	other.Set("CallSid", "CA"+strings.Repeat("0", 32))
	odd.Set("To", "\xff\xfe")
	for _, form := range []url.Values{foreign, other, odd, {}} {
		d.post("/status", d.named(), form, d.sign, 204)
		form.Set("AnsweredBy", "machine_start")
		d.post("/amd", d.named(), form, d.sign, 204)
		if twiml := d.post("/voice", d.named(), form, d.sign, 200); !strings.Contains(twiml, "<Hangup") || strings.Contains(twiml, "Stream") {
			d.Errorf("a foreign call is told %s", twiml)
		}
	}
	for _, query := range []string{"?callId=nobody&attempt=1", "?callId=" + string(d.id) + "&attempt=2", "?callId=" + string(d.id), "?callId=%00&attempt=x"} {
		d.post("/status", query, d.report("completed", "9"), d.sign, 204)
	}
}

// streams opens sockets that nobody announced.
func (d *door) streams() {
	expired := call.StreamToken{CallID: d.id, Attempt: 1, Expires: dayOne()}.Sign([]byte("a secret of somebody else's, which is long enough"))
	base := strings.Replace(d.base, "http", "ws", 1)
	for _, path := range []string{"/voice/stream/x", "/voice/stream/" + expired, "/voice/stream/" + strings.Repeat("A", 4096), "/voice/stream"} {
		ws, res, err := websocket.DefaultDialer.DialContext(d.ctx, base+path, nil)
		if err == nil {
			_ = ws.Close()
		}
		if !errors.Is(err, websocket.ErrBadHandshake) || res.StatusCode != http.StatusForbidden {
			d.Errorf("%.40s: %v", path, err)
		}
	}
}

// TestAPhoneCompanyWithEverythingAtOnce: webhooks forged, doubled and late, a token
// guessed and one used twice, marks lost and audio in bursts are no reason for anything.
func TestAPhoneCompanyWithEverythingAtOnce(t *testing.T) {
	t.Parallel()
	p := usually(t, "refuses")
	p.cast.callee[0].Nasty = twiliotest.Nasty{
		Forge: true, VoiceTwice: true, WrongToken: true, SecondSocket: true, Glue: true, Burst: 5, EndedFirst: true,
		Deliver: func(sequence int, _ string) []time.Duration {
			late := max(0, 3-sequence)
			return []time.Duration{time.Duration(late) * time.Second, time.Duration(late+1) * time.Second}
		},
	}
	trial{play: p}.run(t)
}
