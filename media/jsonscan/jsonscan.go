// Package jsonscan walks the members of a JSON object without building anything: for
// the few messages that come fifty times a second in every call, where a decoder's tree
// and reflection cost more than all else that is done with them (docs/performance.md).
//
// It owns no meaning, and knows less than JSON: what it does not know (an escape, a
// character beyond ASCII, a fault) it refuses, and its caller goes the long way, through
// encoding/json. What it accepts, encoding/json reads in the same way.
package jsonscan

import "bytes"

// Scanner stands in an object. Make one with [Object]; it is not for concurrent use.
type Scanner struct {
	data  []byte
	at    int
	begun bool
	bad   bool
	done  bool
}

// Object begins at the object that data is.
func Object(data []byte) Scanner { return Scanner{data: data} }

// longest is the length up to which strings are checked here. Longer ones are checked by
// whoever takes them, since for audio that is done anyway.
const longest = 64

// Next returns the next member: its key, and its value as it stands there. False is the
// end, of which [Scanner.Whole] says whether it was the object's. Both alias data.
func (s *Scanner) Next() (key, value []byte, ok bool) {
	if s.bad || s.done {
		return nil, nil, false
	}
	s.space()
	if !s.begun {
		s.begun = true
		if !s.take('{') {
			return s.refuse()
		}
		s.space()
		if s.take('}') {
			return s.end()
		}
	} else {
		if s.take('}') {
			return s.end()
		}
		if !s.take(',') {
			return s.refuse()
		}
		s.space()
	}
	if key, ok = s.str(); !ok || len(key) > longest {
		return s.refuse()
	}
	s.space()
	if !s.take(':') {
		return s.refuse()
	}
	s.space()
	from := s.at
	if !s.value(0) {
		return s.refuse()
	}
	return key, s.data[from:s.at], true
}

// Whole says whether the object was read to its end, and nothing stands behind it. Call
// it when Next has returned false.
func (s *Scanner) Whole() bool { return s.done && !s.bad }

// String is a value's text; false if it is no string. One longer than 64 bytes may hold
// anything but a quotation mark and a backslash.
func String(value []byte) (text []byte, ok bool) {
	if len(value) < 2 || value[0] != '"' {
		return nil, false
	}
	return value[1 : len(value)-1], true
}

// Short is a string's text that was checked: one of at most 64 bytes.
func Short(value []byte) (text []byte, ok bool) {
	text, ok = String(value)
	return text, ok && len(text) <= longest
}

func (s *Scanner) refuse() (key, value []byte, ok bool) {
	s.bad = true
	return nil, nil, false
}

func (s *Scanner) end() (key, value []byte, ok bool) {
	s.done = true
	s.space()
	s.bad = s.at != len(s.data)
	return nil, nil, false
}

func (s *Scanner) space() {
	for s.at < len(s.data) {
		switch s.data[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

func (s *Scanner) take(c byte) bool {
	if s.at < len(s.data) && s.data[s.at] == c {
		s.at++
		return true
	}
	return false
}

// str reads a string without escapes.
func (s *Scanner) str() (text []byte, ok bool) {
	if !s.take('"') {
		return nil, false
	}
	rest := s.data[s.at:]
	end := bytes.IndexByte(rest, '"')
	if end < 0 || bytes.IndexByte(rest[:end], '\\') >= 0 {
		return nil, false
	}
	s.at += end + 1
	if text = rest[:end]; end > longest {
		return text, true
	}
	return text, plain(text)
}

// plain says whether a string is printable ASCII.
func plain(text []byte) bool {
	for _, c := range text {
		if c < 0x20 || c >= 0x7f {
			return false
		}
	}
	return true
}

// deepest is how far values may be nested.
const deepest = 4

// value passes over a value. Strings within it are checked whatever their length.
func (s *Scanner) value(depth int) bool {
	if s.at >= len(s.data) || depth > deepest {
		return false
	}
	switch c := s.data[s.at]; {
	case c == '"':
		text, ok := s.str()
		return ok && (depth == 0 || len(text) <= longest || plain(text))
	case c == '{':
		return s.nested(depth)
	case c >= '0' && c <= '9':
		return s.integer()
	case c == 't':
		return s.word("true")
	case c == 'f':
		return s.word("false")
	case c == 'n':
		return s.word("null")
	}
	return false
}

// nested passes over an object within.
func (s *Scanner) nested(depth int) bool {
	s.at++
	s.space()
	for first := true; !s.take('}'); first = false {
		if !first && !s.take(',') {
			return false
		}
		s.space()
		if key, ok := s.str(); !ok || len(key) > longest {
			return false
		}
		s.space()
		if !s.take(':') {
			return false
		}
		s.space()
		if !s.value(depth + 1) {
			return false
		}
		s.space()
	}
	return true
}

// integer passes over a number without sign, fraction and exponent.
func (s *Scanner) integer() bool {
	from := s.at
	for s.at < len(s.data) && s.data[s.at] >= '0' && s.data[s.at] <= '9' {
		s.at++
	}
	return s.at-from == 1 || s.data[from] != '0'
}

func (s *Scanner) word(w string) bool {
	if !bytes.HasPrefix(s.data[s.at:], []byte(w)) {
		return false
	}
	s.at += len(w)
	return true
}
