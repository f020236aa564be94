package call

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
)

// DecodeRecord reads a stored record, and refuses one whose schema is newer than this
// program: its meaning may have changed, and a rewrite would spoil it.
func DecodeRecord(raw []byte) (Call, error) {
	var c Call
	if err := json.Unmarshal(raw, &c); err != nil {
		return Call{}, fmt.Errorf("decode: %w", err)
	}
	return c, c.known()
}

// DecodeAll is DecodeRecord, and says whether the call is all of the record: nothing in it
// is unknown to this program, so that it may be written without it.
func DecodeAll(raw []byte) (c Call, all bool, err error) {
	if c, all = understood(raw); all {
		return c, true, c.known()
	}
	c, err = DecodeRecord(raw)
	return c, false, err
}

// known refuses the record of a newer layout.
func (c Call) known() error {
	if c.Schema > SchemaVersion {
		return fmt.Errorf("its schema is %d and this program knows %d; start the newer call agent that wrote it", c.Schema, SchemaVersion)
	}
	return nil
}

// EncodeRecord writes a record over the stored one (nil: there is none). Attributes of
// the stored one that this program does not know are kept, in the record itself, in its
// attempts and in whatever else it holds: a newer program of the same schema wrote them,
// and may be running beside this one.
func EncodeRecord(c Call, stored []byte) ([]byte, error) {
	raw, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode record: %w", err)
	}
	if stored == nil {
		return raw, nil
	}
	if _, all := understood(stored); all {
		return raw, nil
	}
	merged, err := keepUnknown(raw, stored, reflect.TypeFor[Call]())
	if err != nil {
		return nil, fmt.Errorf("keep what a newer program wrote: %w", err)
	}
	return merged, nil
}

// understood says that a stored record has nothing that this program does not know, as
// nearly all have: reading it strictly is much the cheaper way to see that (BenchmarkEncodeRecord).
func understood(stored []byte) (c Call, all bool) {
	s, _ := strict.Get().(*strictReader)
	s.in.Reset(stored)
	before := s.json.InputOffset()
	if err := s.json.Decode(&c); err != nil || s.json.InputOffset()-before != int64(len(stored)) {
		return c, false // what is left in it is no reader's
	}
	s.in.Reset(nil) // stored is the caller's
	strict.Put(s)
	return c, true
}

// strictReader reads one record after the other: a decoder's buffer grows anew in each, and
// was half of what reading a record takes.
type strictReader struct {
	in   bytes.Reader
	json *json.Decoder
}

var strict = sync.Pool{New: func() any {
	s := new(strictReader)
	s.json = json.NewDecoder(&s.in)
	s.json.DisallowUnknownFields()
	return s
}}

// keepUnknown adds to the JSON value is, written from a t, what was has and t does not
// know. Elements of a list belong together by their place: attempts are only ever added.
func keepUnknown(is, was json.RawMessage, t reflect.Type) (json.RawMessage, error) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		return keepInList(is, was, t.Elem())
	case t.Kind() == reflect.Struct && !reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()):
		return keepInObject(is, was, t)
	default:
		return is, nil
	}
}

func keepInList(is, was json.RawMessage, element reflect.Type) (json.RawMessage, error) {
	var now, then []json.RawMessage
	if err := json.Unmarshal(is, &now); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(was, &then); err != nil {
		return nil, err
	}
	for i := range min(len(now), len(then)) {
		kept, err := keepUnknown(now[i], then[i], element)
		if err != nil {
			return nil, err
		}
		now[i] = kept
	}
	return json.Marshal(now)
}

func keepInObject(is, was json.RawMessage, t reflect.Type) (json.RawMessage, error) {
	var now, then map[string]json.RawMessage
	if err := json.Unmarshal(is, &now); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(was, &then); err != nil {
		return nil, err
	}
	if now == nil {
		return is, nil
	}
	known := attributesOf(t)
	for name, value := range then {
		field, ours := known[strings.ToLower(name)]
		switch _, written := now[field.name]; {
		case !ours:
			now[name] = value
		case written:
			kept, err := keepUnknown(now[field.name], value, field.typ)
			if err != nil {
				return nil, err
			}
			now[field.name] = kept
		}
	}
	return json.Marshal(now)
}

// attribute is a field as it is stored.
type attribute struct {
	name string
	typ  reflect.Type
}

// attributesOf are the stored fields of a struct, by their name in lower case:
// encoding/json ignores case when it reads, so an attribute that decodes into a field
// must not come back beside it.
func attributesOf(t reflect.Type) map[string]attribute {
	all := map[string]attribute{}
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
			all[strings.ToLower(name)] = attribute{name, f.Type}
		}
	}
	return all
}
