package stream

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/clawdbot/call-agent/internal/config"
	"github.com/clawdbot/call-agent/media"
)

const million = 1_000_000

// Each row is a million of something at the prices of gpt-realtime-2.1, worked out by hand
// from research/openai-realtime section 9.
func TestASessionsTokensArePricedByKind(t *testing.T) {
	prices := config.New().Prices
	for _, c := range []struct {
		name string
		u    media.Usage
		want float64
	}{
		{"text in", media.Usage{InputTokens: million, TextIn: million}, 4},
		{"text from the cache", media.Usage{InputTokens: million, TextIn: million, CachedIn: million, CachedText: million}, 0.40},
		{"text out", media.Usage{OutputTokens: million, TextOut: million}, 24},
		{"audio in", media.Usage{InputTokens: million, AudioIn: million}, 32},
		{"audio, half from the cache", media.Usage{InputTokens: million, AudioIn: million, CachedIn: million / 2, CachedAudio: million / 2}, 16.2},
		{"audio out", media.Usage{OutputTokens: million, AudioOut: million}, 64},
		{"all of it", media.Usage{
			InputTokens: 2 * million, OutputTokens: 2 * million, TextIn: million, AudioIn: million, CachedIn: million, CachedText: million / 2, CachedAudio: million / 2,
			TextOut: million, AudioOut: million,
		}, 2 + 0.2 + 16 + 0.2 + 24 + 64},
		{"cached, of a kind that nobody told: text", media.Usage{InputTokens: 2 * million, TextIn: million, AudioIn: million, CachedIn: million}, 0.40 + 32},
		{"more of it than there was text", media.Usage{InputTokens: 2 * million, TextIn: million, AudioIn: million, CachedIn: million * 3 / 2}, 0.60 + 16},
		{"cached more than went in", media.Usage{InputTokens: million, TextIn: million, CachedIn: 3 * million}, 1.2},
		{"out of no kind beside audio: reasoning, text", media.Usage{OutputTokens: 2 * million, AudioOut: million}, 64 + 24},
		{"nothing", media.Usage{}, 0},
	} {
		got := costOf(c.u, "gpt-realtime-2.1", prices)
		if got.ModelUSD == nil || math.Abs(*got.ModelUSD-c.want) > 1e-6 || len(got.Unknown) != 0 {
			t.Errorf("%s: %v (%q), want %v", c.name, known(got.ModelUSD), got.Unknown, c.want)
		}
	}
	mini := costOf(media.Usage{InputTokens: million, AudioIn: million, CachedIn: million, CachedAudio: million}, "gpt-realtime-2.1-mini", prices)
	if *mini.ModelUSD != 0.30 {
		t.Errorf("mini has its own price: %v", *mini.ModelUSD)
	}
}

func TestWhatCannotBePricedIsNeverFree(t *testing.T) {
	prices := config.New().Prices
	none := prices
	none.Transcription = nil
	spoke := media.Usage{InputTokens: 10, TextIn: 10, Transcripts: 1, TranscriptionSeconds: 60}
	for _, c := range []struct {
		name                 string
		u                    media.Usage
		model                string
		prices               config.Prices
		modelOK, transcribed bool
		why                  string
	}{
		{"everything known", spoke, "gpt-realtime-2.1", prices, true, true, ""},
		{"nobody spoke", media.Usage{}, "gpt-realtime-2.1", none, true, true, ""},
		{"a model that is not in the table", spoke, "gpt-realtime-9", prices, false, true, "prices.models has no price of gpt-realtime-9"},
		{"tokens of no kind", media.Usage{InputTokens: 10, UnspecifiedTokens: 10}, "gpt-realtime-2.1", prices, false, true, "did not say of which kind 10 of its tokens were"},
		{"a response that was cut off", media.Usage{Unreported: 1}, "gpt-realtime-2.1", prices, true, true, "did not report the tokens of 1 responses"},
		{"no price of transcription", spoke, "gpt-realtime-2.1", none, true, false, "prices.transcription has no price of " + transcription},
		{"transcription in tokens", media.Usage{Transcripts: 1, TranscriptionTokens: 9}, "gpt-realtime-2.1", prices, true, false, "billed in tokens"},
		{"transcription without a measure", media.Usage{Transcripts: 2, TranscriptionSeconds: 1, Unmeasured: 1}, "gpt-realtime-2.1", prices, true, false, "1 transcripts were not measured"},
	} {
		got := costOf(c.u, c.model, c.prices)
		if (got.ModelUSD != nil) != c.modelOK || (got.TranscriptionUSD != nil) != c.transcribed || !strings.Contains(strings.Join(got.Unknown, "; "), c.why) || (c.why == "") != (len(got.Unknown) == 0) {
			t.Errorf("%s: model %v, transcription %v, %q", c.name, known(got.ModelUSD), known(got.TranscriptionUSD), got.Unknown)
		}
		if got.Tokens.TextIn != c.u.TextIn {
			t.Errorf("%s: the tokens are gone", c.name)
		}
	}
	if got := costOf(spoke, "gpt-realtime-2.1", prices); *got.TranscriptionUSD != 0.0045 {
		t.Errorf("a minute of transcription costs %v", *got.TranscriptionUSD)
	}
}

// Whatever a model reports, a price is finite and not negative.
func TestNoUsageHasAnAbsurdPrice(t *testing.T) {
	prices := config.New().Prices
	rapid.Check(t, func(t *rapid.T) {
		n := func(label string) int { return rapid.IntRange(0, 10*million).Draw(t, label) }
		u := media.Usage{
			InputTokens: n("in"), OutputTokens: n("out"), TextIn: n("text in"), AudioIn: n("audio in"), CachedIn: n("cached"), CachedText: n("cached text"),
			CachedAudio: n("cached audio"), TextOut: n("text out"), AudioOut: n("audio out"), Transcripts: 1, TranscriptionSeconds: float64(n("seconds")),
		}
		c := costOf(u, rapid.SampledFrom([]string{"gpt-realtime-2.1", "gpt-realtime-mini"}).Draw(t, "model"), prices)
		for _, usd := range []*float64{c.ModelUSD, c.TranscriptionUSD} {
			if usd == nil || *usd < 0 || math.IsInf(*usd, 0) || math.IsNaN(*usd) {
				t.Fatalf("%+v", c)
			}
		}
	})
}

func TestSpreadIsMedianAndLargest(t *testing.T) {
	for _, c := range []struct {
		all       []int
		p50, most any
	}{{nil, nil, nil}, {[]int{7}, 7, 7}, {[]int{9, 1}, 1, 9}, {[]int{5, 9, 1}, 5, 9}} {
		before := slices.Clone(c.all)
		p50, most := spread(c.all)
		if known(p50) != c.p50 || known(most) != c.most || !slices.Equal(c.all, before) {
			t.Errorf("%v: %v and %v; want %v and %v", c.all, known(p50), known(most), c.p50, c.most)
		}
	}
}
