//go:build linux

// Package lambdabench measures the functions beside a minimal one, under the same Runtime
// API in the same run: their sizes, their starts, and what an event takes once they are
// warm. It holds one benchmark; `make bench-lambda` runs it and prints its table.
package lambdabench

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/store/dynamo"
	"github.com/clawdbot/call-agent/internal/store/dynamo/dynamotest"
	"github.com/clawdbot/call-agent/telephony/twilio"
)

const (
	starts = 100 // of each function
	lives  = 600 // calls: each is placed, rings, is answered, is over and told
	unseen = 20  // of them, at the beginning, are not counted: the process is not warm yet
)

// minimal is the name of the baseline.
const minimal = "minimal"

// figures are one function's.
type figures struct {
	size           int64
	starts, ours   []time.Duration // until its first event; without its warming request, and what else it asked of others
	events, inside []time.Duration // the same of warm events
	worked         []time.Duration // their processor time
	most           int             // requests that an event made
}

// names are the functions, after the one they are measured against.
var names = []string{minimal, "voice", "status", "tools", "calls", "retry", "notify"}

// BenchmarkFunctions runs everything once and prints it as a table. Ours is the time in
// which nobody outside (DynamoDB Local, SSM, Twilio, the hook) was asked anything.
func BenchmarkFunctions(b *testing.B) {
	settle(b)
	server := dynamotest.Start(b)
	if server == nil {
		b.Skip("DynamoDB Local is missing")
	}
	report := newTable(b, server)
	o := newOutside(b, server.Endpoint)
	defer o.server.Close()
	w := &warm{B: b, outside: o, figures: map[string]*figures{}, instances: map[string]*instance{}}
	binaries, dir := map[string]string{}, b.TempDir()
	for _, name := range names {
		path := "./lambdas/" + name
		if name == minimal {
			path = "./internal/lambdabench/minimal"
		}
		w.figures[name] = &figures{}
		binaries[name], w.figures[name].size = build(b, dir, name, path)
	}
	asker, _ := build(b, dir, "asker", "./internal/lambdabench/asker")
	defer goFirst(b)()
	for range starts { // in turn, so that all see the same machine
		for _, name := range names {
			i, begun, took := launch(b, binaries[name], o.environment())
			i.stop()
			from, to := i.warming(b, name)
			if from.IsZero() {
				from = begun.Add(took)
				to = from
			}
			f := w.figures[name]
			f.starts, f.ours = append(f.starts, took), append(f.ours, took-to.Sub(from)-first(o.asked(begun, from)))
		}
	}
	i, _, _ := launch(b, asker, o.environment())
	o.calibrate(b, i)
	i.stop()
	for _, name := range names {
		w.instances[name], _, _ = launch(b, binaries[name], o.environment())
		defer w.instances[name].stop()
	}
	for n := range lives {
		if n%50 == 0 {
			runtime.GC()
			report()
		}
		w.counted = n >= unseen
		w.life(n)
	}
	b.ReportMetric(0, "ns/op")
	w.table()
}

// table prints the figures, and fails where they miss their targets.
func (w *warm) table() {
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "\nfunction\tsize MB\tstart p50\tp99\tours p50\t× minimal\tat most\twarm p50\tp99\tours p50\tp99\tat most\tworked p50\tp99\trequests\t")
	base := w.figures[minimal]
	for _, name := range names {
		f := w.figures[name]
		ratio, inside := f.judged(name, base)
		fmt.Fprintf(out, "%s\t%.2f\t%s\t%s\t%s\t%.2f\t%.0f\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t\n", name, float64(f.size)/1e6,
			ms(percentile(f.starts, 50)), ms(percentile(f.starts, 99)), ms(percentile(f.ours, 50)), ratio, startAtMost(name),
			ms(percentile(f.events, 50)), ms(percentile(f.events, 99)), ms(percentile(f.inside, 50)), ms(inside), ms(oursAtMost),
			ms(percentile(f.worked, 50)), ms(percentile(f.worked, 99)), f.most)
		for _, missed := range misses(name, ratio, inside) {
			w.Error(missed)
		}
		w.ReportMetric(float64(percentile(f.ours, 50).Microseconds())/1000, name+"-start-ms")
		w.ReportMetric(float64(inside.Microseconds())/1000, name+"-warm-p99-ms")
	}
	_ = out.Flush()
	fmt.Printf("Ours is the time without that in which somebody else was asked (the way there and back is %s of each request);\nand of warm events without the Runtime API, which is the minimal function's median;\nworked is the function's processor time, requests how many of them an event made at most (placing a call, with tools).\n\n", ms(w.outside.way))
}

