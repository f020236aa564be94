package caddymodule

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/clawdbot/call-agent/internal/config"
)

// resolve refuses literal secrets and replaces the placeholders {env.*} and {file.*}
// of every text in the document. Other braces, such as {userName}, are left alone.
func resolve(document []byte) ([]byte, config.Faults) {
	if len(document) == 0 {
		return nil, nil
	}
	var tree any
	if err := json.Unmarshal(document, &tree); err != nil {
		return document, nil //nolint:nilerr // config says what is wrong with it, with the line
	}
	r := resolver{replacer: caddy.NewReplacer()}
	tree = r.walk("", tree)
	resolved, err := json.Marshal(tree)
	if err != nil {
		return document, append(r.faults, config.Fault{Key: "configuration", Problem: err.Error(), Mend: "see the message"})
	}
	return resolved, r.faults
}

type resolver struct {
	replacer *caddy.Replacer
	faults   config.Faults
}

func (r *resolver) walk(path string, node any) any {
	switch v := node.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) { // a map has no order, and faults are told in one
			v[k] = r.walk(strings.TrimPrefix(path+"."+k, "."), v[k])
		}
		return v
	case []any:
		for i := range v {
			v[i] = r.walk(path, v[i])
		}
		return v
	case string:
		return r.text(path, v)
	default:
		return node
	}
}

func (r *resolver) text(path, v string) string {
	placeholder := strings.HasPrefix(v, "{env.") || strings.HasPrefix(v, "{file.")
	if key, ok := config.Lookup(path); ok && key.Secret && v != "" && !placeholder {
		r.faults = append(r.faults, config.Fault{
			Key: path, Problem: "holds a literal secret, which Caddy would show on its admin port and save",
			Mend: fmt.Sprintf("write {env.%s} and set that variable", key.Env()),
		})
		return ""
	}
	if !placeholder {
		return v
	}
	out, err := r.replacer.ReplaceOrErr(v, true, true)
	if err != nil {
		r.faults = append(r.faults, config.Fault{Key: path, Problem: "nothing stands behind " + v, Mend: "set the variable, or write the file, that it names"})
	}
	return out
}
