package config

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Scope is something a tool token may do.
type Scope string

// The scopes of contract section 5. ScopeRead lets a token see other tokens' calls.
const (
	ScopeCall   Scope = "call"
	ScopeStatus Scope = "status"
	ScopeCancel Scope = "cancel"
	ScopeRead   Scope = "read"
	ScopeDelete Scope = "delete"
)

var (
	allScopes     = []Scope{ScopeCall, ScopeStatus, ScopeCancel, ScopeRead, ScopeDelete}
	defaultScopes = []Scope{ScopeCall, ScopeStatus, ScopeCancel}
)

// Token is one caller of the tools. The token itself is not kept, only its SHA-256.
type Token struct {
	Name   string // stands in logs and records; unique
	Scopes []Scope

	digest  [sha256.Size]byte
	unnamed bool // Name is its place in the list
	short   bool // a literal too short to resist guessing
	sample  bool // a literal copied from an example
}

// Weak says whether the token was written as a literal too short to resist guessing. Of a hash nobody can tell.
func (t Token) Weak() bool { return t.short }

// unnamed are the names that tokens have by their place in the list.
func (ts Tokens) unnamed() (names []string) {
	for _, t := range ts {
		if t.unnamed {
			names = append(names, t.Name)
		}
	}
	return names
}

// Allows says whether the token has the scope.
func (t Token) Allows(s Scope) bool { return slices.Contains(t.Scopes, s) }

// Tokens are all callers of the tools.
type Tokens []Token

// Match finds the token that bearer is. It compares SHA-256 digests in constant time and always looks at every token,
// so that neither content nor position shows in the time it takes. scopes must not be changed.
func (ts Tokens) Match(bearer string) (name string, scopes []Scope, ok bool) {
	digest := sha256.Sum256([]byte(bearer))
	found := -1
	for i := range ts {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(digest[:], ts[i].digest[:]), i, found)
	}
	if found < 0 || bearer == "" {
		return "", nil, false
	}
	return ts[found].Name, ts[found].Scopes, true
}

// ParseToken reads one element of tools.tokens: a token, or a JSON object {"name":…,"sha256":…,"scopes":[…]}. index
// names a token that has no name ("token-1" for 0). No error repeats the token.
func ParseToken(index int, value string) (Token, error) {
	value = strings.TrimSpace(value)
	name := "token-" + strconv.Itoa(index+1)
	switch {
	case value == "":
		return Token{}, fmt.Errorf("element %d is empty; write a token: openssl rand -hex 32", index+1)
	case strings.HasPrefix(value, "{"):
		return parseTokenObject(name, value)
	}
	return Token{
		Name: name, Scopes: defaultScopes, digest: sha256.Sum256([]byte(value)), unnamed: true,
		short: len(value) < 16, sample: isSample(value),
	}, nil
}

func parseTokenObject(name, value string) (Token, error) {
	raw, err := decodeToken(value)
	if err != nil {
		return Token{}, fmt.Errorf("%s is not {name, sha256, scopes}; name the three fields, each once, and no other", name)
	}
	t := Token{Name: cmp.Or(raw.Name, name), Scopes: raw.Scopes, unnamed: raw.Name == ""}
	if len(t.Scopes) == 0 {
		t.Scopes = defaultScopes
	}
	for _, s := range t.Scopes {
		if !slices.Contains(allScopes, s) {
			return Token{}, fmt.Errorf("%q has the unknown scope %q; use call, status, cancel, read, delete", t.Name, s)
		}
	}
	digest, err := hex.DecodeString(raw.SHA256)
	if err != nil || len(digest) != sha256.Size {
		return Token{}, fmt.Errorf("%q has no sha256 of 64 hex digits; write the output of printf %%s \"$TOKEN\" | sha256sum", t.Name)
	}
	copy(t.digest[:], digest)
	return t, nil
}

// writtenToken is a token's object as it stands in JSON.
type writtenToken struct {
	Name   string  `json:"name"`
	SHA256 string  `json:"sha256"`
	Scopes []Scope `json:"scopes"`
}

var errToken = errors.New("not a token's object")

// decodeToken is strict: a name that is repeated, or differs in case, would otherwise decide what a token may do
// without anybody seeing it.
func decodeToken(value string) (raw writtenToken, err error) {
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(value), &fields) != nil || Repeats([]byte(value)) != nil {
		return raw, errToken
	}
	for field := range fields {
		if !slices.Contains([]string{"name", "sha256", "scopes"}, field) {
			return raw, errToken
		}
	}
	return raw, json.Unmarshal([]byte(value), &raw)
}

func setTokens(c *Config, values []string) error {
	tokens := make(Tokens, 0, len(values))
	for i, v := range values {
		t, err := ParseToken(i, v)
		if err != nil {
			return err
		}
		for _, other := range tokens {
			if other.Name == t.Name || other.digest == t.digest {
				return fmt.Errorf("%q and %q have the same name or the same token; make both unique", other.Name, t.Name)
			}
		}
		tokens = append(tokens, t)
	}
	c.Tools.Tokens = tokens
	return nil
}

// tokenElements turns a JSON array of strings and objects into the values ParseToken takes.
func tokenElements(array []byte) ([]string, error) {
	var elements []json.RawMessage
	if err := json.Unmarshal(array, &elements); err != nil {
		return nil, errors.New("is not a JSON array; write [\"token\", {\"name\":…,\"sha256\":…,\"scopes\":[…]}]")
	}
	values := make([]string, len(elements))
	for i, e := range elements {
		v, err := tokenElement(e)
		if err != nil {
			return nil, fmt.Errorf("element %d %w", i+1, err)
		}
		values[i] = v
	}
	return values, nil
}

func tokenElement(e json.RawMessage) (string, error) {
	var literal string
	switch e = bytes.TrimSpace(e); {
	case len(e) > 0 && e[0] == '{':
		return string(e), nil
	case json.Unmarshal(e, &literal) != nil || bytes.Equal(e, []byte("null")):
		return "", errors.New("is neither a string nor an object; write a token or {name, sha256, scopes}")
	case strings.HasPrefix(strings.TrimSpace(literal), "{"):
		return "", errors.New("is a string that begins with a brace; write the object itself, without quotes")
	}
	return literal, nil
}
