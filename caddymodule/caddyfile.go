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
		case ok && key.Many():
			into[word] = append(listOf(into[word]), textsOf(d.RemainingArgs())...)
		case ok:
			if !d.NextArg() {
				return d.ArgErr()
			}
			into[word] = d.Val()
			if d.NextArg() {
				return d.ArgErr()
			}
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
