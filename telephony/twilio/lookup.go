package twilio

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/clawdbot/call-agent/call"
	openapi "github.com/twilio/twilio-go/rest/api/v2010"
)

// Codes that mean "this call is already down" or "there is no such call" (research section 1.2).
const (
	codeNotInProgress = 21220
	codeNotFound      = 20404
)

// EndCall puts the line down, ringing or answered. A call that is down already, or
// unknown to Twilio, is success.
func (p *Provider) EndCall(ctx context.Context, providerCallID string) error {
	if !isSID(providerCallID) {
		return errors.New("twilio: end call: this is not the SID of a call")
	}
	err := p.withAPI(ctx, func(api *openapi.ApiService) error {
		_, err := api.UpdateCall(providerCallID, (&openapi.UpdateCallParams{}).SetStatus("completed"))
		return err
	})
	var e *apiError
	if errors.As(err, &e) && (e.code == codeNotInProgress || noSuchCall(e)) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("twilio: end call: %w", err)
	}
	return nil
}

// noSuchCall wants Twilio's own word for it: a bare 404 may come from a proxy.
func noSuchCall(e *apiError) bool {
	return e.status == http.StatusNotFound && e.code == codeNotFound
}

// LookUp fetches the call by its SID or, if that is unknown, finds the newest call
// from our number to the callee that was created since the dial.
func (p *Provider) LookUp(ctx context.Context, q call.LookUp) (call.ProviderReport, bool, error) {
	if q.ProviderCallID != "" && !isSID(q.ProviderCallID) {
		return call.ProviderReport{}, false, errors.New("twilio: look up call: this is not the SID of a call")
	}
	var found *openapi.ApiV2010Call
	err := p.withAPI(ctx, func(api *openapi.ApiService) (err error) {
		if q.ProviderCallID != "" {
			found, err = api.FetchCall(q.ProviderCallID, nil)
		} else {
			found, err = p.newest(api, q)
		}
		return err
	})
	var e *apiError
	switch {
	case errors.As(err, &e) && noSuchCall(e) && q.ProviderCallID != "":
		return call.ProviderReport{}, false, nil
	case err != nil:
		return call.ProviderReport{}, false, fmt.Errorf("twilio: look up call: %w", err)
	case found == nil:
		return call.ProviderReport{}, false, nil
	}
	report, err := p.reportOf(found)
	if err != nil {
		return call.ProviderReport{}, false, fmt.Errorf("twilio: look up call: %w", err)
	}
	return report, true, nil
}

// Bounds of the search by number. The skew is what our clock and Twilio's may differ
// by, kept small so that an earlier attempt is not taken for this one.
const (
	lookUpPage  = 50
	lookUpCalls = 200
	clockSkew   = 2 * time.Second
	// filterSlack widens Twilio's own filter, which goes by the start of the call and not by its creation.
	filterSlack = time.Minute
)

func (p *Provider) newest(api *openapi.ApiService, q call.LookUp) (*openapi.ApiV2010Call, error) {
	params := (&openapi.ListCallParams{}).SetTo(q.To).SetFrom(p.from).
		SetStartTimeAfter(q.DialledAfter.UTC().Add(-filterSlack)).SetPageSize(lookUpPage).SetLimit(lookUpCalls)
	calls, err := api.ListCall(params)
	if err != nil {
		return nil, err
	}
	notBefore := q.DialledAfter.Add(-clockSkew).Truncate(time.Second)
	var best *openapi.ApiV2010Call
	var bestAt time.Time
	for i := range calls {
		c := &calls[i]
		at := createdAt(c)
		if text(c.To) != q.To || text(c.From) != p.from || at.Before(notBefore) || !at.After(bestAt) || slices.Contains(q.Exclude, text(c.Sid)) {
			continue
		}
		best, bestAt = c, at
	}
	return best, nil
}

// createdAt is when the call was created or, where Twilio does not say, started; the zero time otherwise.
func createdAt(c *openapi.ApiV2010Call) time.Time {
	for _, s := range []*string{c.DateCreated, c.StartTime} {
		if t, err := time.Parse(time.RFC1123Z, text(s)); err == nil {
			return t
		}
	}
	return time.Time{}
}

func (p *Provider) reportOf(c *openapi.ApiV2010Call) (call.ProviderReport, error) {
	status, ok := statuses[text(c.Status)]
	if !ok || !isSID(text(c.Sid)) {
		return call.ProviderReport{}, errNotUnderstood
	}
	return call.ProviderReport{
		ProviderCallID: text(c.Sid), Foreign: text(c.AccountSid) != p.accountSID,
		Status: status, Sequence: -1, At: createdAt(c),
		Minutes: (count(text(c.Duration)) + 59) / 60, // in seconds here, and billed by the minute begun
	}, nil
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
