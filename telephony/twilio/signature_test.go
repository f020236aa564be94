package twilio

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twilio/twilio-go/client"
)

// vector is one row of a vector file: ours, or the one shared between projects.
type vector struct {
	ID, Kind, URL, Signature string
	Body                     *string
	Params                   map[string][]string
	AuthToken                string
	Expect                   bool
	DivergesFromExpect       []string
}

type vectorFile struct {
	AuthTokens []string
	Vectors    []vector
}

func readVectors(t testing.TB, path string) vectorFile {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var f vectorFile
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

// shared finds ../shared beside the module's root; empty where the checkout stands alone.
func shared(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
	}
	dir = filepath.Join(filepath.Dir(dir), "shared")
	if _, err := os.Stat(dir); err != nil {
		return ""
	}
	return dir
}

// requestOf is the vector as a request, and the base it is to be checked against.
func requestOf(t testing.TB, v vector) (r *http.Request, body []byte, base string) {
	t.Helper()
	target := v.URL[strings.Index(v.URL, "://")+3:]
	cut := strings.IndexAny(target, "/?#")
	base = v.URL
	if cut >= 0 {
		base = v.URL[:len(v.URL)-len(target)+cut]
		target = target[cut:]
	} else {
		target = ""
	}
	target, _, _ = strings.Cut(target, "#")
	r = &http.Request{Method: http.MethodPost, Header: http.Header{}, RequestURI: target, URL: &url.URL{}}
	if target != "" {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			t.Fatal(err)
		}
		r.URL = u
	}
	if v.Kind == "get" || v.Kind == "websocket" {
		r.Method = http.MethodGet
	}
	switch v.Kind {
	case "form":
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
	case "json":
		r.Header.Set("Content-Type", "application/json")
	}
	if v.Body != nil {
		body = []byte(*v.Body)
	}
	if v.Signature != "" {
		r.Header.Set(signatureHeader, v.Signature)
	}
	return r, body, base
}

func TestOurSignatureVectors(t *testing.T) {
	f := readVectors(t, "testdata/signature-vectors.json")
	p := newProvider(t, Options{AuthTokens: f.AuthTokens})
	for _, v := range f.Vectors {
		t.Run(v.ID, func(t *testing.T) {
			r, body, base := requestOf(t, v)
			var err error
			if v.Kind == "websocket" {
				err = p.ValidateUpgrade(r, base)
			} else {
				err = p.ValidateRequest(r, body, base)
			}
			if got := err == nil; got != v.Expect {
				t.Errorf("accepted %t, want %t", got, v.Expect)
			}
		})
	}
}

// The vectors give the signed URL and the decoded fields. Those whose URL can be that
// of a request go through ValidateRequest and ValidateUpgrade as well.
func TestSharedSignatureVectorsGiveTheirVerdict(t *testing.T) {
	dir := shared(t)
	if dir == "" {
		t.Log("left out: the shared vectors; the checkout stands alone")
		return
	}
	f := readVectors(t, filepath.Join(dir, "contracts", "twilio-signature-vectors.json"))
	if len(f.Vectors) != 66 {
		t.Errorf("%d vectors, want 66", len(f.Vectors))
	}
	for _, v := range f.Vectors {
		t.Run(v.ID, func(t *testing.T) { checkShared(t, v) })
	}
}

func checkShared(t *testing.T, v vector) {
	t.Helper()
	direct := func() bool {
		if v.Kind == "json" {
			r, body, _ := requestOf(t, v)
			if _, ok := signedFields(r, body); !ok {
				return false
			}
		}
		return validSignature([]string{v.AuthToken}, v.URL, v.Params, v.Signature)
	}()
	if direct != v.Expect {
		t.Errorf("validSignature is %t, want %t", direct, v.Expect)
	}
	_, _, hasPath := strings.Cut(v.URL[strings.Index(v.URL, "://")+3:], "/")
	if !hasPath || strings.ContainsAny(v.URL, " ") || len(v.Params) > 0 && v.Kind != "form" {
		return // not the URL of a request, or fields that a request would not carry there
	}
	if v.Kind == "form" && strings.HasPrefix(v.ID, "tamper") {
		return // body and params say different things there; params are what counts
	}
	p := &Provider{authTokens: []string{v.AuthToken}}
	r, body, base := requestOf(t, v)
	err := p.ValidateRequest(r, body, base)
	if v.Kind == "websocket" {
		err = p.ValidateUpgrade(r, base)
	}
	if got := err == nil; got != v.Expect {
		t.Errorf("the request is accepted %t, want %t", got, v.Expect)
	}
}

