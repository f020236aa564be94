package stream

import (
	"context"
	"encoding/json"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/media"
	"github.com/clawdbot/call-agent/media/realtime"
	"github.com/clawdbot/call-agent/media/twiliostream"
)

// transcription is the model that writes down what the callee says; the disclosure
// check and the report need its words (research/openai-realtime section 4).
const transcription = "gpt-transcribe"

// hold runs one call from the stream's start to the record of its end.
func (h *Handler) hold(ctx context.Context, phone *twiliostream.Conn, t call.StreamToken) {
	defer phone.Close()
	log := h.o.Log.With("call_id", t.CallID, "attempt", t.Attempt)
	c, err := h.o.Service.Store.Get(ctx, t.CallID)
	if err != nil {
		log.ErrorContext(ctx, "media stream without a record", "error", err)
		return
	}
	l := &line{h: h, token: t, ctx: ctx, stop: make(chan struct{})}
	defer l.wait()
	s, err := media.New(h.config(c, l), phone, h.dialer(), l, l)
	if err != nil {
		log.ErrorContext(ctx, "media session not started", "error", err)
		return
	}
	defer h.o.Sessions.add(s)()
	l.session = s
	out := s.Run(ctx)
	log.InfoContext(ctx, "call held", "end_reason", string(out.Reason), "greeting_heard", out.GreetingHeard, "farewell_played", out.FarewellPlayed,
		"duration", out.EndedAt.Sub(out.StartedAt).Round(time.Millisecond), "barge_ins", out.Quality.BargeIns,
		"first_audio_ms", out.Quality.FirstAudioMS, "frames_dropped", out.Quality.DroppedIn+out.Quality.DroppedOut)
}

func (h *Handler) config(c call.Call, l *line) media.Config {
	disclosure := call.DisclosureSentence(h.o.Service.Disclosure, c.Request.UserName)
	cfg := media.Config{
		Instructions: call.Instructions(c, disclosure, h.o.Service.Now()), Disclosure: disclosure,
		Voice: h.o.Config.Voice, Output: media.Format(h.o.Config.OutputFormat),
		TranscriptionModel: transcription,
		SilencePrompt:      h.o.Config.SilencePrompt, SilenceHangup: h.o.Config.SilenceHangup, MaxLength: h.o.Config.MaxCall,
		ToolTimeout: toolLimit, Admit: l.admit, Settle: l.settle,
		Log: h.o.Log.With("call_id", c.ID),
	}
	for _, t := range call.ModelTools() {
		if t.Name != call.ToolEndCall { // the session adds it itself
			cfg.Tools = append(cfg.Tools, media.ToolDef{Name: t.Name, Description: t.Description, Parameters: json.RawMessage(t.Schema)})
		}
	}
	return cfg
}

// toolLimit is longer than the desk's own limits, which give the better answer.
const toolLimit = 20 * time.Second

func (h *Handler) dialer() media.Dialer {
	c := h.o.Config
	return realtime.Dialer{Config: realtime.Config{BaseURL: c.BaseURL, Model: c.Model, APIKey: c.APIKey}}
}

// sessionEnd says in the record's words how a session ended.
func sessionEnd(out media.Outcome) call.SessionEnd {
	e := call.SessionEnd{
		Reason: call.EndReason(out.Reason), ModelReason: call.EndReason(out.ModelReason), FarewellPlayed: out.FarewellPlayed,
		Report: call.Report{Summary: out.Report.Summary, Reason: string(out.ModelReason), NextSteps: out.Report.NextSteps},
	}
	for _, turn := range out.Transcript {
		if turn.Speaker == media.SpeakerCallee && turn.Text != "" {
			e.Report.Evidence = append(e.Report.Evidence, call.Quote{Quote: turn.Text, AtMS: int64(turn.AtMS)})
		}
	}
	const proof = 3 // the callee's last words are those that agreed, or did not
	e.Report.Evidence = e.Report.Evidence[max(0, len(e.Report.Evidence)-proof):]
	return e
}
