package local

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/clawdbot/call-agent/call"
)

// edit changes a call's record in a store that nobody holds, as another program would.
func edit(t *testing.T, dir string, id call.ID, change func(record map[string]json.RawMessage)) {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(dir, storeFile), 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte("calls"))
		record := map[string]json.RawMessage{}
		if err := json.Unmarshal(b.Get([]byte(id)), &record); err != nil {
			return err
		}
		change(record)
		raw, err := json.Marshal(record)
		if err != nil {
			return err
		}
		return b.Put([]byte(id), raw)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// stopped is the folder of a host that took a call and was stopped.
func stopped(t *testing.T) (dir string, id call.ID) {
	t.Helper()
	dir = t.TempDir()
	h, err := Open(Options{Dir: dir, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	var placed call.Answer
	err = json.Unmarshal(ask(compose(t, h, site(t, nil)), "POST", "/tools/call_agent", request).Body.Bytes(), &placed)
	if err != nil || placed.CallID == "" || h.Close() != nil {
		t.Fatalf("%+v, %v", placed, err)
	}
	return dir, placed.CallID
}

// again is the host on the same folder later, when the call has fallen due.
func again(t *testing.T, dir string) *App {
	t.Helper()
	h, err := Open(Options{Dir: dir, Now: func() time.Time { return time.Now().Add(20 * time.Minute) }, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	a := compose(t, h, site(t, nil))
	h.Activate(a)
	return a
}

// settled waits until the call of that id is final, and returns nothing of it.
func settled(t *testing.T, a *App, id call.ID) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if w := ask(a, "POST", "/tools/call_agent_status", `{"callId":"`+string(id)+`"}`); strings.Contains(w.Body.String(), `"completedAt"`) {
			return
		}
	}
	t.Fatal("the call was not settled")
}

// TestACallOfANewerProgramIsLeftAloneAndStopsNobody: it is not read, not dialled and not
// rewritten, and the host goes on with its other calls.
func TestACallOfANewerProgramIsLeftAloneAndStopsNobody(t *testing.T) {
	dir, id := stopped(t)
	edit(t, dir, id, func(record map[string]json.RawMessage) { record["schema"] = json.RawMessage("99") })
	t.Run("running", func(t *testing.T) {
		a := again(t, dir)
		w := ask(a, "POST", "/tools/call_agent_status", `{"callId":"`+string(id)+`"}`)
		if w.Code != 503 || !strings.Contains(w.Body.String(), `"unavailable"`) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		w = ask(a, "POST", "/tools/call_agent", strings.Replace(request, "0123", "0124", 1))
		if w.Code != 200 || !strings.Contains(w.Body.String(), `"dialing"`) {
			t.Errorf("another call: %d %s", w.Code, w.Body)
		}
	})
	edit(t, dir, id, func(record map[string]json.RawMessage) {
		if string(record["schema"]) != "99" || string(record["status"]) == `"failed"` {
			t.Errorf("it was rewritten: schema %s, status %s", record["schema"], record["status"])
		}
	})
}

// TestWhatANewerProgramAddedSurvivesTheCallsEnd: attributes of the same schema that this
// program does not know.
func TestWhatANewerProgramAddedSurvivesTheCallsEnd(t *testing.T) {
	dir, id := stopped(t)
	edit(t, dir, id, func(record map[string]json.RawMessage) { record["mood"] = json.RawMessage(`{"deep":[1,2.50]}`) })
	t.Run("running", func(t *testing.T) { settled(t, again(t, dir), id) })
	edit(t, dir, id, func(record map[string]json.RawMessage) {
		if string(record["mood"]) != `{"deep":[1,2.50]}` || len(record["completedAt"]) == 0 {
			t.Errorf("mood %s, completed at %s", record["mood"], record["completedAt"])
		}
	})
}
