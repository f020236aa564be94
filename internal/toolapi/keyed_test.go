package toolapi

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// TestKeyedToolsAreTheSameButForTheKey: in every other word and field.
func TestKeyedToolsAreTheSameButForTheKey(t *testing.T) {
	tools := Tools()
	for i, keyed := range Keyed() {
		var was, is map[string]any
		if err := json.Unmarshal(tools[i].InputSchema, &was); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(keyed.InputSchema, &is); err != nil {
			t.Fatal(err)
		}
		properties, _ := is["properties"].(map[string]any)
		_, has := properties[keyArgument]
		delete(properties, keyArgument)
		if has != (keyed.Name == toolCall) || !reflect.DeepEqual(is, was) {
			t.Errorf("%s: %v, %+v", keyed.Name, has, is)
		}
		said := strings.Replace(keyed.Description, "with the same idempotencyKey.", "with the same Idempotency-Key header.", 1)
		if strings.Contains(keyed.Description, "header") || said != tools[i].Description {
			t.Errorf("%s speaks of what cannot be sent, or otherwise: %s", keyed.Name, keyed.Description)
		}
		keyed.Description, keyed.InputSchema = tools[i].Description, tools[i].InputSchema
		if !reflect.DeepEqual(keyed, tools[i]) {
			t.Errorf("%+v", keyed)
		}
	}
}
