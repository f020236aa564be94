package toolapi

import (
	"encoding/json"
	"strings"
)

// keyArgument is the argument of call_agent that stands for the header Idempotency-Key, where
// a use has no headers of its own.
const keyArgument = "idempotencyKey"

const keySchema = `
    "idempotencyKey": {"type": "string", "minLength": 1, "maxLength": 256, "description": "A word of your own for this errand, such as a random one. If you are unsure whether the request arrived, send the same request with the same word again: within 24 hours it gets the first answer and places no second call.", "examples": ["dentist-7f3a9c"]},`

// Keyed lists the tools as [API.Use] takes them: call_agent has its idempotency key among its arguments.
func Keyed() []Tool {
	tools := Tools()
	for i := range tools {
		if t := &tools[i]; t.Name == toolCall {
			const properties = `"properties": {`
			t.Description = strings.Replace(t.Description, "the same Idempotency-Key header", "the same "+keyArgument, 1)
			t.InputSchema = json.RawMessage(strings.Replace(callSchema, properties, properties+keySchema, 1))
		}
	}
	return tools
}

// takeKey takes the idempotency key out of call_agent's arguments, also where it is written in
// another way: refused, a model would leave it out. A key that is no string is one that is refused;
// what is no object is the domain's to refuse.
func takeKey(arguments []byte) (rest []byte, keys []string) {
	var all map[string]json.RawMessage
	if json.Unmarshal(arguments, &all) != nil {
		return arguments, nil
	}
	for name, value := range all {
		if !strings.EqualFold(strings.NewReplacer("-", "", "_", "").Replace(name), keyArgument) {
			continue
		}
		var key string
		if json.Unmarshal(value, &key) != nil {
			key = ""
		}
		keys = append(keys, key)
		delete(all, name)
	}
	if len(keys) == 0 {
		return arguments, nil
	}
	rest, err := json.Marshal(all)
	if err != nil {
		return arguments, nil
	}
	return rest, keys
}
