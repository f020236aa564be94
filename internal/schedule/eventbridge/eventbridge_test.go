package eventbridge

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/clawdbot/call-agent/call"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var now = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

// service is EventBridge Scheduler as far as it is asked.
type service struct {
	mu     sync.Mutex
	asked  []string
	bodies []string
	answer http.HandlerFunc
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.asked, s.bodies = append(s.asked, r.Method+" "+r.URL.Path), append(s.bodies, string(b))
	s.mu.Unlock()
	if s.answer != nil {
		s.answer(w, r)
		return
	}
	_, _ = io.WriteString(w, `{"ScheduleArn":"arn"}`)
}

// seen is what was asked, and with which bodies.
func (s *service) seen() (asked, bodies []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked), slices.Clone(s.bodies)
}

func newScheduler(t *testing.T, answer http.HandlerFunc) (*Scheduler, *service) {
	t.Helper()
	s := &service{answer: answer}
	server := httptest.NewServer(s)
	transport := &http.Transport{}
	t.Cleanup(func() { transport.CloseIdleConnections(); server.Close() })
	return New(Options{
		Region: "eu-central-1", Endpoint: server.URL, Group: "calls", Role: "arn:role", Target: "arn:retry:live", DeadLetters: "arn:queue",
		Now: func() time.Time { return now }, HTTPClient: &http.Client{Transport: transport},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b"}, nil
		}),
	}), s
}

func TestAnAttemptGetsItsSchedule(t *testing.T) {
	s, asked := newScheduler(t, nil)
	at := now.Add(2*time.Minute + 300*time.Millisecond)
	for range 2 {
		if err := s.Wake(t.Context(), "k3_Q-9", 2, at); err != nil {
			t.Fatal(err)
		}
	}
	var got map[string]any
	names, bodies := asked.seen()
	if err := json.Unmarshal([]byte(bodies[0]), &got); err != nil {
		t.Fatal(err)
	}
	target, _ := got["Target"].(map[string]any)
	for name, c := range map[string][2]any{
		"time, rounded up":    {got["ScheduleExpression"], "at(2026-11-24T09:02:01)"},
		"zone":                {got["ScheduleExpressionTimezone"], "UTC"},
		"group":               {got["GroupName"], "calls"},
		"afterwards":          {got["ActionAfterCompletion"], "DELETE"},
		"target":              {target["Arn"], "arn:retry:live"},
		"role":                {target["RoleArn"], "arn:role"},
		"input":               {target["Input"], `{"v":1,"callId":"k3_Q-9","attempt":2}`},
		"queue":               {target["DeadLetterConfig"].(map[string]any)["Arn"], "arn:queue"},
		"window":              {got["FlexibleTimeWindow"].(map[string]any)["Mode"], "OFF"},
		"the same name twice": {names[0], names[1]},
	} {
		if c[0] != c[1] {
			t.Errorf("%s: %v, want %v", name, c[0], c[1])
		}
	}
	err := s.Wake(t.Context(), "k3_Q-9", 2, at.Add(time.Hour))
	if names, _ = asked.seen(); err != nil || names[2] == names[0] {
		t.Errorf("an attempt that was put off has the old name: %v", err)
	}
}

func TestWhatTheSweepDoesAsEarlyIsNotScheduled(t *testing.T) {
	s, asked := newScheduler(t, nil)
	for attempt, at := range map[int]time.Time{0: now.Add(time.Hour), 1: now, 2: now.Add(59 * time.Second), 3: now.Add(-time.Hour)} {
		if err := s.Wake(t.Context(), "a", attempt, at); err != nil {
			t.Error(err)
		}
	}
	if all, _ := asked.seen(); len(all) != 0 {
		t.Errorf("%v", all)
	}
}

func TestWhatTheServiceAnswers(t *testing.T) {
	refuse := func(status int, kind string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amzn-Errortype", kind)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"Message":"no"}`)
		}
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		fails  bool
	}{
		"it is there already": {refuse(409, "ConflictException"), false},
		"throttled":           {refuse(429, "ThrottlingException"), true},
		"in trouble":          {refuse(500, "InternalServerException"), true},
		"not allowed":         {refuse(403, "AccessDeniedException"), true},
		"garbage":             {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, true},
		"cut off":             {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			s, asked := newScheduler(t, c.answer)
			err := s.Wake(t.Context(), "a", 2, now.Add(time.Hour))
			if (err != nil) != c.fails || (err != nil && !strings.Contains(err.Error(), "schedule of attempt 2")) {
				t.Errorf("%v", err)
			}
			if all, _ := asked.seen(); len(all) != 1 {
				t.Errorf("asked %d times", len(all))
			}
		})
	}
}

// TestNamesAreNames: whatever the call, AWS takes the name.
func TestNamesAreNames(t *testing.T) {
	taken := regexp.MustCompile(`^[0-9a-zA-Z\-_.]{1,64}$`)
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.StringMatching(`[A-Za-z0-9_-]{1,40}`).Draw(t, "id")
		n := rapid.IntRange(1, 99).Draw(t, "attempt")
		at := time.Unix(rapid.Int64Range(0, 1<<35).Draw(t, "at"), 0)
		if got := name(call.ID(id), n, at); !taken.MatchString(got) {
			t.Fatalf("%q", got)
		}
	})
}
