package stream

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/media"
)

// Bounds of one line's words, in bytes: past them a text ends, and a tool's data is a
// string with its beginning.
const (
	mostText = 8 << 10
	mostData = 32 << 10
)

// lineOf is a moment as a line of the timeline that began then.
func lineOf(m media.Moment, began time.Time) call.Line {
	l := call.Line{
		AtMS: max(m.At.Sub(began).Milliseconds(), 0), Kind: string(m.Kind), Name: m.Name, Item: m.Item,
		Speaker: string(m.Speaker), Text: beginning(m.Text, mostText), MS: m.MS, Data: dataOf(m.Data),
	}
	switch m.Kind {
	case media.MomentTranscript: // it comes after the words
		l.AtMS, l.MS, l.Item, l.Name = int64(m.MS), 0, m.Name, ""
	case media.MomentTruncate, media.MomentFiller:
		l.Item, l.Name = m.Name, ""
	case media.MomentDTMF: // what somebody types into a telephone may be a secret
		l.Name = ""
	default:
	}
	return l
}

// dataOf is what a tool was given or answered as JSON; a string, where it is none.
func dataOf(s string) json.RawMessage {
	switch {
	case s == "":
		return nil
	case len(s) <= mostData && json.Valid([]byte(s)):
		return json.RawMessage(s)
	}
	b, _ := json.Marshal(beginning(s, mostData)) // a string always has a JSON form
	return b
}

// beginning is the first most bytes of a text, less what would be half a letter.
func beginning(s string, most int) string {
	s = strings.ToValidUTF8(s, string(utf8.RuneError))
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}
