// Package access is who may ask, and how everybody is answered: the tokens and their scopes
// (contract section 5), the one shape of every error (section 1), and what every answer in
// JSON has in common. The tools and the calls stand behind it, so that both doors are one.
// It knows no route and decides nothing about a call.
package access

import (
	"log/slog"
	"net/http"
	"strings"

	"github.com/clawdbot/call-agent/call"
)

// Tokens knows the callers. Implementations compare in constant time.
type Tokens interface {
	// Match finds the token that bearer is: its name, which owns the calls it places,
	// and the question whether it has a scope (call, status, cancel, read, delete).
	Match(bearer string) (name string, allows func(scope string) bool, ok bool)
}

// Scopes of tokens (contract section 5, tools.tokens).
const (
	ScopeCall   = "call"
	ScopeStatus = "status"
	ScopeCancel = "cancel"
	ScopeRead   = "read"
	ScopeDelete = "delete"
)

// Door is what stands before every handler. Both fields are required; it may be used
// concurrently.
type Door struct {
	Tokens Tokens
	Log    *slog.Logger
}

// Caller is who asks: the name of a token, and what it may do.
type Caller struct {
	name   string
	allows func(scope string) bool
}

// Name is the token's; it owns the calls that it placed.
func (c Caller) Name() string { return c.name }

// ReadsAll says whether other tokens' calls are shown.
func (c Caller) ReadsAll() bool { return c.allows(ScopeRead) }

// Need says that the token lacks a scope; read implies status.
func (c Caller) Need(scope string) error {
	if c.allows(scope) || scope == ScopeStatus && c.ReadsAll() {
		return nil
	}
	return &call.Error{Code: call.Forbidden, Message: "This token has no scope " + scope + ". Use another token, or add the scope to it in tools.tokens."}
}

// Caller says who asks, by the bearer token of a request's header.
func (d Door) Caller(header http.Header) (Caller, error) {
	const mend = "Send the header Authorization: Bearer with a tool token from tools.tokens."
	headers := header.Values("Authorization")
	if len(headers) != 1 {
		return Caller{}, &call.Error{Code: call.Unauthorized, Message: "There is no token. " + mend}
	}
	scheme, bearer, _ := strings.Cut(headers[0], " ")
	bearer = strings.TrimSpace(bearer)
	if !strings.EqualFold(scheme, "Bearer") || bearer == "" {
		return Caller{}, &call.Error{Code: call.Unauthorized, Message: "There is no token. " + mend}
	}
	name, allows, ok := d.Tokens.Match(bearer)
	if !ok {
		return Caller{}, &call.Error{Code: call.Unauthorized, Message: "The token is not known. " + mend}
	}
	return Caller{name, allows}, nil
}

// CallerWith says who asks, if that token has the scope.
func (d Door) CallerWith(header http.Header, scope string) (Caller, error) {
	who, err := d.Caller(header)
	if err == nil {
		err = who.Need(scope)
	}
	return who, err
}
