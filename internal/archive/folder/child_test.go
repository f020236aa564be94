//go:build unix

package folder

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/archive"
)

const childEnv = "CALLAGENT_FOLDER_CHILD" // "<what>:<folder>": this process is to work on it

func init() {
	what, dir, _ := strings.Cut(os.Getenv(childEnv), ":")
	work := map[string]func(*Folder) error{"full": onAFullDisk, "forever": forever}[what]
	if work == nil {
		return
	}
	f, err := Open(dir)
	if err == nil {
		err = work(f)
	}
	fmt.Println(errors.Join(err, errors.New("done")))
	os.Exit(0)
}

func child(t *testing.T, what, dir string) (*exec.Cmd, io.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+what+":"+dir)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	return cmd, out
}

// room lets no file of this process be written beyond so many bytes, which meets a write
// as a full disk does.
func room(bytes uint64) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	limit.Cur = min(bytes, limit.Max)
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit)
}

const plenty = 1 << 40

// onAFullDisk keeps a conversation while the disk is full now and then.
func onAFullDisk(f *Folder) error {
	signal.Ignore(syscall.SIGXFSZ)
	e, err := f.Begin(context.Background(), id, 1, time.Now(), archive.What{Timeline: true, Recording: true})
	if err != nil {
		return err
	}
	sound := make([]byte, 1600)
	for n := range 100 {
		full := n%3 == 1
		if full {
			if err := room(90); err != nil { // in the middle of a line
				return err
			}
		}
		err := errors.Join(e.Append(context.Background(), []call.Line{{AtMS: int64(n), Kind: "mark", Item: "item"}}), e.Record(sound))
		if full {
			if err == nil {
				return errors.New("a full disk took it")
			}
			if err := room(plenty); err != nil {
				return err
			}
			err = e.Record(sound)
		}
		if err != nil {
			return err
		}
	}
	if err := e.Complete(context.Background(), archive.End{DurationMS: 100, Recorded: true}); err != nil {
		return err
	}
	if err := room(0); err != nil {
		return err
	}
	if _, err := f.Begin(context.Background(), id, 2, time.Now(), archive.What{Timeline: true}); err == nil {
		return errors.New("a timeline was begun on a full disk")
	}
	return room(plenty)
}

func TestADiskThatIsFullNowAndThen(t *testing.T) {
	f, dir := open(t)
	cmd, out := child(t, "full", dir)
	said, err := io.ReadAll(out)
	must(t, errors.Join(err, cmd.Wait()))
	if strings.TrimSpace(string(said)) != "done" {
		t.Fatalf("%s", said)
	}
	tl, err := f.Timeline(t.Context(), id, 1, 0)
	if err != nil || !tl.Complete || tl.Cut || len(tl.Lines) != 100 {
		t.Errorf("%d lines, complete %v, cut %v, %v", len(tl.Lines), tl.Complete, tl.Cut, err)
	}
	r, err := f.Recording(t.Context(), id, 1)
	if err != nil || r.Size != archive.HeaderSize+100*1600 {
		t.Errorf("%d bytes, %v", r.Size, err)
	}
	must(t, r.Close())
	if _, err := f.Timeline(t.Context(), id, 2, 0); !errors.Is(err, call.ErrNotFound) {
		t.Errorf("of what could not be begun is left: %v", err)
	}
}

// forever writes without end.
func forever(f *Folder) error {
	e, err := f.Begin(context.Background(), id, 1, time.Now(), archive.What{Timeline: true, Recording: true})
	for n := 0; err == nil; n++ {
		err = errors.Join(e.Append(context.Background(), []call.Line{{AtMS: int64(n), Kind: "transcript", Text: strings.Repeat("word ", n%500)}}), e.Record(make([]byte, 1600)))
		if n == 100 {
			fmt.Println("at work")
		}
	}
	return err
}

func TestAWriterThatIsKilled(t *testing.T) {
	f, dir := open(t)
	cmd, out := child(t, "forever", dir)
	said, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || said != "at work\n" {
		t.Fatalf("%q, %v", said, err)
	}
	must(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	tl, err := f.Timeline(t.Context(), id, 1, 0)
	if err != nil || tl.Cut || len(tl.Lines) < 100 {
		t.Fatalf("%d lines, cut %v, %v", len(tl.Lines), tl.Cut, err)
	}
	for i, l := range tl.Lines {
		if l.N != i+1 || l.AtMS != int64(i) || len(l.Text) != 5*(i%500) {
			t.Fatalf("line %d is %d", i+1, l.N)
		}
	}
	if _, err := f.Recording(t.Context(), id, 1); !errors.Is(err, call.ErrNotFound) {
		t.Errorf("a recording without an end: %v", err)
	}
	must(t, f.Delete(t.Context(), id))
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
