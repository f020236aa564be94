package media

import "time"

// Outcome is what a session leaves behind.
type Outcome struct {
	// Reason is why the session ended. Where the conversation had been concluded by
	// end_call and the callee hung up before the farewell was over, it is that conclusion.
	Reason EndReason
	// ModelReason is the last reason the model gave to end_call, "" if none. A claim.
	ModelReason EndReason
	// GreetingHeard: the first mark of the greeting came back, so the callee heard some of it.
	GreetingHeard bool
	// DisclosurePlayed: the transcript has the disclosure, and its last mark came back.
	DisclosurePlayed bool
	// FarewellPlayed: the mark after the farewell's (or apology's) last sample came back.
	FarewellPlayed bool
	// Report is what the model said of the call: untrusted words.
	Report     Report
	Transcript []Turn
	Usage      Usage
	Quality    Quality
	// StartedAt is when the stream started (zero if it never did), EndedAt when the line was let go.
	StartedAt, EndedAt time.Time
}

// Report is the model's account of the call. Each text is one line of at most 500
// characters without a URL.
type Report struct {
	Summary   string
	NextSteps []string
}

// Speaker is who spoke a turn.
type Speaker string

// The speakers.
const (
	SpeakerCallee Speaker = "callee"
	SpeakerAgent  Speaker = "agent"
)

// Turn is one thing said, in the order in which it began.
type Turn struct {
	Speaker Speaker
	Text    string
	// AtMS is when it began, in milliseconds from the stream's start.
	AtMS int
	// Interrupted: the callee spoke into it or the line went, so that not all of Text was
	// heard, but about HeardMS milliseconds of it.
	Interrupted bool
	HeardMS     int
}

// Usage counts what the model billed. Cached tokens are part of the input tokens.
type Usage struct {
	Responses                                          int
	InputTokens, OutputTokens                          int
	TextIn, AudioIn, CachedText, CachedAudio, CachedIn int
	TextOut, AudioOut                                  int
	// UnspecifiedTokens are those of responses that did not say of which kind they were.
	UnspecifiedTokens int
	// Unreported responses began and never ended, so that nothing is known of their tokens.
	Unreported int
	// Transcripts of the callee are billed in seconds or in tokens, whichever the model
	// says; Unmeasured are those of which it said neither.
	Transcripts, TranscriptionTokens, Unmeasured int
	TranscriptionSeconds                         float64
}

// add sums up.
func (u *Usage) add(v Usage) {
	u.Responses += v.Responses
	u.InputTokens += v.InputTokens
	u.OutputTokens += v.OutputTokens
	u.TextIn += v.TextIn
	u.AudioIn += v.AudioIn
	u.CachedText += v.CachedText
	u.CachedAudio += v.CachedAudio
	u.CachedIn += v.CachedIn
	u.TextOut += v.TextOut
	u.AudioOut += v.AudioOut
	u.UnspecifiedTokens += v.UnspecifiedTokens
}

// transcribed adds the bill of one transcript.
func (u *Usage) transcribed(ev CalleeTranscript) {
	if ev.Failed {
		return
	}
	u.Transcripts++
	u.TranscriptionSeconds += ev.Seconds
	u.TranscriptionTokens += ev.Tokens
	if ev.Seconds == 0 && ev.Tokens == 0 {
		u.Unmeasured++
	}
}

// Quality is how well the call went, technically.
type Quality struct {
	// FirstAudioMS is from the stream's start to the agent's first audio, -1 if it never spoke.
	FirstAudioMS int
	// FirstAudioModelMS is the model's share of it: its handshake, as far as the stream had
	// to wait for that, and the time from the first request for a response to its first
	// audio. The rest is the wait for the callee's first words, and us. -1 if it never spoke.
	FirstAudioModelMS int
	// DialMS is from the dial of the model to where it could hear and speak, -1 if it never could.
	DialMS int
	// TurnLatenciesMS are from the callee's last sound (as the model noticed its end) to
	// the first audio of the answer; at most 256.
	TurnLatenciesMS []int
	BargeIns        int
	// Backchannels are sounds over the agent that the guard let pass.
	Backchannels int
	// DroppedIn and DroppedOut are messages of audio dropped by full queues.
	DroppedIn, DroppedOut int
	// Fillers is how often a stored filler was played.
	Fillers int
	// Reconnects are connections of the model that were lost and replaced, Renewals those
	// that were replaced before they would have ended.
	Reconnects, Renewals int
	// LateDeltas is audio of interrupted responses that was not passed on.
	LateDeltas int
	// BadFrames are unusable messages of the phone, BadEvents and BadAudio those of the model.
	BadFrames, BadEvents, BadAudio int
	// FilledMS is silence put into gaps of the callee's audio.
	FilledMS int
	// SlowestFrame is the longest that a timed frame took through the bridge, SlowestBargeIn
	// from the model's word that the callee speaks to the phone's silence (see [Timings]);
	// 0: there was none.
	SlowestFrame, SlowestBargeIn time.Duration
}
