package callsapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/call/calltest"
	"github.com/clawdbot/call-agent/internal/access"
	"github.com/clawdbot/call-agent/internal/access/accesstest"
	"github.com/clawdbot/call-agent/internal/toolapi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tokens are the callers of a test: a bearer is its own name, and what it may do.
type tokens map[string][]string

func (t tokens) Match(bearer string) (string, func(string) bool, bool) {
	scopes, ok := t[bearer]
	return bearer, func(s string) bool { return slices.Contains(scopes, s) }, ok
}

var everybody = tokens{
	"full": {"call", "status", "cancel", "delete"}, "caller": {"call"}, "watcher": {"status"}, "reader": {"read"},
	"eraser": {"delete"}, "keeper": {"read", "delete"},
}

// published is the description of the whole surface, as it is served.
var published = sync.OnceValue(func() *accesstest.Surface {
	w := httptest.NewRecorder()
	toolapi.New(toolapi.Options{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/openapi.json", nil))
	s, err := accesstest.Read(w.Body.Bytes())
	if err != nil {
		panic(err)
	}
	return s
})

// desk is the calls' API over a world in memory.
type desk struct {
	testing.TB
	*calltest.World
	archive *calltest.Archive
	handler http.Handler
	placed  int
	log     *calltest.Log
}

func newDesk(t testing.TB, options ...func(*Options)) *desk {
	t.Helper()
	d := &desk{TB: t, World: calltest.NewWorld(), archive: &calltest.Archive{}}
	d.Service.Archive, d.log = d.archive, d.World.Log
	d.serve(options...)
	return d
}

// serve answers by other options from here on.
func (d *desk) serve(options ...func(*Options)) {
	o := Options{Service: d.Service, Tokens: everybody, Log: d.Service.Log, Keeps: Keeps{Transcript: true, Recording: true, Days: 30}}
	for _, set := range options {
		set(&o)
	}
	d.handler = published().Hold(d.TB, New(o))
}

func listening(l Listening) func(*Options) { return func(o *Options) { o.Listening = l } }

// place places a call to a number of its own, which is dialled.
func (d *desk) place(owner string) call.ID {
	d.Helper()
	d.placed++
	n := d.placed
	d.Telephony.OnStart = func(context.Context, call.Dial) (call.Started, error) {
		return call.Started{ProviderCallID: fmt.Sprint("CA", n)}, nil
	}
	r := calltest.Request(time.Now())
	r.To = fmt.Sprintf("+1415555%04d", n)
	a, err := d.Service.Place(context.Background(), owner, r, nil)
	if err != nil {
		d.Fatal(err)
	}
	return a.CallID
}

// end stops a call, so that it is final.
func (d *desk) end(id call.ID) {
	d.Helper()
	c, err := d.Service.Cancel(context.Background(), "", true, id, "")
	if err != nil || !c.Final() {
		d.Fatalf("%+v, %v", c, err)
	}
}

// ended places a call that is final.
func (d *desk) ended(owner string) call.ID {
	id := d.place(owner)
	d.end(id)
	return id
}

func (d *desk) ringing(id call.ID) {
	d.Helper()
	c, err := d.Store.Get(context.Background(), id)
	if err != nil {
		d.Fatal(err)
	}
	r := call.ProviderReport{ProviderCallID: c.Last().ProviderCallID, Status: call.Ringing, Sequence: 1}
	if err := d.Service.ProviderStatus(context.Background(), id, 1, r); err != nil {
		d.Fatal(err)
	}
}

// ask sends a request with the headers given as name, value, name, value.
func (d *desk) ask(method, bearer, target string, headers ...string) *httptest.ResponseRecorder {
	return d.askIn(context.Background(), method, bearer, target, headers...)
}

func (d *desk) askIn(ctx context.Context, method, bearer, target string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(ctx, method, target, nil)
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	return w
}

// listen asks for a call's events.
func (d *desk) listen(ctx context.Context, bearer, target string, headers ...string) *httptest.ResponseRecorder {
	return d.askIn(ctx, http.MethodGet, bearer, target, headers...)
}

// read decodes an answer that must be one.
func read[T any](t testing.TB, w *httptest.ResponseRecorder) (v T) {
	t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %s, %v", w.Code, w.Body, err)
	}
	return v
}

// failure decodes an error and holds it against its shape.
func failure(t testing.TB, w *httptest.ResponseRecorder) access.ErrorDocument {
	t.Helper()
	var e access.ErrorDocument
	dec := json.NewDecoder(w.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&e); err != nil || e.OK || e.Error.Code == "" || e.Error.Message == "" || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%d %v is no error of ours: %v", w.Code, w.Header(), err)
	}
	return e
}

// sent are the events of a stream that was read whole: name and data of each.
func sent(body string) (all [][2]string) {
	for block := range strings.SplitSeq(body, "\n\n") {
		var e [2]string
		for line := range strings.Lines(block) {
			line = strings.TrimSuffix(line, "\n")
			if name, ok := strings.CutPrefix(line, "event: "); ok {
				e[0] = name
			}
			if data, ok := strings.CutPrefix(line, "data: "); ok {
				e[1] = data
			}
		}
		if e[0] != "" {
			all = append(all, e)
		}
	}
	return all
}
