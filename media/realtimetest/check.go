package realtimetest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// fault is why an event is refused, in the words of the service (research/openai-realtime section 8).
type fault struct {
	Type    string // invalid_request_error, server_error
	Code    string
	Message string
	Param   string
}

func (f *fault) Error() string { return f.Code + ": " + f.Message }

func refuse(code, param, format string, args ...any) *fault {
	return &fault{Type: "invalid_request_error", Code: code, Message: fmt.Sprintf(format, args...), Param: param}
}

// check says what is wrong with value, which stands at path, or nil. Values are those of a
// json.Decoder that uses Number.
type check func(path string, value any) *fault

// object knows every key that may be there; any other is refused, as the service does and as its
// published schema does not.
type object struct {
	keys     map[string]check
	required []string
}

func (o object) check(path string, value any) *fault {
	m, ok := value.(map[string]any)
	if !ok {
		return wrongType(path, "an object", value)
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if o.keys[key] == nil {
			return refuse("unknown_parameter", join(path, key), "Unknown parameter: '%s'.", join(path, key))
		}
	}
	for _, key := range o.required {
		if _, ok := m[key]; !ok {
			return refuse("missing_required_parameter", join(path, key), "Missing required parameter: '%s'.", join(path, key))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if f := o.keys[key](join(path, key), m[key]); f != nil {
			return f
		}
	}
	return nil
}

func fields(required string, keys map[string]check) check {
	return object{keys: keys, required: strings.Fields(required)}.check
}

func anyObject(path string, value any) *fault {
	if _, ok := value.(map[string]any); !ok {
		return wrongType(path, "an object", value)
	}
	return nil
}

func text(path string, value any) *fault {
	if _, ok := value.(string); !ok {
		return wrongType(path, "a string", value)
	}
	return nil
}

func short(limit int) check {
	return func(path string, value any) *fault {
		if f := text(path, value); f != nil {
			return f
		}
		if n := len(value.(string)); n > limit {
			return refuse("string_above_max_length", path, "Invalid '%s': string too long. Expected a string with maximum length %d, but got a string with length %d instead.", path, limit, n)
		}
		return nil
	}
}

func boolean(path string, value any) *fault {
	if _, ok := value.(bool); !ok {
		return wrongType(path, "a boolean", value)
	}
	return nil
}

func integer(low, high int64) check {
	return func(path string, value any) *fault {
		n, ok := value.(json.Number)
		if !ok {
			return wrongType(path, "an integer", value)
		}
		i, err := n.Int64()
		if err != nil {
			return wrongType(path, "an integer", value)
		}
		if i < low {
			return refuse("integer_below_min_value", path, "Invalid '%s': integer below minimum value. Expected a value >= %d, but got %d instead.", path, low, i)
		}
		if i > high {
			return refuse("integer_above_max_value", path, "Invalid '%s': integer above maximum value. Expected a value <= %d, but got %d instead.", path, high, i)
		}
		return nil
	}
}

func number(low, high float64) check {
	return func(path string, value any) *fault {
		n, ok := value.(json.Number)
		if !ok {
			return wrongType(path, "a decimal", value)
		}
		if v, err := n.Float64(); err != nil || v < low || v > high {
			return refuse("decimal_above_max_value", path, "Invalid '%s': expected a value between %g and %g, but got %s instead.", path, low, high, n)
		}
		return nil
	}
}

func oneOf(words ...string) check {
	return func(path string, value any) *fault {
		if f := text(path, value); f != nil {
			return f
		}
		if !slices.Contains(words, value.(string)) {
			return refuse("invalid_value", path, "Invalid value: '%s'. Supported values are: '%s'.", value, strings.Join(words, "', '"))
		}
		return nil
	}
}

func nullable(c check) check {
	return func(path string, value any) *fault {
		if value == nil {
			return nil
		}
		return c(path, value)
	}
}

func list(low, high int, each check) check {
	return func(path string, value any) *fault {
		l, ok := value.([]any)
		if !ok {
			return wrongType(path, "an array", value)
		}
		if len(l) < low || len(l) > high {
			return refuse("invalid_value", path, "Invalid '%s': expected an array with length between %d and %d, but got length %d.", path, low, high, len(l))
		}
		for i, v := range l {
			if f := each(fmt.Sprintf("%s[%d]", path, i), v); f != nil {
				return f
			}
		}
		return nil
	}
}

// byType chooses the shape of an object by its key, for unions.
func byType(key string, shapes map[string]check) check {
	return func(path string, value any) *fault {
		m, ok := value.(map[string]any)
		if !ok {
			return wrongType(path, "an object", value)
		}
		kind, ok := m[key]
		if !ok {
			return refuse("missing_required_parameter", join(path, key), "Missing required parameter: '%s'.", join(path, key))
		}
		if f := oneOf(slices.Sorted(maps.Keys(shapes))...)(join(path, key), kind); f != nil {
			return f
		}
		return shapes[kind.(string)](path, value)
	}
}

// either takes word as the string form of what is otherwise an object, number or array.
func either(first, second check) check {
	return func(path string, value any) *fault {
		if _, ok := value.(string); ok {
			return first(path, value)
		}
		return second(path, value)
	}
}

func wrongType(path, want string, value any) *fault {
	return refuse("invalid_type", path, "Invalid type for '%s': expected %s, but got %s instead.", path, want, kindOf(value))
}

func kindOf(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case []any:
		return "an array"
	case map[string]any:
		return "an object"
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return "a decimal"
		}
		return "an integer"
	}
	return fmt.Sprintf("%T", value)
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
