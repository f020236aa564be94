// Package media is the live call: [Session] carries one conversation between a
// callee's phone and a voice model, from the stream's start to the last sample of
// the farewell. It owns whose turn it is (one response gate), what the callee has
// really heard (playback truth from marks), interruptions, the model's tool calls,
// the time limits and the end of the call; its [Outcome] is all it leaves behind.
//
// It never dials, never puts the line down at the carrier (closing the stream is its
// last act; the caller of [Session.Run] does the rest), never decides what was
// booked, and knows no provider: phones speak package twiliostream, and a model's
// dialect stays behind [Agent].
//
// Inside, one goroutine reads each socket, and a lock guards all state ([conversation]).
// Who reads a message has the conversation decide, and writes to the other socket what
// comes of it (docs/adr/0025). The rules it follows are those of research
// openai-realtime.md sections 3 and 10 to 12.
package media

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/clawdbot/call-agent/media/twiliostream"
)

// Format is how the model encodes audio; the phone's is always mu-law 8000 Hz.
type Format string

// The formats a Session can carry.
const (
	// PCMU is mu-law 8000 Hz: samples pass unchanged.
	PCMU Format = "audio/pcmu"
	// PCMA is A-law 8000 Hz: samples are translated code by code.
	PCMA Format = "audio/pcma"
	// PCM24k is signed 16-bit little-endian, 24 kHz, mono: filtered, and decimated or
	// interpolated.
	PCM24k Format = "audio/pcm"
)

func (f Format) validate(name string) error {
	switch f {
	case "", PCMU, PCMA, PCM24k:
		return nil
	}
	return fmt.Errorf("format %q of %s is none that a Session can carry: use %q, %q or %q", f, name, PCMU, PCMA, PCM24k)
}

// Config is what one call needs to know. The zero value of every duration takes
// the default named beside it.
type Config struct {
	// Instructions are the model's: persona, goal, rules. Required.
	Instructions string
	// Disclosure is the sentence said first, word by word, uninterruptible, and looked for
	// in the transcript. Required.
	Disclosure string
	// GreetInOne lets the greeting's response also state the call's business, instead
	// of asking for a second response that does. Then all of it is uninterruptible, not
	// just the disclosure.
	GreetInOne bool
	// BackchannelGuard lets a short, quiet word of the callee's ("mm-hmm") not stop the agent.
	// Then the model's own turn detection only reports, and the Session cancels, truncates
	// and asks for responses itself.
	BackchannelGuard bool
	// Tools the model may call, beside end_call, which the Session adds itself.
	Tools []ToolDef
	// Voice of the model; "" is the model's own default.
	Voice string
	// Input is the format in which the model hears, Output that in which it speaks; default PCMU.
	Input, Output Format
	// TranscriptionModel and Language ("en") turn on transcripts of the callee; "" is off.
	TranscriptionModel string
	Language           string

	// Admit, if set, is asked whether the stream that began is this call's; an error
	// ends the session as bad_stream. It may block for a moment, as the model is dialled meanwhile.
	Admit func(ctx context.Context, start twiliostream.Start) error

	// Settle, if set, is called once when the conversation is over and before the phone's
	// stream is closed: a carrier that asks what to do next must find the outcome recorded.
	// A late transcript may still be missing from it. Run waits for it.
	Settle func(Outcome)

	// GreetAfter is the silence after which the agent speaks first (1.5 s). GreetAtLatest
	// bounds how long the callee's own first words may hold the greeting back (10 s).
	GreetAfter, GreetAtLatest time.Duration
	// SpeakWithin bounds the time from a due greeting to the agent's first audio (5 s).
	SpeakWithin time.Duration
	// SilencePrompt and SilenceHangup count from the end of the agent's playback (8 s, 20 s).
	SilencePrompt, SilenceHangup time.Duration
	// FillerAfter is the silence in a tool's wait after which a stored filler is played (700 ms);
	// negative is never.
	FillerAfter time.Duration
	// MaxLength of the call, from the stream's start, after which it says goodbye (10 min).
	MaxLength time.Duration
	// ToolTimeout bounds one tool call (8 s).
	ToolTimeout time.Duration
	// FarewellWithin bounds the making of a farewell (12 s).
	FarewellWithin time.Duration
	// BargeInWatch is how long after an interruption that led to nothing the agent takes the turn again (4 s).
	BargeInWatch time.Duration
	// ReconnectWithin bounds the time in which a lost connection of the model is replaced
	// (8 s); RenewBefore is how long before its end one is replaced (60 s).
	ReconnectWithin, RenewBefore time.Duration
	// TranscriptWait is how long a finished call waits for the last transcript (2 s).
	TranscriptWait time.Duration

	// Timings, if set, hear how long the bridge itself takes.
	Timings Timings
	// Log receives what an operator should know; default: nothing. No audio, no words.
	Log *slog.Logger

	// The last four are asked for with every frame, and stand beside what is: see conversation.

	// ResponseWithin bounds the wait for an answer to a response.create (10 s).
	ResponseWithin time.Duration
	// MarkGrace is the wait for a final mark beyond the audio it follows (2.5 s).
	MarkGrace time.Duration
	// PhoneStall is the time without any message after which a phone is lost (10 s).
	PhoneStall time.Duration
	// Tape, if set, takes down what the call sounds like. It is for one Session.
	Tape *Tape
}

// withDefaults fills what was left zero.
func (c Config) withDefaults() Config {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&c.GreetAfter, 1500 * time.Millisecond},
		{&c.GreetAtLatest, 10 * time.Second},
		{&c.SpeakWithin, 5 * time.Second},
		{&c.SilencePrompt, 8 * time.Second},
		{&c.SilenceHangup, 20 * time.Second},
		{&c.FillerAfter, 700 * time.Millisecond},
		{&c.MaxLength, 10 * time.Minute},
		{&c.ToolTimeout, 8 * time.Second},
		{&c.PhoneStall, 10 * time.Second},
		{&c.FarewellWithin, 12 * time.Second},
		{&c.MarkGrace, 2500 * time.Millisecond},
		{&c.BargeInWatch, 4 * time.Second},
		{&c.ResponseWithin, 10 * time.Second},
		{&c.ReconnectWithin, 8 * time.Second},
		{&c.RenewBefore, time.Minute},
		{&c.TranscriptWait, 2 * time.Second},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	c.Input, c.Output = cmp.Or(c.Input, PCMU), cmp.Or(c.Output, PCMU)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// validate names every fault of the configuration at once.
func (c Config) validate() error {
	var faults []error
	if strings.TrimSpace(c.Instructions) == "" {
		faults = append(faults, errors.New("no Instructions: say who the agent is and what it wants"))
	}
	if len(words(c.Disclosure)) == 0 {
		faults = append(faults, errors.New("no word in Disclosure: give the sentence that must be said first"))
	}
	faults = append(faults, c.Input.validate("Input"), c.Output.validate("Output"))
	for _, t := range c.Tools {
		if t.Name == endCallTool {
			faults = append(faults, fmt.Errorf("tool %q is the Session's own: leave it out", endCallTool))
		}
	}
	return errors.Join(faults...)
}
