package caddymodule

import (
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/app/stream"
)

// series are a meter's values by name and labels, as a scrape has them.
func series(t *testing.T, m *metered) map[string]float64 {
	t.Helper()
	r := prometheus.NewRegistry()
	for _, c := range m.collectors {
		r.MustRegister(c)
	}
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		for _, x := range f.GetMetric() {
			name := f.GetName()
			for _, l := range x.GetLabel() {
				name += "/" + l.GetValue()
			}
			all[name] = x.GetGauge().GetValue() + x.GetCounter().GetValue() + float64(x.GetHistogram().GetSampleCount())
		}
	}
	return all
}

// A series that appears with its first event hides that event from rate().
func TestEverySeriesIsThereFromTheStart(t *testing.T) {
	want := []string{
		"live_calls", "barge_ins_total", "frames_dropped_total", "stream_signatures_bad_total", "session_duration_seconds", "first_audio_seconds",
		"first_audio_model_seconds",
		"turn_latency_seconds", "barge_in_latency_seconds", "bridge_overhead_seconds/to_model", "bridge_overhead_seconds/to_phone", "model_reconnects_total", "session_cost_dollars", "sessions_unpriced_total",
		"tokens_total/text_fresh", "tokens_total/text_cached", "tokens_total/text_out", "tokens_total/audio_fresh", "tokens_total/audio_cached", "tokens_total/audio_out",
	}
	for _, r := range call.EndReasons() {
		want = append(want, "sessions_held_total/"+string(r))
	}
	for _, r := range stream.Refusals() {
		want = append(want, "streams_refused_total/"+string(r))
	}
	got := series(t, newMeter())
	for _, name := range want {
		if v, ok := got["call_agent_"+name]; !ok || v != 0 {
			t.Errorf("%s: %v, there %t", name, v, ok)
		}
	}
}

func TestTokensAreCountedOnceAndOnlyAKnownCostIsOne(t *testing.T) {
	m := newMeter()
	cost, nothing := 0.02, 0.0
	tokens := call.Tokens{TextIn: 100, TextCached: 60, TextOut: 5, AudioIn: 10, AudioCached: 10, AudioOut: 7}
	m.Held(stream.Held{Reason: call.EndBooked, FirstAudio: -1, FirstAudioModel: -1, Reconnects: 1, Cost: call.Cost{Tokens: tokens, ModelUSD: &cost, TranscriptionUSD: &nothing}})
	m.Held(stream.Held{Reason: "a word of no list", Cost: call.Cost{Tokens: tokens, TranscriptionUSD: &nothing, Unknown: []string{"no price"}}})
	got := series(t, m)
	for name, want := range map[string]float64{
		"tokens_total/text_fresh": 80, "tokens_total/text_cached": 120, "tokens_total/text_out": 10, "tokens_total/audio_fresh": 0,
		"tokens_total/audio_cached": 20, "tokens_total/audio_out": 14, "session_cost_dollars": 1, "sessions_unpriced_total": 1,
		"sessions_held_total/booked": 1, "sessions_held_total/" + string(call.EndUnclear): 1, "first_audio_seconds": 1, "model_reconnects_total": 1,
	} {
		if got["call_agent_"+name] != want {
			t.Errorf("%s is %v, want %v", name, got["call_agent_"+name], want)
		}
	}
	known := slices.Collect(func(yield func(string) bool) {
		for name := range series(t, newMeter()) {
			if !yield(name) {
				return
			}
		}
	})
	for name := range got {
		if !slices.Contains(known, name) {
			t.Errorf("%s is a series that was not there from the start", name)
		}
	}
}
