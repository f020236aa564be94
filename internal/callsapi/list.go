package callsapi

import (
	"context"
	"net/http"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/access"
)

// Sizes of a page.
const (
	usualPage = 50
	mostPage  = 100
)

// listAnswer is the answer of GET /calls.
type listAnswer struct {
	OK    bool           `json:"ok"`
	Calls []call.Summary `json:"calls"`
	// Next is the cursor of the next page; absent at the end. A page with few calls, or
	// none, may have one: what is read for a page is bounded.
	Next string `json:"next,omitempty"`
}

// list answers GET /calls: a page, or with Accept: text/event-stream the first page and
// then what changes in it.
func (a *API) list(w http.ResponseWriter, r *http.Request) error {
	who, err := a.CallerWith(r.Header, access.ScopeStatus)
	if err != nil {
		return err
	}
	live := accepts(r, eventStream)
	q, err := listQuery(r, who, live)
	if err != nil {
		return err
	}
	if live && r.Method != http.MethodHead {
		return a.watch(w, r, who, q)
	}
	page, err := a.page(r.Context(), who, q)
	if err != nil {
		return err
	}
	access.WriteJSON(w, http.StatusOK, page)
	return nil
}

// listQuery reads what is asked for.
func listQuery(r *http.Request, who access.Caller, live bool) (call.Query, error) {
	in := ask(r, "status", "outcome", "to", "from", "until", "limit", "cursor")
	q := call.Query{
		Status:  one(in, "status", call.Statuses()),
		Outcome: one(in, "outcome", call.Outcomes()),
		To:      in.plus("to"),
		From:    in.instant("from"), Until: in.instant("until"),
		Limit: in.number("limit", usualPage, 1, mostPage),
	}
	if _, given := in.values["to"]; given && !isE164(q.To) {
		in.fault("to", "must be the whole number in E.164: +, country code and number, digits only, such as +14155550123 (in a URL, %2B14155550123)")
	}
	if !q.From.IsZero() && !q.Until.IsZero() && !q.From.Before(q.Until) {
		in.fault("until", "must be after from")
	}
	if !who.ReadsAll() {
		q.Owner = who.Name()
	}
	if text, given := in.values["cursor"]; given {
		at, problem := placeOf(q, text)
		if problem == "" && live {
			problem = "must be left out of a stream, which is of the first page"
		}
		if problem != "" {
			in.fault("cursor", problem)
		}
		q.After = at
	}
	return q, in.err()
}

// instant reads an RFC 3339 time; zero where it is left out.
func (a *asked) instant(name string) time.Time {
	if _, given := a.values[name]; !given {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, a.plus(name))
	if year := t.UTC().Year(); err != nil || year < 1970 || year > 9999 {
		a.fault(name, "must be an instant by RFC 3339 with an offset, from 1970 on, such as 2026-03-02T09:00:00Z")
	}
	return t
}

// isE164 says whether it has the form of a whole number.
func isE164(s string) bool {
	if len(s) < 3 || len(s) > 16 || s[0] != '+' || s[1] == '0' {
		return false
	}
	for _, c := range s[1:] {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// page is a page as it is answered.
func (a *API) page(ctx context.Context, who access.Caller, q call.Query) (listAnswer, error) {
	p, err := a.service.List(ctx, who.Name(), who.ReadsAll(), q)
	if err != nil {
		return listAnswer{}, err
	}
	answer := listAnswer{OK: true, Calls: make([]call.Summary, 0, len(p.Calls))}
	for _, c := range p.Calls {
		answer.Calls = append(answer.Calls, c.Summary())
	}
	if p.Next != nil {
		if answer.Next, err = cursorOf(q, *p.Next); err != nil {
			return listAnswer{}, err
		}
	}
	return answer, nil
}
