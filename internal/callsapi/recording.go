package callsapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/access"
)

// A recording is a WAV file of 8,000 samples a second of one byte for each of two channels
// (call.Recording), behind a header that a few dozen bytes hold.
const (
	bytesPerMS = 16
	wavHeader  = 58
)

// playedMS is how long a recording of that size plays.
func playedMS(size int64) int64 { return max(0, size-wavHeader) / bytesPerMS }

// sendStep is how much is sent in one go, for which the client has writeLimit.
const sendStep = 256 << 10

// recording answers GET /calls/{id}/recording.
func (a *API) recording(w http.ResponseWriter, r *http.Request) error {
	c, err := a.callOf(r, "attempt")
	if err != nil {
		return err
	}
	in := ask(r, "attempt")
	attempt := in.number("attempt", 0, 1, math.MaxInt32)
	if err := in.err(); err != nil {
		return err
	}
	rec, err := a.openRecording(r.Context(), c, attempt)
	if err != nil {
		return err
	}
	defer rec.Close()
	p, problem := partOf(r.Header.Values("Range"), rec.Size)
	if problem != "" {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", rec.Size))
		access.WriteError(w, http.StatusRequestedRangeNotSatisfiable, &call.Error{Code: call.InvalidRequest, Message: problem})
		return nil
	}
	if a.mostBytes > 0 && p.length > a.mostBytes {
		p.length, p.partial = a.mostBytes, true
	}
	a.sendPart(w, r, rec, p)
	return nil
}

// openRecording opens an attempt's recording, or (0) that of the last attempt that has one.
func (a *API) openRecording(ctx context.Context, c call.Call, attempt int) (call.Recording, error) {
	first, last := attempt, attempt
	if attempt == 0 {
		first, last = 1, len(c.Attempts)
	}
	for n := last; n >= first && n > 0 && a.service.Archive != nil; n-- {
		rec, err := a.service.Archive.Recording(ctx, c.ID, n)
		switch {
		case err == nil:
			return rec, nil
		case !errors.Is(err, call.ErrNotFound):
			return call.Recording{}, a.unreadable(ctx, c.ID, err)
		}
	}
	return call.Recording{}, &call.Error{Code: call.NotFound, Message: a.noRecording(c, attempt)}
}

// noRecording says why there is none, as far as it is known.
func (a *API) noRecording(c call.Call, attempt int) string {
	switch last := c.Last(); {
	case attempt > len(c.Attempts):
		return fmt.Sprintf("There is no attempt %d of this call; it has %d. Leave attempt out for the last one that was recorded.", attempt, len(c.Attempts))
	case !a.keeps.Recording:
		return "There is no recording: calls are not recorded here. The configuration turns it on, for calls to come."
	case !c.Final() && (attempt == 0 || attempt == last.Number):
		return "There is no recording yet: it is there when the conversation is over."
	}
	return "There is no recording: nobody was connected, recording was off then, or it was kept as long as the configuration says."
}

// part is what is sent of a recording.
type part struct {
	start, length int64
	partial       bool
}

// partOf reads a Range header (RFC 9110 section 14.2); without one it is all. A problem is
// said to the caller: that a range which is none may be ignored would send him all of it.
func partOf(headers []string, size int64) (p part, problem string) {
	if len(headers) == 0 {
		return part{0, size, false}, ""
	}
	spec, ok := strings.CutPrefix(headers[0], "bytes=")
	if !ok || len(headers) > 1 || strings.Contains(spec, ",") {
		return p, "The header Range must ask for one range of bytes, such as bytes=0-4194303."
	}
	first, last, ok := strings.Cut(strings.TrimSpace(spec), "-")
	start, err1 := offset(first, -1)
	end, err2 := offset(last, size-1)
	switch {
	case !ok || err1 != nil || err2 != nil || first == "" && last == "":
		return p, "The header Range must be bytes=first-last, bytes=first- or bytes=-length, in whole numbers."
	case first == "": // the last so many bytes
		start, end = size-min(end, size), size-1
	}
	end = min(end, size-1)
	if start > end {
		return p, fmt.Sprintf("The recording has %d bytes; the range begins behind them, or ends before it begins.", size)
	}
	return part{start, end - start + 1, true}, ""
}

// offset is a number of digits alone.
func offset(text string, absent int64) (int64, error) {
	if text == "" {
		return absent, nil
	}
	n, err := strconv.ParseUint(text, 10, 63)
	return int64(n), err //nolint:gosec // 63 bits
}

// sendPart sends it, as long as the client takes it.
func (a *API) sendPart(w http.ResponseWriter, r *http.Request, rec call.Recording, p part) {
	h, status := w.Header(), http.StatusOK
	h.Set("Content-Type", "audio/wav")
	h.Set("Accept-Ranges", "bytes")
	h.Set("Content-Length", strconv.FormatInt(p.length, 10))
	if p.partial {
		status = http.StatusPartialContent
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", p.start, p.start+p.length-1, rec.Size))
	}
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return
	}
	source, out := io.NewSectionReader(rec, p.start, p.length), http.NewResponseController(w)
	for {
		_ = out.SetWriteDeadline(time.Now().Add(writeLimit)) // where it cannot be set, the connection's own end will do
		n, err := io.CopyN(w, source, sendStep)
		if err == nil {
			continue
		}
		if !errors.Is(err, io.EOF) && r.Context().Err() == nil {
			a.Log.WarnContext(r.Context(), "a recording was not sent whole", "call_id", r.PathValue("id"), "sent", n, "error", err)
		}
		return
	}
}
