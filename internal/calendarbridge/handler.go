package calendarbridge

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
)

// requestTimeout bounds reading and expanding all calendars for one request.
const requestTimeout = 10 * time.Second

// ServeHTTP answers the three calls and the feeds below /calendar/. Statuses: 200 for every answer to a request that
// was understood, also ok:false with conflicts; 400, 401, 404, 409 (key used for another time), 413, 415 for what
// the caller can mend; 424 where a source of busy times cannot be read, so that nothing was created; 500 only where a
// write failed and the caller should repeat the same request.
func (b *Bridge) ServeHTTP(w http.ResponseWriter, r *http.Request) { b.mux.ServeHTTP(w, r) }

func (b *Bridge) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("POST /calendar/find-slots", b.call(b.find))
	mux.Handle("POST /calendar/check-slot", b.call(b.check))
	mux.Handle("POST /calendar/create-event", b.call(b.createEvent))
	mux.HandleFunc("GET /calendar/{name}", b.feed)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		b.refuse(w, invalid(http.StatusNotFound,
			"%s %s is not served; POST /calendar/find-slots, /calendar/check-slot or /calendar/create-event, or GET /calendar/<calendarId>.ics",
			r.Method, clip(r.URL.Path, 80)))
	})
	return mux
}

// call is what the three calls share: token, content type, limits, and one shape of answer.
func (b *Bridge) call(do func(context.Context, []byte) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !b.allowed(bearer) {
			b.refuse(w, errToken)
			return
		}
		// A JSON content type also keeps web pages of other origins out: browsers ask before they send it.
		if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
			b.refuse(w, invalid(http.StatusUnsupportedMediaType, "the body must be JSON; send Content-Type: application/json"))
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			b.refuse(w, bodyError(err))
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		out, err := do(ctx, body)
		if err != nil {
			b.refuse(w, err)
			return
		}
		b.send(w, http.StatusOK, out)
	})
}

func bodyError(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return invalid(http.StatusRequestEntityTooLarge, "the body is longer than %d bytes; shorten it", maxBody)
	}
	return invalid(http.StatusBadRequest, "the body could not be read; send it again")
}

var errToken = badRequest{http.StatusUnauthorized, "missing or wrong token; send Authorization: Bearer <calendar.token>"}

// allowed compares digests in constant time, so that neither content nor length of the token shows.
func (b *Bridge) allowed(token string) bool {
	if b.opts.Token == "" {
		return true
	}
	given, want := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(b.opts.Token))
	return subtle.ConstantTimeCompare(given[:], want[:]) == 1
}

// feed serves a calendar's file. Calendar programs send no header, so the token may also stand in the query.
func (b *Bridge) feed(w http.ResponseWriter, r *http.Request) {
	bearer, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !found {
		bearer = r.URL.Query().Get("token")
	}
	if !b.allowed(bearer) {
		b.refuse(w, errToken)
		return
	}
	id, isFeed := strings.CutSuffix(r.PathValue("name"), fileSuffix)
	data, err := b.store.read(id)
	switch {
	case !isFeed || errors.Is(err, errNoCalendar):
		b.refuse(w, invalid(http.StatusNotFound, "no such calendar; subscribe to /calendar/%s%s", primary, fileSuffix))
		return
	case err != nil:
		b.refuse(w, unavailable{source: "calendar " + id, cause: tidyPathError(err)})
		return
	}
	w.Header().Set("Content-Type", "text/calendar; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

// refuse answers ok:false with the status and text that belong to err.
func (b *Bridge) refuse(w http.ResponseWriter, err error) {
	var bad badRequest
	var gone unavailable
	switch {
	case errors.As(err, &bad):
		b.send(w, bad.status, answer{Error: bad.text})
	case errors.As(err, &gone):
		// Not a 5xx: the caller would have to treat that as "perhaps created" (contract section 3).
		b.send(w, http.StatusFailedDependency, answer{Error: gone.Error()})
	default:
		b.log.Error("calendar bridge failed", "cause", err)
		b.send(w, http.StatusInternalServerError, answer{Error: "the calendar could not be written; repeat the same request"})
	}
}

func (b *Bridge) send(w http.ResponseWriter, status int, out any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(out); err != nil {
		b.log.Debug("the caller went away before the answer", "cause", err)
	}
}
