package toolapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
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
	maxText   = 200 // of a reason
)

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

// keyHeader is the header of an idempotency key.
const keyHeader = "Idempotency-Key"

// idempotencyKey is the request's; nil where there is none.
func idempotencyKey(u use, now time.Time) (*call.IdempotencyKey, error) {
	if len(u.keys) == 0 {
		return nil, nil //nolint:nilnil // no key is not an error
	}
	key := u.keys[0]
	if len(u.keys) > 1 || key == "" || !utf8.ValidString(key) || utf8.RuneCountInString(key) > maxKey {
		const problem = "must be one string of 1 to 256 characters"
		return nil, &call.Error{Code: call.InvalidRequest, Message: u.keyed + " " + problem + ".", Fields: map[string]string{u.keyed: problem}}
	}
	return &call.IdempotencyKey{Token: u.who.Name(), Key: key, BodyHash: bodyHash(u.body), Expires: now.Add(call.IdempotencyTTL)}, nil
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

// decode reads the body of a tool that names a call: callId, and strings that may be left
// out. Every fault is named.
func decode(body []byte, tool string, id *string, optional map[string]*string) error {
	shape := `The body must be {"callId":"…"} with the callId that call_agent returned.`
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil || raw == nil {
		return &call.Error{Code: call.InvalidRequest, Message: shape}
	}
	fields := map[string]string{}
	known := map[string]*string{"callId": id}
	maps.Copy(known, optional)
	for name, value := range raw {
		target, ok := known[name]
		if !ok {
			fields[name] = "is not a field of " + tool + "; its fields are " + strings.Join(slices.Sorted(maps.Keys(known)), ", ")
			continue
		}
		if string(value) == "null" || json.Unmarshal(value, target) != nil {
			fields[name] = "must be a string"
		}
	}
	if *id == "" && fields["callId"] == "" {
		fields["callId"] = "is required: the callId that call_agent returned"
	}
	if len(*id) > maxCallID {
		fields["callId"] = "is longer than any callId of ours"
	}
	for name, v := range optional {
		if utf8.RuneCountInString(*v) > maxText {
			fields[name] = fmt.Sprintf("must have at most %d characters", maxText)
		}
	}
	if len(fields) > 0 {
		return &call.Error{Code: call.InvalidRequest, Message: shape, Fields: fields}
	}
	return nil
}
