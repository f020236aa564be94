package page

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

var greeting = Page{
	At: "/hello", Index: "hello.html", Policy: "default-src 'none'", Permissions: "camera=()",
	Files: fstest.MapFS{
		"hello.html": {Data: []byte(strings.Repeat("<p>hello</p>", 20))},
		"hello.js":   {Data: []byte("export {};")},
		"notes.txt":  {Data: []byte("for those who keep the page")},
	},
}

func get(at string, header ...string) *http.Response {
	mux := http.NewServeMux()
	for pattern, h := range greeting.Routes() {
		mux.Handle(pattern, h)
	}
	r := httptest.NewRequest(http.MethodGet, at, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	return w.Result()
}

func TestThePageAndItsPartsAreServedAndNothingElse(t *testing.T) {
	for at, want := range map[string]int{"/hello": 200, "/hello/hello.js": 200, "/hello/": 404, "/hello/hello.html": 404, "/hello/notes.txt": 404, "/hello/x.js": 404} {
		res := get(at)
		if res.StatusCode != want {
			t.Errorf("%s: %d", at, res.StatusCode)
		}
		if h := res.Header; want == 200 && (h.Get("Content-Security-Policy") != greeting.Policy || h.Get("Permissions-Policy") != greeting.Permissions || h.Get("X-Content-Type-Options") != "nosniff") {
			t.Errorf("%s: %v", at, h)
		}
	}
}

func TestWhatIsPackedIsTheSame(t *testing.T) {
	want := string(greeting.Parts()["hello.html"])
	for _, accept := range []string{"", "br", "gzip;q=0", "gzip; q=0.000, br", "identity"} {
		res := get("/hello", "Accept-Encoding", accept)
		if body, _ := io.ReadAll(res.Body); res.Header.Get("Content-Encoding") != "" || string(body) != want {
			t.Errorf("%q is answered in %q", accept, res.Header.Get("Content-Encoding"))
		}
	}
	for _, accept := range []string{"gzip", "deflate, GZIP;q=0.5", "br, gzip;q=1.0"} {
		res := get("/hello", "Accept-Encoding", accept)
		z, err := gzip.NewReader(res.Body)
		if err != nil {
			t.Fatalf("%q: %v", accept, err)
		}
		if body, _ := io.ReadAll(z); string(body) != want {
			t.Errorf("%q: the page differs", accept)
		}
	}
}

func TestWhoHasAPartIsNotSentItAgain(t *testing.T) {
	for _, accept := range []string{"", "gzip"} {
		tag := get("/hello", "Accept-Encoding", accept).Header.Get("ETag")
		res := get("/hello", "Accept-Encoding", accept, "If-None-Match", tag)
		if body, _ := io.ReadAll(res.Body); tag == "" || res.StatusCode != http.StatusNotModified || len(body) != 0 {
			t.Errorf("%q: %d %q", accept, res.StatusCode, tag)
		}
		if other := get("/hello/hello.js", "Accept-Encoding", accept, "If-None-Match", tag); other.StatusCode != http.StatusOK {
			t.Errorf("another part's tag: %d", other.StatusCode)
		}
	}
	if plain, packed := get("/hello").Header.Get("ETag"), get("/hello", "Accept-Encoding", "gzip").Header.Get("ETag"); plain == packed {
		t.Error("two bodies have one tag")
	}
}
