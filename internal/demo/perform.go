package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// ending is what an outside client is left with.
type ending struct {
	answer call.Answer
	// document is the status document as received; call is what of it is judged.
	document json.RawMessage
	call     call.Document
}

// perform does what Clawdbot does: invokes the tool, then asks for the status until
// the call is final and the owner was told.
func (s *stage) perform(ctx context.Context) (ending, error) {
	var end ending
	request := map[string]any{
		"to": calleeNumber, "goal": "Book a dental check-up for Alex.", "durationMinutes": 30,
		"userName": "Alex Morgan", "calleeName": "Bright Smile Dental",
		"windowEnd": "2026-03-06T18:00:00-08:00",
		"origin":    map[string]any{"channel": "telegram", "to": "telegram:12345"},
	}
	s.story.say(who("clawdbot"), "call_agent: phone %s, %q", call.MaskNumber(calleeNumber), request["goal"])
	if err := s.invoke(ctx, "call_agent", request, &end.answer); err != nil {
		return end, err
	}
	s.story.say(who("agent"), "answers %q, call id %s", end.answer.Status, end.answer.CallID)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	over := 0 // attempts that are known to be
	for {
		var status struct {
			Call json.RawMessage `json:"call"`
		}
		if err := s.invoke(ctx, "call_agent_status", map[string]any{"callId": end.answer.CallID}, &status); err != nil {
			return end, err
		}
		end.document, end.call = status.Call, call.Document{}
		if err := json.Unmarshal(status.Call, &end.call); err != nil {
			return end, fmt.Errorf("read the status document: %w", err)
		}
		over = s.tellRetry(end.call, over)
		if n := end.call.Notification; end.call.CompletedAt != nil && n != nil && n.State != call.NoticePending {
			return end, s.lineDown(ctx)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return end, fmt.Errorf("the call did not end (status %s, outcome %s): %w", end.call.Status, end.call.Outcome, context.Cause(ctx))
		}
	}
}

// tellRetry tells of an attempt that is over and will be followed by another, once.
func (s *stage) tellRetry(d call.Document, told int) int {
	if d.NextAttemptAt == nil || len(d.Attempts) <= told {
		return told
	}
	last := d.Attempts[len(d.Attempts)-1]
	wait := d.NextAttemptAt.Sub(*last.EndedAt)
	s.story.say(who("agent"), "attempt %d of %d: %s (%s); the next one in %v", last.Number, d.MaxAttempts, last.Status, last.EndReason, wait)
	return len(d.Attempts)
}

// lineDown waits until the phone company too says that every call is over.
func (s *stage) lineDown(ctx context.Context) error {
	for _, c := range s.twilio.Calls() {
		select {
		case <-c.Done():
		case <-ctx.Done():
			return fmt.Errorf("the line was never put down: %w", context.Cause(ctx))
		}
	}
	return nil
}

// invoke posts to a tool and reads its JSON answer.
func (s *stage) invoke(ctx context.Context, tool string, body, into any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	res, err := s.post(ctx, s.base+"/tools/"+tool, b)
	if err != nil {
		return fmt.Errorf("invoke %s: %w", tool, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", tool, err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %d: %s", tool, res.StatusCode, answer)
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("read the answer of %s: %w", tool, err)
	}
	return nil
}

// post sends a body, and sends it again where no connection came about: nothing was
// carried then. Caddy resets the connections that wait at a listener which a reload closes.
func (s *stage) post(ctx context.Context, url string, body []byte) (*http.Response, error) {
	for tries := 0; ; tries++ {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			return nil, fmt.Errorf("make the request: %w", err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+s.toolToken)
		res, err := s.client.Do(req)
		var never *net.OpError
		if !errors.As(err, &never) || never.Op != "dial" || tries == 5 {
			return res, err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return nil, err
		}
	}
}
