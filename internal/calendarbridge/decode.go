package calendarbridge

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
)

// maxBody bounds a request (contract section 1 has the same for the tools).
const maxBody = 64 << 10

// decode reads a JSON object into a request. Fields are matched letter by letter, which encoding/json does not do, and
// an unknown or repeated field is refused: a misspelt field must never change what is booked.
func decode(body []byte, fields string, into any) error {
	if err := checkFieldNames(body, strings.Fields(fields)); err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		var mistyped *json.UnmarshalTypeError
		if errors.As(err, &mistyped) {
			return invalid(400, "%s has the wrong type: %s where %s belongs", mistyped.Field, mistyped.Value, jsonType(mistyped))
		}
		return notJSON(err)
	}
	return nil
}

func jsonType(e *json.UnmarshalTypeError) string {
	switch kind := e.Type.Kind().String(); kind {
	case "int":
		return "a whole number"
	case "slice":
		return "an array"
	case "bool":
		return "true or false"
	case "struct":
		return "an object"
	default:
		return "a " + kind
	}
}

func notJSON(err error) error {
	return invalid(400, "the body is not one JSON object: %s", clip(err.Error(), 120))
}

// checkFieldNames walks the tokens of the body, which, unlike a decoded map, still show repeats.
func checkFieldNames(body []byte, fields []string) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	if token, err := dec.Token(); err != nil || token != json.Delim('{') {
		return invalid(400, "the body must be one JSON object")
	}
	if err := walkObject(dec, "", fields); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return invalid(400, "the body must be one JSON object with nothing after it")
	}
	return nil
}

func walkObject(dec *json.Decoder, prefix string, fields []string) error {
	seen := map[string]bool{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return notJSON(err)
		}
		name := prefix + token.(string) // the decoder gives nothing but strings here
		switch {
		case !slices.Contains(fields, name):
			return invalid(400, "unknown field %q; the fields are %s", clip(name, 80), strings.Join(fields, ", "))
		case seen[name]:
			return invalid(400, "field %q stands twice; leave one", name)
		}
		seen[name] = true
		if err := walkValue(dec, name+".", fields); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return notJSON(err)
	}
	return nil
}

func walkValue(dec *json.Decoder, prefix string, fields []string) error {
	token, err := dec.Token()
	if err != nil {
		return notJSON(err)
	}
	switch token {
	case json.Delim('{'):
		return walkObject(dec, prefix, fields)
	case json.Delim('['):
		for dec.More() {
			if err := walkValue(dec, prefix, fields); err != nil {
				return err
			}
		}
		if _, err := dec.Token(); err != nil {
			return notJSON(err)
		}
	}
	return nil
}
