package lambdalocal

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// evaluation resolves the functions of a template.
type evaluation struct {
	values     map[string]any // of Ref: parameters, pseudo parameters, and what we name ourselves
	conditions map[string]any
	resources  map[string]any
	left       int // how many more values are resolved: a condition may name itself
}

func (e *evaluation) typeOf(name string) string {
	t, _ := object(e.resources[name])["Type"].(string)
	return t
}

func (e *evaluation) properties(name string) any { return object(e.resources[name])["Properties"] }

// value resolves everything in v. Where is for errors.
func (e *evaluation) value(where string, v any) (any, error) {
	if e.left--; e.left < 0 {
		return nil, fmt.Errorf("%s: %w", where, errEndless)
	}
	switch v := v.(type) {
	case map[string]any:
		for name, argument := range v {
			if len(v) == 1 && (name == "Ref" || name == "Condition" || strings.HasPrefix(name, "Fn::")) {
				return e.apply(where, name, argument)
			}
		}
		return e.object(where, v)
	case []any:
		return e.list(where, v)
	}
	return v, nil
}

// object leaves out what is AWS::NoValue.
func (e *evaluation) object(where string, v map[string]any) (any, error) {
	out := map[string]any{}
	for name, x := range v {
		resolved, err := e.value(where+"."+name, x)
		if err != nil {
			return nil, err
		}
		if resolved != nil {
			out[name] = resolved
		}
	}
	return out, nil
}

func (e *evaluation) list(where string, v []any) (any, error) {
	out := []any{}
	for i, x := range v {
		resolved, err := e.value(fmt.Sprintf("%s[%d]", where, i), x)
		if err != nil {
			return nil, err
		}
		out = append(out, resolved)
	}
	return out, nil
}

func (e *evaluation) apply(where, name string, argument any) (any, error) {
	switch name {
	case "Ref":
		return e.ref(where, fmt.Sprint(argument))
	case "Fn::GetAtt":
		return fmt.Sprintf("arn:aws:local:%s:%s:%v", region, account, argument), nil
	case "Fn::Sub":
		return e.sub(where, argument)
	case "Fn::If":
		return e.choose(where, argument)
	case "Condition":
		return e.holds(where, fmt.Sprint(argument))
	case "Fn::Equals", "Fn::Not":
		return e.test(where, name, argument)
	}
	return nil, fmt.Errorf("%s: the function %s is not known here", where, name)
}

// ref is a parameter's value, or, of a resource, its logical name.
func (e *evaluation) ref(where, name string) (any, error) {
	if v, ok := e.values[name]; ok {
		return v, nil
	}
	logical := strings.TrimSuffix(name, "Aliaslive") // SAM's own name of an alias
	if _, ok := e.resources[logical]; ok {
		return name, nil
	}
	return nil, fmt.Errorf("%s: there is nothing named %s", where, name)
}

var variable = regexp.MustCompile(`\$\{([^}!]+)\}`)

func (e *evaluation) sub(where string, argument any) (any, error) {
	text, ok := argument.(string)
	if !ok {
		return nil, fmt.Errorf("%s: Fn::Sub with its own variables is not known here", where)
	}
	var failed error
	out := variable.ReplaceAllStringFunc(text, func(name string) string {
		name = name[2 : len(name)-1]
		if resource, attribute, dotted := strings.Cut(name, "."); dotted {
			return fmt.Sprintf("arn:aws:local:%s:%s:%s.%s", region, account, resource, attribute)
		}
		v, err := e.ref(where, name)
		if err != nil {
			failed = err
		}
		return fmt.Sprint(v)
	})
	return out, failed
}

func (e *evaluation) choose(where string, argument any) (any, error) {
	list, _ := argument.([]any)
	if len(list) != 3 {
		return nil, fmt.Errorf("%s: Fn::If needs a condition and two values", where)
	}
	holds, err := e.holds(where, fmt.Sprint(list[0]))
	if err != nil {
		return nil, err
	}
	if holds {
		return e.value(where, list[1])
	}
	return e.value(where, list[2])
}

func (e *evaluation) holds(where, name string) (bool, error) {
	c, ok := e.conditions[name]
	if !ok {
		return false, fmt.Errorf("%s: there is no condition %s", where, name)
	}
	v, err := e.value("Conditions."+name, c)
	if err != nil {
		return false, err
	}
	holds, ok := v.(bool)
	if !ok {
		return false, fmt.Errorf("condition %s is neither true nor false", name)
	}
	return holds, nil
}

func (e *evaluation) test(where, name string, argument any) (any, error) {
	v, err := e.value(where, argument)
	if err != nil {
		return nil, err
	}
	list, _ := v.([]any)
	if name == "Fn::Equals" && len(list) == 2 {
		return fmt.Sprint(list[0]) == fmt.Sprint(list[1]), nil
	}
	if name == "Fn::Not" && len(list) == 1 {
		if b, ok := list[0].(bool); ok {
			return !b, nil
		}
	}
	return nil, fmt.Errorf("%s: %s is not written as CloudFormation has it", where, name)
}

// mostNodes bounds a template as it is written out: aliases multiply what a file holds, and
// may hold themselves. CloudFormation takes a megabyte.
const mostNodes = 200_000

var errEndless = errors.New("this is too large, or refers to itself")

// reading is a template on its way from text to maps, lists and scalars.
type reading struct{ left int }

// plain is a node with short forms (!Ref x) and aliases written out.
func (r *reading) plain(n *yaml.Node) (any, error) {
	if r.left--; r.left < 0 {
		return nil, fmt.Errorf("line %d: %w", n.Line, errEndless)
	}
	v, err := r.untagged(n)
	tag := n.Tag
	switch {
	case err != nil, !strings.HasPrefix(tag, "!"), strings.HasPrefix(tag, "!!"), n.Kind == yaml.AliasNode:
		return v, err
	case tag == "!Ref", tag == "!Condition":
		return map[string]any{tag[1:]: v}, nil
	}
	return map[string]any{"Fn::" + tag[1:]: v}, nil
}

func (r *reading) untagged(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.AliasNode:
		return r.plain(n.Alias)
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			v, err := r.plain(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			m[n.Content[i].Value] = v
		}
		return m, nil
	case yaml.SequenceNode:
		list := []any{}
		for _, c := range n.Content {
			v, err := r.plain(c)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case yaml.ScalarNode, yaml.DocumentNode:
	}
	return scalar(n)
}

func scalar(n *yaml.Node) (any, error) {
	plain := *n
	if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		plain.Tag = "!!str"
	}
	var v any
	if err := plain.Decode(&v); err != nil {
		return nil, fmt.Errorf("line %d: %w", n.Line, err)
	}
	return v, nil
}
