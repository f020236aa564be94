package call

import (
	"math"
	"reflect"
	"slices"
	"time"
)

// Measures are what a media session came to in numbers: no word and no number of the call.
type Measures struct {
	Quality Quality `json:"quality"`
	Cost    Cost    `json:"cost"`
}

// Quality is how a media session went, technically. Times are in milliseconds; what there
// was nothing to measure of is null.
type Quality struct {
	// DurationMS is from the stream's start to its end.
	DurationMS int64 `json:"durationMs"`
	// FirstAudioMS is from the stream's start to the agent's first audio.
	FirstAudioMS *int `json:"firstAudioMs"`
	// FirstAudioModelMS is the model's own share of it.
	FirstAudioModelMS *int `json:"firstAudioModelMs"`
	// Turns were answered by the agent; the latency is from the callee's last sound to its first.
	Turns     int  `json:"turns"`
	TurnP50MS *int `json:"turnP50Ms"`
	TurnMaxMS *int `json:"turnMaxMs"`
	// BargeIns are interruptions of the agent, Fillers stored words that bridged a wait.
	BargeIns int `json:"bargeIns"`
	// BargeInMaxMS is the longest from the model's word that the callee speaks to the phone's
	// silence, OverheadMaxMS the longest that a timed message of audio spent in the bridge.
	BargeInMaxMS  *float64 `json:"bargeInMaxMs"`
	OverheadMaxMS *float64 `json:"overheadMaxMs"`
	Fillers       int      `json:"fillers"`
	// Reconnects are connections of the model that were lost and replaced.
	Reconnects int `json:"reconnects"`
	// FramesDropped are messages of audio that full queues dropped, BadMessages those that
	// could not be used.
	FramesDropped int `json:"framesDropped"`
	BadMessages   int `json:"badMessages"`
	// SilenceFilledMS was put into gaps of the callee's audio.
	SilenceFilledMS int `json:"silenceFilledMs"`
}

// Cost is what a media session was billed for, and the price as far as it is known: a part
// whose rate is unknown is null and never 0.
type Cost struct {
	Model string `json:"model"`
	// PricesAsOf is the day of the price table.
	PricesAsOf string `json:"pricesAsOf"`
	Tokens     Tokens `json:"tokens"`
	// TranscriptionSeconds and TranscriptionTokens: which of the two depends on the model.
	TranscriptionSeconds float64  `json:"transcriptionSeconds,omitempty"`
	TranscriptionTokens  int      `json:"transcriptionTokens,omitempty"`
	ModelUSD             *float64 `json:"modelUsd"`
	TranscriptionUSD     *float64 `json:"transcriptionUsd"`
	// Unknown says why a part is null, or incomplete.
	Unknown []string `json:"unknown,omitempty"`
}

// Tokens are a model's, as it counts them: what came from the cache is part of what went in.
type Tokens struct {
	TextIn      int `json:"textIn"`
	TextCached  int `json:"textCached"`
	TextOut     int `json:"textOut"`
	AudioIn     int `json:"audioIn"`
	AudioCached int `json:"audioCached"`
	AudioOut    int `json:"audioOut"`
}

func (t *Tokens) add(u Tokens) {
	t.TextIn += u.TextIn
	t.TextCached += u.TextCached
	t.TextOut += u.TextOut
	t.AudioIn += u.AudioIn
	t.AudioCached += u.AudioCached
	t.AudioOut += u.AudioOut
}

// Measured means that a media session's numbers are known in full: the model's last word on
// what it billed may come after the session's end was recorded.
type Measured struct {
	Attempt  int
	StreamID string
	Measures *Measures
	At       time.Time
}

func (e Measured) at() time.Time { return e.At }

func (e Measured) apply(_ Rules, c *Call) bool {
	a := c.ofStream(e.Attempt, e.StreamID)
	if a == nil || e.Measures == nil || reflect.DeepEqual(a.Measures, e.Measures) {
		return false
	}
	a.Measures = e.Measures
	return true
}

// measure takes the first numbers that a session reports.
func (a *Attempt) measure(m *Measures) bool {
	if a == nil || m == nil || a.Measures != nil {
		return false
	}
	a.Measures = m
	return true
}

// ofStream returns the attempt whose stream this was, also one that is over; or nil.
func (c *Call) ofStream(attempt int, streamID string) *Attempt {
	a := c.Attempt(attempt)
	if a == nil || streamID == "" || a.StreamID != streamID {
		return nil
	}
	return a
}

