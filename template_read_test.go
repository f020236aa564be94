package callagent

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// object is a mapping of a template, with the short forms of functions written out:
// !Ref x is {"Ref": x}, !Sub x is {"Fn::Sub": x}.
type object = map[string]any

// resource is one of a template's resources.
type resource struct {
	Type       string
	Condition  string
	DependsOn  []string
	Properties object
	Attributes object // what stands beside Properties
}

// template is a CloudFormation template as its tests see it.
type template struct {
	Parameters map[string]struct {
		Default     any
		Description string
	}
	Globals    struct{ Function object }
	Conditions object
	Resources  map[string]resource
	Outputs    map[string]object
}

func readTemplate(t *testing.T, path string) template {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	whole := value(t, document.Content[0])
	again, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	var read template
	if err := json.Unmarshal(again, &read); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	for name, r := range read.Resources {
		r.Attributes = at[object](t, whole, "Resources", name)
		read.Resources[name] = r
	}
	return read
}

func (r *resource) UnmarshalJSON(text []byte) error {
	var raw struct {
		Type, Condition string
		DependsOn       json.RawMessage
		Properties      object
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		return err
	}
	*r = resource{Type: raw.Type, Condition: raw.Condition, Properties: raw.Properties}
	if len(raw.DependsOn) > 0 && raw.DependsOn[0] == '[' {
		return json.Unmarshal(raw.DependsOn, &r.DependsOn)
	}
	return nil
}

// value is a node as JSON would have it, aliases and short forms written out.
func value(t *testing.T, n *yaml.Node) any {
	t.Helper()
	plain := plainValue(t, n)
	tag := n.Tag
	switch {
	case !strings.HasPrefix(tag, "!") || strings.HasPrefix(tag, "!!"):
		return plain
	case tag == "!Ref" || tag == "!Condition":
		return object{tag[1:]: plain}
	case tag == "!GetAtt":
		name, attribute, _ := strings.Cut(fmt.Sprint(plain), ".")
		return object{"Fn::GetAtt": []any{name, attribute}}
	}
	return object{"Fn::" + tag[1:]: plain}
}

func plainValue(t *testing.T, n *yaml.Node) any {
	t.Helper()
	switch n.Kind {
	case yaml.AliasNode:
		return value(t, n.Alias)
	case yaml.MappingNode:
		m := object{}
		for i := 0; i < len(n.Content); i += 2 {
			m[n.Content[i].Value] = value(t, n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		list := []any{}
		for _, c := range n.Content {
			list = append(list, value(t, c))
		}
		return list
	case yaml.ScalarNode, yaml.DocumentNode:
	}
	var scalar any
	copied := *n
	if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		copied.Tag = "!!str"
	}
	if err := copied.Decode(&scalar); err != nil {
		t.Fatalf("line %d: %v", n.Line, err)
	}
	if whole, ok := scalar.(int); ok {
		return float64(whole) // as JSON has it
	}
	return scalar
}

// at is the value at the end of a path of keys (string) and places (int); the test fails
// where there is none of that type.
func at[T any](t *testing.T, from any, path ...any) T {
	t.Helper()
	v := from
	for i, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(object)
			v = m[step]
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				t.Fatalf("nothing at %v", path[:i+1])
			}
			v = list[step]
		}
	}
	found, ok := v.(T)
	if !ok {
		t.Fatalf("at %v: %T %v", path, v, v)
	}
	return found
}

// short writes a value as one would in YAML: Ref X, GetAtt X.Y, Sub …, or JSON.
func short(v any) string {
	m, ok := v.(object)
	if s, isText := v.(string); isText {
		return s
	}
	if ok && len(m) == 1 {
		for name, argument := range m {
			if list, isList := argument.([]any); isList && name == "Fn::GetAtt" {
				return fmt.Sprintf("GetAtt %v.%v", list...)
			}
			if text, isText := argument.(string); isText {
				return strings.TrimPrefix(name, "Fn::") + " " + text
			}
		}
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// many is a value that may be written alone or as a list.
func many(v any) []any {
	if all, ok := v.([]any); ok {
		return all
	}
	return []any{v}
}
