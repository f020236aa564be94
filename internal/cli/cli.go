// Package cli is the commands call, status, cancel and tail, by which a person or a script
// uses a running call agent as an assistant does: over its HTTP surface. It owns what is
// printed and the exit statuses. It never reads the server's configuration or its store.
package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// Variables that stand for --url and --token.
const (
	VarURL   = "CALLAGENT_URL"
	VarToken = "CALLAGENT_TOKEN"
)

// DefaultURL is where a server of this machine is.
const DefaultURL = "http://localhost:4545"

// The tools, as the server names them.
const (
	toolCall   = "call_agent"
	toolStatus = "call_agent_status"
	toolCancel = "call_agent_cancel"
)

// Exit statuses. Help documents them.
const (
	Done        = 0  // what was asked for was done; of a call that was waited for: it is booked
	NotBooked   = 2  // the call is over without an appointment
	Unconfirmed = 3  // the appointment may exist: the owner must check
	Refused     = 4  // the server refused: its message says how to mend it
	Unavailable = 5  // the server could not be reached, or cannot serve now
	Misused     = 64 // the command was called wrongly
	Interrupted = 130
)

// ExitHelp documents the exit statuses, for the commands' help.
const ExitHelp = `Exit status: 0 done, and with --wait or tail: booked; 2 the call is over without an appointment; 3 unconfirmed, check the calendar;
4 the server refused, its message says how to mend it; 5 it could not be reached or cannot serve now; 64 wrong use; 130 interrupted.`

// Options are what all commands have.
type Options struct {
	URL, Token string
	// JSON prints what the server answered; otherwise it is put in words for a person.
	JSON           bool
	Stdout, Stderr io.Writer
	// Zone is where a person reads times.
	Zone *time.Location
	// transport replaces the network in tests.
	transport http.RoundTripper
}

// Errand is what is asked for; fields left empty are left to the server.
type Errand struct {
	To, Goal                         string
	Duration                         time.Duration
	Timezone, CalleeTimezone         string
	WindowStart, WindowEnd           string
	UserName, CalleeName, CalendarID string
	// Key is the idempotency key; empty: a new one.
	Key          string
	DryRun, Wait bool
}

// run is one use of a command.
type run struct {
	Options
	*client
}

// misuse is a command called wrongly.
type misuse struct{ words string }

// Error is the words.
func (e *misuse) Error() string { return e.words }

func usage(format string, a ...any) error { return &misuse{fmt.Sprintf(format, a...)} }

// with does something against the server, and makes an exit status of what came of it.
func with(ctx context.Context, o Options, do func(context.Context, run) (int, error)) int {
	c, err := newClient(o.URL, o.Token, o.transport)
	status := Misused
	if err == nil {
		defer c.close()
		status, err = do(ctx, run{o, c})
	}
	if err == nil {
		return status
	}
	fmt.Fprintln(o.Stderr, err)
	var wrong *misuse
	var r *refused
	switch {
	case ctx.Err() != nil:
		return Interrupted
	case errors.As(err, &wrong):
		return Misused
	case errors.As(err, &r) && !r.temporary():
		return Refused
	}
	return Unavailable
}

// Call places a call, or says what it would be; with Wait it follows it to its end.
func Call(ctx context.Context, o Options, e Errand) int {
	return with(ctx, o, func(ctx context.Context, r run) (int, error) {
		body, err := e.body()
		if err != nil {
			return 0, err
		}
		if e.DryRun {
			var p call.Preview
			return Done, r.show(r.patiently(ctx, toolCall, body, "", &p), &p, func(w io.Writer) { printPreview(w, p, r.Zone) })
		}
		if e.Key == "" {
			e.Key = rand.Text()
		}
		var a call.Answer
		if err := r.patiently(ctx, toolCall, body, e.Key, &a); err != nil {
			return 0, err
		}
		if !e.Wait {
			return Done, r.show(nil, &a, func(w io.Writer) { printAnswer(w, a, e.To) })
		}
		if !r.JSON {
			printAnswer(r.Stdout, a, e.To)
		}
		return r.await(ctx, a.CallID)
	})
}

