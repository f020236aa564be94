package caddymodule

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/clawdbot/call-agent/internal/config"
)

// resolve refuses literal secrets and replaces the placeholders {env.*} and {file.*}
// of every text in the document. Other braces, such as {userName}, are left alone.
func resolve(document []byte) ([]byte, error) {
	if len(document) == 0 {
		return nil, nil
	}
	var tree any
	if err := json.Unmarshal(document, &tree); err != nil {
		return nil, fmt.Errorf("call_agent configuration: %w", err)
	}
	r := resolver{replacer: caddy.NewReplacer()}
	tree = r.walk("", tree)
	if len(r.faults) > 0 {
		return nil, fmt.Errorf("call_agent configuration: %s", strings.Join(r.faults, "; "))
	}
	return json.Marshal(tree)
}

type resolver struct {
	replacer *caddy.Replacer
	faults   []string
}

func (r *resolver) walk(path string, node any) any {
	switch v := node.(type) {
	case map[string]any:
		for k, child := range v {
			v[k] = r.walk(strings.TrimPrefix(path+"."+k, "."), child)
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
		r.faults = append(r.faults, fmt.Sprintf("%s holds a literal secret, which Caddy would show on its admin port and save; write {env.%s} and set that variable", path, key.Env()))
		return v
	}
	if !placeholder {
		return v
	}
	out, err := r.replacer.ReplaceOrErr(v, true, true)
	if err != nil {
		r.faults = append(r.faults, fmt.Sprintf("%s: %v; set the variable or file it names", path, err))
	}
	return out
}

// loadConfig applies defaults, document and environment, in this order. Without a
// public address the site is taken to be reached where it listens.
func loadConfig(document []byte) (*config.Config, error) {
	c, err := config.Load(document, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	if c.Server.PublicBaseURL == "" {
		c.Server.PublicBaseURL = fmt.Sprintf("http://localhost:%d", c.Server.Port)
	}
	return c, nil
}
