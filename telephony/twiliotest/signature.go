package twiliotest

import (
	"crypto/hmac"
	"crypto/sha1" // the algorithm is Twilio's
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
)

// signatureHeader as Go canonicalises it; the upgrade carries it in lower case, which HTTP ignores.
const signatureHeader = "X-Twilio-Signature"

// sign is base64(HMAC-SHA1(token, url + sorted names and values)), Twilio's scheme for form
// posts; with no params it is the one for GET and for WebSocket upgrades.
func sign(token, signedURL string, params url.Values) string {
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(signedURL))
	names := make([]string, 0, len(params))
	for name := range params {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		// A repeated key is signed once per distinct value, sorted, as the helper libraries check it.
		values := slices.Clone(params[name])
		slices.Sort(values)
		for _, value := range slices.Compact(values) {
			mac.Write([]byte(name + value))
		}
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// signedForm is the URL as Twilio hashes it: https loses user and port, http and wss keep all,
// the fragment is neither sent nor signed. It cuts the string, because re-encoding would change it.
func signedForm(raw string) string {
	raw, _, _ = strings.Cut(raw, "#")
	scheme, rest, found := strings.Cut(raw, "://")
	if !found {
		return raw
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	authority, tail := rest[:end], rest[end:]
	if scheme != "https" {
		return raw
	}
	authority = authority[strings.LastIndex(authority, "@")+1:]
	if colon := strings.LastIndex(authority, ":"); colon > strings.LastIndex(authority, "]") {
		authority = authority[:colon]
	}
	return scheme + "://" + authority + tail
}
