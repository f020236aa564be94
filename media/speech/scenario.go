package speech

import (
	"slices"
	"time"
)

// Meaning is what a turn of the callee tells the model: the understanding that a real model takes
// from the words, and that a simulated one takes from the scenario.
type Meaning string

// The meanings.
const (
	Answers  Meaning = "answers"  // says who is there, or asks what it is about
	Accepts  Meaning = "accepts"  // agrees to what was offered or read back
	Declines Meaning = "declines" // wants another time, names none
	Counters Meaning = "counters" // names another time: Turn.Start
	Asks     Meaning = "asks"     // wants to hear the last thing again
	Refuses  Meaning = "refuses"  // wants no appointment
	Leaves   Meaning = "leaves"   // says goodbye; nothing to be done
)

// Turn is one thing the callee does when the agent has finished speaking.
type Turn struct {
	Say   string        // the words, in the callee's vocabulary; empty if the callee only hangs up
	Means Meaning       // for the model
	Start time.Time     // the time named by a turn that Counters
	Into  time.Duration // >0: spoken this long after the agent began to speak, not after it finished
	// HangUp puts the line down after the words (and Into, if set).
	HangUp bool
}

// Scenario is the wording of one call. The simulated callee speaks Hello when it picks up and then its
// Turns, one after each time the agent spoke. The simulated model counts turns and takes from each the
// Meaning, never the audio's words: it can't understand speech.
type Scenario struct {
	Name  string
	Hello string
	Turns []Turn
	// Person marks a call with a human, whose words nobody knows: the first turn Answers and every
	// later one Accepts.
	Person bool
}

// CounterStart is the time that the callee proposes in the scenario counter.
var CounterStart = time.Date(2026, time.March, 5, 11, 0, 0, 0, time.FixedZone("PST", -8*3600))

const (
	hello   = "Hello?"
	ask     = "Yes, how can I help you?"
	accept  = "Yes, that suits me."
	confirm = "Yes, that is right."
)

var scenarios = []Scenario{
	{Name: "books", Hello: hello, Turns: []Turn{
		{Say: ask, Means: Answers}, {Say: accept, Means: Accepts}, {Say: confirm, Means: Accepts},
	}},
	{Name: "counter", Hello: hello, Turns: []Turn{
		{Say: ask, Means: Answers},
		{Say: "No, sorry, I am busy then. How about " + SlotWords(CounterStart, "", false) + "?", Means: Counters, Start: CounterStart},
		{Say: confirm, Means: Accepts},
	}},
	{Name: "refuses", Hello: hello, Turns: []Turn{
		{Say: ask, Means: Answers},
		{Say: "No, thank you, I am not interested. Please do not call again.", Means: Refuses},
	}},
	{Name: "hangup", Hello: hello, Turns: []Turn{
		{Say: ask, Means: Answers}, {Into: 4 * time.Second, HangUp: true},
	}},
	{Name: "interrupts", Hello: hello, Turns: []Turn{
		{Say: "One moment please.", Means: Answers, Into: 2 * time.Second}, // over the disclosure
		{Say: "Sorry, could you repeat that?", Means: Asks},
		{Say: accept, Means: Accepts, Into: 2 * time.Second},
		{Say: confirm, Means: Accepts},
	}},
	{Name: "voicemail", Hello: "Hello. You have reached the voicemail of four one five, five five five, oh one two three. " +
		"Please leave a message after the tone. Thank you. Goodbye."},
	{Name: "bridge-down", Hello: hello, Turns: []Turn{{Say: ask, Means: Answers}}},
	{Name: "model-dies", Hello: hello, Turns: []Turn{
		{Say: ask, Means: Answers}, {Say: accept, Means: Accepts}, {Say: confirm, Means: Accepts},
	}},
	{Name: "person", Person: true},
}

// ScenarioOf returns the scenario of that name, and whether there is one. The caller may change its copy.
func ScenarioOf(name string) (Scenario, bool) {
	for _, s := range scenarios {
		if s.Name == name {
			s.Turns = slices.Clone(s.Turns)
			return s, true
		}
	}
	return Scenario{}, false
}

// Scenarios returns all scenarios; the caller may change the slice.
func Scenarios() []Scenario { return slices.Clone(scenarios) }

// Turn returns the nth turn, counted from 0 and without the hello. Beyond the script the callee is
// taken to agree, as a person is.
func (s Scenario) Turn(n int) Turn {
	switch {
	case n < len(s.Turns):
		return s.Turns[n]
	case n == 0:
		return Turn{Means: Answers}
	}
	return Turn{Means: Accepts}
}
