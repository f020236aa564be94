package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sizes are around the borders of the frames' lengths, and beyond gorilla's buffer, where
// it sends a message in several frames.
var sizes = []int{0, 1, 7, 8, 125, 126, 4095, 5000, 1<<16 - 1, 1 << 16, 1<<16 + 3}

func text(n int) []byte { return []byte(strings.Repeat("0123456789", n/10+1)[:n]) }

func TestOurClientAndGorillasServerUnderstandEachOther(t *testing.T) {
	up := websocket.Upgrader{ReadBufferSize: 4096, WriteBufferSize: 4096}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		for {
			kind, message, err := ws.ReadMessage()
			if err != nil || ws.WriteControl(websocket.PingMessage, []byte("?"), time.Now().Add(time.Second)) != nil || ws.WriteMessage(kind, message) != nil {
				return
			}
		}
	}))
	defer srv.Close()
	s, err := dial(strings.Replace(srv.URL, "http", "ws", 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	for _, n := range sizes {
		if err := s.send(append(frame(nil), text(n)...)); err != nil {
			t.Fatal(err)
		}
		if got, err := s.next(nil); err != nil || !bytes.Equal(got, text(n)) {
			t.Errorf("%d bytes came back as %d: %v", n, len(got), err)
		}
	}
}

func TestGorillasClientAndOurServerUnderstandEachOther(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := accept(w, r)
		if err != nil {
			t.Error(err)
			return
		}
		defer s.close()
		for {
			message, err := s.next(nil)
			if err != nil || s.send(append(frame(nil), message...)) != nil {
				return
			}
		}
	}))
	defer srv.Close()
	ws, res, err := websocket.DefaultDialer.Dial(strings.Replace(srv.URL, "http", "ws", 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	defer ws.Close()
	for _, n := range sizes {
		if err := ws.WriteMessage(websocket.TextMessage, text(n)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := ws.ReadMessage(); err != nil || !bytes.Equal(got, text(n)) {
			t.Errorf("%d bytes came back as %d: %v", n, len(got), err)
		}
	}
}

func TestATrackFindsWhatIsMissingLateOrWrong(t *testing.T) {
	var tr track
	tr.recording(true)
	tr.sending(100_000, 1) // one message of 100 ms, which arrives in three
	tr.arrived(60_000, 1)
	tr.arrived(20_000, -1)
	if got := tr.missing(); got != 20_000 {
		t.Errorf("%d us are missing", got)
	}
	tr.arrived(20_000, -1)
	tr.sending(20_000, 2)
	tr.sending(20_000, 3)
	tr.arrived(20_000, 3) // 2 was lost
	delays, garbled := tr.take()
	if len(delays) != 4 || garbled != 1 || tr.missing() != 20_000 {
		t.Errorf("%d messages arrived, %d of them wrong, %d us are missing", len(delays), garbled, tr.missing())
	}
	tr.skip()
	if tr.missing() != 0 {
		t.Error("what was cleared is missing")
	}
}

func TestAudioSaysWhichItIs(t *testing.T) {
	for _, ms := range []int{20, 60, 100, 400} {
		b := appendMu(nil, ms, 4711)
		if serialOf(b) != 4711 || decodedLen(b) != int64(ms*muBytesPerMS) {
			t.Errorf("%d ms: serial %d, %d bytes", ms, serialOf(b), decodedLen(b))
		}
		if b := appendPCM(nil, ms); decodedLen(b) != int64(ms*pcmBytesPerMS) {
			t.Errorf("%d ms of PCM: %d bytes", ms, decodedLen(b))
		}
	}
	if n, ok := lineOf([]byte(`{"x":"for bench-line-0000123."}`)); !ok || n != 123 {
		t.Errorf("line %d, %t", n, ok)
	}
}

func TestAMissedTargetIsNamed(t *testing.T) {
	few := func(d time.Duration) delays { return delays{d, d} }
	limit := figures{heard: few(time.Millisecond), spoken: few(time.Millisecond), cpu: time.Millisecond, memory: 100}
	good := figures{heard: few(2 * time.Millisecond), spoken: few(2 * time.Millisecond), clears: few(time.Millisecond), cpu: 3 * time.Millisecond / 2, memory: 250}
	if faults := verdict(shape{format: pcmu}, limit, good); len(faults) > 0 {
		t.Errorf("on the target: %v", faults)
	}
	for what, spoil := range map[string]func(*figures){
		"lost":     func(f *figures) { f.lost = 1 },
		"to model": func(f *figures) { f.heard = few(2001 * time.Microsecond) },
		"callee":   func(f *figures) { f.spoken = few(6 * time.Millisecond) },
		"clear":    func(f *figures) { f.noClear = 1 },
		"CPU":      func(f *figures) { f.cpu = 16 * time.Millisecond / 10 },
		"memory":   func(f *figures) { f.memory = 251 },
	} {
		bad := good
		spoil(&bad)
		if faults := verdict(shape{format: pcmu}, limit, bad); len(faults) != 1 || !strings.Contains(faults[0], what) {
			t.Errorf("%s: %v", what, faults)
		}
	}
}
