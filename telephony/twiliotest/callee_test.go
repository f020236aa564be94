package twiliotest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/media/g711"
)

// rehearse plays an agent who speaks in the given intervals of milliseconds to a callee and
// returns what happened when, in milliseconds.
func rehearse(a Answer, total int, agent ...[2]int) string {
	c := newCallee(a)
	voice, silence := tone(20), bytes.Repeat([]byte{g711.MuSilence}, frameBytes)
	var spoken [frameBytes]byte
	var log []string
	for at := 0; at < total; at += 20 {
		heard := silence
		for _, span := range agent {
			if at >= span[0] && at < span[1] {
				heard = voice
			}
		}
		for _, e := range c.tick(heard, spoken[:]) {
			if e.kind == CalleeSpeaks || e.kind == HungUp || e.kind == DigitPressed {
				log = append(log, fmt.Sprintf("%s%s@%d", e.kind, e.text, at))
			}
		}
	}
	return strings.ReplaceAll(strings.Join(log, " "), string(CalleeSpeaks), "")
}

func TestCalleeWaitsForItsCue(t *testing.T) {
	hello := Line{Text: "hello", Audio: tone(200)}
	second := func(after Trigger) []Line { return []Line{hello, {Text: "two", Audio: tone(200), After: after}} }
	for name, tc := range map[string]struct {
		answer Answer
		agent  [][2]int
		want   string
	}{
		"hello comes on pick-up":                 {Human(hello), nil, "hello@400"},
		"pick-up can be slow":                    {Answer{Lines: []Line{hello}, PickUp: 2 * time.Second}, nil, "hello@2000"},
		"no turn, no answer":                     {Human(second(Trigger{})...), nil, "hello@400"},
		"answers 700 ms after the agent":         {Human(second(Trigger{})...), [][2]int{{1000, 2000}}, "hello@400 two@2680"},
		"pauses between words are no turn":       {Human(second(Trigger{})...), [][2]int{{1000, 2000}, {2500, 3000}}, "hello@400 two@3680"},
		"a patient callee waits longer":          {Answer{Lines: second(Trigger{}), Quiet: 2 * time.Second}, [][2]int{{1000, 2000}, {3000, 4000}}, "hello@400 two@5980"},
		"a click is no turn":                     {Human(second(Trigger{})...), [][2]int{{1000, 1060}}, "hello@400"},
		"speech before the hello's end is stale": {Human(second(Trigger{})...), [][2]int{{0, 280}}, "hello@400"},
		"a turn begun during the hello counts":   {Human(second(Trigger{})...), [][2]int{{500, 1500}}, "hello@400 two@2180"},
		"the second turn":                        {Human(second(Turn(2))...), [][2]int{{1000, 2000}, {3000, 4000}}, "hello@400 two@4680"},
		"silence of both":                        {Human(second(Quiet(time.Second))...), [][2]int{{800, 1200}}, "hello@400 two@2180"},
		"a fixed time":                           {Human(second(At(3 * time.Second))...), [][2]int{{1000, 6000}}, "hello@400 two@3000"},
		"barging in":                             {Human(second(BargeIn(500 * time.Millisecond))...), [][2]int{{1000, 6000}}, "hello@400 two@1500"},
		"hanging up after the words":             {Human(Line{Text: "bye", Audio: tone(1000), HangUp: true}), nil, "bye@400 hung_up@1380"},
		"digits fall into the speech":            {Human(Line{Text: "press", Audio: tone(1000), Digits: "5"}), nil, "press@400 digit_pressed5@900"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := rehearse(tc.answer, 8000, tc.agent...); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}
