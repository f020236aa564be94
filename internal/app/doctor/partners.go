package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/calendar"
)

// checkCalendar asks the bridge for free times, as a call does, and creates nothing. What
// is free is the owner's business.
func checkCalendar(ctx context.Context, p *patient) Check {
	c := p.config
	bridge, err := calendar.New(calendar.Options{BaseURL: c.Calendar.BaseURL, Token: c.Calendar.Token.Reveal(), Timeout: checkLimit, Transport: p.client.Transport})
	if err != nil {
		return failed(err.Error(), "see configuration")
	}
	zone, hours := c.Defaults.Timezone, c.Defaults.WorkingHours
	if zone == "" {
		zone = "UTC"
	}
	q := call.FindSlots{
		CalendarIDs: []string{"primary"}, WindowStart: p.Now().Add(time.Hour), WindowEnd: p.Now().Add(3 * time.Hour), DurationMinutes: 30, Timezone: zone,
		WorkingHours: &call.WorkingHours{Start: hours.Start.String(), End: hours.End.String()},
	}
	for _, d := range hours.Days {
		q.WorkingHours.Days = append(q.WorkingHours.Days, int(d))
	}
	_, err = bridge.FindSlots(ctx, q)
	var e *call.CalendarError
	switch host := hostOf(c.Calendar.BaseURL); {
	case err == nil:
		return fine("the bridge at " + host + " answers find-slots")
	case errors.As(err, &e) && e.Kind == call.CalendarRefused:
		return failed("the bridge at "+host+" refuses find-slots: "+e.Error(), "check calendar.token (CALLAGENT_CALENDAR_TOKEN), and that the bridge has a calendar named primary")
	default:
		return failed("no answer of a bridge that can be used: "+trouble(err, host),
			"start one: bin/callagent calendar --dir ~/calendar, or set calendar.baseUrl (CALLAGENT_CALENDAR_BASE_URL) to yours")
	}
}

// checkHook learns whether the hooks take our token, without a notice: it sends a GET,
// which Clawdbot's hooks refuse with 405, and only where that does not tell a right token
// from a wrong one, a POST without a message, which they refuse with 400
// (research/openclaw.md section 3: a message is required and never empty). The wrong
// token comes first: who takes it as well is asked nothing more.
func checkHook(ctx context.Context, p *patient) Check {
	n := p.config.Notify
	if !n.Enabled() {
		return warning("notifications are off: nobody is told how a call ended",
			"set notify.hooksUrl and notify.hooksToken to Clawdbot's hooks (CALLAGENT_NOTIFY_HOOKS_URL, CALLAGENT_NOTIFY_HOOKS_TOKEN)")
	}
	host := hostOf(n.HooksURL)
	method := http.MethodGet
	wrong, err := p.hook(ctx, method, wrongToken)
	if err == nil && (wrong.status == http.StatusNotFound || wrong.status == http.StatusMethodNotAllowed) {
		method = http.MethodPost // the method is looked at before the token
		wrong, err = p.hook(ctx, method, wrongToken)
	}
	if err == nil && !wrong.unauthorized() {
		return oddHook(wrong, host)
	}
	var right answer
	if err == nil {
		right, err = p.hook(ctx, method, n.HooksToken.Reveal())
	}
	switch {
	case err != nil:
		return failed(trouble(err, host), "start the host of the hooks, or mend notify.hooksUrl (CALLAGENT_NOTIFY_HOOKS_URL)")
	case right.unauthorized():
		return failed(fmt.Sprintf("%s does not take the token (HTTP %d)", host, right.status),
			"set notify.hooksToken (CALLAGENT_NOTIFY_HOOKS_TOKEN) to hooks.token of Clawdbot's configuration")
	case right.status >= 200 && right.status < 300, right.status == http.StatusBadRequest,
		right.status == http.StatusMethodNotAllowed, right.status == http.StatusUnprocessableEntity:
		return fine(host + " takes the token; no notice was sent")
	}
	return oddHook(right, host)
}

// wrongToken is as long as a right one, and nobody's.
const wrongToken = "callagent-doctor-knocks-with-a-wrong-token"

func (p *patient) hook(ctx context.Context, method, token string) (answer, error) {
	return p.ask(ctx, method, p.config.Notify.HooksURL+"/agent", "", "Authorization", "Bearer "+token, "Content-Type", "application/json")
}

func (a answer) unauthorized() bool {
	return a.status == http.StatusUnauthorized || a.status == http.StatusForbidden
}

// oddHook reads an answer that Clawdbot's hooks give only when something is wrong.
func oddHook(a answer, host string) Check {
	finding := fmt.Sprintf("%s answers HTTP %d", host, a.status)
	switch {
	case a.redirect() != "":
		return failed(finding+", a redirect, which is not followed", "set notify.hooksUrl to the address that answers by itself")
	case a.status == http.StatusNotFound, a.status == http.StatusMethodNotAllowed:
		return failed(finding+": there are no hooks at this address", "set hooks.enabled true in Clawdbot's configuration, and notify.hooksUrl to its address and hooks.path (/hooks), without /agent")
	case a.status == http.StatusTooManyRequests:
		return warning(finding+": too many wrong tokens lately", "wait a minute, and run the doctor again")
	case a.status >= 500:
		return failed(finding, "look at the log of the hooks' host")
	}
	return warning(finding+", and does not ask for a token", "check that notify.hooksUrl is the address of the hooks, without /agent, and that they ask for a token")
}
