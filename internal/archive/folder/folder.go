// Package folder keeps timelines and recordings in a folder: the archive of one host. It
// owns the folder's layout, <call id>/<attempt>.jsonl and <attempt>.wav, and the modes of
// its files, which are their owner's alone. A recording that is being made, or never was
// finished, is called <attempt>.part, and nobody is shown it. It starts no goroutine.
package folder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/archive"
)

// Folder is a [call.Archive] and an [archive.Keeper]. All methods may be called
// concurrently, also by several processes. No name that they are given leads out of the
// folder: an [os.Root] holds it.
type Folder struct {
	root *os.Root
	turn chan struct{} // one token: who appends
}

// turnMost is how long who appends waits for another. A disk that hangs for one is not
// everybody's.
const turnMost = 100 * time.Millisecond

// takeTurn lets one append at a time: of hundreds of calls that write in the same moment, one
// takes a processor from the calls' audio, and not all of them at once.
func (f *Folder) takeTurn() (done func()) {
	select {
	case f.turn <- struct{}{}:
		return func() { <-f.turn }
	default:
	}
	late := time.NewTimer(turnMost)
	defer late.Stop()
	select {
	case f.turn <- struct{}{}:
		return func() { <-f.turn }
	case <-late.C:
		return func() {}
	}
}

var (
	_ call.Archive   = (*Folder)(nil)
	_ archive.Keeper = (*Folder)(nil)
)

// Open opens the folder, and creates it where there is none.
func Open(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the folder of timelines and recordings (set data_dir to one that may be written): %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the folder of timelines and recordings (set data_dir to one that may be read): %w", err)
	}
	return &Folder{root: root, turn: make(chan struct{}, 1)}, nil
}

// Close lets go of the folder; entries that are still open end by themselves.
func (f *Folder) Close() error {
	if err := f.root.Close(); err != nil {
		return fmt.Errorf("close the folder of timelines and recordings: %w", err)
	}
	return nil
}

// The kinds of files.
const (
	timeline  = ".jsonl"
	recording = ".wav"
	growing   = ".part"
)

// name is a file's path in the folder. An id that is none of ours has no file.
func name(id call.ID, attempt int, kind string) (string, error) {
	if !id.Valid() || attempt < 1 {
		return "", call.ErrNotFound
	}
	return path.Join(string(id), strconv.Itoa(attempt)+kind), nil
}

// Timeline implements [call.Archive].
func (f *Folder) Timeline(_ context.Context, id call.ID, attempt, after int) (call.Timeline, error) {
	file, err := name(id, attempt, timeline)
	if err != nil {
		return call.Timeline{}, err
	}
	// Before the text: what is added in between must not make an old file look fresh.
	info, err := f.root.Stat(file)
	if err != nil {
		return call.Timeline{}, found(err, "timeline")
	}
	text, err := f.root.ReadFile(file)
	if err != nil {
		return call.Timeline{}, found(err, "timeline")
	}
	t, err := archive.Parse(text, after, time.Since(info.ModTime()) > archive.StaleAfter)
	if err != nil {
		return t, fmt.Errorf("timeline %s: %w", file, err)
	}
	return t, nil
}

// Recording implements [call.Archive].
func (f *Folder) Recording(_ context.Context, id call.ID, attempt int) (call.Recording, error) {
	file, err := name(id, attempt, recording)
	if err != nil {
		return call.Recording{}, err
	}
	h, err := f.root.Open(file)
	if err != nil {
		return call.Recording{}, found(err, "recording")
	}
	info, err := h.Stat()
	if err != nil {
		return call.Recording{}, errors.Join(fmt.Errorf("recording: %w", err), h.Close())
	}
	return call.Recording{ReaderAt: h, Closer: h, Size: info.Size()}, nil
}

// found is a file's error in the archive's words.
func found(err error, what string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return call.ErrNotFound
	}
	return fmt.Errorf("%s: %w", what, err)
}

// Delete implements [call.Archive].
func (f *Folder) Delete(_ context.Context, id call.ID) error {
	if !id.Valid() {
		return nil // nothing is kept of it
	}
	if err := f.root.RemoveAll(string(id)); err != nil {
		return fmt.Errorf("delete what is kept of a call: %w", err)
	}
	return nil
}
