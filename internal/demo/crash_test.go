package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// TestKilledAtEveryStep kills the server, as kill -9 does, between any two steps of a
// call, starts it again, and demands that nothing is lost and nothing repeated: the
// call ends booked, the calendar holds one event, the owner is told once, and no
// attempt is dialled twice.
func TestKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	for name := range crashPoints {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			end, s, deaths := playThrough(t, name)
			if deaths != 1 {
				t.Fatalf("the server died %d times, want 1: the crash point was not met", deaths)
			}
			if end.Outcome != call.Booked || end.Event == nil {
				t.Errorf("outcome %s, event %v; want booked", end.Outcome, end.Event)
			}
			if n := events(t, s); n != 1 {
				t.Errorf("the calendar holds %d new events, want 1", n)
			}
			if keys := hookKeys(s); len(keys) != 1 {
				t.Errorf("the owner was told under %d keys %v, want 1", len(keys), keys)
			}
			if dials, attempts := len(s.twilio.Calls()), len(end.Attempts); dials > attempts {
				t.Errorf("%d dials for %d attempts", dials, attempts)
			}
		})
	}
}

// events counts what the call added to the owner's calendar.
func events(t *testing.T, s *stage) int {
	t.Helper()
	ics, err := os.ReadFile(s.icsPath)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(ics, []byte("BEGIN:VEVENT")) - strings.Count(busyWeek, "BEGIN:VEVENT")
}

// hookKeys are the distinct idempotency keys the owner's hook received: a repeat
// under the same key is no second notification.
func hookKeys(s *stage) []string {
	var keys []string
	for _, p := range s.hook.posts() {
		if !slices.Contains(keys, p.Key) {
			keys = append(keys, p.Key)
		}
	}
	return keys
}

// playThrough plays the scenario books against a server that dies at the point.
func playThrough(t *testing.T, crash string) (call.Document, *stage, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	// A restart takes a moment; the clock moves on by more than any lease, and less than the window.
	k := &keeper{t: t, site: childSite{Crash: crash}, skip: 5 * time.Minute}
	o := Options{Scenario: "books", Serve: k.serve, Stdout: io.Discard}
	p, err := playOf(o)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	story := newStory(io.Discard, start)
	s, err := raise(ctx, p, o, t.TempDir(), story, start)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
		if t.Failed() {
			for _, e := range story.timeline() {
				t.Logf("%6dms %-9s %s", e.AtMS, e.Who, e.What)
			}
			if b, err := os.ReadFile(k.site.LogTo); err == nil {
				t.Logf("server log:\n%s", b)
			}
		}
	}()
	end := persist(ctx, t, s)
	k.mu.Lock()
	defer k.mu.Unlock()
	return end, s, k.deaths
}

// persist is a client that does not give up: it repeats its request under one
// idempotency key until it is answered, and then asks until the owner was told.
func persist(ctx context.Context, t *testing.T, s *stage) call.Document {
	t.Helper()
	request := map[string]any{
		"to": calleeNumber, "goal": "Book a dental check-up for Alex.", "durationMinutes": 30,
		"userName": "Alex Morgan", "windowEnd": "2026-03-06T18:00:00-08:00",
	}
	var answer call.Answer
	s.keepAsking(ctx, t, "call_agent", request, &answer, func() bool { return answer.CallID != "" })
	var status struct{ Call call.Document }
	s.keepAsking(ctx, t, "call_agent_status", map[string]any{"callId": answer.CallID}, &status, func() bool {
		n := status.Call.Notification
		return status.Call.CompletedAt != nil && n != nil && n.State != call.NoticePending
	})
	return status.Call
}

func (s *stage) keepAsking(ctx context.Context, t *testing.T, tool string, body, into any, done func() bool) {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	var last string
	for ctx.Err() == nil {
		last = s.ask(ctx, tool, b, into)
		if last == "" && done() {
			return
		}
		time.Sleep(150 * time.Millisecond)
	}
	t.Fatalf("%s: no good answer in time; the last: %s %+v", tool, last, into)
}

func (s *stage) ask(ctx context.Context, tool string, body []byte, into any) (problem string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+"/tools/"+tool, bytes.NewReader(body))
	if err != nil {
		return err.Error()
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+s.toolToken)
	if tool == "call_agent" {
		req.Header.Set("Idempotency-Key", "the-one-request")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return fmt.Sprintf("%d %s %v", res.StatusCode, answer, err)
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return err.Error()
	}
	return ""
}
