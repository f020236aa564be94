package callsapi

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/clawdbot/call-agent/call"
)

// tape is a recording in which every byte says where it is.
func tape(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i ^ i>>8)
	}
	return b
}

func TestARecordingIsSentWholeOrInRanges(t *testing.T) {
	d := newDesk(t)
	id := d.ended("full")
	wav := tape(1000)
	d.archive.Record(id, 1, wav)
	path := "/calls/" + string(id) + "/recording"
	w := d.ask("GET", "full", path)
	if w.Code != 200 || !bytes.Equal(w.Body.Bytes(), wav) || w.Header().Get("Content-Type") != "audio/wav" || w.Header().Get("Accept-Ranges") != "bytes" || w.Header().Get("Content-Length") != "1000" {
		t.Errorf("%d %v, %d bytes", w.Code, w.Header(), w.Body.Len())
	}
	for spec, want := range map[string][2]int{
		"bytes=0-": {0, 1000}, "bytes=0-0": {0, 1}, "bytes=10-19": {10, 20}, "bytes=999-": {999, 1000}, "bytes=990-5000": {990, 1000},
		"bytes=-1": {999, 1000}, "bytes=-1000": {0, 1000}, "bytes=-9999": {0, 1000}, "bytes=0-9223372036854775807": {0, 1000},
	} {
		w := d.ask("GET", "full", path, "Range", spec)
		says := fmt.Sprintf("bytes %d-%d/1000", want[0], want[1]-1)
		if w.Code != 206 || !bytes.Equal(w.Body.Bytes(), wav[want[0]:want[1]]) || w.Header().Get("Content-Range") != says || w.Header().Get("Content-Length") != fmt.Sprint(want[1]-want[0]) {
			t.Errorf("%s: %d %v, %d bytes", spec, w.Code, w.Header(), w.Body.Len())
		}
	}
	if w := d.ask("HEAD", "full", path, "Range", "bytes=10-19"); w.Code != 206 || w.Body.Len() != 0 || w.Header().Get("Content-Length") != "10" {
		t.Errorf("HEAD: %d %v, %d bytes", w.Code, w.Header(), w.Body.Len())
	}
}

func TestBadRangesAreRefusedInTheShapeOfEveryError(t *testing.T) {
	d := newDesk(t)
	id := d.ended("full")
	d.archive.Record(id, 1, tape(1000))
	for _, spec := range []string{
		"bytes=1000-", "bytes=5-4", "bytes=-0", "bytes=-", "bytes=", "bytes", "0-1", "samples=0-1", "bytes=0-1,5-6", "bytes=a-b", "bytes=1.5-2", "bytes=--5", "bytes=+1-5",
		"bytes=0-1-2", "bytes=99999999999999999999-", "bytes=0x1-0x2", "bytes=5", " ",
	} {
		w := d.ask("GET", "full", "/calls/"+string(id)+"/recording", "Range", spec)
		if w.Code != http.StatusRequestedRangeNotSatisfiable || w.Header().Get("Content-Range") != "bytes */1000" || failure(t, w).Error.Code != call.InvalidRequest {
			t.Errorf("%q: %d %v", spec, w.Code, w.Header())
		}
	}
}

// A function's answer holds so much and no more; whoever asks on has it all.
func TestAnAnswerWithABoundIsAskedOn(t *testing.T) {
	d := newDesk(t, func(o *Options) { o.MostBytes = 300 })
	id := d.ended("full")
	wav := tape(1000)
	d.archive.Record(id, 1, wav)
	path := "/calls/" + string(id) + "/recording"
	if w := d.ask("GET", "full", path); w.Code != 206 || w.Header().Get("Content-Range") != "bytes 0-299/1000" || w.Body.Len() != 300 {
		t.Errorf("without a range: %d %v", w.Code, w.Header())
	}
	var got []byte
	for len(got) < len(wav) {
		w := d.ask("GET", "full", path, "Range", fmt.Sprintf("bytes=%d-", len(got)))
		if w.Code != 206 || w.Body.Len() == 0 || w.Body.Len() > 300 {
			t.Fatalf("%d, %d bytes", w.Code, w.Body.Len())
		}
		got = append(got, w.Body.Bytes()...)
	}
	if !bytes.Equal(got, wav) {
		t.Error("it is another recording")
	}
}

