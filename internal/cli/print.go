package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/clawdbot/call-agent/call"
)

// day is how a person reads a time.
const day = "Mon 2 Jan 2006 15:04"

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("print the answer: %w", err)
	}
	return nil
}

// plain keeps control characters of others' words off the terminal, which obeys them.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

func line(w io.Writer, name, format string, a ...any) {
	fmt.Fprintf(w, "  %-12s %s\n", name, plain(fmt.Sprintf(format, a...)))
}

func printAnswer(w io.Writer, a call.Answer, to string) {
	fmt.Fprintf(w, "Call %s to %s is %s.\n", plain(string(a.CallID)), call.MaskNumber(to), plain(string(a.Status)))
	if a.LastError != "" {
		line(w, "why", "%s", a.LastError)
	}
	if a.Hint != "" {
		line(w, "answer it", "%s", a.Hint)
	}
	line(w, "follow it", "callagent tail %s", a.CallID)
}

func printPreview(w io.Writer, p call.Preview, zone *time.Location) {
	fmt.Fprintf(w, "This call would go to %s. Nothing was dialled.\n", plain(p.To))
	line(w, "says first", "%s", p.Opening)
	line(w, "then", "in a sentence of its own: %s", p.Business)
	line(w, "window", "%s to %s (%s)", p.Window.Owner.Start, p.Window.Owner.End, p.Window.Owner.Timezone)
	if p.Window.Callee.Timezone != p.Window.Owner.Timezone {
		line(w, "", "%s to %s (%s)", p.Window.Callee.Start, p.Window.Callee.End, p.Window.Callee.Timezone)
	}
	for i, s := range p.Slots {
		name := ""
		if i == 0 {
			name = "offers"
		}
		line(w, name, "%s", s.Spoken)
	}
	if p.Calendar != "" {
		line(w, "calendar", "%s", p.Calendar)
	}
	switch {
	case p.Cost.WorstCaseUSD != nil:
		line(w, "costs", "at most $%.2f (attempts: %d, each up to %d s; prices of %s)", *p.Cost.WorstCaseUSD, p.Cost.Attempts, p.Cost.MaxCallSeconds, p.Cost.PricesAsOf)
	default:
		line(w, "costs", "not known: %s", p.Cost.Reason)
	}
	switch {
	case p.Policy.Until != nil:
		line(w, "dialled", "%s: %s", p.Policy.Until.In(zone).Format(day), p.Policy.Reason)
	default:
		line(w, "dialled", "at once")
	}
}

func printEvent(w io.Writer, e call.StepDocument, zone *time.Location) {
	what := []string{string(e.Event)}
	if e.Attempt > 1 {
		what = append(what, fmt.Sprintf("(attempt %d)", e.Attempt))
	}
	if e.Start != nil {
		what = append(what, e.Start.In(location(e.Timezone, zone)).Format(day), "("+e.Timezone+")")
	}
	if e.Outcome != "" {
		what = append(what, string(e.Status)+",", string(e.Outcome))
	}
	if e.EndReason != "" {
		what = append(what, "["+string(e.EndReason)+"]")
	}
	if e.NextAttemptAt != nil {
		what = append(what, "next at", e.NextAttemptAt.In(zone).Format(time.TimeOnly))
	}
	fmt.Fprintf(w, "%s  %s\n", e.At.In(zone).Format(time.TimeOnly), plain(strings.Join(what, " ")))
}

func location(name string, otherwise *time.Location) *time.Location {
	if z, err := time.LoadLocation(name); err == nil && name != "" {
		return z
	}
	return otherwise
}

func printCall(w io.Writer, d call.Document, zone *time.Location) {
	fmt.Fprintf(w, "Call %s to %s: %s, %s.\n", plain(string(d.CallID)), call.MaskNumber(d.Request.To), plain(string(d.Status)), plain(string(d.Outcome)))
	if e := d.Event; e != nil {
		z := location(e.Timezone, zone)
		line(w, "appointment", "%s to %s (%s)", e.Start.In(z).Format(day), e.End.In(z).Format("15:04"), e.Timezone)
	}
	line(w, "attempts", "%d of %d", d.Attempt, d.MaxAttempts)
	if d.NextAttemptAt != nil {
		line(w, "next", "%s", d.NextAttemptAt.In(zone).Format(day))
	}
	if d.LastError != "" {
		line(w, "note", "%s", d.LastError)
	}
	if d.CancelRequestedAt != nil && d.CompletedAt == nil {
		line(w, "stopping", "asked for at %s", d.CancelRequestedAt.In(zone).Format(time.TimeOnly))
	}
	if r := d.Report; r != nil {
		line(w, "report", "%s (words of others)", r.Summary)
	}
	if n := d.Notification; n != nil {
		line(w, "notified", "%s", n.State)
	}
}

func printCanceled(w io.Writer, d call.Document) {
	switch {
	case d.CompletedAt == nil:
		fmt.Fprintf(w, "Call %s is being stopped; callagent status %s shows the end.\n", plain(string(d.CallID)), plain(string(d.CallID)))
	case d.Status == call.Canceled:
		fmt.Fprintf(w, "Call %s is canceled.\n", plain(string(d.CallID)))
	default:
		fmt.Fprintf(w, "Call %s was over already: %s, %s.\n", plain(string(d.CallID)), plain(string(d.Status)), plain(string(d.Outcome)))
	}
}
