package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// maxDepth is deeper than any key; a document nested further is refused rather than followed.
const maxDepth = 8

// DecodeJSON sets the keys of a JSON object nested as in the owner's document. Unknown and repeated keys are refused,
// each with the nearest known key; null leaves a key as it is. The error is a Faults with every fault of the document,
// except that text which is not JSON ends the reading.
func (c *Config) DecodeJSON(document []byte) error {
	r := reader{config: c, dec: json.NewDecoder(bytes.NewReader(document)), seen: map[string]bool{}}
	r.dec.UseNumber()
	if err := r.document(); err != nil {
		r.faults = append(r.faults, Fault{
			Key: "configuration", Problem: "is not a JSON object: " + err.Error(),
			Mend: fmt.Sprintf("mend the text near byte %d", r.dec.InputOffset()),
		})
	}
	return r.faults.err()
}

// reader walks the tokens of one document: a tree would lose repeated keys.
type reader struct {
	config *Config
	dec    *json.Decoder
	seen   map[string]bool
	faults Faults
}

func (r *reader) document() error {
	token, err := r.dec.Token()
	if err != nil {
		return readError(err)
	}
	if token != json.Delim('{') {
		return errors.New("it does not begin with a brace")
	}
	if err := r.object("", 1); err != nil {
		return err
	}
	if _, err := r.dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("text follows the object")
	}
	return nil
}

// object reads up to the closing brace; the opening one has been read.
func (r *reader) object(path string, depth int) error {
	if depth > maxDepth {
		return errors.New("it is nested too deeply")
	}
	for {
		token, err := r.dec.Token()
		if err != nil {
			return readError(err)
		}
		name, isName := token.(string)
		if !isName {
			return nil // the closing brace: the decoder allows nothing else here
		}
		if err := r.member(join(path, name), depth); err != nil {
			return err
		}
	}
}

// member reads the value of the key at path, whatever it is.
func (r *reader) member(path string, depth int) error {
	repeated := r.seen[path]
	r.seen[path] = true
	if repeated {
		r.faults = append(r.faults, Fault{Key: path, Problem: "stands twice", Mend: "leave one"})
	}
	key, known := Lookup(path)
	if IsGroup(path) {
		return r.group(path, depth)
	}
	var raw json.RawMessage
	if err := r.dec.Decode(&raw); err != nil {
		return readError(err)
	}
	if repeated {
		return nil
	}
	var values []string
	if known {
		var err error
		if values, err = valuesOf(key, raw); err != nil {
			r.faults = append(r.faults, faultOf(key, err))
			return nil
		}
		if values == nil {
			return nil
		}
	}
	r.faults = r.faults.with(r.config.Set(path, values))
	return nil
}

// group reads an object of keys, or refuses the scalar that stands in its place.
func (r *reader) group(path string, depth int) error {
	token, err := r.dec.Token()
	if err != nil {
		return readError(err)
	}
	switch token {
	case json.Delim('{'):
		return r.object(path, depth+1)
	case json.Delim('['):
		return fmt.Errorf("%s is an array where an object belongs", path)
	case nil:
		return nil
	}
	r.faults = append(r.faults, unknown(path))
	return nil
}

// valuesOf turns a key's JSON into what Set takes; nil for null.
func valuesOf(key Key, raw json.RawMessage) ([]string, error) {
	raw = bytes.TrimSpace(raw)
	if bytes.Equal(raw, []byte("null")) {
		return nil, nil
	}
	isArray := raw[0] == '['
	switch {
	case isArray && !key.Many():
		return nil, errors.New("takes one value, an array was given; leave one")
	case key.Kind == KindTokens && isArray:
		return tokenElements(raw)
	case key.Kind == KindTokens:
		return tokenElements(slices.Concat([]byte("["), raw, []byte("]")))
	case !isArray:
		v, err := scalarOf(raw)
		return []string{v}, err
	}
	var elements []json.RawMessage
	if err := json.Unmarshal(raw, &elements); err != nil {
		return nil, readError(err)
	}
	values := make([]string, len(elements))
	for i, e := range elements {
		var err error
		if values[i], err = scalarOf(e); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// scalarOf is a string, number or boolean as one would write it elsewhere.
func scalarOf(raw json.RawMessage) (string, error) {
	switch raw = bytes.TrimSpace(raw); raw[0] {
	case '"':
		var s string
		err := json.Unmarshal(raw, &s)
		return s, err
	case '{', '[', 'n':
		return "", errors.New("holds an object, array or null where a plain value belongs; write a string, number or boolean")
	}
	return string(raw), nil
}

func readError(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		// Its text names one character at most; other decoding errors may quote a value, which may be a secret.
		return syntax
	}
	return errors.New("it cannot be read")
}