func TestTheLastAttemptThatWasRecordedIsMeant(t *testing.T) {
	d := newDesk(t)
	id := d.place("full")
	c, _ := d.Store.Get(t.Context(), id)
	for n := 2; n <= 3; n++ {
		c.Attempts = append(c.Attempts, call.Attempt{Number: n, Status: call.Busy})
	}
	if err := d.Store.Update(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	d.archive.Record(id, 1, tape(100))
	d.archive.Record(id, 2, tape(200))
	path := "/calls/" + string(id) + "/recording"
	for query, want := range map[string]int{"": 200, "?attempt=1": 100, "?attempt=2": 200} {
		if w := d.ask("GET", "full", path+query); w.Code != 200 || w.Body.Len() != want {
			t.Errorf("%s: %d, %d bytes", query, w.Code, w.Body.Len())
		}
	}
	for query, want := range map[string]string{"?attempt=3": "no recording yet", "?attempt=4": "it has 3"} {
		if w := d.ask("GET", "full", path+query); w.Code != 404 || !strings.Contains(failure(t, w).Error.Message, want) {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
	for _, query := range []string{"?attempt=0", "?attempt=-1", "?attempt=x", "?attempt=", "?attempt=1&attempt=2", "?attempt=99999999999"} {
		if w := d.ask("GET", "full", path+query); w.Code != 400 || failure(t, w).Error.Fields["attempt"] == "" {
			t.Errorf("%s: %d", query, w.Code)
		}
	}
}

func TestWhyThereIsNoRecordingIsSaid(t *testing.T) {
	d := newDesk(t)
	id := d.ended("full")
	path := "/calls/" + string(id) + "/recording"
	if w := d.ask("GET", "full", path); w.Code != 404 || !strings.Contains(w.Body.String(), "nobody was connected") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	d.Service.Archive = nil
	if w := d.ask("GET", "full", path); w.Code != 404 {
		t.Errorf("without an archive: %d", w.Code)
	}
	d.serve(func(o *Options) { o.Keeps = Keeps{} })
	if w := d.ask("GET", "full", path); w.Code != 404 || !strings.Contains(w.Body.String(), "are not recorded here") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// Over a real connection, as a player asks for it.
func TestALongRecordingArrivesWhole(t *testing.T) {
	d := newDesk(t)
	id := d.ended("full")
	wav := tape(3*sendStep + 17)
	d.archive.Record(id, 1, wav)
	srv := httptest.NewServer(d.handler)
	defer srv.Close()
	defer http.DefaultClient.CloseIdleConnections()
	for _, spec := range []string{"", "bytes=5-"} {
		r, _ := http.NewRequest(http.MethodGet, srv.URL+"/calls/"+string(id)+"/recording", nil)
		r.Header.Set("Authorization", "Bearer full")
		want := wav
		if spec != "" {
			r.Header.Set("Range", spec)
			want = wav[5:]
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(res.Body)
		if err != nil || !bytes.Equal(got, want) || res.Body.Close() != nil {
			t.Errorf("%q: %d of %d bytes, %v", spec, len(got), len(want), err)
		}
	}
}

func FuzzRange(f *testing.F) {
	for _, s := range []string{"bytes=0-", "bytes=-5", "bytes=1-2,3-4", "bytes=9223372036854775807-", "bytes=-9223372036854775807"} {
		f.Add(s, int64(1000))
	}
	f.Fuzz(func(t *testing.T, spec string, size int64) {
		if size < 0 {
			return
		}
		p, problem := partOf([]string{spec}, size)
		if problem == "" && (p.start < 0 || p.length <= 0 || p.start > size-p.length) {
			t.Errorf("%q of %d: %+v", spec, size, p)
		}
	})
}