// billPhone takes note of the minutes that the provider bills, once.
func (r Rules) billPhone(a *Attempt, minutes int) bool {
	if a.PhoneMinutes != 0 || minutes <= 0 {
		return false
	}
	a.PhoneMinutes = minutes
	if r.PhoneMinute != nil {
		usd := Dollars(float64(minutes) * *r.PhoneMinute)
		a.PhoneUSD = &usd
	}
	return true
}

// Dollars rounds to millionths, so that sums of them read as they should.
func Dollars(v float64) float64 { return math.Round(v*1e6) / 1e6 }

// CostDocument is what the call has cost by now, over all its attempts. A sum of which a
// part is not known is null, and Unknown says why.
type CostDocument struct {
	Currency      string   `json:"currency"`
	Total         *float64 `json:"total"`
	Model         *float64 `json:"model"`
	Transcription *float64 `json:"transcription"`
	Phone         *float64 `json:"phone"`
	Unknown       []string `json:"unknown,omitempty"`
	// ModelName and PricesAsOf are those of the latest attempt.
	ModelName            string  `json:"modelName,omitempty"`
	PricesAsOf           string  `json:"pricesAsOf,omitempty"`
	Tokens               Tokens  `json:"tokens"`
	TranscriptionSeconds float64 `json:"transcriptionSeconds"`
	TranscriptionTokens  int     `json:"transcriptionTokens,omitempty"`
	PhoneMinutes         int     `json:"phoneMinutes"`
}

// QualityDocument is the quality of the latest attempt in which somebody was on the line.
type QualityDocument struct {
	Attempt int `json:"attempt"`
	Quality
}

func (c Call) quality() (d *QualityDocument) {
	for _, a := range c.Attempts {
		if a.Measures != nil {
			d = &QualityDocument{Attempt: a.Number, Quality: a.Measures.Quality}
		}
	}
	return d
}

// cost is nil while no attempt has cost anything that is known of.
func (c Call) cost() *CostDocument {
	d := &CostDocument{Currency: "USD", Model: new(float64), Transcription: new(float64), Phone: new(float64), Total: new(float64)}
	any := false
	for _, a := range c.Attempts {
		if a.Measures != nil || a.PhoneMinutes > 0 {
			any = true
		}
		d.add(a)
	}
	if !any {
		return nil
	}
	if d.Model == nil || d.Transcription == nil || d.Phone == nil || len(d.Unknown) > 0 {
		d.Total = nil
		return d
	}
	*d.Total = Dollars(*d.Model + *d.Transcription + *d.Phone)
	return d
}

func (d *CostDocument) add(a Attempt) {
	switch m := a.Measures; {
	case m != nil:
		d.ModelName, d.PricesAsOf = m.Cost.Model, m.Cost.PricesAsOf
		d.Tokens.add(m.Cost.Tokens)
		d.TranscriptionSeconds = math.Round((d.TranscriptionSeconds+m.Cost.TranscriptionSeconds)*1e3) / 1e3
		d.TranscriptionTokens += m.Cost.TranscriptionTokens
		d.Model, d.Transcription = plus(d.Model, m.Cost.ModelUSD), plus(d.Transcription, m.Cost.TranscriptionUSD)
		d.doubt(m.Cost.Unknown...)
	case a.StreamID != "":
		d.Model, d.Transcription = nil, nil
		d.doubt("a media session has not reported what it used")
	}
	if a.AnsweredAt == nil && a.PhoneMinutes == 0 {
		return // nobody bills for a phone that nobody picked up
	}
	d.PhoneMinutes += a.PhoneMinutes
	d.Phone = plus(d.Phone, a.PhoneUSD)
	switch {
	case a.PhoneUSD != nil:
	case a.PhoneMinutes == 0:
		d.doubt("the phone company has not reported its minutes")
	default:
		d.doubt("prices.phone_minute is not set")
	}
}

func (d *CostDocument) doubt(why ...string) {
	for _, w := range why {
		if !slices.Contains(d.Unknown, w) {
			d.Unknown = append(d.Unknown, w)
		}
	}
}

// plus adds what is known; nil is not.
func plus(a, b *float64) *float64 {
	if a == nil || b == nil {
		return nil
	}
	sum := Dollars(*a + *b)
	return &sum
}
