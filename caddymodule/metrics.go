package caddymodule

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/app/stream"
	"github.com/clawdbot/call-agent/internal/httpapi"
	"github.com/clawdbot/call-agent/media"
)

// meter is the process's only one: Caddy makes a registry per configuration, and
// collectors made anew with it would begin at zero while calls are up.
var meter = newMeter()

// metered implements stream.Meter. Its labels come from closed lists; none is a call
// or a number.
type metered struct {
	webhooks httpapi.Counters

	held       *prometheus.CounterVec
	duration   prometheus.Histogram
	firstAudio prometheus.Histogram
	firstModel prometheus.Histogram
	turn       prometheus.Histogram
	bargeIn    prometheus.Histogram
	overhead   *prometheus.HistogramVec
	reconnects prometheus.Counter
	tokens     *prometheus.CounterVec
	cost       prometheus.Histogram
	unpriced   prometheus.Counter
	bargeIns   prometheus.Counter
	dropped    prometheus.Counter
	refused    *prometheus.CounterVec
	unsigned   prometheus.Counter

	collectors []prometheus.Collector
}

// namespace begins every metric's name (contract section 6).
const namespace = "call_agent"

func newMeter() *metered {
	m := &metered{}
	counter := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}
	}
	m.held = prometheus.NewCounterVec(counter("sessions_held_total", "Media sessions that are over, by why they ended."), []string{"end_reason"})
	m.refused = prometheus.NewCounterVec(counter("streams_refused_total", "Media streams that were not let in, by reason."), []string{"reason"})
	m.bargeIns = prometheus.NewCounter(counter("barge_ins_total", "Times a callee spoke into the agent's words."))
	m.dropped = prometheus.NewCounter(counter("frames_dropped_total", "Messages of audio dropped by full queues."))
	m.unsigned = prometheus.NewCounter(counter("stream_signatures_bad_total", "Media streams whose upgrade had no valid signature of the provider's, let in or not."))
	m.duration = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace, Name: "session_duration_seconds", Help: "From a stream's start to its end.",
		Buckets: []float64{1, 5, 15, 30, 60, 120, 180, 300, 420, 600, 1800},
	})
	m.firstAudio = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace, Name: "first_audio_seconds", Help: "From a stream's start to the agent's first audio.",
		Buckets: []float64{.1, .25, .5, .75, 1, 1.5, 2, 3, 5, 10},
	})
	m.firstModel = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace, Name: "first_audio_model_seconds", Help: "The model's own share of first_audio_seconds.",
		Buckets: []float64{.1, .25, .5, .75, 1, 1.5, 2, 3, 5, 10},
	})
	m.bargeIn = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace, Name: "barge_in_latency_seconds", Help: "From the model's word that the callee speaks to the end of the write that silences the phone.",
		Buckets: []float64{.0001, .00025, .0005, .001, .002, .005, .01, .02, .05, .1, .25},
	})
	m.overhead = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Name: "bridge_overhead_seconds", Help: "From the end of a message's read to the end of the last write made of it, of a sample of the audio.",
		Buckets: []float64{.00005, .0001, .00025, .0005, .001, .002, .005, .01, .02, .05, .1, .25},
	}, []string{"direction"})
	m.reconnects = prometheus.NewCounter(counter("model_reconnects_total", "Connections of the model that were lost and replaced in the middle of a call."))
	for _, d := range []media.Direction{media.ToModel, media.ToPhone} {
		m.overhead.WithLabelValues(string(d))
	}
	m.turn = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace, Name: "turn_latency_seconds", Help: "From a callee's last sound to the first of the agent's answer.",
		Buckets: []float64{.1, .25, .5, .75, 1, 1.25, 1.5, 2, 3, 5, 10},
	})
	m.tokens = prometheus.NewCounterVec(counter("tokens_total", "The model's tokens, by kind; fresh and cached together are what went in."), []string{"kind"})
	m.cost = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace, Name: "session_cost_dollars", Help: "What a session's model and transcription cost, where all of it is known.",
		Buckets: []float64{.005, .01, .02, .05, .1, .2, .5, 1, 2, 5},
	})
	m.unpriced = prometheus.NewCounter(counter("sessions_unpriced_total", "Sessions whose cost is not known in full."))
	for kind := range kinds(call.Tokens{}) {
		m.tokens.WithLabelValues(kind)
	}
	for _, r := range call.EndReasons() { // a series that appears with its first event hides that event from rate()
		m.held.WithLabelValues(string(r))
	}
	for _, r := range stream.Refusals() {
		m.refused.WithLabelValues(string(r))
	}
	m.collectors = append(m.webhookCounters(), m.held, m.refused, m.bargeIns, m.dropped, m.unsigned, m.duration, m.firstAudio, m.firstModel, m.turn, m.bargeIn, m.overhead, m.reconnects, m.tokens, m.cost, m.unpriced,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: "live_calls", Help: "Calls held or about to be."}, liveCalls))
	return m
}

