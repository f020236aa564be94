package twilio

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // X-Twilio-Signature is HMAC-SHA1; the choice is Twilio's
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// ErrSignature is what every request gets that Twilio did not sign with a token of
// ours. It does not say what was wrong: that would help only a forger.
var ErrSignature = errors.New("twilio: X-Twilio-Signature is missing or wrong; if the request is Twilio's, check twilio.authToken and server.publicBaseUrl")

const signatureHeader = "X-Twilio-Signature"

// ValidateRequest checks a webhook's signature over publicURL, a base without trailing
// slash, plus the request's own path and query (research section 4). Form posts are
// signed with all their fields, a body of another type by the bodySHA256 in the query,
// a GET by its URL alone.
func (p *Provider) ValidateRequest(r *http.Request, body []byte, publicURL string) error {
	if p.acceptUnsigned {
		return nil
	}
	target := requestTarget(r)
	fields, ok := signedFields(r, body)
	if !ok {
		return ErrSignature
	}
	return p.validate(r, publicURL, target, fields)
}

// ValidateUpgrade checks the signature of a media stream's upgrade over streamBaseURL,
// the ws(s) base that stood in <Stream url>, plus the request's own path. Like
// ValidateRequest it accepts everything where signatures are switched off.
func (p *Provider) ValidateUpgrade(r *http.Request, streamBaseURL string) error {
	if p.acceptUnsigned {
		return nil
	}
	return p.validate(r, streamBaseURL, requestTarget(r), nil)
}

func (p *Provider) validate(r *http.Request, base, target string, fields url.Values) error {
	given := r.Header.Values(signatureHeader)
	if len(given) != 1 || !validSignature(p.authTokens, strings.TrimRight(base, "/")+target, fields, given[0]) {
		return ErrSignature
	}
	return nil
}

// requestTarget is the request's path and query in the bytes that came over the wire:
// to re-encode them would break the signature. Where a handler before us has rewritten
// the path, the rewritten one is what the public URL is the base of.
func requestTarget(r *http.Request) string {
	u, err := url.ParseRequestURI(r.RequestURI)
	if err == nil && strings.HasPrefix(r.RequestURI, "/") && u.Path == r.URL.Path && u.RawQuery == r.URL.RawQuery {
		return r.RequestURI
	}
	return r.URL.RequestURI()
}

// signedFields are the fields that went into the signature beside the URL. Not ok
// means that the body was not, or cannot have been, signed by Twilio.
func signedFields(r *http.Request, body []byte) (url.Values, bool) {
	if sum := r.URL.Query().Get("bodySHA256"); sum != "" {
		own := sha256.Sum256(body)
		return nil, hmac.Equal([]byte(sum), []byte(hex.EncodeToString(own[:])))
	}
	if len(body) == 0 {
		return nil, true
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" || r.Method == http.MethodGet {
		return nil, false
	}
	fields, err := url.ParseQuery(string(body))
	return fields, err == nil
}

// validSignature compares the signature given with that of every form in which Twilio
// may have signed the URL, under every token, in constant time. twilio-go's
// RequestValidator does not suffice: it takes the first of repeated keys, cuts IPv6
// hosts at a colon, re-encodes the path and knows neither :443 nor the trailing slash
// of wss (research section 4). The tests hold the two against each other.
func validSignature(tokens []string, signedURL string, fields url.Values, given string) bool {
	suffix := flatten(fields)
	match := false
	for _, candidate := range candidates(signedURL) {
		for _, token := range tokens {
			mac := hmac.New(sha1.New, []byte(token))
			mac.Write([]byte(candidate + suffix))
			want := base64.StdEncoding.EncodeToString(mac.Sum(nil))
			match = hmac.Equal([]byte(want), []byte(given)) || match
		}
	}
	return match && len(tokens) > 0
}

// flatten writes the fields as they are signed: by name in byte order, every value of
// a name once and sorted, nothing between.
func flatten(fields url.Values) string {
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		values := slices.Clone(fields[name])
		slices.Sort(values)
		for _, v := range slices.Compact(values) {
			b.WriteString(name)
			b.WriteString(v)
		}
	}
	return b.String()
}

// candidates are the strings that may have been signed for a URL: without fragment
// and userinfo; with its port and without, or, where it has none, without and with the
// scheme's own; and for a WebSocket each also with a slash at the end. It works on the
// text, since net/url would re-encode it.
func candidates(raw string) []string {
	raw, _, _ = strings.Cut(raw, "#")
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return []string{raw}
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	authority, path := rest[:end], rest[end:]
	authority = authority[strings.LastIndexByte(authority, '@')+1:]
	host, port := splitPort(authority)
	if port == "" {
		port = defaultPort(scheme)
	}
	list := []string{scheme + "://" + host + path, scheme + "://" + host + ":" + port + path}
	if scheme == "ws" || scheme == "wss" {
		list = append(list, list[0]+"/", list[1]+"/")
	}
	return list
}

// splitPort cuts the port off an authority; an IPv6 host keeps its brackets.
func splitPort(authority string) (host, port string) {
	colon := strings.LastIndexByte(authority, ':')
	if colon < 0 || strings.HasSuffix(authority, "]") {
		return authority, ""
	}
	return authority[:colon], authority[colon+1:]
}

func defaultPort(scheme string) string {
	if scheme == "https" || scheme == "wss" {
		return "443"
	}
	return "80"
}
