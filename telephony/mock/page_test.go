package mock

import (
	"testing"

	"github.com/clawdbot/call-agent/internal/page/pagetest"
)

func TestThePageKeepsTheRulesOfOurPages(t *testing.T) {
	pagetest.Run(t, pagetest.Rules{
		Page: phone(), Budget: 60_000,
		Late: []string{"audio.js", "playout.js", "resample.js"}, // the audio thread's, after the answer
	})
}
