package callsapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/clawdbot/call-agent/call"
)

// every is each route, with a method it takes.
func (d *desk) every() [][2]string {
	id := string(d.ended("full"))
	return [][2]string{
		{"GET", "/calls"},
		{"GET", "/calls/" + id},
		{"DELETE", "/calls/nope"},
		{"GET", "/calls/" + id + "/events"},
		{"GET", "/calls/" + id + "/recording"},
		{"GET", "/calls/"},
		{"GET", "/calls/a/b"},
	}
}

// Whoever asks, and whatever is answered: no cache keeps it, and no page of another origin
// reads it, embeds it, or is allowed to send more than a plain request.
func TestNoOtherOriginReadsAnything(t *testing.T) {
	d := newDesk(t)
	for _, route := range d.every() {
		for _, bearer := range []string{"full", "nobody", ""} {
			for _, method := range []string{route[0], "OPTIONS", "POST"} {
				w := d.ask(method, bearer, route[1], "Origin", "https://evil.example", "Cookie", "session=1",
					"Access-Control-Request-Method", "DELETE", "Access-Control-Request-Headers", "authorization")
				for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin"} {
					if got := w.Header().Get(name); got != want {
						t.Errorf("%s %s: %s is %q", method, route[1], name, got)
					}
				}
				for name := range w.Header() {
					if strings.HasPrefix(name, "Access-Control-") || name == "Set-Cookie" {
						t.Errorf("%s %s: %s", method, route[1], name)
					}
				}
				if method == "OPTIONS" && (w.Code < 400 || w.Body.Len() == 0) {
					t.Errorf("a preflight of %s is answered %d", route[1], w.Code)
				}
			}
		}
	}
}

func TestOtherMethodsAreRefusedAndHeadIsGet(t *testing.T) {
	d := newDesk(t)
	id := string(d.ended("full"))
	for path, allow := range map[string]string{
		"/calls": "GET, HEAD", "/calls/" + id: "DELETE, GET, HEAD", "/calls/" + id + "/events": "GET, HEAD", "/calls/" + id + "/recording": "GET, HEAD",
	} {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} {
			if strings.Contains(allow, method) {
				continue
			}
			w := d.ask(method, "full", path)
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != allow || failure(t, w).Error.Message == "" {
				t.Errorf("%s %s: %d, Allow %q", method, path, w.Code, w.Header().Get("Allow"))
			}
		}
	}
	// A HEAD is not left waiting for a body that it has not.
	for _, path := range []string{"/calls", "/calls/" + id, "/calls/" + id + "/events?wait=25s"} {
		if w := d.ask("HEAD", "full", path, "Accept", eventStream); w.Code != 200 || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("HEAD %s: %d %s", path, w.Code, w.Header().Get("Content-Type"))
		}
	}
}

func TestWhoMaySeeWhatAndDeleteIt(t *testing.T) {
	for _, tt := range []struct {
		bearer, method string
		own, others    int
	}{
		{"", "GET", 401, 401},
		{"nobody", "GET", 401, 401},
		{"caller", "GET", 403, 403},
		{"eraser", "GET", 403, 403},
		{"full", "GET", 200, 404},
		{"watcher", "GET", 200, 404},
		{"reader", "GET", 200, 200},
		{"nobody", "DELETE", 401, 401},
		{"caller", "DELETE", 403, 403},
		{"watcher", "DELETE", 403, 403},
		{"reader", "DELETE", 403, 403}, // who reads everything deletes nothing
		{"full", "DELETE", 200, 404},
		{"eraser", "DELETE", 200, 404},
		{"keeper", "DELETE", 200, 200},
	} {
		d := newDesk(t)
		for owner, want := range map[string]int{tt.bearer: tt.own, "somebody": tt.others} {
			id := d.ended(owner)
			if w := d.ask(tt.method, tt.bearer, "/calls/"+string(id)); w.Code != want {
				t.Errorf("%s by %q of the call of %s: %d, want %d", tt.method, tt.bearer, owner, w.Code, want)
			}
			if tt.method == "DELETE" && want != 200 {
				if _, err := d.Store.Get(t.Context(), id); err != nil {
					t.Errorf("%q deleted the call of %s: %v", tt.bearer, owner, err)
				}
			}
		}
	}
}

// No path leads out of the calls, however it is written.
func TestIdsThatAreNone(t *testing.T) {
	d := newDesk(t)
	seen := &noting{Store: d.Store}
	d.Service.Store = seen
	d.handler = New(Options{Service: d.Service, Tokens: everybody, Log: d.Service.Log}) // ServeMux's redirects are not described
	for _, id := range []string{
		"nope", "a.b", "..", "%2e%2e", "..%2f..%2fetc%2fpasswd", "%2e%2e%2f%2e%2e", "a%2fb", "a%00b", "a%0d%0ab", "%E2%80%AE", "a%20b", "*", "CALL%23x", strings.Repeat("x", 65),
	} {
		for _, rest := range []string{"", "/events", "/recording"} {
			for _, method := range []string{"GET", "DELETE"} {
				w := d.ask(method, "keeper", "/calls/"+id+rest)
				if !slices.Contains([]int{404, 405, 301, 307}, w.Code) {
					t.Errorf("%s %q%s: %d %s", method, id, rest, w.Code, w.Body)
				}
				if to := w.Header().Get("Location"); strings.HasPrefix(to, "/calls") || strings.Contains(to, "//") {
					t.Errorf("%q%s leads to %q", id, rest, to)
				}
			}
		}
	}
	for _, id := range seen.asked {
		if !id.Valid() {
			t.Errorf("the store was asked for %q", id)
		}
	}
	if len(seen.asked) == 0 {
		t.Error("the store was asked for nothing at all")
	}
}

// noting is a store that notes whom it is asked for, by one goroutine.
type noting struct {
	call.Store
	asked []call.ID
}

func (n *noting) Get(ctx context.Context, id call.ID) (call.Call, error) {
	n.asked = append(n.asked, id)
	return n.Store.Get(ctx, id)
}

func TestAnotherPathIsNotFoundInTheShapeOfEveryError(t *testing.T) {
	d := newDesk(t)
	for _, path := range []string{"/calls/", "/calls/a/b", "/calls/a/events/b", "/calls/a/recording/"} {
		w := d.ask("GET", "full", path)
		if w.Code != 404 || failure(t, w).Error.Code != "not_found" {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestEveryRouteIsDescribedAndEveryDescribedOneServed(t *testing.T) {
	a := New(Options{})
	for path, operations := range published().Paths {
		if !strings.HasPrefix(path, "/calls") {
			continue
		}
		if !slices.Contains(paths, path) {
			t.Errorf("%s is described and not mounted", path)
		}
		for method := range operations {
			r := httptest.NewRequest(strings.ToUpper(method), strings.Replace(path, "{id}", "k3", 1), nil)
			if _, pattern := a.mux.Handler(r); pattern == "/" {
				t.Errorf("%s %s is described and not served", method, path)
			}
		}
	}
	for _, path := range paths {
		if _, ok := published().Paths[path]; !ok && path != "/calls/" {
			t.Errorf("%s is served and not described", path)
		}
	}
}

func TestAPanicIsAnErrorOfTheUsualShape(t *testing.T) {
	d := newDesk(t)
	d.Service.Store = nil
	w := d.ask("GET", "full", "/calls")
	if w.Code != 500 || failure(t, w).Error.Code != "internal" || !strings.Contains(d.log.String(), "panicked") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
