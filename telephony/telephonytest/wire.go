package telephonytest

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fault is what the network or the vendor makes of a request.
type fault int

const (
	fine fault = iota
	refusedForGood
	refusedForNow
	// serverError and notFoundPage are a proxy's HTML pages, 503 and 404.
	serverError
	notFoundPage
	// garbled is a success that nobody can read; endless one that never ends.
	garbled
	endless
	redirected
	// cutOff carries the request out and breaks the connection before the answer.
	cutOff
	// hangs carries the request out and does not answer.
	hangs
)

// wire is the network between the provider and its vendor: it counts, reads along, and
// lets happen what the test wants. Safe for concurrent use.
type wire struct {
	vendor Vendor
	server *httptest.Server
	over   chan struct{}
	// retryAfter is the header of a refusal for now.
	retryAfter string
	// poured is how much of an endless answer was taken.
	poured atomic.Int64

	mu       sync.Mutex
	fault    fault
	requests int
	creates  []Create
}

func newWire(t testing.TB, v Vendor) *wire {
	w := &wire{vendor: v, over: make(chan struct{})}
	w.server = httptest.NewServer(w)
	t.Cleanup(func() {
		close(w.over)
		w.server.Close()
	})
	return w
}

// let has every request from now on meet the fault.
func (w *wire) let(f fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = f
}

// asked is how many requests came, and the creates among them.
func (w *wire) asked() (requests int, creates []Create) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.requests, append([]Create(nil), w.creates...)
}

// note reads a request along and says what is to happen to it.
func (w *wire) note(r *http.Request, body []byte) fault {
	r.Body = io.NopCloser(bytes.NewReader(body))
	create, isCreate := w.vendor.ReadCreate(r)
	r.Body, r.Form, r.PostForm = io.NopCloser(bytes.NewReader(body)), nil, nil
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests++
	if isCreate {
		w.creates = append(w.creates, create)
	}
	return w.fault
}

// ServeHTTP carries a request to the vendor, or does not.
func (w *wire) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	f := w.note(r, body)
	if h := out.Header(); f == refusedForNow && w.retryAfter != "" {
		h.Set("Retry-After", w.retryAfter)
	}
	switch f {
	case fine:
		w.vendor.Fake.ServeHTTP(out, r)
	case refusedForGood:
		w.vendor.RefuseForGood(out, r)
	case refusedForNow:
		w.vendor.RefuseForNow(out, r)
	case serverError:
		page(out, http.StatusServiceUnavailable)
	case notFoundPage:
		page(out, http.StatusNotFound)
	case garbled:
		out.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(out, `{"id":"x`)
	case endless:
		w.pour(out)
	case redirected:
		http.Redirect(out, r, "/elsewhere", http.StatusTemporaryRedirect)
	case cutOff:
		w.vendor.Fake.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's own way to cut a connection
	case hangs:
		w.vendor.Fake.ServeHTTP(httptest.NewRecorder(), r)
		select {
		case <-r.Context().Done():
		case <-w.over:
		case <-time.After(patience): // longer than any context of the suite
		}
	}
}

// patience is how long a vendor hangs, and tooLong what a client may take whose context
// ended long before.
const (
	patience = 4 * time.Second
	tooLong  = patience / 2
)

func page(out http.ResponseWriter, status int) {
	out.Header().Set("Content-Type", "text/html")
	out.WriteHeader(status)
	_, _ = io.WriteString(out, "<html><body><h1>Oops</h1></body></html>")
}

// tooMuch is more than the sockets' buffers and a reader of 1 MiB take together.
const tooMuch = 64 << 20

func (w *wire) pour(out http.ResponseWriter) {
	out.WriteHeader(http.StatusCreated)
	n, err := io.WriteString(out, `{"x":"`)
	for chunk := strings.Repeat("A", 64<<10); err == nil && w.poured.Add(int64(n)) < tooMuch; {
		n, err = io.WriteString(out, chunk)
	}
}