func (m *metered) webhookCounters() (all []prometheus.Collector) {
	for reason, n := range m.webhooks.ByReason() {
		all = append(all, prometheus.NewCounterFunc(prometheus.CounterOpts{
			Namespace: namespace, Name: "webhooks_refused_total", Help: "Provider webhooks that were not carried out, by reason.",
			ConstLabels: prometheus.Labels{"reason": reason},
		}, func() float64 { return float64(n.Load()) }))
	}
	return all
}

// liveCalls counts on every host, also on one whose directive is gone.
func liveCalls() float64 {
	n := 0
	eachHost(func(h liveHost) { n += h.Live() })
	return float64(n)
}

// eachHost visits the hosts of this process.
func eachHost(visit func(liveHost)) {
	hosts.Range(func(_, v any) bool {
		if h, ok := v.(liveHost); ok {
			visit(h)
		}
		return true
	})
}

// register makes the metrics known to a configuration's registry, which may know them.
func (m *metered) register(ctx caddy.Context) error {
	for _, c := range m.collectors {
		var known prometheus.AlreadyRegisteredError
		if err := ctx.GetMetricsRegistry().Register(c); err != nil && !errors.As(err, &known) {
			return fmt.Errorf("call_agent metrics: %w", err)
		}
	}
	return nil
}

// Held counts a session that is over.
func (m *metered) Held(h stream.Held) {
	reason := h.Reason
	if !slices.Contains(call.EndReasons(), reason) {
		reason = call.EndUnclear
	}
	m.held.WithLabelValues(string(reason)).Inc()
	m.bargeIns.Add(float64(h.BargeIns))
	m.dropped.Add(float64(h.FramesDropped))
	if h.Duration > 0 {
		m.duration.Observe(h.Duration.Seconds())
	}
	if h.FirstAudio >= 0 {
		m.firstAudio.Observe(h.FirstAudio.Seconds())
	}
	if h.FirstAudioModel >= 0 {
		m.firstModel.Observe(h.FirstAudioModel.Seconds())
	}
	m.reconnects.Add(float64(h.Reconnects))
	for _, d := range h.TurnLatencies {
		m.turn.Observe(d.Seconds())
	}
	m.bill(h.Cost)
}

func (m *metered) bill(c call.Cost) {
	for kind, n := range kinds(c.Tokens) {
		m.tokens.WithLabelValues(kind).Add(float64(n))
	}
	if c.ModelUSD == nil || c.TranscriptionUSD == nil || len(c.Unknown) > 0 {
		m.unpriced.Inc()
		return
	}
	m.cost.Observe(*c.ModelUSD + *c.TranscriptionUSD)
}

// kinds are tokens by the label of their kind. Unlike in the record they are apart, so
// that they may be added up.
func kinds(t call.Tokens) map[string]int {
	return map[string]int{
		"text_fresh": max(0, t.TextIn-t.TextCached), "text_cached": t.TextCached, "text_out": t.TextOut,
		"audio_fresh": max(0, t.AudioIn-t.AudioCached), "audio_cached": t.AudioCached, "audio_out": t.AudioOut,
	}
}

// Overhead counts how long a message of audio was in the bridge.
func (m *metered) Overhead(d media.Direction, took time.Duration) {
	m.overhead.WithLabelValues(string(d)).Observe(took.Seconds())
}

// BargeIn counts how long the agent went on after it was interrupted.
func (m *metered) BargeIn(took time.Duration) { m.bargeIn.Observe(took.Seconds()) }

// Refused counts a stream that was not let in.
func (m *metered) Refused(r stream.Refusal) { m.refused.WithLabelValues(string(r)).Inc() }

// Unsigned counts an upgrade without a valid signature.
func (m *metered) Unsigned() { m.unsigned.Inc() }

// Interface guard.
var _ stream.Meter = (*metered)(nil)
