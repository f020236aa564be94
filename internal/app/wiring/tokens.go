package wiring

import "github.com/clawdbot/call-agent/internal/config"

// Tokens shows the tokens of a configuration to the handlers (access.Tokens).
type Tokens struct{ config.Tokens }

// Match finds the token's name and scopes.
func (t Tokens) Match(bearer string) (name string, allows func(scope string) bool, ok bool) {
	name, scopes, ok := t.Tokens.Match(bearer)
	return name, func(want string) bool {
		for _, s := range scopes {
			if string(s) == want {
				return true
			}
		}
		return false
	}, ok
}
