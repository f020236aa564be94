package cloudtest

import (
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/telephony/twiliotest"
)

// emulator is template.yaml deployed on an emulator of AWS.
type emulator struct {
	*world
	port    string
	outputs map[string]string
}

// deploy starts the emulator and deploys the template with a document.
func (w *world) deploy(d map[string]any) *emulator {
	w.Helper()
	e := &emulator{world: w, port: freePort(w.T), outputs: map[string]string{}}
	script := filepath.Join(root, "scripts", "deploy-emulator.sh")
	run := exec.Command("sh", script, "run", e.port)
	run.Env = append(os.Environ(), "TMPDIR="+w.dir)
	w.start("emulator", run)
	if out, err := exec.Command("sh", script, "wait", e.port).CombinedOutput(); err != nil {
		w.Fatalf("%v: %s", err, out)
	}
	cmd := exec.Command("sh", script, "deploy", e.port, w.writeDocument(d), "PublicBaseUrl="+w.base)
	cmd.Env = append(os.Environ(), "BUILD="+filepath.Join(w.dir, "build"))
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		w.Fatalf("deploy: %v\n%s", err, said.String())
	}
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		e.outputs[name] = value
	}
	return e
}

// environment is a media host's on the emulator.
func (e *emulator) environment() []string {
	return []string{
		"AWS_ENDPOINT_URL=http://127.0.0.1:" + e.port, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
		"CALLAGENT_PARAMETER=" + e.outputs["ParameterName"], "CALLAGENT_TABLE=" + e.outputs["TableName"], "CALLAGENT_ARCHIVE_BUCKET=" + e.outputs["ArchiveBucket"],
	}
}

// schedules are the names of the group's one-time schedules.
func (e *emulator) schedules() string {
	e.Helper()
	return e.aws("scheduler", "list-schedules", "--group-name", "callagent", "--query", "Schedules[].Name")
}

// kept are the names of what lies in the bucket, "None" if nothing does.
func (e *emulator) kept() string {
	e.Helper()
	return e.aws("s3api", "list-objects-v2", "--bucket", e.outputs["ArchiveBucket"], "--query", "Contents[].Key")
}

// aws asks the emulator as an owner of the account does.
func (e *emulator) aws(arguments ...string) string {
	e.Helper()
	cmd := exec.Command("sh", append([]string{filepath.Join(root, "scripts", "cloud-tools.sh"), "aws"}, append(arguments, "--output", "text")...)...)
	cmd.Env = append(os.Environ(), append(e.environment(), "AWS_DEFAULT_REGION=us-east-1", "AWS_PAGER=", "AWS_CONFIG_FILE=/dev/null")...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		e.Fatalf("aws %v: %v\n%s", arguments, err, out)
	}
	return strings.TrimSpace(string(out))
}

// front is the API under the public address: the emulator knows it by its Host header.
type front struct{ to *httputil.ReverseProxy }

// ServeHTTP hands a request on, once the API is there.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.to == nil {
		http.Error(w, "not deployed yet", http.StatusServiceUnavailable)
		return
	}
	f.to.ServeHTTP(w, r)
}

func (f *front) point(t *testing.T, port, host string) {
	t.Helper()
	target, err := url.Parse("http://127.0.0.1:" + port)
	if err != nil {
		t.Fatal(err)
	}
	f.to = &httputil.ReverseProxy{
		Transport: &http.Transport{DisableKeepAlives: true},
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host, p.Out.Host = target.Scheme, target.Host, host
		},
	}
}

// TestACallThroughTheDeployedTemplate is the whole of it on an emulator: the tool through
// the deployed API, a busy line, the second call by its schedule, the audio through a
// Caddy media host, one booking, the hook.
func TestACallThroughTheDeployedTemplate(t *testing.T) {
	if !wanted(t) {
		return
	}
	t.Parallel()
	w := newWorld(t, func(human twiliotest.Answer) []twiliotest.Answer { return []twiliotest.Answer{twiliotest.Busy, human} }, nil)
	api := &front{}
	w.base = w.serve(api)
	port := freePort(t)
	const delay = 65 * time.Second // longer than a minute, or no schedule would be made
	e := w.deploy(w.document([]string{"ws://127.0.0.1:" + port}, map[string]any{
		"recording": map[string]any{"enabled": true},
		"retry":     map[string]any{"maxAttempts": 2, "initialDelayMs": delay.Milliseconds(), "backoffFactor": 1},
	}))
	api.point(t, e.port, strings.TrimPrefix(e.outputs["url"], "http://"))
	w.startHost(port, e.environment()...)
	w.await("the functions see the media host", patience, func() bool { return answers(w.base + "/readyz") })

	a, err := w.place("+14155550123")
	if err != nil || a.Status != call.Dialing {
		t.Fatalf("%+v, %v", a, err)
	}
	w.await("the line was busy", patience, func() bool {
		d, err := w.status(a.CallID)
		return err == nil && d.Status == call.Queued && d.NextAttemptAt != nil && len(d.Attempts) == 1
	})
	if s := e.schedules(); !strings.Contains(s, string(a.CallID)+"-2-") {
		t.Errorf("no schedule for the second attempt: %s", s)
	}
	d := w.untilTold(a.CallID, delay+2*time.Minute)
	if d.Status != call.Completed || d.Outcome != call.Booked || len(d.Attempts) != 2 || d.Attempts[0].EndReason != call.EndBusy {
		t.Errorf("%s, %s after %+v", d.Status, d.Outcome, d.Attempts)
	}
	if n := w.events(); n != 1 {
		t.Errorf("%d events in the calendar", n)
	}
	texts, posts := w.notices()
	if len(texts) != 1 || posts != 1 || !strings.Contains(texts[0], "Appointment booked") {
		t.Errorf("the owner was told %d times: %q", posts, texts)
	}
	if n := len(w.twilio.Calls()); n != 2 {
		t.Errorf("%d calls were dialled for two attempts", n)
	}
	if v := w.twilio.Violations(); len(v) > 0 {
		t.Errorf("the phone company objects: %+v", v)
	}
	w.reviewKept(e, a.CallID)
}

// reviewKept reviews a call when what was said in it is in the bucket, which then is empty.
func (w *world) reviewKept(e *emulator, id call.ID) {
	w.Helper()
	var body string
	for end := time.Now().Add(patience); !strings.Contains(body, `"complete":true`) && time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		_, body = w.get(http.MethodGet, "/calls/"+string(id), "")
	}
	if !strings.Contains(body, `"complete":true`) {
		w.Fatalf("what was said is not in the bucket (%s): %s", e.kept(), body)
	}
	w.review(id, true)
	if left := e.kept(); left != "None" {
		w.Errorf("of a call that was deleted is kept: %s", left)
	}
}
