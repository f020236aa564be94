package stream

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
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
	l := &line{h: h, token: t, ctx: ctx}
	defer l.wait()
	s, err := media.New(h.config(c, l), phone, h.dialer(), l, l)
	if err != nil {
		log.ErrorContext(ctx, "media session not started", "error", err)
		return
	}
	defer h.o.Sessions.add(s)()
	l.session = s
	out := s.Run(ctx)
	log.InfoContext(ctx, "call held", "end_reason", out.Reason, "greeting_heard", out.GreetingHeard, "farewell_played", out.FarewellPlayed,
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

// line is one call's connection between its media session and its record. Its
// goroutines are the lease's renewal and the writes that the session's control loop
// must not wait for; wait ends when they have.
type line struct {
	h       *Handler
	token   call.StreamToken
	ctx     context.Context //nolint:containedctx // a line lives exactly as long as the session whose context this is
	session *media.Session

	mu   sync.Mutex
	live *call.Live
	desk *call.Desk

	writes sync.WaitGroup
	stop   chan struct{}
}

// admit is asked when the stream has started: it uses the token up.
func (l *line) admit(ctx context.Context, start twiliostream.Start) error {
	live, err := l.h.o.Service.OpenStream(ctx, l.token, start.AccountSID, start.CallSID)
	if err != nil {
		return fmt.Errorf("stream of attempt %d: %w", l.token.Attempt, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.live, l.desk, l.stop = live, call.NewDesk(live), make(chan struct{})
	l.writes.Go(func() { l.renew(live) })
	return nil
}

// renew says three times per lease that the session is alive, and ends the session
// when the record has moved on without it.
func (l *line) renew(live *call.Live) {
	t := time.NewTicker(call.LeaseLength / 3)
	defer t.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-t.C:
		}
		over, err := live.Renew(l.ctx)
		if err != nil {
			l.h.o.Log.ErrorContext(l.ctx, "cannot renew the stream's lease", "call_id", l.token.CallID, "error", err)
		}
		if over {
			l.session.HangUp(media.EndMachine)
			return
		}
	}
}

// Call carries out the model's calendar tools at the desk.
func (l *line) Call(ctx context.Context, t media.ToolCall) (string, error) {
	l.mu.Lock()
	desk := l.desk
	l.mu.Unlock()
	b, err := json.Marshal(desk.Use(ctx, t.Name, t.Arguments))
	return string(b), err
}

// Observe writes down what the record must know while the call goes on. The writes
// are done beside the control loop, which must not wait for the store.
func (l *line) Observe(m media.Moment) {
	l.mu.Lock()
	live := l.live
	l.mu.Unlock()
	if live == nil {
		return
	}
	switch m.Kind {
	case media.MomentGreetingHeard:
		l.write(live.GreetingHeard)
	case media.MomentCalleeStarted:
		l.write(live.CalleeSpoke)
	default:
	}
}

func (l *line) write(do func(context.Context) error) {
	l.writes.Go(func() {
		if err := do(l.ctx); err != nil {
			l.h.o.Log.ErrorContext(l.ctx, "cannot record what happened on the line", "call_id", l.token.CallID, "error", err)
		}
	})
}

// settle records the session's end and puts the line down, before the stream is
// closed: a provider that then asks what to do next is answered by the record.
func (l *line) settle(out media.Outcome) {
	l.mu.Lock()
	live := l.live
	l.live = nil
	l.mu.Unlock()
	if live == nil {
		return
	}
	close(l.stop)
	l.writes.Wait()
	if out.GreetingHeard { // the write on the way may have failed; the end must not be read without it
		if err := live.GreetingHeard(l.ctx); err != nil {
			l.h.o.Log.ErrorContext(l.ctx, "cannot record that the greeting was heard", "call_id", l.token.CallID, "error", err)
		}
	}
	if err := live.End(l.ctx, sessionEnd(out)); err != nil {
		l.h.o.Log.ErrorContext(l.ctx, "the call's end is not settled; the sweep will do it", "call_id", l.token.CallID, "error", err)
	}
}

func (l *line) wait() { l.writes.Wait() }

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
