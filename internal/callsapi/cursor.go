package callsapi

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// cursor is where a list goes on, as it travels: opaque to clients, and of one query.
type cursor struct {
	Query string    `json:"q"`
	At    time.Time `json:"t"`
	ID    call.ID   `json:"i"`
}

// fingerprint tells queries apart; the limit may change from page to page.
func fingerprint(q call.Query) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %d %d", q.Owner, q.Status, q.Outcome, q.To, q.From.UnixNano(), q.Until.UnixNano()))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

func cursorOf(q call.Query, p call.Place) (string, error) {
	raw, err := json.Marshal(cursor{fingerprint(q), p.CreatedAt.UTC(), p.ID})
	if err != nil {
		return "", fmt.Errorf("encode a cursor: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

// maxCursor is more than any cursor of ours has.
const maxCursor = 512

// placeOf reads a cursor of that query; problem says what is wrong with it.
func placeOf(q call.Query, text string) (at *call.Place, problem string) {
	const broken = "is not a cursor of this list; leave it out to begin with the newest call"
	if len(text) > maxCursor {
		return nil, broken
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, broken
	}
	var c cursor
	if err := json.Unmarshal(raw, &c); err != nil || !c.ID.Valid() || c.At.IsZero() {
		return nil, broken
	}
	if c.Query != fingerprint(q) {
		return nil, "belongs to another query, or another token; leave it out to begin with the newest call"
	}
	return &call.Place{CreatedAt: c.At, ID: c.ID}, ""
}
