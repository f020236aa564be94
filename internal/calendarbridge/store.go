package calendarbridge

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
)

// maxFileBytes bounds a calendar file of ours or a subscribed one: some 50,000 events.
const maxFileBytes = 16 << 20

const (
	primary    = "primary"
	fileSuffix = ".ics"
	tempPrefix = ".tmp-"
)

// calendarName keeps identifiers inside the folder: no separator, no leading dot.
var calendarName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$`)

// store is the folder. Reads may run beside each other and beside one write; writes are serialised by Bridge.create.
type store struct {
	dir    string
	lock   *os.File
	closed atomic.Bool
}

func openStore(dir string) (*store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the calendar folder: %w", err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	s := &store{dir: dir, lock: lock}
	if err := s.sweepTemps(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// sweepTemps removes what a crash between write and rename left.
func (s *store) sweepTemps() error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("list the calendar folder: %w", err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), tempPrefix) {
			continue
		}
		if err := os.Remove(filepath.Join(s.dir, e.Name())); err != nil {
			return fmt.Errorf("remove a left-over file: %w", err)
		}
	}
	return nil
}

func (s *store) close() error {
	if s.closed.Swap(true) {
		return nil
	}
	return s.lock.Close() // the kernel drops the lock with the file
}

func (s *store) path(id string) string { return filepath.Join(s.dir, id+fileSuffix) }

// errNoCalendar is an identifier without a file.
var errNoCalendar = errors.New("no such calendar")

// read returns the bytes of a calendar; primary exists, empty, before its first event.
func (s *store) read(id string) ([]byte, error) {
	if s.closed.Load() {
		return nil, errClosed
	}
	if !calendarName.MatchString(id) {
		return nil, errNoCalendar
	}
	data, err := readFile(s.path(id))
	switch {
	case errors.Is(err, fs.ErrNotExist) && id == primary:
		return emptyCalendar(), nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, errNoCalendar
	}
	return data, err
}

// write replaces a calendar: after it returns nil the bytes are on disk, and at no moment is the file half written.
func (s *store) write(id string, data []byte) (err error) {
	if s.closed.Load() {
		return errClosed
	}
	if len(data) > maxFileBytes {
		return fmt.Errorf("calendar %s would pass %d bytes; move old events to another file", id, maxFileBytes)
	}
	temp, err := os.CreateTemp(s.dir, tempPrefix+"*")
	if err != nil {
		return fmt.Errorf("write calendar %s: %w", id, tidyPathError(err))
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temp.Name())
		}
	}()
	if info, statErr := os.Stat(s.path(id)); statErr == nil {
		err = temp.Chmod(info.Mode().Perm())
	}
	if err == nil {
		_, err = temp.Write(data)
	}
	if err == nil {
		err = temp.Sync()
	}
	err = errors.Join(err, temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), s.path(id))
	}
	if err == nil {
		err = syncDir(s.dir)
	}
	if err != nil {
		return fmt.Errorf("write calendar %s: %w", id, tidyPathError(err))
	}
	return nil
}

// syncDir makes a rename durable: it is an entry of the folder, not of the file.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	return readLimited(f, maxFileBytes)
}

func readLimited(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("it is longer than %d bytes; publish a shorter range of it", limit)
	}
	return data, nil
}

func emptyCalendar() []byte {
	return []byte(strings.Join([]string{
		"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//clawdbot//call-agent//EN", "CALSCALE:GREGORIAN", "END:VCALENDAR", "",
	}, "\r\n"))
}
