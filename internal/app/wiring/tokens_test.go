package wiring

import (
	"strings"
	"testing"

	"github.com/clawdbot/call-agent/internal/config"
)

func TestTokensKeepToTheirScopes(t *testing.T) {
	t.Parallel()
	const bearer = "a tool token of sufficient length"
	c := config.New()
	if err := c.Set("tools.tokens", []string{bearer, `{"name":"reader","sha256":"` + strings.Repeat("0", 64) + `","scopes":["read"]}`}); err != nil {
		t.Fatal(err)
	}
	tokens := Tokens{c.Tools.Tokens}
	if _, _, ok := tokens.Match("wrong"); ok {
		t.Error("a wrong token matches")
	}
	name, allowed, ok := tokens.Match(bearer)
	if !ok || name == "" || !allowed("call") || allowed("read") {
		t.Errorf("%q %t", name, ok)
	}
}
