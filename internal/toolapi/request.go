package toolapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/clawdbot/call-agent/call"
)

// Limits of contract section 1.
const (
	maxBody   = 64 << 10
	maxKey    = 256
	maxCallID = 128
)

// authorize says who asks and whether they may read all calls. The token must have
// scope; read implies status.
func (a *api) authorize(r *http.Request, scope string) (owner string, readAll bool, err error) {
	const mend = "Send the header Authorization: Bearer with a tool token from tools.tokens."
	headers := r.Header.Values("Authorization")
	if len(headers) != 1 {
		return "", false, &call.Error{Code: call.Unauthorized, Message: "There is no token. " + mend}
	}
	scheme, bearer, _ := strings.Cut(headers[0], " ")
	bearer = strings.TrimSpace(bearer)
	if !strings.EqualFold(scheme, "Bearer") || bearer == "" {
		return "", false, &call.Error{Code: call.Unauthorized, Message: "There is no token. " + mend}
	}
	owner, allows, ok := a.Tokens.Match(bearer)
	if !ok {
		return "", false, &call.Error{Code: call.Unauthorized, Message: "The token is not known. " + mend}
	}
	readAll = allows(scopeRead)
	if !allows(scope) && (scope != scopeStatus || !readAll) {
		return "", false, &call.Error{Code: call.Forbidden, Message: "This token has no scope " + scope + ". Use another token, or add the scope to it in tools.tokens."}
	}
	return owner, readAll, nil
}

// readBody reads a JSON body of at most 64 KiB.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset := params["charset"]
	if err != nil || kind != "application/json" || (charset != "" && !strings.EqualFold(charset, "utf-8")) {
		return nil, &call.Error{Code: call.InvalidRequest, Message: "The body must be JSON in UTF-8, sent with Content-Type: application/json."}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		return nil, &call.Error{Code: call.TooLarge, Message: "The body has more than 64 KiB. Shorten goal, occupiedTimeslots or metadata."}
	case err != nil:
		return nil, &call.Error{Code: call.InvalidRequest, Message: "The body ended before it was complete. Send it again."}
	}
	return body, nil
}

// idempotencyKey reads the header of that name; nil where there is none.
func idempotencyKey(r *http.Request, owner string, body []byte, now time.Time) (*call.IdempotencyKey, error) {
	values := r.Header.Values("Idempotency-Key")
	if len(values) == 0 {
		return nil, nil //nolint:nilnil // no key is not an error
	}
	key := values[0]
	if len(values) > 1 || key == "" || !utf8.ValidString(key) || utf8.RuneCountInString(key) > maxKey {
		const problem = "must be sent once, with 1 to 256 characters"
		return nil, &call.Error{Code: call.InvalidRequest, Message: "The header Idempotency-Key " + problem + ".", Fields: map[string]string{"Idempotency-Key": problem}}
	}
	return &call.IdempotencyKey{Token: owner, Key: key, BodyHash: bodyHash(body), Expires: now.Add(call.IdempotencyTTL)}, nil
}

// bodyHash is the same for bodies that say the same: order of fields and white space
// do not count. A body that is no JSON is refused later, by the domain.
func bodyHash(body []byte) string {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber() // 64-bit and decimal numbers as written
	var v any
	canonical := body
	if err := dec.Decode(&v); err == nil {
		if b, err := json.Marshal(v); err == nil { // maps are written in the order of their keys
			canonical = b
		}
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:])
}

// decodeStatus reads the body of call_agent_status, every fault named.
func decodeStatus(body []byte) (call.ID, error) {
	const shape = `The body must be {"callId":"…"} with the callId that call_agent returned.`
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil || raw == nil {
		return "", &call.Error{Code: call.InvalidRequest, Message: shape}
	}
	fields := map[string]string{}
	var id string
	for name, value := range raw {
		if name != "callId" {
			fields[name] = "is not a field of " + toolStatus + "; its one field is callId"
			continue
		}
		if err := json.Unmarshal(value, &id); err != nil {
			fields[name] = "must be a string"
		}
	}
	if id == "" && fields["callId"] == "" {
		fields["callId"] = "is required: the callId that call_agent returned"
	}
	if len(id) > maxCallID {
		fields["callId"] = "is longer than any callId of ours"
	}
	if len(fields) > 0 {
		return "", &call.Error{Code: call.InvalidRequest, Message: shape, Fields: fields}
	}
	return call.ID(id), nil
}
