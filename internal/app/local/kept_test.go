package local

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/internal/archive"
)

func TestWhatIsKeptFollowsTheConfiguration(t *testing.T) {
	h := open(t, nil)
	for _, c := range []struct {
		keys map[string]string
		want archive.What
	}{
		{nil, archive.What{Timeline: true}},
		{map[string]string{"recording.enabled": "true"}, archive.What{Timeline: true, Recording: true}},
		{map[string]string{"transcript.enabled": "false"}, archive.What{}},
		{map[string]string{"transcript.enabled": "off", "recording.enabled": "on"}, archive.What{Recording: true}},
	} {
		a := compose(t, h, site(t, c.keys))
		if got := h.keep(a.config); got.What != c.want || got.To == nil {
			t.Errorf("%v: %+v", c.keys, got)
		}
		if a.Service.Archive == nil {
			t.Error("what is kept cannot be read")
		}
	}
}

// TestWhatWasKeptLongEnoughIsGone: it is looked for at the start, and then daily.
func TestWhatWasKeptLongEnoughIsGone(t *testing.T) {
	h := open(t, nil)
	kept := func(id string, days int) string {
		dir := filepath.Join(h.options.Dir, keptFolder, id)
		at := time.Now().AddDate(0, 0, -days)
		if err := errors.Join(os.Mkdir(dir, 0o700), os.Chtimes(dir, at, at)); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	there := func(dir string) bool { _, err := os.Stat(dir); return err == nil }
	sweep := func() {
		t.Helper()
		if err := h.sweepKept(t.Context(), 7); err != nil {
			t.Fatal(err)
		}
	}
	week, day := kept("week", 8), kept("day", 1)
	sweep()
	if there(week) || !there(day) {
		t.Errorf("of a week %v, of a day %v", there(week), there(day))
	}
	week = kept("week", 8)
	sweep()
	if !there(week) {
		t.Error("it is looked for all the time")
	}
	h.keptSweptAt = time.Now().Add(-keptSweepEvery)
	sweep()
	if there(week) {
		t.Error("it is not looked for daily")
	}
	week, h.keptSweptAt = kept("week", 8), time.Time{}
	h.Activate(compose(t, h, site(t, map[string]string{"retention_days": "7"})))
	for end := time.Now().Add(time.Minute); there(week) && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
	}
	if there(week) {
		t.Error("the host does not look for it")
	}
}

// A record goes as what is kept beside it does: by retention_days after its end.
func TestARecordIsDeletedWhenItsTimeIsOver(t *testing.T) {
	now := time.Now()
	h := open(t, func() time.Time { return now })
	a := reviewed(t, h, map[string]string{"retention_days": "7"})
	id := ended(t, h, a)
	for _, x := range []struct {
		after time.Duration
		code  int
	}{{6 * 24 * time.Hour, 200}, {time.Hour, 200}, {23*time.Hour + time.Minute, 404}} {
		now = now.Add(x.after)
		if err := h.sweepRecords(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		if w := review(a, "GET", "/calls/"+string(id), ""); w.Code != x.code {
			t.Errorf("after %v it is answered %d", now, w.Code)
		}
	}
	if _, err := os.Stat(filepath.Join(h.options.Dir, keptFolder, string(id))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was said in it: %v", err)
	}
}
