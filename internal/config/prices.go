package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Prices are what the vendors ask, in US dollars, as somebody read them on a day. What is not here is not known; it is
// never taken for 0.
type Prices struct {
	AsOf          string // the day, YYYY-MM-DD
	Models        []ModelPrice
	Transcription []TranscriptionPrice
	PhoneMinute   *float64 // of the phone company, per minute begun; nil: not known
}

// ModelPrice is what a realtime model's tokens cost, in dollars for a million.
type ModelPrice struct {
	Model       string
	Text, Audio TokenPrice
}

// TokenPrice is the price of a million tokens of one kind: read anew, read from the cache, and written.
type TokenPrice struct{ In, Cached, Out float64 }

// TranscriptionPrice is what a minute of the callee's speech costs to write down.
type TranscriptionPrice struct {
	Model  string
	Minute float64
}

// Model finds a model's price; a dated snapshot ("-2026-10-01") has that of its model. Nil: not known.
func (p Prices) Model(name string) *ModelPrice {
	for i := range p.Models {
		if isOrIsSnapshotOf(name, p.Models[i].Model) {
			return &p.Models[i]
		}
	}
	return nil
}

// TranscriptionMinute finds the price of a minute's transcription. Nil: not known.
func (p Prices) TranscriptionMinute(model string) *float64 {
	for i := range p.Transcription {
		if isOrIsSnapshotOf(model, p.Transcription[i].Model) {
			return &p.Transcription[i].Minute
		}
	}
	return nil
}

// defaultPricesAsOf and the two tables are OpenAI's model pages as research/openai-realtime.md section 9 has them.
const (
	defaultPricesAsOf = "2026-11-23"
	defaultModels     = "gpt-realtime-2.1:text=4/0.40/24:audio=32/0.40/64,gpt-realtime-2:text=4/0.40/24:audio=32/0.40/64," +
		"gpt-realtime-1.5:text=4/0.40/16:audio=32/0.40/64,gpt-realtime:text=4/0.40/16:audio=32/0.40/64," +
		"gpt-realtime-2.1-mini:text=0.60/0.06/2.40:audio=10/0.30/20,gpt-realtime-mini:text=0.60/0.06/2.40:audio=10/0.30/20"
	defaultTranscription = "gpt-transcribe:minute=0.0045,gpt-live-transcribe:minute=0.017,gpt-realtime-whisper:minute=0.017"
)

func priceKeys() []Key {
	return []Key{
		scalar("prices.as_of", KindString, defaultPricesAsOf, "day on which the prices were read, such as 2026-11-23", asDay,
			func(c *Config) *string { return &c.Prices.AsOf }),
		list("prices.models", defaultModels, "dollars for a million tokens, in/cached/out; replaces the built-in table", asModelPrice,
			func(c *Config) *[]ModelPrice { return &c.Prices.Models }),
		list("prices.transcription", defaultTranscription, "dollars for a minute of transcription; replaces the built-in table", asTranscriptionPrice,
			func(c *Config) *[]TranscriptionPrice { return &c.Prices.Transcription }),
		scalar("prices.phone_minute", KindFloat, "", "dollars for a minute begun at the phone company; none: not known", asOptionalPrice,
			func(c *Config) **float64 { return &c.Prices.PhoneMinute }),
	}
}

// isModelName says whether a model may be called so in a list of prices: words between colons.
func isModelName(s string) bool {
	return !strings.Contains(s, "=") && !slices.Contains(strings.Split(s, ":"), "")
}

// threePrices are a kind of token's, in/cached/out.
func threePrices(s string) (prices []string, ok bool) {
	prices = strings.Split(s, "/")
	return prices, len(prices) == 3 && !strings.Contains(s, ":")
}

func asModelPrice(s string) (ModelPrice, error) {
	name, rest, isPrice := strings.Cut(s, ":text=")
	text, audio, both := strings.Cut(rest, ":audio=")
	inText, ok := threePrices(text)
	inAudio, alsoOK := threePrices(audio)
	if !isPrice || !both || !ok || !alsoOK || !isModelName(name) {
		return ModelPrice{}, fmt.Errorf("%q is not a model's prices; write model:text=in/cached/out:audio=in/cached/out, such as gpt-realtime-2.1:text=4/0.40/24:audio=32/0.40/64", s)
	}
	p, prices := ModelPrice{Model: name}, slices.Concat(inText, inAudio)
	for i, field := range []*float64{&p.Text.In, &p.Text.Cached, &p.Text.Out, &p.Audio.In, &p.Audio.Cached, &p.Audio.Out} {
		var err error
		if *field, err = asPrice(prices[i]); err != nil {
			return ModelPrice{}, fmt.Errorf("of %s, %w", p.Model, err)
		}
	}
	return p, nil
}

func asTranscriptionPrice(s string) (TranscriptionPrice, error) {
	name, price, isPrice := strings.Cut(s, ":minute=")
	if !isPrice || !isModelName(name) || strings.ContainsAny(price, "/:") {
		return TranscriptionPrice{}, fmt.Errorf("%q is not a transcription's price; write model:minute=price, such as gpt-transcribe:minute=0.0045", s)
	}
	minute, err := asPrice(price)
	if err != nil {
		return TranscriptionPrice{}, fmt.Errorf("of %s, %w", name, err)
	}
	return TranscriptionPrice{Model: name, Minute: minute}, nil
}

// mostPrice is beyond any price and short of one for a token written where one for a million belongs.
const mostPrice = 100_000

func asPrice(s string) (float64, error) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || f < 0 || f > mostPrice {
		return 0, fmt.Errorf("%q is not a price; write dollars, 0 or more, such as 0.40", s)
	}
	return f, nil
}

func asOptionalPrice(s string) (*float64, error) {
	f, err := asPrice(s)
	if err != nil {
		return nil, err
	}
	return &f, nil
}

func asDay(s string) (string, error) {
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return "", fmt.Errorf("%q is not a day; write it as 2026-11-23", s)
	}
	return s, nil
}

func checkPrices(c *Config, fs *Faults) {
	p := c.Prices
	fs.add(c.given["prices.as_of"] || !c.given["prices.models"] && !c.given["prices.transcription"], "prices.as_of",
		"is missing beside prices of your own", "write the day on which you read them, such as 2026-11-23")
	if day, err := time.Parse(time.DateOnly, p.AsOf); err == nil && c.given["prices.as_of"] {
		// A day begins earlier elsewhere: what is tomorrow in UTC may be today where it was written.
		fs.add(day.Before(time.Now().Add(24*time.Hour)), "prices.as_of", p.AsOf+" is in the future", "write the day on which the prices were read")
	}
	once(fs, "prices.models", p.Models, func(m ModelPrice) string { return m.Model })
	once(fs, "prices.transcription", p.Transcription, func(t TranscriptionPrice) string { return t.Model })
}

// once wants no name to stand twice in a key's list: nobody could tell which price counts.
func once[T any](fs *Faults, key string, all []T, name func(T) string) {
	seen := map[string]bool{}
	for _, v := range all {
		fs.add(!seen[name(v)], key, "names "+name(v)+" twice", "leave one of the two")
		seen[name(v)] = true
	}
}

// isOrIsSnapshotOf says whether model is base, or a dated snapshot of it ("-2025-08-28").
func isOrIsSnapshotOf(model, base string) bool {
	tail, found := strings.CutPrefix(model, base)
	return found && (tail == "" || strings.HasPrefix(tail, "-20"))
}
