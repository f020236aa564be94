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
	taken   int64    // of sound
	made    []string // the kinds of its files
}

// Begin implements [archive.Keeper]. An attempt is kept once.
func (f *Folder) Begin(ctx context.Context, id call.ID, attempt int, startedAt time.Time, what archive.What) (archive.Entry, error) {
	e := &entry{folder: f, id: id, attempt: attempt, text: archive.NewText(attempt, startedAt, mostUnwritten)}
	if _, err := name(id, attempt, timeline); err != nil {
		return nil, fmt.Errorf("keep attempt %d of call %q: %w", attempt, id, err)
	}
	if err := f.root.MkdirAll(string(id), 0o700); err != nil {
		return nil, fmt.Errorf("make room for a timeline: %w", err)
	}
	if err := e.begin(what); err != nil {
		return nil, errors.Join(err, e.Abandon(ctx))
	}
	return e, nil
}

// begin makes the files. An attempt that is kept already keeps what it has.
func (e *entry) begin(what archive.What) (err error) {
	if what.Timeline {
		if e.lines, err = e.create(timeline); err != nil {
			return fmt.Errorf("begin a timeline: %w", err)
		}
	}
	if err := e.write(); err != nil || !what.Recording {
		return err
	}
	if e.sound, err = e.create(growing); err != nil {
		return fmt.Errorf("begin a recording: %w", err)
	}
	if _, err = e.sound.WriteAt(archive.Header(0), 0); err != nil {
		return fmt.Errorf("begin a recording: %w", err)
	}
	return nil
}

func (e *entry) create(kind string) (*os.File, error) {
	h, err := e.folder.root.OpenFile(e.name(kind), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		e.made = append(e.made, kind)
	}
	return h, err
}

func (e *entry) name(kind string) string {
	file, _ := name(e.id, e.attempt, kind) // it was valid when the entry began
	return file
}

// Append implements [archive.Entry].
func (e *entry) Append(_ context.Context, lines []call.Line) error {
	defer e.folder.takeTurn()()
	e.text.Add(lines)
	return e.write()
}

// write brings the file up to the text. A write that failed may have left half a line,
// which the next one overwrites.
func (e *entry) write() error {
	if e.lines == nil {
		e.text.Written()
		return nil
	}
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
	return archive.AddSound(e.sound, &e.taken, stereo)
}

// Complete implements [archive.Entry].
func (e *entry) Complete(_ context.Context, end archive.End) error {
	var err error
	if e.sound != nil { // first: who sees the end of the timeline finds the recording
		err = e.completeSound(end.Recorded)
		e.sound = nil
	}
	if e.lines != nil {
		e.text.End(end)
		err = errors.Join(err, e.write(), e.lines.Sync(), e.lines.Close())
		e.lines = nil
	}
	return err
}

func (e *entry) completeSound(whole bool) error {
	if !whole {
		return errors.Join(e.sound.Close(), gone(e.folder.root.Remove(e.name(growing))))
	}
	_, err := e.sound.WriteAt(archive.Header(e.taken), 0)
	if err = errors.Join(err, e.sound.Truncate(archive.HeaderSize+e.taken), e.sound.Sync(), e.sound.Close()); err != nil {
		return errors.Join(fmt.Errorf("complete a recording: %w", err), gone(e.folder.root.Remove(e.name(growing))))
	}
	e.made = append(e.made, recording)
	if err := gone(e.folder.root.Rename(e.name(growing), e.name(recording))); err != nil {
		return fmt.Errorf("complete a recording: %w", err)
	}
	return nil
}

// Abandon implements [archive.Entry].
func (e *entry) Abandon(context.Context) error {
	var err error
	for _, open := range []*os.File{e.lines, e.sound} {
		if open != nil {
			err = errors.Join(err, open.Close())
		}
	}
	e.lines, e.sound = nil, nil
	for _, kind := range e.made {
		err = errors.Join(err, gone(e.folder.root.Remove(e.name(kind))))
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
