package stream

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/media"
)

// measures are what a session came to in numbers, for the record.
func (h *Handler) measures(out media.Outcome) call.Measures {
	q := out.Quality
	m := call.Measures{
		Quality: call.Quality{
			Turns: len(q.TurnLatenciesMS), BargeIns: q.BargeIns, Fillers: q.Fillers, Reconnects: q.Reconnects, FramesDropped: q.DroppedIn + q.DroppedOut,
			BadMessages: q.BadFrames + q.BadEvents + q.BadAudio, SilenceFilledMS: q.FilledMS,
		},
		Cost: costOf(out.Usage, h.o.Config.Model, h.o.Config.Prices),
	}
	m.Quality.DurationMS = lasted(out).Milliseconds()
	m.Quality.FirstAudioMS, m.Quality.FirstAudioModelMS = unlessNegative(q.FirstAudioMS), unlessNegative(q.FirstAudioModelMS)
	m.Quality.BargeInMaxMS, m.Quality.OverheadMaxMS = unlessZero(q.SlowestBargeIn), unlessZero(q.SlowestFrame)
	m.Quality.TurnP50MS, m.Quality.TurnMaxMS = spread(q.TurnLatenciesMS)
	return m
}

// unlessNegative is nil for what never happened.
func unlessNegative(ms int) *int {
	if ms < 0 {
		return nil
	}
	return &ms
}

// unlessZero is a time in milliseconds, to the microsecond; nil for what never happened.
func unlessZero(d time.Duration) *float64 {
	if d == 0 {
		return nil
	}
	ms := float64(d.Microseconds()) / 1000
	return &ms
}

// lasted is from the stream's start to its end; 0 if it never started.
func lasted(out media.Outcome) time.Duration {
	if out.StartedAt.IsZero() {
		return 0
	}
	return out.EndedAt.Sub(out.StartedAt)
}

// spread is the median and the largest; nil of nothing.
func spread(all []int) (p50, most *int) {
	if len(all) == 0 {
		return nil, nil
	}
	sorted := slices.Sorted(slices.Values(all))
	return &sorted[(len(sorted)-1)/2], &sorted[len(sorted)-1]
}

// summarise writes the session's one line: no number, no name, no word. What is not known
// is null in it too.
func summarise(ctx context.Context, log *slog.Logger, out media.Outcome, reason call.EndReason, m call.Measures) {
	q, c := m.Quality, m.Cost
	log.InfoContext(ctx, "call held", "end_reason", reason, "duration_ms", q.DurationMS,
		"greeting_heard", out.GreetingHeard, "farewell_played", out.FarewellPlayed,
		"first_audio_ms", known(q.FirstAudioMS), "first_audio_model_ms", known(q.FirstAudioModelMS), "turns", q.Turns, "turn_p50_ms", known(q.TurnP50MS), "turn_max_ms", known(q.TurnMaxMS),
		"barge_ins", q.BargeIns, "barge_in_max_ms", known(q.BargeInMaxMS), "overhead_max_ms", known(q.OverheadMaxMS), "fillers", q.Fillers, "reconnects", q.Reconnects, "frames_dropped", q.FramesDropped,
		"bad_frames", out.Quality.BadFrames, "bad_events", out.Quality.BadEvents, "bad_audio", out.Quality.BadAudio, "silence_filled_ms", q.SilenceFilledMS,
		"model", c.Model, "responses", out.Usage.Responses,
		"text_in", c.Tokens.TextIn, "text_cached", c.Tokens.TextCached, "text_out", c.Tokens.TextOut,
		"audio_in", c.Tokens.AudioIn, "audio_cached", c.Tokens.AudioCached, "audio_out", c.Tokens.AudioOut,
		"transcription_s", c.TranscriptionSeconds, "model_usd", known(c.ModelUSD), "transcription_usd", known(c.TranscriptionUSD), "cost_unknown", c.Unknown)
}

// known is the value, or nil, which a log shows as null.
func known[T any](v *T) any {
	if v == nil {
		return nil
	}
	return *v
}
