package media

import "strings"

// Bounds of what a new connection is told: the last entries and so much text of them,
// some 16,000 tokens at most. What is older is left out, and that is said.
const (
	mostReplayed      = 200
	mostReplayedBytes = 64 << 10
)

// What the model is told when a connection goes on where another was.
const (
	noteResumed = "You are in the middle of this phone call. What was said so far is above. Go on from there: do not greet, do not introduce yourself and do not say the first sentence again. Never mention a connection, a break or an interruption."
	noteCutOff  = " Your last words were cut off in their middle: say briefly again what you were about to say."
	noteEarlier = "What was said before this is left out."
	noteHeard   = "The callee spoke over your last words. Of them was heard only: "
)

// replay is the conversation as commands for a model that has not heard it. Assistant
// audio can't be given to it, so all is text; of the agent's words it has what was heard.
// A call that is still carried out has its output later, under the same id.
func (t *transcript) replay() (out []AgentCommand) {
	list, bytes := t.list, 0
	for i := len(list) - 1; i >= 0; i-- {
		if bytes += list[i].bytes(); len(list)-i > mostReplayed || bytes > mostReplayedBytes {
			list = list[i+1:]
			out = append(out, Note{Text: noteEarlier})
			break
		}
	}
	for _, e := range list {
		out = append(out, e.replay()...)
	}
	return out
}

func (e *entry) replay() []AgentCommand {
	switch {
	case e.untold:
	case e.note != "":
		return []AgentCommand{Note{Text: e.note}}
	case e.call != nil:
		out := []AgentCommand{Called{CallID: e.call.ID, Name: e.call.Name, Arguments: string(e.call.Arguments)}}
		if e.answered {
			out = append(out, Answer{CallID: e.call.ID, Output: e.output})
		}
		return out
	case e.turn.Speaker == SpeakerCallee && e.turn.Text != "":
		return []AgentCommand{Said{Speaker: SpeakerCallee, Text: e.turn.Text}}
	case e.turn.Speaker == SpeakerAgent && e.heard() != "":
		return []AgentCommand{Said{Speaker: SpeakerAgent, Text: e.heard()}}
	}
	return nil
}

// heard are the words of an agent's turn that the callee has heard.
func (e *entry) heard() string {
	if !e.turn.Interrupted {
		return e.turn.Text
	}
	return heardWords(e.turn.Text, e.turn.HeardMS, e.lengthMS)
}

// spokenPerSecond is how many letters a voice says in a second, where nothing tells how
// long the words as a whole are: some 160 words a minute.
const spokenPerSecond = 15

// heardWords are the first whole words of text, as many as were heard in heardMS of
// lengthMS; 0 is an unknown length.
func heardWords(text string, heardMS, lengthMS int) string {
	letters := []rune(text)
	n := heardMS * spokenPerSecond / 1000
	if lengthMS > 0 {
		n = len(letters) * heardMS / lengthMS
	}
	if n >= len(letters) {
		return text
	}
	part := string(letters[:n])
	if letters[n] != ' ' { // within a word
		part = part[:max(0, strings.LastIndexByte(part, ' '))]
	}
	return strings.TrimSpace(part)
}
