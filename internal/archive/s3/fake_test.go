package s3

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const bucket = "kept"

var credentials = aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}

// fake is a bucket in memory, as far as we use one. Whatever is not signed is refused.
type fake struct {
	t      *testing.T
	mu     sync.Mutex
	object map[string][]byte
	at     map[string]time.Time
	asked  []string // method and key of every request
	refuse func(method, key string) int
}

func newFake(t *testing.T) (*fake, Options) {
	t.Helper()
	f := &fake{t: t, object: map[string][]byte{}, at: map[string]time.Time{}}
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	return f, Options{
		Bucket: bucket, Region: "eu-central-1", Endpoint: srv.URL, PutEvery: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return credentials, nil }),
	}
}

// ServeHTTP is the REST API of S3 2006-03-01.
func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		f.t.Error(err)
	}
	f.signed(r)
	f.mu.Lock()
	defer f.mu.Unlock()
	key, ours := strings.CutPrefix(r.URL.Path, "/"+bucket)
	key = strings.TrimPrefix(key, "/")
	f.asked = append(f.asked, r.Method+" "+key)
	if f.refuse != nil {
		if status := f.refuse(r.Method, key); status != 0 {
			fault(w, status, "SlowDown")
			return
		}
	}
	switch {
	case !ours:
		fault(w, http.StatusNotFound, "NoSuchBucket")
	case r.Method == http.MethodPut:
		f.object[key], f.at[key] = body, time.Now()
	case r.Method == http.MethodGet && key == "":
		f.list(w, r.URL.Query().Get("prefix"))
	case r.Method == http.MethodPost && r.URL.Query().Has("delete"):
		f.remove(w, body)
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		f.get(w, r, key)
	default:
		f.t.Errorf("%s %s is nothing that S3 knows", r.Method, r.URL)
	}
}

func (f *fake) get(w http.ResponseWriter, r *http.Request, key string) {
	b, ok := f.object[key]
	if !ok {
		fault(w, http.StatusNotFound, "NoSuchKey")
		return
	}
	sum := md5.Sum(b)
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:])+`"`)
	http.ServeContent(w, r, "", f.at[key], bytes.NewReader(b))
}

func (f *fake) list(w io.Writer, prefix string) {
	fmt.Fprint(w, `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>false</IsTruncated>`)
	for key := range f.object {
		if strings.HasPrefix(key, prefix) {
			fmt.Fprintf(w, "<Contents><Key>%s</Key></Contents>", key)
		}
	}
	fmt.Fprint(w, `</ListBucketResult>`)
}

func (f *fake) remove(w io.Writer, body []byte) {
	var d struct {
		Object []struct{ Key string }
	}
	if err := xml.Unmarshal(body, &d); err != nil || len(d.Object) == 0 {
		f.t.Errorf("nothing to delete: %v", err)
	}
	for _, o := range d.Object {
		delete(f.object, o.Key)
	}
	fmt.Fprint(w, `<?xml version="1.0" encoding="UTF-8"?><DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></DeleteResult>`)
}

func fault(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code></Error>`, code)
}

// signed checks the signature by making it again.
func (f *fake) signed(r *http.Request) {
	got := r.Header.Get("Authorization")
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	_, after, ok := strings.Cut(got, "SignedHeaders=")
	names, _, _ := strings.Cut(after, ",")
	if err != nil || !ok {
		f.t.Errorf("%s %s is not signed: %q, %v", r.Method, r.URL, got, err)
		return
	}
	again, err := http.NewRequestWithContext(context.Background(), r.Method, "http://"+r.Host+r.URL.RequestURI(), nil)
	if err != nil {
		f.t.Error(err)
		return
	}
	again.ContentLength = r.ContentLength
	for _, name := range strings.Split(names, ";") {
		if name != "host" && name != "content-length" && name != "x-amz-date" {
			again.Header[http.CanonicalHeaderKey(name)] = r.Header.Values(name)
		}
	}
	hash := r.Header.Get("X-Amz-Content-Sha256")
	sign := func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }
	if err := v4.NewSigner().SignHTTP(context.Background(), credentials, again, hash, "s3", "eu-central-1", at, sign); err != nil {
		f.t.Error(err)
	}
	if want := again.Header.Get("Authorization"); got != want || !strings.Contains(names, "x-amz-content-sha256") {
		f.t.Errorf("%s %s is signed\n%s, want\n%s", r.Method, r.URL, got, want)
	}
}

// count is how many requests of a kind there were.
func (f *fake) count(what string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.asked {
		if strings.HasPrefix(a, what) {
			n++
		}
	}
	return n
}

func (f *fake) keys() (keys []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for k := range f.object {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
