package wiring

import (
	"math"
	"testing"
	"time"
)

func TestTheLongestTalkHasAPriceOrAReason(t *testing.T) {
	got := talkCost(site(t, nil))(10 * time.Minute)
	// 0.192 and 0.768 of audio, 0.4356 read again, 0.144 and 0.576 of text, 0.045 written down.
	if got.USD == nil || math.Abs(*got.USD-2.1606) > 1e-4 || got.AsOf == "" || got.Missing != "" {
		t.Errorf("%v %+v", got.USD, got)
	}
	if longer := talkCost(site(t, nil))(20 * time.Minute); *longer.USD <= 2**got.USD {
		t.Errorf("%f: what was said is read again in each turn", *longer.USD)
	}
	for key, value := range map[string]string{
		"prices.models":        "another:text=1/1/1:audio=1/1/1",
		"prices.transcription": "another:minute=1",
	} {
		if got := talkCost(site(t, map[string]string{key: value, "prices.as_of": "2026-11-20"}))(time.Minute); got.USD != nil || got.Missing == "" {
			t.Errorf("%s: %+v", key, got)
		}
	}
}
