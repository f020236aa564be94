package folder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/archive"
)

// mostUnwritten is how much of a timeline waits for a disk that takes nothing. Past it the
// timeline is cut.
const mostUnwritten = 1 << 20

// entry is one conversation that is being kept. Its files are open until it is complete,
// and are never looked up by name again: what was deleted meanwhile stays deleted.
type entry struct {
	folder  *Folder
	id      call.ID
	attempt int
	text    *archive.Text
	lines   *os.File
	whole   int64 // of lines: what was written without an error
	sound   *os.File
	taken   int64 // of sound
}

// Begin implements [archive.Keeper]. An attempt is kept once.
func (f *Folder) Begin(ctx context.Context, id call.ID, attempt int, startedAt time.Time, sound bool) (archive.Entry, error) {
	e := &entry{folder: f, id: id, attempt: attempt, text: archive.NewText(attempt, startedAt, mostUnwritten)}
	file, err := name(id, attempt, timeline)
	if err != nil {
		return nil, fmt.Errorf("keep attempt %d of call %q: %w", attempt, id, err)
	}
	if err := f.root.MkdirAll(string(id), 0o700); err != nil {
		return nil, fmt.Errorf("make room for a timeline: %w", err)
	}
	if e.lines, err = f.create(file); err != nil {
		return nil, fmt.Errorf("begin a timeline: %w", err)
	}
	if sound {
		err = e.beginSound()
	}
	if err == nil {
		err = e.Append(ctx, nil)
	}
	if err != nil {
		return nil, errors.Join(err, e.Abandon(ctx))
	}
	return e, nil
}

func (f *Folder) create(file string) (*os.File, error) {
	return f.root.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}

func (e *entry) beginSound() error {
	file, _ := name(e.id, e.attempt, growing) // the timeline has one too
	var err error
	if e.sound, err = e.folder.create(file); err != nil {
		return fmt.Errorf("begin a recording: %w", err)
	}
	if _, err = e.sound.WriteAt(archive.Header(0), 0); err != nil {
		return fmt.Errorf("begin a recording: %w", err)
	}
	return nil
}

// Append implements [archive.Entry].
func (e *entry) Append(_ context.Context, lines []call.Line) error {
	e.text.Add(lines)
	return e.write()
}

// write brings the file up to the text. A write that failed may have left half a line,
// which the next one overwrites.
func (e *entry) write() error {
	n, err := e.lines.WriteAt(e.text.Unwritten(), e.whole)
	if err != nil {
		_ = e.lines.Truncate(e.whole) // a reader leaves out half a line anyway
		return fmt.Errorf("write a timeline: %w", err)
	}
	e.whole += int64(n)
	e.text.Written()
	return nil
}

// Record implements [archive.Entry].
func (e *entry) Record(stereo []byte) error {
	if e.sound == nil {
		return nil
	}
	stereo = stereo[:min(int64(len(stereo)), archive.MaxRecording-e.taken)]
	n, err := e.sound.WriteAt(stereo, archive.HeaderSize+e.taken)
	if err != nil {
		return fmt.Errorf("write a recording: %w", err)
	}
	e.taken += int64(n)
	return nil
}

// Complete implements [archive.Entry].
func (e *entry) Complete(_ context.Context, durationMS int64, whole bool) error {
	var err error
	if e.sound != nil { // first: who sees the end of the timeline finds the recording
		err = e.completeSound(whole)
	}
	e.text.End(durationMS)
	return errors.Join(err, e.write(), e.lines.Sync(), e.lines.Close())
}

func (e *entry) completeSound(whole bool) error {
	part, _ := name(e.id, e.attempt, growing)
	done, _ := name(e.id, e.attempt, recording)
	if !whole {
		return errors.Join(e.sound.Close(), gone(e.folder.root.Remove(part)))
	}
	_, err := e.sound.WriteAt(archive.Header(e.taken), 0)
	if err = errors.Join(err, e.sound.Truncate(archive.HeaderSize+e.taken), e.sound.Sync(), e.sound.Close()); err != nil {
		return errors.Join(fmt.Errorf("complete a recording: %w", err), gone(e.folder.root.Remove(part)))
	}
	if err := gone(e.folder.root.Rename(part, done)); err != nil {
		return fmt.Errorf("complete a recording: %w", err)
	}
	return nil
}

// Abandon implements [archive.Entry].
func (e *entry) Abandon(context.Context) error {
	err := e.lines.Close()
	if e.sound != nil {
		err = errors.Join(err, e.sound.Close())
	}
	for _, kind := range []string{timeline, growing, recording} {
		file, _ := name(e.id, e.attempt, kind)
		err = errors.Join(err, gone(e.folder.root.Remove(file)))
	}
	return errors.Join(err, e.folder.empty(e.id))
}

// empty removes a call's folder if nothing is in it.
func (f *Folder) empty(id call.ID) error {
	if files, err := fs.ReadDir(f.root.FS(), string(id)); err != nil || len(files) > 0 {
		return gone(err)
	}
	return gone(f.root.Remove(string(id)))
}

// gone is err, unless it says that a file is not there any more, which is as it should be.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
