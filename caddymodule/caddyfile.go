package caddymodule

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/clawdbot/call-agent/internal/config"
)

func init() {
	httpcaddyfile.RegisterHandlerDirective("call_agent", parseDirective)
	httpcaddyfile.RegisterDirectiveOrder("call_agent", httpcaddyfile.Before, "respond")
}

func parseDirective(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	if h.BlockState[appID] != nil {
		h.Next() // so that the error names the line
		return nil, h.Err("call_agent stands twice in this block, and the second would never be asked; make them one")
	}
	h.BlockState[appID] = true
	handler := new(Handler)
	return handler, handler.UnmarshalCaddyfile(h.Dispenser)
}

// UnmarshalCaddyfile reads the directive. Its words are the keys of contract section
// 5; a group is a block. Values are written as in JSON, lists as several words. Syntax:
//
//	call_agent {
//		telephony {
//			provider twilio|mock
//		}
//		twilio {
//			authToken {env.CALLAGENT_TWILIO_AUTH_TOKEN}
//		}
//		tools {
//			tokens {env.CALLAGENT_TOOLS_TOKENS}
//		}
//		ring_timeout 25s
//	}
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if d.NextArg() {
		return d.ArgErr()
	}
	tree := map[string]any{}
	if err := parseBlock(d, "", tree); err != nil {
		return err
	}
	b, err := json.Marshal(tree)
	h.document = b
	return err
}

func parseBlock(d *caddyfile.Dispenser, path string, into map[string]any) error {
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		word := d.Val()
		full := strings.TrimPrefix(path+"."+word, ".")
		key, ok := config.Lookup(full)
		switch {
		case ok:
			if err := setValue(d, full, key, into, word); err != nil {
				return err
			}
		case config.IsGroup(full) && d.NextArg():
			return d.Errf("%s is a group of keys and takes no value itself; write %s { and its keys on lines of their own", full, word)
		case config.IsGroup(full):
			group, _ := into[word].(map[string]any)
			if group == nil {
				group = map[string]any{}
			}
			into[word] = group
			if err := parseBlock(d, full, group); err != nil {
				return err
			}
		default:
			// Set knows what is accepted without effect (tunnel.*), and the key that may have been meant.
			var fault config.Fault
			if errors.As(config.New().Set(full, nil), &fault) {
				return d.Errf("%s is not a key of call_agent; %s", full, fault.Mend)
			}
			into[word] = strings.Join(d.RemainingArgs(), " ")
		}
	}
	return nil
}

// setValue reads the value of a key, or its values where it takes many.
func setValue(d *caddyfile.Dispenser, path string, key config.Key, into map[string]any, word string) error {
	args := d.RemainingArgs()
	switch {
	case len(args) == 0:
		return d.Errf("%s has no value; write it behind the key, on the same line", path)
	case key.Many():
		into[word] = append(listOf(into[word]), textsOf(args)...)
	case into[word] != nil:
		return d.Errf("%s stands twice; leave one", path)
	case len(args) > 1:
		return d.Errf("%s takes one value and was given %d; put quotes around a value with blanks", path, len(args))
	default:
		into[word] = args[0]
	}
	return nil
}

func listOf(v any) []any {
	l, _ := v.([]any)
	return l
}

func textsOf(args []string) []any {
	out := make([]any, len(args))
	for i, a := range args {
		out[i] = a
	}
	return out
}

// Interface guard.
var _ caddyfile.Unmarshaler = (*Handler)(nil)
