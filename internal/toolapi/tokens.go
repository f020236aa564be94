package toolapi

import "github.com/clawdbot/call-agent/internal/config"

// Configured shows the tokens of a configuration to the tools.
type Configured struct{ config.Tokens }

var _ Tokens = Configured{}

// Match finds the token's name and scopes.
func (t Configured) Match(bearer string) (name string, allows func(scope string) bool, ok bool) {
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
