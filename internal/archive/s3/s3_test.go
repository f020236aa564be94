package s3

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/archive"
	"github.com/clawdbot/call-agent/internal/archive/archivetest"
)

func TestContract(t *testing.T) {
	archivetest.Run(t, func(t *testing.T) archivetest.World {
		_, o := newFake(t)
		return archivetest.World{Archive: NewReader(o), Keeper: NewWriter(o, t.TempDir())}
	})
}

const id = call.ID("Cq3-_x9ZkLmN0pQr")

var all = archive.What{Timeline: true, Recording: true}

func begin(t *testing.T, w *Writer) archive.Entry {
	t.Helper()
	e, err := w.Begin(t.Context(), id, 1, time.Now(), all)
	must(t, err)
	return e
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestATimelineIsPutNowAndThen: not at every line, and less often when it is long.
func TestATimelineIsPutNowAndThen(t *testing.T) {
	f, o := newFake(t)
	o.PutEvery = time.Hour
	e := begin(t, NewWriter(o, ""))
	for n := range 100 {
		must(t, e.Append(t.Context(), []call.Line{{AtMS: int64(n), Kind: "mark"}}))
	}
	if n := f.count("PUT"); n != 1 {
		t.Errorf("%d puts", n)
	}
	must(t, e.Complete(t.Context(), archive.End{DurationMS: 100}))
	tl, err := NewReader(o).Timeline(t.Context(), id, 1, 0)
	if err != nil || len(tl.Lines) != 100 || !tl.Complete {
		t.Errorf("%d lines, %v", len(tl.Lines), err)
	}
}

// TestTheLastWordsDoNotWaitForTheRecording, which may take minutes to put; the end does.
func TestTheLastWordsDoNotWaitForTheRecording(t *testing.T) {
	f, o := newFake(t)
	o.PutEvery = time.Hour
	e := begin(t, NewWriter(o, ""))
	must(t, e.Append(t.Context(), []call.Line{{AtMS: 7, Kind: "transcript", Text: "bye"}}))
	must(t, e.Record(make([]byte, 160)))
	var before []byte
	f.refuse = func(_, key string) int {
		if strings.HasSuffix(key, ".wav") {
			before = f.object["calls/"+string(id)+"/1.jsonl"]
		}
		return 0
	}
	must(t, e.Complete(t.Context(), archive.End{DurationMS: 9, Recorded: true}))
	if !strings.Contains(string(before), "bye") {
		t.Errorf("while the recording is put there is %q", before)
	}
	f.mu.Lock()
	after := f.object["calls/"+string(id)+"/1.jsonl"]
	f.mu.Unlock()
	if tail, ok := bytes.CutPrefix(after, before); !ok || bytes.Count(tail, []byte("\n")) != 1 {
		t.Errorf("after %q there is %q", before, after)
	}
}

// TestS3ThatIsAwayForAWhile loses nothing: what could not be put is put with the next.
func TestS3ThatIsAwayForAWhile(t *testing.T) {
	f, o := newFake(t)
	f.refuse = func(string, string) int { return http.StatusServiceUnavailable }
	e := begin(t, NewWriter(o, ""))
	if err := e.Append(t.Context(), []call.Line{{Kind: "started"}}); err == nil {
		t.Error("nobody is told")
	}
	f.mu.Lock()
	f.refuse = nil
	f.mu.Unlock()
	must(t, e.Append(t.Context(), []call.Line{{Kind: "ready"}}))
	if tl, err := NewReader(o).Timeline(t.Context(), id, 1, 0); err != nil || len(tl.Lines) != 2 {
		t.Errorf("%+v, %v", tl, err)
	}
	must(t, e.Complete(t.Context(), archive.End{}))
}

func TestAWriterThatIsGone(t *testing.T) {
	f, o := newFake(t)
	spool := t.TempDir()
	e := begin(t, NewWriter(o, spool))
	must(t, e.Record(make([]byte, 16000)))
	must(t, e.Append(t.Context(), []call.Line{{AtMS: 5, Kind: "started"}}))
	if left, err := os.ReadDir(spool); err != nil || len(left) > 0 {
		t.Errorf("a recording that grows has a name: %v, %v", left, err)
	}
	r := NewReader(o)
	if tl, err := r.Timeline(t.Context(), id, 1, 0); err != nil || tl.Complete {
		t.Errorf("while it may go on: %+v, %v", tl, err)
	}
	f.mu.Lock()
	for k := range f.at {
		f.at[k] = time.Now().Add(-archive.StaleAfter - 2*time.Second)
	}
	f.mu.Unlock()
	if tl, err := r.Timeline(t.Context(), id, 1, 0); err != nil || !tl.Complete || !tl.Cut || tl.DurationMS != 5 {
		t.Errorf("when it has not for long: %+v, %v", tl, err)
	}
	must(t, e.Abandon(t.Context()))
}

// TestARecordingIsReadInParts: few requests, whatever the pieces.
func TestARecordingIsReadInParts(t *testing.T) {
	f, o := newFake(t)
	sound := make([]byte, 3*part+part/2)
	for i := range sound {
		sound[i] = byte(i / 251)
	}
	e := begin(t, NewWriter(o, ""))
	must(t, e.Record(sound))
	must(t, e.Complete(t.Context(), archive.End{Recorded: true}))
	rec, err := NewReader(o).Recording(t.Context(), id, 1)
	must(t, err)
	var got bytes.Buffer
	if _, err := io.CopyBuffer(struct{ io.Writer }{&got}, struct{ io.Reader }{io.NewSectionReader(rec, 0, rec.Size)}, make([]byte, 32<<10)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes()[archive.HeaderSize:], sound) {
		t.Error("it is not what was recorded")
	}
	if n := f.count("GET"); n != 4 {
		t.Errorf("%d requests", n)
	}
	f.mu.Lock()
	f.object["calls/"+string(id)+"/1.wav"] = []byte("another")
	f.mu.Unlock()
	if _, err := rec.ReadAt(make([]byte, 10), 0); err == nil {
		t.Error("one that was replaced is read on")
	}
	must(t, rec.Close())
}

// TestOnlyPutsAreAWritersRequests: its role allows nothing else.
func TestOnlyPutsAreAWritersRequests(t *testing.T) {
	f, o := newFake(t)
	e := begin(t, NewWriter(o, ""))
	must(t, e.Record(make([]byte, 160)))
	must(t, e.Append(t.Context(), []call.Line{{Kind: "started"}}))
	must(t, e.Complete(t.Context(), archive.End{Recorded: true}))
	must(t, e.Abandon(t.Context()))
	if n := f.count(""); n == 0 || n != f.count("PUT calls/"+string(id)+"/") {
		t.Errorf("%v", f.asked)
	}
	r := NewReader(o)
	if _, err := r.Recording(t.Context(), id, 1); !errors.Is(err, call.ErrNotFound) {
		t.Errorf("it was taken back: %v", err)
	}
	must(t, r.Delete(t.Context(), id))
	if keys := f.keys(); len(keys) > 0 {
		t.Errorf("left: %v", keys)
	}
}

// TestABucketThatIsNotThereIsNoCallWithoutATimeline: it is a fault, and said.
func TestABucketThatIsNotThereIsNoCallWithoutATimeline(t *testing.T) {
	_, o := newFake(t)
	o.Bucket = "another"
	if _, err := NewReader(o).Timeline(t.Context(), id, 1, 0); err == nil || errors.Is(err, call.ErrNotFound) || !strings.Contains(err.Error(), "NoSuchBucket") {
		t.Errorf("%v", err)
	}
	o.Bucket = bucket
	f, o2 := newFake(t)
	f.refuse = func(string, string) int { return http.StatusForbidden }
	if _, err := NewReader(o2).Timeline(t.Context(), id, 1, 0); err == nil || errors.Is(err, call.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

func TestDeletingSaysWhatItCouldNot(t *testing.T) {
	f, o := newFake(t)
	for n := 1; n <= 3; n++ {
		e, err := NewWriter(o, "").Begin(t.Context(), id, n, time.Now(), archive.What{Timeline: true})
		must(t, err)
		must(t, e.Complete(t.Context(), archive.End{}))
	}
	if want := []string{"calls/" + string(id) + "/1.jsonl", "calls/" + string(id) + "/2.jsonl", "calls/" + string(id) + "/3.jsonl"}; !slices.Equal(f.keys(), want) {
		t.Errorf("%v", f.keys())
	}
	f.refuse = func(method, _ string) int {
		if method == http.MethodPost {
			return http.StatusForbidden
		}
		return 0
	}
	if err := NewReader(o).Delete(t.Context(), id); err == nil {
		t.Error("nobody is told")
	}
	f.mu.Lock()
	f.refuse = nil
	f.mu.Unlock()
	must(t, NewReader(o).Delete(t.Context(), id))
	if n := f.count("POST"); n < 2 || len(f.keys()) > 0 {
		t.Errorf("%d, left %v", n, f.keys())
	}
}
