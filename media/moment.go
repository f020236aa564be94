package media

import "time"

// MomentKind names a thing that happened in a call.
type MomentKind string

// The moments, in about the order in which they happen.
const (
	MomentStarted          MomentKind = "started"           // the phone's stream began
	MomentReady            MomentKind = "ready"             // the model can hear and speak
	MomentCalleeStarted    MomentKind = "callee_started"    // the callee began to speak
	MomentCalleeStopped    MomentKind = "callee_stopped"    // the callee stopped speaking
	MomentFirstAudio       MomentKind = "first_audio"       // the first audio of an agent's turn; MS: latency
	MomentGreetingHeard    MomentKind = "greeting_heard"    // the greeting's first mark came back
	MomentDisclosureMissed MomentKind = "disclosure_missed" // a greeting's transcript lacked the disclosure; Name: response
	MomentDisclosurePlayed MomentKind = "disclosure_played" // the disclosure's last mark came back
	MomentBargeIn          MomentKind = "barge_in"          // the callee spoke over the agent
	MomentBackchannel      MomentKind = "backchannel"       // the callee said a short, quiet word over the agent, which spoke on
	MomentClear            MomentKind = "clear"             // the phone was told to drop what it had
	MomentTruncate         MomentKind = "truncate"          // Name: item; MS: how much of it was heard
	MomentAgentStarted     MomentKind = "agent_started"     // the callee began to hear an item; Item
	MomentAgentStopped     MomentKind = "agent_stopped"     // the callee hears no more of it; Item; Name: HeardWhole or HeardCut; MS: how much was heard
	MomentMark             MomentKind = "mark"              // a mark came back, at most one a second of an item, and its last; Item; MS: its place
	MomentToolCalled       MomentKind = "tool_called"       // Name: tool; Item: the call's id; Data: arguments
	MomentToolAnswered     MomentKind = "tool_answered"     // Name: tool; Item: the call's id; Data: answer; MS: how long it took
	MomentFiller           MomentKind = "filler"            // a stored filler began; Name: item; Text: its words
	MomentTranscript       MomentKind = "transcript"        // Speaker, Text; Name: item; MS: when it began, from the stream's start
	MomentDTMF             MomentKind = "dtmf"              // Name: the key that the callee pressed
	MomentResponseFailed   MomentKind = "response_failed"   // Name: the model's code
	MomentFarewellStarted  MomentKind = "farewell_started"  // Name: end reason
	MomentFarewellPlayed   MomentKind = "farewell_played"   // its end mark came back
	MomentModelLost        MomentKind = "model_lost"        // the model's connection was lost, and another is dialled
	MomentReconnected      MomentKind = "reconnected"       // the other one carries the conversation; MS: since the loss
	MomentRenewed          MomentKind = "renewed"           // a connection that was to end was replaced in a pause
	MomentApology          MomentKind = "apology"           // the stored apology began; Name: end reason
	MomentEnded            MomentKind = "ended"             // Name: end reason
)

// How an item's playback stopped: it was heard to its end, or not.
const (
	HeardWhole = "played"
	HeardCut   = "cut"
)

// Moment is one thing that happened. Which fields are set depends on Kind.
type Moment struct {
	At      time.Time
	Kind    MomentKind
	Name    string
	Item    string
	MS      int
	Speaker Speaker
	// Text is what somebody said: never to be logged.
	Text string
	// Data is what a tool was given, as the model wrote it, or what the model was answered,
	// which is JSON: never to be logged.
	Data string
}
