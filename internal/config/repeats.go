package config

import (
	"bytes"
	"encoding/json"
)

// Repeats finds every name that stands twice in one object of a JSON document, at any depth, as Faults; nil for none.
// DecodeJSON does so by itself. This is for whoever decodes a document into a tree first, where the last one would win
// without a word. Text that is not JSON has no repeats: its decoder will say what it is.
func Repeats(document []byte) error {
	w := walker{dec: json.NewDecoder(bytes.NewReader(document))}
	w.dec.UseNumber()
	w.value("", 0)
	return w.faults.err()
}

// walker goes through the tokens of a document; it stops at the first that is none.
type walker struct {
	dec    *json.Decoder
	faults Faults
}

// value reads one value, whatever it is; false: there was none.
func (w *walker) value(path string, depth int) bool {
	token, err := w.dec.Token()
	if err != nil || depth > maxWalk {
		return false
	}
	switch token {
	case json.Delim('{'):
		return w.members(path, depth)
	case json.Delim('['):
		for w.dec.More() {
			if !w.value(path, depth+1) {
				return false
			}
		}
		_, err = w.dec.Token()
	}
	return err == nil
}

// maxWalk bounds the recursion; encoding/json itself refuses documents nested ten thousand deep.
const maxWalk = 1000

func (w *walker) members(path string, depth int) bool {
	seen := map[string]bool{}
	for w.dec.More() {
		token, err := w.dec.Token()
		name, isName := token.(string)
		if err != nil || !isName {
			return false
		}
		below := join(path, name)
		if seen[name] {
			w.faults = w.faults.with(Fault{Key: below, Problem: "stands twice", Mend: "leave one"})
		}
		seen[name] = true
		if !w.value(below, depth+1) {
			return false
		}
	}
	_, err := w.dec.Token()
	return err == nil
}

// join is the path of name below path; an empty name is written as a fault can show it.
func join(path, name string) string {
	if name == "" {
		name = `""`
	}
	if path == "" {
		return name
	}
	return path + "." + name
}