// Where twilio-go's validator is not known to differ, ours says the same.
func TestWeAgreeWithTwilioGo(t *testing.T) {
	f := readVectors(t, "testdata/signature-vectors.json")
	differs := map[string]bool{ // what the library cannot do, or does wrongly for wss
		"rotated-token": true, "repeated-key": true, "ipv6-port-dropped": true, "stream-slash": true,
		"stream-443": true, "stream-443-slash": true, "stream-80-is-not-wss": true, "json-without-hash": true,
	}
	lib := client.NewRequestValidator(f.AuthTokens[0])
	for _, v := range f.Vectors {
		body := ""
		if v.Body != nil {
			body = *v.Body
		}
		if got := lib.ValidateBody(v.URL, []byte(body), v.Signature); got != v.Expect && !differs[v.ID] {
			t.Errorf("%s: twilio-go says %t, we say %t", v.ID, got, v.Expect)
		}
	}
}

func TestASignatureMustComeOnce(t *testing.T) {
	f := readVectors(t, "testdata/signature-vectors.json")
	p := newProvider(t, Options{AuthTokens: f.AuthTokens})
	r, body, base := requestOf(t, f.Vectors[0])
	r.Header.Add(signatureHeader, "x")
	if p.ValidateRequest(r, body, base) == nil {
		t.Error("a request with two signature headers was accepted")
	}
}

// The base is configured; Host and forwarded headers are an attacker's to choose.
func TestHostAndForwardedHeadersDoNotCount(t *testing.T) {
	f := readVectors(t, "testdata/signature-vectors.json")
	p := newProvider(t, Options{AuthTokens: f.AuthTokens})
	r, body, base := requestOf(t, f.Vectors[0])
	r.Host = "attacker.example"
	r.Header.Set("X-Forwarded-Host", "attacker.example")
	r.Header.Set("X-Forwarded-Proto", "http")
	if err := p.ValidateRequest(r, body, base); err != nil {
		t.Error(err)
	}
	if p.ValidateRequest(r, body, "https://attacker.example") == nil {
		t.Error("the base did not count")
	}
}

func TestARewrittenPathIsTheOneThatIsSigned(t *testing.T) {
	f := readVectors(t, "testdata/signature-vectors.json")
	p := newProvider(t, Options{AuthTokens: f.AuthTokens})
	r, body, base := requestOf(t, f.Vectors[0])
	r.RequestURI = "/prefix" + r.RequestURI // as http.StripPrefix leaves it
	if err := p.ValidateRequest(r, body, base); err != nil {
		t.Error(err)
	}
}

func TestUnsignedIsAcceptedOnlyWhereSwitchedOff(t *testing.T) {
	p := newProvider(t, Options{BaseURL: "http://127.0.0.1:1", AcceptUnsigned: true})
	r := &http.Request{Method: http.MethodPost, Header: http.Header{}, URL: &url.URL{Path: "/voice"}}
	if err := p.ValidateRequest(r, nil, "http://x"); err != nil {
		t.Error(err)
	}
	if err := p.ValidateUpgrade(r, "ws://x"); err != nil {
		t.Error(err)
	}
}

func FuzzSignature(f *testing.F) {
	vectors := readVectors(f, "testdata/signature-vectors.json")
	for _, v := range vectors.Vectors {
		body := ""
		if v.Body != nil {
			body = *v.Body
		}
		f.Add(v.URL, body, v.Signature)
	}
	f.Add("://", "%zz", "")
	f.Add("https://[::1:/", "a=b;c", "=")
	f.Fuzz(func(t *testing.T, signedURL, body, given string) {
		fields, err := url.ParseQuery(body)
		if err != nil {
			return
		}
		if validSignature(nil, signedURL, fields, given) {
			t.Error("accepted without any token")
		}
		if validSignature([]string{"4f0c"}, signedURL, fields, given) {
			t.Error("accepted under a token that signed nothing")
		}
		if n := len(candidates(signedURL)); n < 1 || n > 4 {
			t.Errorf("%d candidates", n)
		}
	})
}
