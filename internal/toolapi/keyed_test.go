package toolapi

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// TestKeyedToolsAreTheSameButForTheKey: also in every other word and field.
func TestKeyedToolsAreTheSameButForTheKey(t *testing.T) {
	tools := Tools()
	for i, keyed := range Keyed() {
		var was, is struct {
			Properties map[string]any
			Required   []string
		}
		for raw, schema := range map[*json.RawMessage]any{&tools[i].InputSchema: &was, &keyed.InputSchema: &is} {
			if err := json.Unmarshal(*raw, schema); err != nil {
				t.Fatal(keyed.Name, err)
			}
		}
		_, has := is.Properties[keyArgument]
		delete(is.Properties, keyArgument)
		if has != (keyed.Name == toolCall) || !reflect.DeepEqual(is, was) {
			t.Errorf("%s: %v, %+v", keyed.Name, has, is)
		}
		if strings.Contains(keyed.Description, "header") || has != strings.Contains(keyed.Description, "repeat it with the same idempotencyKey.") {
			t.Errorf("%s speaks of what cannot be sent: %s", keyed.Name, keyed.Description)
		}
		keyed.Description, keyed.InputSchema = tools[i].Description, tools[i].InputSchema
		if !reflect.DeepEqual(keyed, tools[i]) {
			t.Errorf("%+v", keyed)
		}
	}
}
