package realtime

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/clawdbot/call-agent/media"
	"github.com/clawdbot/call-agent/media/jsonscan"
	"github.com/clawdbot/call-agent/media/prefetch"
)

// Dialer opens agents. It implements [media.Dialer].
type Dialer struct {
	Config Config
	// VAD is the voice activity detection to configure; zero values take the defaults.
	VAD VAD
}

// VAD is how the model tells speech from silence.
type VAD struct {
	// Threshold from 0 to 1; default 0.5. Higher for noisy lines.
	Threshold float64
	// PrefixPadding is kept before speech (300 ms), Silence ends a turn (500 ms).
	PrefixPadding, Silence time.Duration
}

func (v VAD) turnDetection(l media.Listen) *TurnDetection {
	t := &TurnDetection{
		Type: "server_vad", Threshold: 0.5, PrefixPaddingMS: 300, SilenceDurationMS: 500,
		CreateResponse: l.Respond, InterruptResponse: l.Interrupt,
	}
	if v.Threshold > 0 {
		t.Threshold = v.Threshold
	}
	if v.PrefixPadding > 0 {
		t.PrefixPaddingMS = int(v.PrefixPadding.Milliseconds())
	}
	if v.Silence > 0 {
		t.SilenceDurationMS = int(v.Silence.Milliseconds())
	}
	return t
}

// Agent is a configured session. It implements [media.Agent], whose concurrency
// contract holds here.
type Agent struct {
	conn    *Conn
	output  media.Format
	vad     VAD
	expires time.Time
	// response and item are the last delta's.
	response, item string
	audio          media.AgentAudio // reused by the reader
	shape          jsonscan.Known   // of deltas

	// The reader's own: the speech whose text is not complete, and an event that is due.
	speech partialSpeech
	due    media.AgentEvent
}

// Dial implements [media.Dialer]: it connects, waits for session.created, configures
// the session in one update, and returns it when session.updated echoes our formats.
// A refused first update is fatal: the model would speak another format with another
// voice (research section 3). Errors are *[DialError].
func (d Dialer) Dial(ctx context.Context, setup media.AgentSetup) (media.Agent, error) {
	conn, err := Dial(ctx, d.Config)
	if err != nil {
		return nil, err
	}
	a := &Agent{conn: conn, output: setup.Output, vad: d.VAD}
	if err := conn.handshake(ctx, func() error { return a.configure(setup) }); err != nil {
		return nil, err
	}
	return a, nil
}

const configID = "configure_1"

func (a *Agent) configure(setup media.AgentSetup) error {
	created, err := a.conn.await("session.created")
	if err != nil {
		return err
	}
	if at := created.Session.ExpiresAt; at > 0 {
		a.expires = time.Unix(at, 0)
	}
	if err := a.conn.Write(sessionUpdate(setup, a.vad)); err != nil {
		return err
	}
	ev, err := a.conn.await("session.updated")
	if err != nil {
		return err
	}
	in, out := ev.Session.Audio.Input.Format, ev.Session.Audio.Output.Format
	if in != formatOf(setup.Input) || out != formatOf(setup.Output) {
		return &DialError{Kind: DialRefused, Err: fmt.Errorf("the session's formats are %q in and %q out, not what was asked for", in.Type, out.Type)}
	}
	return nil
}

// formatOf is a format as the session is configured with; "" is mu-law.
func formatOf(f media.Format) AudioFormat {
	switch f {
	case media.PCM24k:
		return AudioFormat{Type: string(media.PCM24k), Rate: 24000}
	case media.PCMA:
		return AudioFormat{Type: string(media.PCMA)} // no rate: it is an unknown parameter here
	case media.PCMU:
	}
	return AudioFormat{Type: string(media.PCMU)}
}

func sessionUpdate(setup media.AgentSetup, vad VAD) SessionUpdate {
	in, out := formatOf(setup.Input), formatOf(setup.Output)
	input := &InputAudio{Format: &in, TurnDetection: vad.turnDetection(setup.Listen)}
	if setup.TranscriptionModel != "" {
		input.Transcription = &Transcription{Model: setup.TranscriptionModel, Language: setup.Language}
	}
	s := SessionConfig{
		Type: "realtime", OutputModalities: []string{"audio"}, Instructions: setup.Instructions,
		Audio:      &AudioConfig{Input: input, Output: &OutputAudio{Format: &out, Voice: setup.Voice}},
		ToolChoice: "auto",
	}
	for _, t := range setup.Tools {
		s.Tools = append(s.Tools, Tool{Type: "function", Name: t.Name, Description: t.Description, Parameters: t.Parameters})
	}
	return SessionUpdate{EventID: configID, Session: s}
}

// Receive implements [media.Agent]. Events that mean nothing to a call are skipped. Speech
// that the connection's end cuts off has its words, as far as they came, told before it.
func (a *Agent) Receive() (media.AgentEvent, error) {
	for {
		if a.due != nil {
			ev := a.due
			a.due = nil
			return ev, nil
		}
		switch out, err := a.receive(); {
		case err != nil:
			return a.unread(err)
		case out != nil:
			return a.cutBefore(out), nil
		}
	}
}

