package stream

import (
	"fmt"
	"math"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/config"
	"github.com/clawdbot/call-agent/media"
)

// costOf prices what a session used. What has no rate, or was not reported, stays unknown
// with the reason: 0 would be a lie (contract section 1).
func costOf(u media.Usage, model string, p config.Prices) call.Cost {
	c := call.Cost{
		Model: model, PricesAsOf: p.AsOf,
		Tokens:               call.Tokens{TextIn: u.TextIn, TextCached: cachedText(u), TextOut: u.TextOut, AudioIn: u.AudioIn, AudioCached: u.CachedAudio, AudioOut: u.AudioOut},
		TranscriptionSeconds: math.Round(u.TranscriptionSeconds*1000) / 1000, TranscriptionTokens: u.TranscriptionTokens,
	}
	doubt := func(is bool, format string, args ...any) {
		if is {
			c.Unknown = append(c.Unknown, fmt.Sprintf(format, args...))
		}
	}
	price := p.Model(model)
	doubt(price == nil, "prices.models has no price of %s", model)
	doubt(u.UnspecifiedTokens > 0, "the model did not say of which kind %d of its tokens were", u.UnspecifiedTokens)
	if price != nil && u.UnspecifiedTokens == 0 {
		usd := call.Dollars(modelDollars(u, *price))
		c.ModelUSD = &usd
	}
	doubt(u.Unreported > 0, "the model did not report the tokens of %d responses that were cut off", u.Unreported)

	minute := p.TranscriptionMinute(transcription)
	doubt(minute == nil && u.Transcripts > 0, "prices.transcription has no price of %s", transcription)
	doubt(u.TranscriptionTokens > 0, "the transcription was billed in tokens, and prices.transcription is by the minute")
	doubt(u.Unmeasured > 0, "%d transcripts were not measured", u.Unmeasured)
	switch {
	case u.Transcripts == 0:
		c.TranscriptionUSD = new(float64)
	case minute != nil && u.TranscriptionTokens == 0 && u.Unmeasured == 0:
		usd := call.Dollars(u.TranscriptionSeconds / 60 * *minute)
		c.TranscriptionUSD = &usd
	}
	return c
}

// cachedText is what of the cached tokens is text; those that the model does not tell apart
// count as text too (research/openai-realtime section 9).
func cachedText(u media.Usage) int {
	return u.CachedText + max(0, u.CachedIn-u.CachedText-u.CachedAudio)
}

// modelDollars is the formula of research/openai-realtime section 9: cached tokens are part
// of the input. Tokens beyond those of a known kind are text: reasoning is.
func modelDollars(u media.Usage, p config.ModelPrice) float64 {
	const million = 1e6
	cached := cachedText(u)
	text := max(u.TextIn, u.InputTokens-u.AudioIn) - cached
	audio := u.AudioIn - u.CachedAudio
	if text < 0 { // more was cached without a kind than there was text
		text, audio = 0, audio+text
	}
	written := max(u.TextOut, u.OutputTokens-u.AudioOut)
	return (float64(text)*p.Text.In + float64(cached)*p.Text.Cached + float64(written)*p.Text.Out +
		float64(max(0, audio))*p.Audio.In + float64(u.CachedAudio)*p.Audio.Cached + float64(u.AudioOut)*p.Audio.Out) / million
}
