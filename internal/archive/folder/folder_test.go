package folder

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/archive"
	"github.com/clawdbot/call-agent/internal/archive/archivetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T) (*Folder, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "kept")
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f, dir
}

func TestContract(t *testing.T) {
	archivetest.Run(t, func(t *testing.T) archivetest.World {
		f, _ := open(t)
		return archivetest.World{Archive: f, Keeper: f}
	})
}

const id = call.ID("Cq3-_x9ZkLmN0pQr")

func begin(t *testing.T, f *Folder, id call.ID, recording bool) archive.Entry {
	t.Helper()
	e, err := f.Begin(t.Context(), id, 1, time.Now(), archive.What{Timeline: true, Recording: recording})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestWhatIsKeptIsItsOwnersAlone(t *testing.T) {
	f, dir := open(t)
	e := begin(t, f, id, true)
	must(t, e.Record(make([]byte, 160)))
	must(t, e.Complete(t.Context(), archive.End{DurationMS: 10, Recorded: true}))
	files := 0
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		} else {
			files++
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s is %o, not %o", path, got, want)
		}
		return nil
	}))
	if files != 2 {
		t.Errorf("%d files", files)
	}
}

// TestAWriterThatIsGone: its process was killed in the middle of a line.
func TestAWriterThatIsGone(t *testing.T) {
	f, dir := open(t)
	e := begin(t, f, id, true)
	must(t, e.Record(make([]byte, 16000)))
	must(t, e.Append(t.Context(), []call.Line{{Kind: "started"}, {AtMS: 700, Kind: "ready"}}))
	file := filepath.Join(dir, string(id), "1.jsonl")
	h, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = h.WriteString(`{"n":3,"atMs":900,"kind":"trans`)
	must(t, err)
	must(t, h.Close())

	tl, err := f.Timeline(t.Context(), id, 1, 0)
	if err != nil || tl.Complete || tl.Cut || len(tl.Lines) != 2 {
		t.Errorf("while it may yet go on: %+v, %v", tl, err)
	}
	long := time.Now().Add(-archive.StaleAfter - time.Second)
	must(t, os.Chtimes(file, long, long))
	tl, err = f.Timeline(t.Context(), id, 1, 0)
	if err != nil || !tl.Complete || !tl.Cut || len(tl.Lines) != 2 || tl.DurationMS != 700 {
		t.Errorf("when it has not for long: %+v, %v", tl, err)
	}
	if _, err := f.Recording(t.Context(), id, 1); err == nil {
		t.Error("a recording is shown whose length nobody set")
	}
}

func TestDeletedWhileItIsWritten(t *testing.T) {
	f, dir := open(t)
	e := begin(t, f, id, true)
	must(t, e.Record(make([]byte, 160)))
	must(t, f.Delete(t.Context(), id))
	must(t, e.Append(t.Context(), []call.Line{{Kind: "ended"}}))
	must(t, e.Complete(t.Context(), archive.End{DurationMS: 10, Recorded: true}))
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestAnAttemptIsKeptOnce(t *testing.T) {
	f, _ := open(t)
	e := begin(t, f, id, false)
	if _, err := f.Begin(t.Context(), id, 1, time.Now(), archive.What{Timeline: true}); err == nil {
		t.Error("a second writer of the same timeline")
	}
	must(t, e.Complete(t.Context(), archive.End{DurationMS: 1}))
	if tl, err := f.Timeline(t.Context(), id, 1, 0); err != nil || !tl.Complete {
		t.Errorf("the first one's is whole: %+v, %v", tl, err)
	}
}

func TestTheSweepTakesWhatIsOld(t *testing.T) {
	f, dir := open(t)
	for _, id := range []call.ID{"old", "new", "grows"} {
		must(t, begin(t, f, id, false).Complete(t.Context(), archive.End{DurationMS: 1}))
	}
	second, err := f.Begin(t.Context(), "grows", 2, time.Now(), archive.What{Timeline: true})
	must(t, err)
	must(t, second.Complete(t.Context(), archive.End{DurationMS: 1}))
	must(t, os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o600))
	must(t, os.Mkdir(filepath.Join(dir, "lost+found"), 0o700))
	old := time.Now().AddDate(0, 0, -31)
	for _, file := range []string{"old/1.jsonl", "old", "grows/1.jsonl", "notes.txt", "lost+found"} {
		must(t, os.Chtimes(filepath.Join(dir, file), old, old))
	}
	n, err := f.Sweep(t.Context(), time.Now().AddDate(0, 0, -30))
	if err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
	for name, there := range map[string]bool{"old": false, "new": true, "grows/1.jsonl": true, "notes.txt": true, "lost+found": true} {
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != there {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNoLinkLeadsOut: somebody who may write into the folder makes a link in it.
func TestNoLinkLeadsOut(t *testing.T) {
	f, dir := open(t)
	secret := filepath.Join(t.TempDir(), "1.jsonl")
	must(t, os.WriteFile(secret, []byte("{\"attempt\":1,\"startedAt\":\"2026-03-02T17:00:00Z\"}\n"), 0o600))
	must(t, os.Symlink(filepath.Dir(secret), filepath.Join(dir, "linked")))
	if tl, err := f.Timeline(t.Context(), "linked", 1, 0); err == nil {
		t.Errorf("it was read: %+v", tl)
	}
	if _, err := f.Begin(t.Context(), "linked", 2, time.Now(), archive.What{Timeline: true}); err == nil {
		t.Error("it was written to")
	}
	must(t, f.Delete(t.Context(), "linked"))
	if _, err := os.Stat(secret); err != nil {
		t.Errorf("it was deleted: %v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
