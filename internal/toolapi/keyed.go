package toolapi

import (
	"encoding/json"
	"strings"
)

// keyArgument is the argument of call_agent that stands for the header Idempotency-Key, where
// a use has no headers of its own.
const keyArgument = "idempotencyKey"

const keySchema = `
    "idempotencyKey": {"type": "string", "minLength": 1, "maxLength": 256, "description": "A word of your own for this errand, such as a random one. If you are unsure whether the request arrived, send the same request with the same word again: it gets the first answer and places no second call.", "examples": ["dentist-7f3a9c"]},`

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

// takeKey takes the idempotency key out of call_agent's arguments. A key that is no string is one
// that is refused; what is no object is the domain's to refuse.
func takeKey(arguments []byte) (rest []byte, keys []string) {
	var all map[string]json.RawMessage
	if json.Unmarshal(arguments, &all) != nil || all[keyArgument] == nil {
		return arguments, nil
	}
	var key string
	if json.Unmarshal(all[keyArgument], &key) != nil {
		key = ""
	}
	delete(all, keyArgument)
	rest, err := json.Marshal(all)
	if err != nil {
		return arguments, nil
	}
	return rest, []string{key}
}