func (e Errand) body() (map[string]any, error) {
	minutes := int(e.Duration / time.Minute)
	switch {
	case e.To == "":
		return nil, usage("--to is missing: the number in E.164, such as +14155550123")
	case e.Goal == "":
		return nil, usage("--goal is missing: what to achieve, in plain words")
	case e.Duration <= 0 || time.Duration(minutes)*time.Minute != e.Duration:
		return nil, usage("--duration must be whole minutes, such as 30m or 1h30m")
	case e.DryRun && e.Wait:
		return nil, usage("--dry-run places no call that --wait could wait for")
	}
	body := map[string]any{"to": e.To, "goal": e.Goal, "durationMinutes": minutes}
	for name, v := range map[string]string{
		"timezone": e.Timezone, "calleeTimezone": e.CalleeTimezone, "windowStart": e.WindowStart, "windowEnd": e.WindowEnd,
		"userName": e.UserName, "calleeName": e.CalleeName, "calendarId": e.CalendarID,
	} {
		if v != "" {
			body[name] = v
		}
	}
	if e.DryRun {
		body["dryRun"] = true
	}
	return body, nil
}

// shown is the answer of the tools that show a call.
type shown struct {
	OK   bool          `json:"ok"`
	Call call.Document `json:"call"`
}

// Status says how a call stands.
func Status(ctx context.Context, o Options, id string) int {
	return with(ctx, o, func(ctx context.Context, r run) (int, error) {
		var s shown
		err := r.patiently(ctx, toolStatus, map[string]any{"callId": id}, "", &s)
		return Done, r.show(err, &s, func(w io.Writer) { printCall(w, s.Call, r.Zone) })
	})
}

// Cancel stops a call.
func Cancel(ctx context.Context, o Options, id, reason string) int {
	return with(ctx, o, func(ctx context.Context, r run) (int, error) {
		body := map[string]any{"callId": id}
		if reason != "" {
			body["reason"] = reason
		}
		var s shown
		err := r.patiently(ctx, toolCancel, body, "", &s)
		return Done, r.show(err, &s, func(w io.Writer) { printCanceled(w, s.Call) })
	})
}

// Tail prints the events of a call as they come, to its end.
func Tail(ctx context.Context, o Options, id string) int {
	return with(ctx, o, func(ctx context.Context, r run) (int, error) {
		last, err := r.follow(ctx, call.ID(id), func(e call.StepDocument) error {
			if r.JSON {
				return printJSON(r.Stdout, e)
			}
			printEvent(r.Stdout, e, r.Zone)
			return nil
		})
		return statusOf(last.Outcome), err
	})
}

// await follows a call to its end, and shows what came of it.
func (r run) await(ctx context.Context, id call.ID) (int, error) {
	last, err := r.follow(ctx, id, func(e call.StepDocument) error {
		if !r.JSON {
			printEvent(r.Stdout, e, r.Zone)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	var s shown
	if err := r.patiently(ctx, toolStatus, map[string]any{"callId": id}, "", &s); err != nil {
		return 0, err
	}
	return statusOf(last.Outcome), r.show(nil, &s, func(w io.Writer) { printCall(w, s.Call, r.Zone) })
}

func statusOf(o call.Outcome) int {
	switch o {
	case call.Booked:
		return Done
	case call.Unconfirmed:
		return Unconfirmed
	case call.NotBooked, call.Pending:
	}
	return NotBooked
}

// show prints an answer, unless there is an error.
func (r run) show(err error, answer any, words func(io.Writer)) error {
	switch {
	case err != nil:
		return err
	case r.JSON:
		return printJSON(r.Stdout, answer)
	}
	words(r.Stdout)
	return nil
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
