package stream

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/hugeheap"
	"github.com/clawdbot/call-agent/media"
	"github.com/clawdbot/call-agent/media/realtime"
)

// transcription is the model that writes down what the callee says; the report needs
// the words (research/openai-realtime section 4).
const transcription = "gpt-transcribe"

// hold runs one call from the stream's start to the record of its end.
func (h *Handler) hold(ctx context.Context, phone media.Phone, t call.StreamToken) {
	hugeheap.Expect(h.o.Sessions.Len())
	log := h.o.Log.With("call_id", t.CallID, "attempt", t.Attempt)
	l := h.prepare(ctx, phone, t, log)
	if l == nil {
		return
	}
	defer l.wait()
	defer h.o.Sessions.add(l.session)()
	defer h.o.Sessions.listed.enter(l)()
	h.ended(ctx, log, l, l.session.Run(ctx))
}

// prepare makes a session of the record; nil if there is none. It is apart from hold, as ended
// is, whose place on the stack every call pays for as long as it lasts.
func (h *Handler) prepare(ctx context.Context, phone media.Phone, t call.StreamToken, log *slog.Logger) *line {
	c, err := h.o.Service.Store.Get(ctx, t.CallID)
	if err != nil {
		log.ErrorContext(ctx, "media stream without a record", "error", err)
		return nil
	}
	l := &line{h: h, token: t, ctx: ctx}
	l.teller, _ = phone.(*teller)
	l.diary = h.newDiary(ctx, t, log)
	if l.session, err = media.New(h.config(c, l, log), phone, h.o.Config.Dialer(), l, l); err != nil {
		log.ErrorContext(ctx, "media session not started", "error", err)
		l.wait()
		return nil
	}
	return l
}

// ended takes down what a session came to.
func (h *Handler) ended(ctx context.Context, log *slog.Logger, l *line, out *media.Outcome) {
	m, reason := h.measures(*out), l.recordedReason(*out)
	l.remeasure(m)
	h.o.Meter.Held(heldOf(*out, reason, m.Cost))
	summarise(ctx, log, *out, reason, m)
	l.diary.close(*out)
}

func (h *Handler) config(c call.Call, l *line, log *slog.Logger) media.Config {
	disclosure := call.DisclosureSentence(h.o.Service.Disclosure, c.Request.UserName)
	return media.Config{
		Instructions: call.Instructions(c, disclosure, h.o.Service.Now()), Disclosure: disclosure,
		Voice: h.o.Config.Voice, Input: media.Format(h.o.Config.InputFormat), Output: media.Format(h.o.Config.OutputFormat),
		TranscriptionModel: transcription, Tools: h.tools,
		SilencePrompt: h.o.Config.SilencePrompt, SilenceHangup: h.o.Config.SilenceHangup, MaxLength: h.o.Config.MaxCall,
		BackchannelGuard: h.o.Config.BackchannelGuard, ToolTimeout: toolLimit, Admit: l.admit, Settle: l.settle, Timings: h.o.Meter, Tape: l.diary.hears(),
		Log: log,
	}
}

// modelTools are the same for every call, so one copy does.
func modelTools() (tools []media.ToolDef) {
	for _, t := range call.ModelTools() {
		if t.Name != call.ToolEndCall { // the session adds it itself
			tools = append(tools, media.ToolDef{Name: t.Name, Description: t.Description, Parameters: json.RawMessage(t.Schema)})
		}
	}
	return tools
}

// toolLimit is longer than the desk's own limits, which give the better answer.
const toolLimit = 20 * time.Second

// Dialer opens sessions with the configured model.
func (c Config) Dialer() realtime.Dialer {
	return realtime.Dialer{Config: realtime.Config{BaseURL: c.BaseURL, Model: c.Model, APIKey: c.APIKey}}
}

// sessionEnd says in the record's words how a session ended.
func sessionEnd(out media.Outcome) call.SessionEnd {
	e := call.SessionEnd{
		Reason: call.EndReason(out.Reason), ModelReason: call.EndReason(out.ModelReason), FarewellPlayed: out.FarewellPlayed,
		Words:  words(out),
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

// words say what went wrong and what the callee was left with, for an attempt that
// failed; "" for one that did not.
func words(out media.Outcome) string {
	what := map[media.EndReason]string{
		media.EndModelLost:         "the model could not be reached, or its connection was lost during the call",
		media.EndModelSilent:       "the model was connected and did not speak",
		media.EndDisclosureMissing: "the model did not say the disclosure, nor when it was asked again",
		media.EndPhoneLost:         "the phone's media stream broke or went silent during the call",
		media.EndBadStream:         "what came over the media stream was not this call's, or could not be used",
		media.EndDrained:           "this host was taken out of service during the call",
		media.EndHostLost:          "this host stopped during the call",
	}[out.Reason]
	switch {
	case out.Reason == media.EndVoicemail, out.Reason == media.EndMachine, out.Reason == media.EndCanceled:
		return "" // nobody to talk to, or somebody's wish, and nothing that went wrong
	case what != "" && out.FarewellPlayed:
		return what + "; the callee heard a goodbye"
	case what != "":
		return what + "; the line was put down without a goodbye"
	case out.GreetingHeard:
		return ""
	case out.Reason == media.EndCalleeHangup:
		return "the callee hung up before the greeting was heard"
	}
	return "the call ended before the greeting was heard"
}