// judged are the figures with targets: our part of a start as a multiple of the minimal
// function's, and the p99 of our part of a warm event, without what the Runtime API takes of
// any, which is the minimal function's median.
func (f *figures) judged(name string, base *figures) (ratio float64, inside time.Duration) {
	ratio, inside = float64(percentile(f.ours, 50))/float64(percentile(base.ours, 50)), percentile(f.inside, 99)
	if name != minimal {
		inside -= percentile(base.inside, 50)
	}
	return ratio, inside
}

// misses says which targets a function's figures miss.
func misses(name string, ratio float64, inside time.Duration) (all []string) {
	if most := startAtMost(name); ratio > most {
		all = append(all, fmt.Sprintf("%s takes %.2f times as long to start as the minimal function; its target is %.0f", name, ratio, most))
	}
	if inside > oursAtMost {
		all = append(all, fmt.Sprintf("%s takes %s of a warm event (p99); the target is %s", name, ms(inside), ms(oursAtMost)))
	}
	return all
}

// startAtMost is the target for a function's start, as a multiple of the minimal one's.
func startAtMost(name string) float64 {
	switch name {
	case minimal:
		return 1
	case "voice", "status":
		return 3
	}
	return 5
}

// oursAtMost is the target for the p99 of our part of a warm event.
const oursAtMost = 5 * time.Millisecond

func ms(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1000) }

func first(d time.Duration, _ int) time.Duration { return d }

func percentile(all []time.Duration, p int) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[(len(sorted)-1)*p/100]
}

// warm runs events through instances that stay.
type warm struct {
	*testing.B
	outside   *outside
	figures   map[string]*figures
	instances map[string]*instance
	counted   bool
}

// breath is taken before each event, so that what DynamoDB Local and this process still
// do for the last one (both on the same processors, as they are not on AWS) is not ours.
const breath = 5 * time.Millisecond

// event hands an event to a function and keeps what it took.
func (w *warm) event(name string, event any) []byte {
	w.Helper()
	b, err := json.Marshal(event)
	if err != nil {
		w.Fatal(err)
	}
	time.Sleep(breath)
	before := w.instances[name].spent(w.B)
	body, from, to := w.instances[name].invoke(w.B, b)
	asked, requests := w.outside.asked(from, to)
	spent := w.instances[name].spent(w.B) - before
	if f := w.figures[name]; w.counted {
		f.events, f.inside = append(f.events, to.Sub(from)), append(f.inside, to.Sub(from)-asked)
		f.worked, f.most = append(f.worked, spent), max(f.most, requests)
	}
	return body
}

