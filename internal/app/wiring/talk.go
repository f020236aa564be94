package wiring

import (
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/config"
)

// What a conversation uses in a minute in which nobody is ever silent: a token for each
// 100 ms of the callee and each 50 ms of the assistant (research/openai-realtime section
// 9), in a dozen turns, each of which reads brief and conversation from the cache and
// writes a few words of text beside the audio.
const (
	calleeTokens, agentTokens = 600, 1200
	turnsPerMinute            = 12
	briefTokens, textTokens   = 3000, 200
	million                   = 1e6
)

// transcriber writes down what the callee says (internal/app/stream).
const transcriber = "gpt-transcribe"

// talkCost is what model and transcription ask for the longest conversation, at the most
// that somebody should plan with.
func talkCost(c *config.Config) func(time.Duration) call.TalkCost {
	return func(length time.Duration) call.TalkCost {
		cost := call.TalkCost{AsOf: c.Prices.AsOf}
		model, writing := c.Prices.Model(c.OpenAI.Model), c.Prices.TranscriptionMinute(transcriber)
		switch {
		case model == nil:
			cost.Missing = "prices.models has no price of " + c.OpenAI.Model
			return cost
		case writing == nil:
			cost.Missing = "prices.transcription has no price of " + transcriber
			return cost
		}
		minutes := length.Minutes()
		turns := turnsPerMinute * minutes
		audio := minutes * (calleeTokens*model.Audio.In + agentTokens*model.Audio.Out) / million
		again := (calleeTokens + agentTokens) / turnsPerMinute * turns * (turns + 1) / 2 * model.Audio.Cached / million
		text := turns * (briefTokens*model.Text.Cached + textTokens*model.Text.Out) / million
		usd := call.Dollars(audio + again + text + minutes**writing)
		cost.USD = &usd
		return cost
	}
}
