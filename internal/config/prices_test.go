package config

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func TestTheBuiltInTableHasThePricesOfTheModelPages(t *testing.T) {
	p := New().Prices
	if p.AsOf != "2026-11-23" || p.PhoneMinute != nil {
		t.Errorf("as of %s, phone %v", p.AsOf, p.PhoneMinute)
	}
	full := ModelPrice{Text: TokenPrice{4, 0.40, 24}, Audio: TokenPrice{32, 0.40, 64}}
	older := ModelPrice{Text: TokenPrice{4, 0.40, 16}, Audio: TokenPrice{32, 0.40, 64}}
	mini := ModelPrice{Text: TokenPrice{0.60, 0.06, 2.40}, Audio: TokenPrice{10, 0.30, 20}}
	for name, want := range map[string]ModelPrice{
		"gpt-realtime-2.1": full, "gpt-realtime-2": full, "gpt-realtime-1.5": older, "gpt-realtime": older,
		"gpt-realtime-2.1-mini": mini, "gpt-realtime-mini": mini, "gpt-realtime-2025-08-28": older, "gpt-realtime-2.1-mini-2026-10-01": mini,
	} {
		got := p.Model(name)
		if got == nil || got.Text != want.Text || got.Audio != want.Audio {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	for _, name := range []string{"gpt-4o-realtime-preview", "gpt-realtime-3", "gpt-realtime-2.1-maxi", "", "gpt"} {
		if got := p.Model(name); got != nil {
			t.Errorf("%q has the price %+v, which nobody knows", name, got)
		}
	}
	for name, want := range map[string]float64{"gpt-transcribe": 0.0045, "gpt-live-transcribe": 0.017, "gpt-realtime-whisper": 0.017} {
		if got := p.TranscriptionMinute(name); got == nil || *got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got := p.TranscriptionMinute("whisper-1"); got != nil {
		t.Errorf("whisper-1 costs %v", *got)
	}
}

func TestPricesAreWrittenTheSameWayEverywhere(t *testing.T) {
	mine := ModelPrice{Model: "ft:gpt-realtime-2.1:me", Text: TokenPrice{1, 0, 2}, Audio: TokenPrice{3, 4, 5e0}}
	document := `{"prices":{"as_of":"2026-11-01","models":["ft:gpt-realtime-2.1:me:text=1/0/2:audio=3/4/5"],"transcription":["whisper-1:minute=0.006"],"phone_minute":0.014}}`
	byJSON := New()
	if err := byJSON.DecodeJSON([]byte(document)); err != nil {
		t.Fatal(err)
	}
	byEnv := New()
	env := map[string]string{
		"CALLAGENT_PRICES_AS_OF": "2026-11-01", "CALLAGENT_PRICES_MODELS": "ft:gpt-realtime-2.1:me:text=1/0/2:audio=3/4/5",
		"CALLAGENT_PRICES_TRANSCRIPTION": "whisper-1:minute=0.006", "CALLAGENT_PRICES_PHONE_MINUTE": "0.014",
	}
	if err := byEnv.ApplyEnv(func(k string) (string, bool) { v, ok := env[k]; return v, ok }); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]*Config{"JSON": byJSON, "environment": byEnv} {
		p := c.Prices
		if p.AsOf != "2026-11-01" || len(p.Models) != 1 || p.Models[0] != mine || p.PhoneMinute == nil || *p.PhoneMinute != 0.014 {
			t.Errorf("%s: %+v", name, p)
		}
		if m := p.TranscriptionMinute("whisper-1"); m == nil || *m != 0.006 || p.TranscriptionMinute("gpt-transcribe") != nil {
			t.Errorf("%s: %+v does not replace the built-in table", name, p.Transcription)
		}
	}
}

func TestEachBadPriceHasItsMendAndAllComeAtOnce(t *testing.T) {
	for _, c := range []struct{ key, value, problem, mend string }{
		{"prices.as_of", "yesterday", "is not a day", "2026-11-23"},
		{"prices.as_of", "2026-02-30", "is not a day", "2026-11-23"},
		{"prices.models", "gpt-realtime-2.1", "is not a model's prices", "text=in/cached/out"},
		{"prices.models", "gpt-realtime-2.1:text=4/0.40:audio=32/0.40/64", "is not a model's prices", "text=in/cached/out"},
		{"prices.models", ":text=4/0.40/24:audio=32/0.40/64", "is not a model's prices", "text=in/cached/out"},
		{"prices.models", "m:text=-4/0.40/24:audio=32/0.40/64", `of m, "-4" is not a price`, "0 or more"},
		{"prices.models", "m:text=4/NaN/24:audio=32/0.40/64", `of m, "NaN" is not a price`, "0 or more"},
		{"prices.models", "m:text=4/0.40/:audio=32/0.40/64", `of m, "" is not a price`, "0 or more"},
		{"prices.models", "m:text=4/0.40/24:audio=32/0.40/Inf", `of m, "Inf" is not a price`, "0 or more"},
		{"prices.models", "m:text=4/0.40/24:audio=32/0.40/1e300", "is not a price", "0 or more"},
		{"prices.transcription", "gpt-transcribe=0.1", "is not a transcription's price", "model:minute=price"},
		{"prices.transcription", "gpt-transcribe:minute=-0.1", "is not a price", "0 or more"},
		{"prices.phone_minute", "-0.01", "is not a price", "0 or more"},
		{"prices.phone_minute", "NaN", "is not a price", "0 or more"},
		{"prices.phone_minute", "free", "is not a price", "0 or more"},
	} {
		var f Fault
		if err := New().Set(c.key, []string{c.value}); !errors.As(err, &f) || f.Key != c.key || !strings.Contains(f.Problem, c.problem) || !strings.Contains(f.Mend, c.mend) {
			t.Errorf("%s %s: %v", c.key, c.value, err)
		}
	}
	_, err := Load([]byte(`{"prices":{"as_of":"2999-01-01","models":["m:text=-1/0/0:audio=0/0/0"],"transcription":["x:minute=1","x:minute=2"],"phone_minute":-1,"modells":[]},"max_sessions":0}`), nil)
	text := err.Error()
	for _, want := range []string{
		"prices.as_of: 2999-01-01 is in the future", "prices.models: of m,", "prices.transcription: names x twice", "prices.phone_minute:", "prices.modells: no such key; did you mean prices.models?", "max_sessions:",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
}

func TestPricesOfOnesOwnHaveADay(t *testing.T) {
	const own = "m:text=1/1/1:audio=1/1/1"
	tomorrow := time.Now().UTC().AddDate(0, 0, 2).Format(time.DateOnly)
	for _, c := range []struct {
		name   string
		change map[string]string
		fault  string
	}{
		{"the built-in table", nil, ""},
		{"models without a day", map[string]string{"prices.models": own}, "prices.as_of"},
		{"transcription without a day", map[string]string{"prices.transcription": "x:minute=1"}, "prices.as_of"},
		{"with its day", map[string]string{"prices.models": own, "prices.as_of": "2026-11-01"}, ""},
		{"today", map[string]string{"prices.models": own, "prices.as_of": time.Now().UTC().Format(time.DateOnly)}, ""},
		{"the day after tomorrow", map[string]string{"prices.models": own, "prices.as_of": tomorrow}, "prices.as_of"},
		{"the phone company's minute needs none", map[string]string{"prices.phone_minute": "0"}, ""},
		{"no price known at all", map[string]string{"prices.models": "", "prices.transcription": "", "prices.as_of": "2026-11-01"}, ""},
	} {
		conf := build(t, c.change)
		if got := strings.Join(keysOf(conf.Validate()), " "); got != c.fault {
			t.Errorf("%s: faults %q, want %q", c.name, got, c.fault)
		}
	}
}

func TestAModelWithoutAPriceIsSaidAtStart(t *testing.T) {
	for model, warns := range map[string]bool{"gpt-realtime-2.1": false, "gpt-realtime-2.1-2026-10-01": false, "gpt-realtime-9": true} {
		c := build(t, map[string]string{"openai.model": model})
		if got := strings.Contains(strings.Join(c.Warnings(), "\n"), "has no price of openai.model "+model); got != warns {
			t.Errorf("%s: %q", model, c.Warnings())
		}
	}
}

// FuzzModelPrice: whatever is taken is a price, and says so again in its own words.
func FuzzModelPrice(f *testing.F) {
	for _, s := range strings.Split(defaultModels+","+defaultTranscription, ",") {
		f.Add(s)
	}
	f.Add("m:text=0x1p-2/1_0/+1:audio=1e2/.5/-0")
	f.Fuzz(func(t *testing.T, s string) {
		m, err := asModelPrice(s)
		if err != nil {
			if !strings.Contains(err.Error(), "; ") {
				t.Fatalf("%q: a fault without a mend: %v", s, err)
			}
			return
		}
		if m.Model == "" {
			t.Fatalf("%q is the price of no model", s)
		}
		for _, v := range []float64{m.Text.In, m.Text.Cached, m.Text.Out, m.Audio.In, m.Audio.Cached, m.Audio.Out} {
			if math.IsNaN(v) || v < 0 || v > mostPrice {
				t.Fatalf("%q holds the price %v", s, v)
			}
		}
	})
}
