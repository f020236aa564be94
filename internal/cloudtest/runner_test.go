package cloudtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/lambdalocal"
	"github.com/clawdbot/call-agent/internal/store/dynamo"
	"github.com/clawdbot/call-agent/internal/store/dynamo/dynamotest"
	"github.com/clawdbot/call-agent/telephony/twiliotest"
)

// dist is where the functions are, of all tests; TestMain makes it.
var dist string

// build builds the functions for this machine, as they are deployed otherwise, once.
var build = sync.OnceValue(func() error {
	for _, name := range []string{"voice", "status", "tools", "calls", "retry", "notify"} {
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-tags", "lambda.norpc", "-o", filepath.Join(dist, name, "bootstrap"), "./lambdas/"+name)
		cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", name, err, out)
		}
	}
	return nil
})

// functions is the folder of the functions.
func functions(t *testing.T) string {
	t.Helper()
	if err := build(); err != nil {
		t.Fatal(err)
	}
	return dist
}

// newTable makes an empty table on DynamoDB Local, named after the test.
func (w *world) newTable() (endpoint string) {
	w.Helper()
	server := dynamotest.Start(w.T)
	if server == nil {
		w.Fatal("DynamoDB Local does not run")
	}
	w.table = w.Name()
	client := dynamo.NewClient(dynamo.ClientOptions{Region: "us-east-1", Endpoint: server.Endpoint, Credentials: localKey, HTTPClient: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}})
	if err := dynamo.CreateTable(w.Context(), client, w.table); err != nil {
		w.Fatal(err)
	}
	return server.Endpoint
}

var localKey = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
})

// run starts the functions in the runner, and w.base becomes their API.
func (w *world) run(o lambdalocal.Options, document func() map[string]any) *lambdalocal.Runner {
	w.Helper()
	o.Template, o.Table = filepath.Join(root, "template.yaml"), w.table
	o.Document = func() ([]byte, error) { return json.Marshal(document()) }
	out := &tail{}
	o.Output, o.Log = out, slog.New(slog.NewTextHandler(out, nil))
	r, err := lambdalocal.Start(w.Context(), o)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() {
		if err := r.Close(); err != nil {
			w.Error(err)
		}
		if w.Failed() {
			w.Logf("functions:\n%s", out.String())
		}
	})
	w.base = r.URL()
	return r
}

// tail keeps the last of what is written.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	const most = 64 << 10
	t.b = append(t.b, p...)
	t.b = t.b[max(0, len(t.b)-most):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}

// hostEnvironment is a media host's beside the runner.
func (w *world) hostEnvironment(r *lambdalocal.Runner, dynamoDB string) []string {
	return []string{
		"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local",
		"AWS_ENDPOINT_URL_DYNAMODB=" + dynamoDB, "AWS_ENDPOINT_URL_SSM=" + r.Services(),
		"CALLAGENT_PARAMETER=/callagent/config", "CALLAGENT_TABLE=" + w.table,
	}
}

// appointments are so many half hours of the owner's working days, from tomorrow on: a
// window for each call, so that no two calls want the same time.
func appointments(t *testing.T, n int) (windows []time.Time) {
	t.Helper()
	zone, err := time.LoadLocation(zoneName)
	if err != nil {
		t.Fatal(err)
	}
	y, m, d := time.Now().In(zone).Date()
	for day := 1; len(windows) < n; day++ {
		for half := 0; half < 16 && len(windows) < n; half++ {
			at := time.Date(y, m, d+day, 9, 30*half, 0, 0, zone)
			if at.Weekday() != time.Saturday && at.Weekday() != time.Sunday {
				windows = append(windows, at)
			}
		}
	}
	return windows
}