// life is a whole call as the functions see it.
func (w *warm) life(n int) {
	w.Helper()
	w.event(minimal, map[string]any{})
	id := w.place(n)
	form, sid := w.outside.lastDial()
	w.webhook("status", form.Get("StatusCallback"), url.Values{"CallStatus": {"ringing"}, "SequenceNumber": {"1"}}, sid)
	if page := w.webhook("voice", form.Get("Url"), url.Values{"CallStatus": {"in-progress"}}, sid); !strings.Contains(page, "<Stream") {
		w.Fatalf("an answered call is told: %s", page)
	}
	w.event("retry", map[string]any{"v": 1, "callId": id, "attempt": 1})
	w.webhook("status", form.Get("StatusCallback"), url.Values{"CallStatus": {"completed"}, "SequenceNumber": {"3"}}, sid)
	answer := w.event("notify", map[string]any{"Records": []any{map[string]any{"eventName": "INSERT", "dynamodb": map[string]any{
		"SequenceNumber": "1", "Keys": map[string]any{
			dynamo.AttrPK: map[string]string{"S": dynamo.CallPrefix + id}, dynamo.AttrSK: map[string]string{"S": dynamo.OutboxPrefix + "x"},
		},
	}}}})
	if string(answer) != `{"batchItemFailures":[]}` {
		w.Fatalf("notify answered %s", answer)
	}
	var told struct{ Call call.Document }
	if err := json.Unmarshal([]byte(w.tool("call_agent_status", map[string]any{"callId": id})), &told); err != nil {
		w.Fatal(err)
	}
	if d := told.Call; d.Notification == nil || d.Notification.State != call.NoticeDelivered {
		w.Fatalf("the call is %+v", d)
	}
	var listed struct{ Calls []call.Summary }
	if err := json.Unmarshal([]byte(w.request("calls", http.MethodGet, "/calls", "", nil, bearer())), &listed); err != nil || len(listed.Calls) == 0 || string(listed.Calls[0].CallID) != id {
		w.Fatalf("the newest call is not the first of %d, %v", len(listed.Calls), err)
	}
	w.request("calls", http.MethodGet, "/calls/"+id, "", nil, bearer())
}

func bearer() map[string]string { return map[string]string{"authorization": "Bearer " + toolToken} }

// place places a call.
func (w *warm) place(n int) string {
	w.Helper()
	now := time.Now()
	var a call.Answer
	text := w.tool("call_agent", map[string]any{
		"to": fmt.Sprintf("+1415555%04d", 200+n), "goal": "Book a check-up.", "durationMinutes": 30, "userName": "Alex Morgan",
		"windowStart": now.Format(time.RFC3339), "windowEnd": now.AddDate(0, 0, 7).Format(time.RFC3339),
	})
	if err := json.Unmarshal([]byte(text), &a); err != nil || !a.OK {
		w.Fatalf("call_agent answered %s: %v", text, err)
	}
	return string(a.CallID)
}

func (w *warm) tool(name string, arguments map[string]any) string {
	w.Helper()
	b, err := json.Marshal(arguments)
	if err != nil {
		w.Fatal(err)
	}
	return w.page("tools", "/tools/"+name, "", b, map[string]string{"content-type": "application/json", "authorization": "Bearer " + toolToken})
}

// webhook is a signed request of Twilio's.
func (w *warm) webhook(function, to string, form url.Values, sid string) string {
	w.Helper()
	form.Set("CallSid", sid)
	form.Set("AccountSid", account)
	to, _, _ = strings.Cut(to, "#") // how often Twilio is to try again; it signs without it
	u, err := url.Parse(to)
	if err != nil {
		w.Fatal(err)
	}
	return w.page(function, u.Path, u.RawQuery, []byte(form.Encode()), map[string]string{
		"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": twilio.Sign(authToken, to, form),
	})
}

// page is a POST, and the body of the answer.
func (w *warm) page(function, path, query string, body []byte, headers map[string]string) string {
	w.Helper()
	return w.request(function, http.MethodPost, path, query, body, headers)
}

// request is an event of the HTTP API, and the body of the answer.
func (w *warm) request(function, method, path, query string, body []byte, headers map[string]string) string {
	w.Helper()
	headers["host"] = "agent.example"
	var answer struct {
		StatusCode int
		Body       string
	}
	b := w.event(function, map[string]any{
		"version": "2.0", "routeKey": method + " " + path, "rawPath": path, "rawQueryString": query, "headers": headers, "body": string(body),
		"requestContext": map[string]any{
			"domainName": "agent.example", "stage": "$default", "requestId": "r",
			"http": map[string]any{"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.7"},
		},
	})
	if err := json.Unmarshal(b, &answer); err != nil || answer.StatusCode/100 != 2 {
		w.Fatalf("%s %s answered %s: %v", function, path, b, err)
	}
	return answer.Body
}
