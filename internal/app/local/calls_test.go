package local

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/archive"
)

// reviewer is a token that may look at all calls and delete them.
const reviewer = "a token for the console, long enough"

func reviewed(t *testing.T, h *Host, keys map[string]string) *App {
	t.Helper()
	sum := sha256.Sum256([]byte(reviewer))
	all := map[string]string{"tools.tokens": fmt.Sprintf(`{"name":"console","sha256":"%s","scopes":["call","cancel","read","delete"]}`, hex.EncodeToString(sum[:]))}
	for k, v := range keys {
		all[k] = v
	}
	return compose(t, h, site(t, all))
}

func review(a http.Handler, method, path string, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+reviewer)
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

// ended places a call and stops it, with a conversation of which everything was kept.
func ended(t *testing.T, h *Host, a *App) call.ID {
	t.Helper()
	var placed call.Answer
	if err := json.Unmarshal(review(a, "POST", "/tools/call_agent", request).Body.Bytes(), &placed); err != nil || placed.CallID == "" {
		t.Fatal(err)
	}
	entry, err := h.kept.Begin(t.Context(), placed.CallID, 1, time.Now(), archive.What{Timeline: true, Recording: true})
	if err != nil {
		t.Fatal(err)
	}
	lines := []call.Line{{AtMS: 10, Kind: "transcript", Speaker: "callee", Text: "Hello <b>you</b>"}}
	err = errors.Join(entry.Append(t.Context(), lines), entry.Record(bytes.Repeat([]byte{0xff}, 16_000)),
		entry.Complete(t.Context(), archive.End{DurationMS: 1000, Recorded: true}))
	if err != nil {
		t.Fatal(err)
	}
	if w := review(a, "POST", "/tools/call_agent_cancel", `{"callId":"`+string(placed.CallID)+`"}`); w.Code != 200 || !strings.Contains(w.Body.String(), `"status":"canceled"`) {
		t.Fatal(w.Body)
	}
	return placed.CallID
}

// A call is listed, shown with what was kept, heard in parts, and deleted with all of it.
func TestACallIsReviewedAndDeleted(t *testing.T) {
	h := open(t, nil)
	a := reviewed(t, h, map[string]string{"recording.enabled": "true", "retention_days": "9"})
	id := ended(t, h, a)
	path := "/calls/" + string(id)
	for target, want := range map[string]string{
		"/calls?status=canceled":   `"callId":"` + string(id) + `"`,
		path:                       `"text":"Hello <b>you</b>"`,
		path + "/events?lines=1.0": `"lines":[{"attempt":1,"n":1,"atMs":10,"kind":"transcript"`,
	} {
		if w := review(a, "GET", target, ""); w.Code != 200 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	shown := review(a, "GET", path, "").Body.String()
	if !strings.Contains(shown, `"recordings":[{"attempt":1,"bytes":16058,"durationMs":1000}],"keeps":{"transcript":true,"recording":true,"days":9}`) {
		t.Error(shown)
	}
	r := httptest.NewRequest("GET", path+"/recording", nil)
	r.Header.Set("Authorization", "Bearer "+reviewer)
	r.Header.Set("Range", "bytes=0-3")
	w := httptest.NewRecorder()
	if a.ServeHTTP(w, r); w.Code != 206 || w.Body.String() != "RIFF" || w.Header().Get("Content-Range") != "bytes 0-3/16058" {
		t.Errorf("%d %v %q", w.Code, w.Header(), w.Body)
	}
	if w := review(a, "DELETE", path, ""); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if _, err := os.Stat(filepath.Join(h.options.Dir, keptFolder, string(id))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was kept is still there: %v", err)
	}
	for _, target := range []string{path, path + "/events", path + "/recording"} {
		if w := review(a, "GET", target, ""); w.Code != 404 {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
}

// A reload, as every end of a configuration, sends those who follow the list to the next.
func TestAReloadEndsWhoFollowsTheList(t *testing.T) {
	h := open(t, nil)
	a := reviewed(t, h, nil)
	h.Activate(a)
	done := make(chan string)
	began := make(chan struct{})
	go func() {
		r := httptest.NewRequest("GET", "/calls", nil)
		r.Header.Set("Authorization", "Bearer "+reviewer)
		r.Header.Set("Accept", "text/event-stream")
		w := httptest.NewRecorder()
		close(began)
		a.ServeHTTP(w, r)
		done <- w.Body.String()
	}()
	<-began
	h.Deactivate(a)
	if body := <-done; !strings.Contains(body, "event: page") {
		t.Error(body)
	}
}
