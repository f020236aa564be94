package callsapi

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// position is behind a line of an attempt's timeline.
type position struct{ attempt, line int }

// positionOf reads attempt.line.
func positionOf(text string) (*position, bool) {
	a, n, ok := strings.Cut(text, ".")
	attempt, err1 := strconv.ParseUint(a, 10, 16)
	line, err2 := strconv.ParseUint(n, 10, 31)
	if !ok || err1 != nil || err2 != nil || attempt == 0 {
		return nil, false
	}
	return &position{int(attempt), int(line)}, true
}

// lineEvent is a line of a timeline, with the attempt that it is of.
type lineEvent struct {
	Attempt int `json:"attempt"`
	call.Line
}

// Bounds of what is told at once: the rest follows at the next look, or the next question.
const (
	mostLines = 1000
	// lateLines is how long after the end of an attempt, or of the call, its last lines are
	// waited for: the record and the timeline are written by different hands.
	lateLines = 10 * time.Second
)

// linesAfter reads the lines behind the position, and moves it. Told says that none will
// follow, if the call is final.
func (l *listener) linesAfter(ctx context.Context) (lines []lineEvent, told bool, err error) {
	lines = []lineEvent{}
	archive := l.api.service.Archive
	if archive == nil {
		return lines, true, nil
	}
	for {
		open := false
		t, err := archive.Timeline(ctx, l.call.ID, l.lines.attempt, l.lines.line)
		switch {
		case errors.Is(err, call.ErrNotFound):
		case err != nil:
			return nil, false, l.api.unreadable(ctx, l.call.ID, err)
		default:
			room := min(mostLines-len(lines), len(t.Lines))
			for _, line := range t.Lines[:room] {
				lines = append(lines, lineEvent{l.lines.attempt, line})
				l.lines.line = line.N
			}
			if room < len(t.Lines) {
				return lines, false, nil
			}
			open = !t.Complete
		}
		if l.lines.attempt >= len(l.call.Attempts) {
			return lines, !open || l.late(), nil
		}
		if open && l.lately(l.lines.attempt) {
			return lines, false, nil
		}
		l.lines = &position{l.lines.attempt + 1, 0}
	}
}

// lately says that an attempt ended so short a time ago that its last lines may still come:
// the next one may begin before.
func (l *listener) lately(attempt int) bool {
	a := l.call.Attempt(attempt)
	return a != nil && a.EndedAt != nil && l.api.service.Now().Before(a.EndedAt.Add(lateLines))
}

// late says that the call ended so long ago that whoever wrote its last lines is lost.
func (l *listener) late() bool {
	return l.call.Final() && l.api.service.Now().After(l.call.CompletedAt.Add(lateLines))
}

// unreadable is what a client is told where the archive fails.
func (a *API) unreadable(ctx context.Context, id call.ID, err error) error {
	a.Log.ErrorContext(ctx, "cannot read what is kept of a call", "call_id", id, "error", err)
	return &call.Error{Code: call.Unavailable, RetryAfter: 5 * time.Second, Message: "What is kept of the call cannot be read now. Ask again shortly."}
}
