package jsonscan

import (
	"bytes"
	"slices"
	"sync/atomic"
)

// Latest is the shape that was learned last of one kind of message, by all who read it: what
// one peer sends is built like what another does. The zero value is ready.
type Latest struct{ shape atomic.Pointer[Shape] }

// Known is what one reader knows of one kind of message. The zero value is ready; it is the
// reader's own.
type Known struct {
	shape   *Shape
	learned int
}

// mostLearned bounds what is learned of a peer that builds every message in another way.
const mostLearned = 8

// Match is [Shape.Match], of the shape that the reader knows, or else of the latest.
func (k *Known) Match(latest *Latest, data []byte, texts [][]byte) bool {
	if k.shape == nil {
		k.shape = latest.shape.Load()
	}
	return k.shape != nil && k.shape.Match(data, texts)
}

// Learn is [Learn], for this reader and those to come.
func (k *Known) Learn(latest *Latest, data []byte, texts [][]byte, long int) {
	if k.learned < mostLearned {
		k.learned++
		k.shape = Learn(data, texts, long)
		latest.shape.Store(k.shape)
	}
}

// Shape is the text around what varies in a message. Who sends the same message over and over
// builds it in the same way: what stands between the texts that vary is compared as it is, and
// not looked at again. It does not change, and may be used concurrently.
type Shape struct {
	parts []part
	last  string // what stands behind all texts
	long  int
}

// part is one text that varies, by its number, and what stands before it.
type part struct {
	before string
	text   int
}

// Learn is the shape of a message that was read whole. Texts are the strings in it that vary,
// as [String] has them, in any order; nil is one that is not there. Long is the number of the only
// one that may be longer than 64 bytes, and holds anything but a quotation mark: whoever takes it
// checks it.
func Learn(data []byte, texts [][]byte, long int) *Shape {
	// A text was cut from data, and its capacity ends where that of data does.
	begin := func(i int) int { return cap(data) - cap(texts[i]) }
	var order []int
	for i, t := range texts {
		if t != nil {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(i, j int) int { return begin(i) - begin(j) })
	s := &Shape{long: long}
	from := 0
	for _, i := range order {
		s.parts = append(s.parts, part{before: string(data[from:begin(i)]), text: i})
		from = begin(i) + len(texts[i])
	}
	s.last = string(data[from:])
	return s
}

// Match says whether a message is of this shape, and finds its texts in it, by their numbers
// with [Learn]. They alias data.
func (s *Shape) Match(data []byte, texts [][]byte) bool {
	for _, p := range s.parts {
		if len(data) < len(p.before) || string(data[:len(p.before)]) != p.before {
			return false
		}
		data = data[len(p.before):]
		end := bytes.IndexByte(data, '"')
		if end < 0 || p.text != s.long && (end > longest || !unescaped(data[:end])) {
			return false
		}
		texts[p.text] = data[:end]
		data = data[end:]
	}
	return string(data) == s.last
}

// unescaped says whether a string is printable ASCII that stands for itself.
func unescaped(text []byte) bool {
	for _, c := range text {
		if c < 0x20 || c >= 0x7f || c == '\\' {
			return false
		}
	}
	return true
}
