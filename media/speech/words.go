package speech

import (
	"strings"
	"time"
	"unicode"
)

// token is one word as the clips are named, with the pause that follows it in running text.
type token struct {
	word  string
	pause time.Duration
}

func (t token) mark() string {
	if t.pause == pauseSentence {
		return "."
	}
	if t.pause == pauseComma {
		return ","
	}
	return ""
}

// tokenize lowers text to words. "a.m." and "A.I." lose their stops without ending a sentence.
func tokenize(text string) []token {
	text = abbreviations.Replace(strings.ToLower(text) + " ")
	var tokens []token
	for _, field := range strings.Fields(text) {
		word := strings.TrimFunc(field, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		pause := pauseAfter(field)
		if word == "" {
			if len(tokens) > 0 {
				tokens[len(tokens)-1].pause = max(pause, tokens[len(tokens)-1].pause)
			}
			continue
		}
		tokens = append(tokens, token{word, pause})
	}
	return tokens
}

var abbreviations = strings.NewReplacer(
	"a.m.", "a m", "p.m.", "p m", "a.i.", "ai",
	"’", "'", "-", " ", "–", ", ", "—", ", ", "/", " ", "…", ".",
)

func pauseAfter(field string) time.Duration {
	switch {
	case strings.ContainsAny(field[len(field)-1:], ".?!"):
		return pauseSentence
	case strings.ContainsAny(field[len(field)-1:], ",;:)\""):
		return pauseComma
	}
	return pauseWord
}