// TestFiftyCallsAtOnce: the cloud on one machine with everything doubled and shuffled.
func TestFiftyCallsAtOnce(t *testing.T) {
	if !wanted(t) {
		return
	}
	t.Parallel()
	const calls, delay = 50, 65 * time.Second
	w := newWorld(t, func(human twiliotest.Answer) []twiliotest.Answer {
		busy := twiliotest.Busy
		for _, a := range []*twiliotest.Answer{&busy, &human} {
			a.Nasty.Deliver = func(int, string) []time.Duration { // each twice, in any order
				return []time.Duration{rand.N(3 * time.Second), rand.N(6 * time.Second)}
			}
		}
		return []twiliotest.Answer{busy, human}
	}, func(o *twiliotest.Options) { o.CallsPerSecond = 20 })
	dynamoDB := w.newTable()
	port := freePort(t)
	document := w.document([]string{"ws://127.0.0.1:" + port}, map[string]any{
		"retry":  map[string]any{"maxAttempts": 2, "initialDelayMs": delay.Milliseconds(), "backoffFactor": 1},
		"policy": map[string]any{"calling_hours": "00:00–24:00", "max_calls_per_day": 1000, "max_concurrent": 200},
	})
	r := w.run(lambdalocal.Options{
		Dist: functions(t), DynamoDB: dynamoDB, Concurrency: 40,
		Schedule: func(string) lambdalocal.Fate {
			return lambdalocal.Fate{Doubled: rand.N(2) == 0, Lost: rand.N(4) == 0, Late: rand.N(2 * time.Second)}
		},
	}, func() map[string]any { return document })
	w.startHost(port, w.hostEnvironment(r, dynamoDB)...)
	w.await("the functions see the media host", patience, func() bool { return answers(w.base + "/readyz") })

	ids := w.placeAll(calls)
	var open map[call.ID]call.Document
	w.await("every call is final and told", delay+4*time.Minute, func() bool {
		open = w.unfinished(ids)
		return len(open) == 0
	})
	for _, id := range ids {
		d, err := w.status(id)
		if err != nil {
			t.Fatal(err)
		}
		if d.Status != call.Completed || d.Outcome != call.Booked || len(d.Attempts) != 2 || d.Attempts[0].EndReason != call.EndBusy {
			t.Errorf("%s: %s, %s after %+v", id, d.Status, d.Outcome, d.Attempts)
		}
	}
	if n := w.events(); n != calls {
		t.Errorf("%d events in the calendar", n)
	}
	texts, posts := w.notices()
	booked := 0
	for _, text := range texts {
		if strings.Contains(text, "Appointment booked") {
			booked++
		}
	}
	if booked != calls || posts != calls {
		t.Errorf("%d owners were told of a booking, by %d posts", booked, posts)
	}
	if n := len(w.twilio.Calls()); n != 2*calls {
		t.Errorf("%d calls were dialled for %d attempts", n, 2*calls)
	}
}

// placeAll places so many calls at once.
func (w *world) placeAll(n int) []call.ID {
	w.Helper()
	windows := appointments(w.T, n)
	ids := make([]call.ID, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			var a call.Answer
			request := map[string]any{
				"to": fmt.Sprintf("+1415555%04d", 110+i), "goal": "Book a check-up.", "durationMinutes": 30, "userName": "Alex Morgan",
				"windowStart": windows[i].Format(time.RFC3339), "windowEnd": windows[i].Add(30 * time.Minute).Format(time.RFC3339),
			}
			err := errBusy // some find every instance at work, and come back, as assistants do
			for try := 0; errors.Is(err, errBusy) && try < 30; try++ {
				time.Sleep(time.Duration(min(try, 1)) * time.Second)
				err = w.askUnder(fmt.Sprintf("request %d", i), "call_agent", request, &a)
			}
			if err != nil {
				w.Errorf("call %d: %v", i, err)
			}
			ids[i] = a.CallID
		})
	}
	all.Wait()
	if w.Failed() {
		w.FailNow()
	}
	return ids
}

// unfinished are the calls that are not final or not told yet.
func (w *world) unfinished(ids []call.ID) map[call.ID]call.Document {
	open := map[call.ID]call.Document{}
	for _, id := range ids {
		d, err := w.status(id)
		if err != nil || d.Notification == nil || d.Notification.State != call.NoticeDelivered {
			open[id] = d
		}
	}
	return open
}
