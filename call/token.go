package call

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// StreamToken lets a provider open the media stream of one attempt. It is an HMAC
// over call id, attempt and expiry, computed from the stored attempt, so that every
// repeat of a webhook yields the same token (contract section 2).
type StreamToken struct {
	CallID  ID
	Attempt int
	Expires time.Time
}

// Sign writes the token: "<call id>.<attempt>.<expiry>.<mac>", safe in a URL's path.
func (t StreamToken) Sign(secret []byte) string {
	body := fmt.Sprintf("%s.%d.%d", t.CallID, t.Attempt, t.Expires.Unix())
	return body + "." + streamMAC(secret, body)
}

func streamMAC(secret []byte, body string) string {
	m := hmac.New(sha256.New, secret)
	m.Write([]byte("call-agent stream token v1\n" + body))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// Errors of ParseStreamToken.
var (
	// ErrBadToken: the token was not made by us.
	ErrBadToken = errors.New("stream token is not ours")
	// ErrTokenExpired: the token was ours once.
	ErrTokenExpired = errors.New("stream token has expired")
)

// ParseStreamToken checks a token in constant time and returns what it says.
func ParseStreamToken(s string, secret []byte, now time.Time) (StreamToken, error) {
	const longest = 256
	cut := strings.LastIndexByte(s, '.')
	if cut < 0 || len(s) > longest || !hmac.Equal([]byte(s[cut+1:]), []byte(streamMAC(secret, s[:cut]))) {
		return StreamToken{}, ErrBadToken
	}
	parts := strings.Split(s[:cut], ".")
	if len(parts) != 3 {
		return StreamToken{}, ErrBadToken
	}
	attempt, err1 := strconv.Atoi(parts[1])
	expires, err2 := strconv.ParseInt(parts[2], 10, 64)
	if err1 != nil || err2 != nil {
		return StreamToken{}, ErrBadToken
	}
	t := StreamToken{CallID: ID(parts[0]), Attempt: attempt, Expires: time.Unix(expires, 0).UTC()}
	if !now.Before(t.Expires) {
		return t, ErrTokenExpired
	}
	return t, nil
}