// unread is what a call is told of a read that failed. It is apart from Receive, where what
// errors.As looks for would be an allocation in every read.
func (a *Agent) unread(err error) (media.AgentEvent, error) {
	var syntax *SyntaxError
	if errors.As(err, &syntax) {
		return media.AgentGarbled{}, nil
	}
	if words, ok := a.speech.take(); ok {
		return words, nil // the next read fails again
	}
	return nil, err
}

func (a *Agent) receive() (media.AgentEvent, error) {
	f, err := a.conn.next()
	if err != nil {
		return nil, err
	}
	if audio, ok := a.delta(f); ok {
		return audio, nil
	}
	return a.rare(f.text.Bytes())
}

// rare reads what is no audio. It is apart from receive, whose place on the stack every call
// pays for all the time: an event takes 2 KB of it.
func (a *Agent) rare(data []byte) (media.AgentEvent, error) {
	ev, _ := events.Get().(*ServerEvent)
	defer func() {
		*ev = ServerEvent{} // nobody's words stay
		events.Put(ev)
	}()
	if err := ev.decode(data); err != nil {
		return nil, err
	}
	a.speech.follow(*ev)
	return translate(*ev), nil
}

// events are read into in turn; nothing that is made of one points into it.
var events = sync.Pool{New: func() any { return new(ServerEvent) }}

// cutBefore is ev, or what has to be told before it: a fatal error is an end as well.
func (a *Agent) cutBefore(ev media.AgentEvent) media.AgentEvent {
	if fault, ok := ev.(media.AgentFault); ok && fault.Fault.Class == media.FaultFatal {
		if words, cut := a.speech.take(); cut {
			a.due = ev
			return words
		}
	}
	return ev
}

// Touched implements [media.Prefetcher].
func (a *Agent) Touched(reading, writing *prefetch.Set) {
	prefetch.Value(reading, a)
	prefetch.Value(writing, a)
	a.conn.touched(reading, writing)
}

// Prefetch implements [media.Prefetcher].
func (a *Agent) Prefetch(ahead *prefetch.Set) {
	if socket := a.conn.socket(); socket != nil {
		socket.Prefetch(ahead)
	}
}

// Expires implements [media.Agent].
func (a *Agent) Expires() time.Time { return a.expires }

// partialSpeech is the text of the speech that is being made. The complete text comes
// with its end, and not at all where the connection breaks before it.
type partialSpeech struct {
	response, item string
	words          strings.Builder
}

// partialMost bounds it, in bytes.
const partialMost = 4 << 10

func (p *partialSpeech) follow(ev ServerEvent) {
	switch ev.Type {
	case "response.output_audio_transcript.delta":
		if ev.ItemID != p.item {
			p.words.Reset()
			p.response, p.item = ev.ResponseID, ev.ItemID
		}
		if p.words.Len() < partialMost {
			p.words.WriteString(ev.Delta)
		}
	case "response.output_audio_transcript.done", "response.done":
		p.words.Reset()
		p.item = ""
	}
}

// take returns what there is of it, once.
func (p *partialSpeech) take() (media.AgentTranscript, bool) {
	text := p.words.String()
	p.words.Reset()
	return media.AgentTranscript{ResponseID: p.response, ItemID: p.item, Text: text, Partial: true}, text != ""
}

// Send implements [media.Agent].
func (a *Agent) Send(cmd media.AgentCommand) error {
	switch cmd := cmd.(type) {
	case *media.Hear:
		return a.conn.WriteAudio(cmd.Audio)
	default:
		return a.conn.Write(clientEvent(cmd, a.vad))
	}
}

// Close implements [media.Agent].
func (a *Agent) Close() error { return a.conn.Close() }

// clientEvent says a command in the API's words.
func clientEvent(cmd media.AgentCommand, vad VAD) ClientEvent {
	switch cmd := cmd.(type) {
	case media.Listen:
		return SessionUpdate{EventID: cmd.EventID, Session: SessionConfig{
			Type: "realtime", Audio: &AudioConfig{Input: &InputAudio{TurnDetection: vad.turnDetection(cmd)}},
		}}
	case media.Respond:
		p := ResponseParams{Instructions: cmd.Instructions, Metadata: map[string]string{"kind": cmd.Kind}}
		if cmd.NoTools {
			p.ToolChoice = "none"
		}
		return ResponseCreate{EventID: cmd.EventID, Response: p}
	case media.Cancel:
		return ResponseCancel{ResponseID: cmd.ResponseID}
	case media.Truncate:
		return ItemTruncate{ItemID: cmd.ItemID, ContentIndex: cmd.ContentIndex, AudioEndMS: cmd.AudioEndMS}
	case media.Answer:
		return ItemCreate{Item: FunctionOutput(cmd.CallID, cmd.Output)}
	case media.Note:
		return ItemCreate{Item: SystemMessage(cmd.Text)}
	case media.Called:
		return ItemCreate{Item: FunctionCall(cmd.CallID, cmd.Name, cmd.Arguments)}
	case media.Said:
		if cmd.Speaker == media.SpeakerAgent {
			return ItemCreate{Item: AssistantMessage(cmd.Text)}
		}
		return ItemCreate{Item: UserMessage(cmd.Text)}
	}
	panic(fmt.Sprintf("realtime: no client event for %T", cmd)) //nolint:forbidigo // the command types are closed: a new one without its event is a mistake of this package
}
