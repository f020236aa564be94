// Package speech gives the simulated sides of a call their voices: small recorded clips of words and
// phrases (clips/, made by record.sh), joined into sentences at run time.
//
// It owns the vocabulary and the wording of the scenarios, the only thing that the simulated model
// and the simulated callee share. It never synthesises, never plays and never decides what is said.
package speech

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Voice is one of the two recorded voices.
type Voice string

// The voices. Their vocabularies differ; dates, times and numbers are in both.
const (
	Agent  Voice = "agent"
	Callee Voice = "callee"
)

// SampleRate is the rate of all clips in samples per second; one sample is one mu-law byte.
const SampleRate = 8000

// ErrUnknownWord is wrapped by Say when a word was never recorded.
var ErrUnknownWord = errors.New("word not recorded")

// Pauses stay well under the 200 ms of silence that end a turn in a session left at its defaults.
const (
	pauseWord     = 25 * time.Millisecond
	pauseComma    = 90 * time.Millisecond
	pauseSentence = 160 * time.Millisecond
)

const muSilence = 0xFF

// Say returns text spoken by voice as 8 kHz mu-law. Letter case and punctuation are free; punctuation
// becomes a pause. Text is cut into the longest recorded phrases. A word outside the vocabulary is an
// error that wraps ErrUnknownWord and names the word. Safe for concurrent use.
func Say(voice Voice, text string) ([]byte, error) {
	pack, err := packOf(voice)
	if err != nil {
		return nil, err
	}
	tokens := tokenize(text)
	var audio []byte
	for i := 0; i < len(tokens); {
		clip, n := pack.longest(tokens[i:])
		if n == 0 {
			return nil, fmt.Errorf("%w: %q (voice %s): use a word of media/speech/phrases.txt, or add it there and run record.sh",
				ErrUnknownWord, tokens[i].word, voice)
		}
		audio = append(audio, clip...)
		i += n
		if i < len(tokens) {
			audio = appendSilence(audio, tokens[i-1].pause)
		}
	}
	return audio, nil
}

// Spell returns text with every word that voice has not recorded replaced by its letters, so that a
// name nobody foresaw can still be said. Signs that are no letters are dropped. Only Agent can spell.
func Spell(voice Voice, text string) string {
	pack, err := packOf(voice)
	if err != nil {
		return text
	}
	tokens := tokenize(text)
	var out []string
	for i := 0; i < len(tokens); {
		_, n := pack.longest(tokens[i:])
		if n == 0 {
			out = append(out, spelled(tokens[i]))
			n = 1
		} else {
			out = append(out, written(tokens[i:i+n]))
		}
		i += n
	}
	return strings.Join(out, " ")
}

// Duration returns how long audio, as returned by Say, plays.
func Duration(audio []byte) time.Duration {
	return time.Duration(len(audio)) * time.Second / SampleRate
}

func spelled(t token) string {
	var letters []string
	for _, r := range t.word {
		if r >= 'a' && r <= 'z' {
			letters = append(letters, string(r))
		}
	}
	return strings.Join(letters, " ") + t.mark()
}

func written(tokens []token) string {
	words := make([]string, len(tokens))
	for i, t := range tokens {
		words[i] = t.word + t.mark()
	}
	return strings.Join(words, " ")
}

func appendSilence(audio []byte, d time.Duration) []byte {
	for range int(d * SampleRate / time.Second) {
		audio = append(audio, muSilence)
	}
	return audio
}
