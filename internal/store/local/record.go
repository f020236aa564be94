package local

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/clawdbot/call-agent/call"
)

// decode reads a stored record, and refuses one whose layout is newer than this program:
// its meaning may have changed, and a rewrite would spoil it.
func decode(raw []byte) (call.Call, error) {
	var c call.Call
	if err := json.Unmarshal(raw, &c); err != nil {
		return call.Call{}, fmt.Errorf("decode: %w", err)
	}
	if c.Schema > call.SchemaVersion {
		return call.Call{}, fmt.Errorf("its schema is %d and this program knows %d; start the newer call agent that wrote it", c.Schema, call.SchemaVersion)
	}
	return c, nil
}

// encode writes a record, and after it those top-level attributes of the stored one that
// this program does not know.
func encode(c call.Call, stored []byte) ([]byte, error) {
	raw, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode record: %w", err)
	}
	if stored == nil {
		return raw, nil
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(stored, &all); err != nil {
		return nil, fmt.Errorf("decode record: %w", err)
	}
	for name := range all {
		if known(name) {
			delete(all, name)
		}
	}
	if len(all) == 0 {
		return raw, nil
	}
	rest, err := json.Marshal(all)
	if err != nil {
		return nil, fmt.Errorf("encode record: %w", err)
	}
	raw[len(raw)-1] = ',' // both are objects and neither is empty
	return append(raw, rest[1:]...), nil
}

// known compares as encoding/json does when it reads, ignoring case: an attribute that
// decodes into a field must not come back after it.
func known(name string) bool {
	for _, k := range attributes {
		if strings.EqualFold(k, name) {
			return true
		}
	}
	return false
}

// attributes are the names under which call.Call is stored.
var attributes = func() []string {
	var names []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[call.Call]()) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			names = append(names, name)
		}
	}
	return names
}()
