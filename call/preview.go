package call

import (
	"context"
	"math"
	"time"
)

// Preview is what a call would be: the answer of call_agent with dryRun. Nothing was dialled,
// stored or counted for it.
type Preview struct {
	OK     bool `json:"ok"`
	DryRun bool `json:"dryRun"`
	// To is the number, masked; Country the one that it was read as, empty where it does not tell.
	To      string `json:"to"`
	Country string `json:"country,omitempty"`
	// Opening is said first, word by word. Business is what the model then says in one sentence
	// of its own: it is given the goal as it stands here.
	Opening  string `json:"opening"`
	Business string `json:"business"`
	// Window is the stretch in which the appointment must lie, as the owner's clock and the
	// callee's show it.
	Window          WindowDocument `json:"window"`
	DurationMinutes int            `json:"durationMinutes"`
	// Slots are those that would be offered first; null where the calendar could not be asked,
	// which Calendar then says.
	Slots    []OfferedSlot  `json:"slots"`
	Calendar string         `json:"calendar,omitempty"`
	Cost     CostPreview    `json:"cost"`
	Policy   PolicyDocument `json:"policy"`
	// Request is the request as it would be stored, with every default.
	Request Request `json:"request"`
}

// WindowDocument is one stretch of time in two zones.
type WindowDocument struct {
	Owner  ZonedSlot `json:"owner"`
	Callee ZonedSlot `json:"callee"`
}

// ZonedSlot is a stretch of time as the clocks of a zone show it.
type ZonedSlot struct {
	Timezone string `json:"timezone"`
	Start    string `json:"start"`
	End      string `json:"end"`
}

// CostPreview is what a call can cost at the most: every attempt is talked through to its
// limit, without a pause. An unknown amount is null, with the reason.
type CostPreview struct {
	WorstCaseUSD *float64 `json:"worstCaseUsd"`
	Reason       string   `json:"reason,omitempty"`
	// Attempts and MaxCallSeconds, of each attempt, are what it is computed from.
	Attempts       int `json:"attempts"`
	MaxCallSeconds int `json:"maxCallSeconds"`
	// PricesAsOf is the day of the price table.
	PricesAsOf string `json:"pricesAsOf,omitempty"`
}

// TalkCost is what model and transcription ask for one conversation, at the most.
type TalkCost struct {
	// USD is nil where a price is missing, which Missing names.
	USD     *float64
	Missing string
	// AsOf is the day of the price table.
	AsOf string
}

// worstCase is the price of the dearest course that a call can take.
func (s *Service) worstCase() CostPreview {
	p := CostPreview{Attempts: s.Rules.MaxAttempts, MaxCallSeconds: int(s.Rules.MaxCall.Seconds())}
	if s.TalkCost == nil {
		p.Reason = sayNoPrices
		return p
	}
	talk := s.TalkCost(s.Rules.MaxCall)
	p.PricesAsOf = talk.AsOf
	switch {
	case talk.USD == nil:
		p.Reason = talk.Missing + ", so no amount can be computed."
	case s.Rules.PhoneMinute == nil:
		p.Reason = "prices.phone_minute is not set, so no amount can be computed."
	default:
		usd := Dollars(float64(p.Attempts) * (*talk.USD + math.Ceil(s.Rules.MaxCall.Minutes())**s.Rules.PhoneMinute))
		p.WorstCaseUSD = &usd
	}
	return p
}

// PolicyVerdict says whether the call would be dialled now.
type PolicyVerdict string

// The verdicts of policy on a call that may be placed at all.
const (
	PolicyAllowed PolicyVerdict = "allowed"
	PolicyWaits   PolicyVerdict = "waits"
)

// PolicyDocument is the verdict; Until and Reason come with PolicyWaits.
type PolicyDocument struct {
	Verdict PolicyVerdict `json:"verdict"`
	Until   *time.Time    `json:"until,omitempty"`
	Reason  string        `json:"reason,omitempty"`
}

const (
	sayNoSlots  = "The calendar does not answer, so what would be offered is not known. A call placed now would have to ask it again."
	sayNoneFree = "The calendar has nothing free in the window and the working hours. A call would have nothing to offer."
	sayNoPrices = "No prices are configured, so no amount can be computed."
)

// Preview checks a request as Place does and says what the call would be. It asks the
// calendar, and neither the provider nor, for other calls to the number or for the day's
// count, the store: those hold only at the moment of the call. Errors are *Error.
func (s *Service) Preview(ctx context.Context, owner string, r Request) (Preview, error) {
	now := s.Now()
	c, err := s.newCall(owner, r, now)
	if err != nil {
		return Preview{}, err
	}
	p := Preview{
		OK: true, DryRun: true, To: MaskNumber(r.To), Country: r.Country,
		Opening: DisclosureSentence(s.Disclosure, r.UserName), Business: r.Goal,
		Window:          WindowDocument{Owner: r.windowIn(r.Timezone), Callee: r.windowIn(r.CalleeTimezone)},
		DurationMinutes: r.DurationMinutes, Request: r,
		Cost: s.worstCase(), Policy: PolicyDocument{Verdict: PolicyAllowed},
	}
	if c.Waiting != "" {
		p.Policy = PolicyDocument{Verdict: PolicyWaits, Until: utc(c.NextAttemptAt), Reason: c.Waiting}
	}
	p.Slots, p.Calendar = s.previewSlots(ctx, r, now)
	return p, nil
}

func (s *Service) previewSlots(ctx context.Context, r Request, now time.Time) ([]OfferedSlot, string) {
	ctx, cancel := context.WithTimeout(ctx, findLimit)
	defer cancel()
	slots, err := s.Calendar.FindSlots(ctx, r.search(maxTime(r.WindowStart, now), r.WindowEnd))
	if err != nil {
		s.Log.WarnContext(ctx, "calendar did not answer a dry run", "error", err)
		return nil, sayNoSlots
	}
	offered := []OfferedSlot{}
	for _, slot := range r.offers(slots, now) {
		offered = append(offered, r.spoken(slot))
	}
	if len(offered) == 0 {
		return offered, sayNoneFree
	}
	return offered, ""
}

func (r Request) windowIn(zone string) ZonedSlot {
	z := location(zone)
	return ZonedSlot{Timezone: zone, Start: r.WindowStart.In(z).Format(time.RFC3339), End: r.WindowEnd.In(z).Format(time.RFC3339)}
}
