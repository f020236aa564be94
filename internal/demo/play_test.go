package demo

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/config"
	"github.com/clawdbot/call-agent/media"
)

func TestTheTenScenariosOfTheContract(t *testing.T) {
	want := strings.Fields("books counter refuses hangup interrupts voicemail busy noanswer bridge-down model-dies")
	if got := Scenarios(); !slices.Equal(got, want) {
		t.Errorf("scenarios %v, want %v", got, want)
	}
	for _, name := range append(want, "") {
		if _, err := playOf(Options{Scenario: name}); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := playOf(Options{Scenario: "boooks"}); err == nil || !strings.Contains(err.Error(), "bridge-down") {
		t.Errorf("a misspelt scenario: %v; want the names there are", err)
	}
}

// TestEveryScenarioStatesAnEnd: a status and an outcome that are final, and what follows from them.
func TestEveryScenarioStatesAnEnd(t *testing.T) {
	reasons := call.EndReasons()
	for _, p := range plays() {
		last, _, _ := strings.Cut(p.ends[len(p.ends)-1], " ")
		booked := p.outcome == call.Booked
		if !p.status.Terminal() || last != string(p.status) || p.outcome == call.Pending {
			t.Errorf("%s ends %s, its last attempt %s, outcome %s", p.name, p.status, last, p.outcome)
		}
		if booked != (p.events == 1) || booked == p.slot.IsZero() || p.notice == "" {
			t.Errorf("%s: outcome %s, %d events, slot %v, notice %q", p.name, p.outcome, p.events, p.slot, p.notice)
		}
		if len(p.delays) != len(p.ends)-1 {
			t.Errorf("%s: %d delays between %d attempts", p.name, len(p.delays), len(p.ends))
		}
		for _, end := range p.ends {
			if _, reason, _ := strings.Cut(end, " "); !slices.Contains(reasons, call.EndReason(reason)) {
				t.Errorf("%s: %q is no end reason", p.name, reason)
			}
		}
	}
}

func TestARealModelCannotBeMadeToDie(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "sk-test")
	if _, err := playOf(Options{Scenario: "model-dies", Model: modelOpenAI}); err == nil {
		t.Error("model-dies was given to the real model")
	}
	if p, err := playOf(Options{Scenario: "books", Model: modelOpenAI}); err != nil || p.model != modelOpenAI {
		t.Errorf("books with the real model: %v", err)
	}
}

// TestTheEarIsNotFooled: the judge of audio finds what is wrong with it.
func TestTheEarIsNotFooled(t *testing.T) {
	item := func(heard int) hearing {
		return hearing{modelItem: modelItem{made: true}, audio: make([]byte, 8000), heard: heard}
	}
	lost := func(heard int) hearing { return hearing{audio: make([]byte, 8000), heard: heard} }
	told := func(heard, ms int) hearing {
		h := item(heard)
		h.cut, h.cutMS = true, ms
		return h
	}
	for name, c := range map[string]struct {
		all       []hearing
		breaksOff bool
		ok        bool
	}{
		"all whole":                      {all: []hearing{item(8000), item(8000)}, ok: true},
		"cut, and nobody was told":       {all: []hearing{item(4000), item(8000)}},
		"cut where it was told":          {all: []hearing{told(4000, 500), item(8000)}, ok: true},
		"cut, and told more than heard":  {all: []hearing{told(4000, 600)}},
		"cut, and told less than heard":  {all: []hearing{told(4000, 80)}},
		"breaks off":                     {all: []hearing{item(8000), item(160), item(0)}, breaksOff: true, ok: true},
		"breaks off, and then goes on":   {all: []hearing{item(160), item(8000)}, breaksOff: true},
		"lost, and then goes on":         {all: []hearing{item(8000), lost(160), item(8000)}, breaksOff: true, ok: true},
		"lost twice":                     {all: []hearing{lost(8000), lost(160)}, breaksOff: true, ok: true},
		"lost, and nobody expected it":   {all: []hearing{lost(160), item(8000)}},
		"should break off and does not":  {all: []hearing{item(8000)}, breaksOff: true},
		"breaks off between two items":   {all: []hearing{item(8000), item(0)}, breaksOff: true},
		"never heard, and nobody told":   {all: []hearing{item(8000), item(0)}},
		"never heard, and that was told": {all: []hearing{item(8000), told(0, 0)}, ok: true},
	} {
		if problem := cutProblem(c.all, c.breaksOff); (problem == "") != c.ok {
			t.Errorf("%s: %q", name, problem)
		}
	}
}

// TestWhatWasPlayedIsComparedSampleForSample, in items padded to whole frames.
func TestWhatWasPlayedIsComparedSampleForSample(t *testing.T) {
	s := &stage{format: config.FormatPCMU}
	said := []modelItem{{audio: bytes.Repeat([]byte{1}, 200)}, {audio: bytes.Repeat([]byte{2}, 320)}}
	padded := slices.Concat(said[0].audio, bytes.Repeat([]byte{0xff}, 120), said[1].audio)
	late := slices.Concat(said[0].audio, bytes.Repeat([]byte{0xff}, 121), said[1].audio)
	filler := media.Fillers()[1].Audio
	framed := slices.Concat(filler, bytes.Repeat([]byte{0xff}, (160-len(filler)%160)%160))
	wrong := slices.Clone(framed)
	wrong[1000] ^= 0x40
	for name, c := range map[string]struct {
		played  []byte
		heard   []int
		rest    int
		fillers int
	}{
		"whole":                          {padded, []int{200, 320}, 0, 0},
		"one sample of padding too many": {late, []int{200, 0}, 321, 0},
		"cut in the first":               {slices.Concat(said[0].audio[:160], said[1].audio), []int{160, 320}, 0, 0},
		"one sample is wrong":            {slices.Concat(padded[:400], []byte{3}, padded[401:]), []int{200, 0}, 320, 0},
		"more than was said":             {slices.Concat(padded, []byte{9}), []int{200, 320}, 1, 0},
		"nothing":                        {nil, []int{0, 0}, 0, 0},
		"a filler between":               {slices.Concat(padded[:320], framed, padded[320:]), []int{200, 320}, 0, 1},
		"a filler at both ends":          {slices.Concat(framed, padded, framed), []int{200, 320}, 0, 2},
		"a filler that was talked over":  {slices.Concat(padded[:320], framed[:1600], padded[320:]), []int{200, 320}, 0, 1},
		"a filler with a wrong sample":   {slices.Concat(padded[:320], wrong, padded[320:]), []int{200, 0}, len(wrong) - 960 + 320, 1},
		"a filler within an item":        {slices.Concat(padded[:160], framed, padded[160:]), []int{160, 0}, 160 + 320, 1},
	} {
		all, rest, fillers := s.compare(c.played, said)
		if got := []int{all[0].heard, all[1].heard}; !slices.Equal(got, c.heard) || len(rest) != c.rest || fillers != c.fillers {
			t.Errorf("%s: heard %v, %d beyond and %d fillers, want %v, %d and %d", name, got, len(rest), fillers, c.heard, c.rest, c.fillers)
		}
	}
}

func TestVoiceIsToldFromSilence(t *testing.T) {
	leg := slices.Concat(bytes.Repeat([]byte{0xff}, 2*frame), bytes.Repeat([]byte{0x90, 0x10}, frame/2), bytes.Repeat([]byte{0xff}, frame))
	if got := voiced(leg); !slices.Equal(got, []bool{false, false, true, false}) {
		t.Errorf("voice in frames %v", got)
	}
	if got := duration(8000); got != time.Second {
		t.Errorf("8000 samples last %v", got)
	}
}
