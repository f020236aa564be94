package demo

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/clawdbot/call-agent/media/speech"
	"github.com/clawdbot/call-agent/telephony/twiliotest"
)

// check is one thing that the scenario states, and what is wrong with it, if anything.
type check struct{ states, problem string }

func (c check) because() string {
	if c.problem == "" {
		return ""
	}
	return ": " + c.problem
}

// judge holds the ending against what the scenario states. It asks the witnesses: the
// calendar's file, the line's recording, the hook, the document.
func judge(p play, s *stage, end ending) []check {
	checks := []check{
		{"the status document says " + string(p.status), unequal(end.call.Status, p.status)},
		{"its outcome is " + string(p.outcome), unequal(end.call.Outcome, p.outcome)},
		{p.statesEvents(), calendarProblem(p, s, end)},
		{"the owner was told once, and rightly", noticeProblem(p, s)},
		{"the line is down, after one dial per attempt", lineProblem(s, end)},
		{"the phone company has nothing to object to", violations(s.twilio.Violations())},
	}
	if p.model != "" {
		return checks // what a real model says, and how, nobody knows beforehand
	}
	checks = append(checks,
		check{"the attempts ended: " + strings.Join(p.ends, ", "), endsProblem(p, end)},
		check{"the model's service has nothing to object to", violations(s.realtime.Violations())})
	if len(p.delays) > 0 {
		checks = append(checks, check{fmt.Sprintf("between them lay %s", waits(p.delays)), delayProblem(p, s, end)})
	}
	if p.talks() {
		checks = append(checks,
			check{p.statesAudio(), audioProblem(p, s)},
			check{"the agent said first that it is an AI", disclosureProblem(s)})
	}
	if !p.slot.IsZero() {
		checks = append(checks, check{"the agent said the booked time", spokenProblem(p, s)})
	}
	for _, a := range p.also {
		checks = append(checks, check{a.states, a.problem(s)})
	}
	return checks
}

// talks says whether there is a conversation in the last attempt.
func (p play) talks() bool { return strings.HasPrefix(p.ends[len(p.ends)-1], "completed") }

func (p play) statesEvents() string {
	if p.events == 0 {
		return "the calendar holds no new event"
	}
	return fmt.Sprintf("the calendar holds %d new event, at the agreed time", p.events)
}

func (p play) statesAudio() string {
	if p.hears == "" {
		return "the callee heard what the model said, sample for sample, the farewell to its end"
	}
	return "the callee heard what the model said, sample for sample, " + p.hears
}

func waits(delays []time.Duration) string {
	var words []string
	for _, d := range delays {
		words = append(words, d.String())
	}
	return strings.Join(words, " and ")
}

func unequal[T comparable](got, want T) string {
	if got == want {
		return ""
	}
	return fmt.Sprintf("it is %v", got)
}

func violations[V any](list []V) string {
	if len(list) == 0 {
		return ""
	}
	return fmt.Sprintf("%d objections, the first: %+v", len(list), list[0])
}

func endsProblem(p play, end ending) string {
	var got []string
	for _, a := range end.call.Attempts {
		got = append(got, fmt.Sprintf("%s %s", a.Status, a.EndReason))
	}
	if slices.Equal(got, p.ends) {
		return ""
	}
	return strings.Join(got, ", ")
}

// delayProblem measures in the record that no attempt came too early, and at the phone
// company that none came too late or before the last line was down: there the next call
// is late by the rest of a second where the account's rate has it wait, and seems early
// by the time that a hang-up took.
func delayProblem(p play, s *stage, end ending) string {
	const late = 2500 * time.Millisecond
	dials := s.dials()
	if len(dials) != len(p.delays)+1 {
		return fmt.Sprintf("there were %d dials", len(dials))
	}
	for n, want := range p.delays {
		over, _ := dials[n].last(twiliotest.Ended)
		next := dials[n+1].all(twiliotest.Initiated)
		if len(next) == 0 {
			return fmt.Sprintf("attempt %d never began", n+2)
		}
		if a := end.call.Attempts; len(a) > n+1 && a[n].EndedAt != nil && a[n+1].StartedAt.Sub(*a[n].EndedAt) < want {
			return fmt.Sprintf("attempt %d was made %v after the last one", n+2, a[n+1].StartedAt.Sub(*a[n].EndedAt))
		}
		if got := next[0].At.Sub(over.At); got < 0 || got > want+late {
			return fmt.Sprintf("attempt %d followed after %v", n+2, got.Round(time.Millisecond))
		}
	}
	return ""
}

// disclosureProblem: wherever the model spoke, its first words were the disclosure.
func disclosureProblem(s *stage) string {
	const sentence = "Hello, this is an AI assistant calling on behalf of Alex Morgan."
	for n, d := range s.dials() {
		if len(d.items) > 0 && !strings.HasPrefix(d.items[0].transcript, sentence) {
			return fmt.Sprintf("in attempt %d its first words were %q", n+1, d.items[0].transcript)
		}
	}
	if len(s.lastDial().items) == 0 {
		return "it said nothing"
	}
	return ""
}

func spokenProblem(p play, s *stage) string {
	zone, err := time.LoadLocation(ownerZone)
	if err != nil {
		return err.Error()
	}
	words := speech.SlotWords(p.slot.In(zone), ownerZone, false)
	for _, item := range s.lastDial().items {
		if strings.Contains(strings.ToLower(item.transcript), words) {
			return ""
		}
	}
	return fmt.Sprintf("nobody said %q", words)
}
