package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	store "github.com/clawdbot/call-agent/internal/store/local"
)

// storeFile is the call store's name in the data folder, as package local has it.
const storeFile = "calls.db"

// lockPatience is how long the doctor waits for the store's lock. A running server holds
// it always; one that starts meanwhile waits longer than the doctor keeps it.
const lockPatience = 200 * time.Millisecond

// Free space below which the folder is short, and too short for a day of calls.
const (
	shortSpace = 1 << 30
	tooShort   = 64 << 20
)

// checkData looks at the data folder and creates nothing that stays in it.
func checkData(_ context.Context, p *patient) Check {
	dir, err := p.config.DataDirectory()
	if err != nil {
		return failed("no home folder is known, and data_dir is not set", "set data_dir (or CALLAGENT_DATA_DIR) to a folder of the server's own")
	}
	place, exists := nearestFolder(dir)
	finding := dir + " is there and can be written"
	if !exists {
		finding = dir + " does not exist yet and can be created"
	}
	if err := tryWrite(place); err != nil {
		return failed(fmt.Sprintf("%s cannot be written by this user", place),
			fmt.Sprintf("sudo install -d -m 700 -o \"$USER\" %q, run the doctor as the server's user, or set data_dir (CALLAGENT_DATA_DIR) to another folder", dir))
	}
	if exists {
		if c := checkStore(filepath.Join(dir, storeFile)); c.State == Failed {
			return c
		} else if c.Finding != "" {
			finding += "; " + c.Finding
		}
	}
	free, known := freeSpace(place)
	if !known {
		return fine(finding)
	}
	finding += fmt.Sprintf("; %d MiB free", free>>20)
	switch {
	case free < tooShort:
		return failed(finding, "free some space, or set data_dir to another disk: calls that cannot be recorded are not placed")
	case free < shortSpace:
		return warning(finding, "free some space, or set data_dir to another disk")
	}
	return fine(finding)
}

// nearestFolder is dir or, where it does not exist, what it would be created in.
func nearestFolder(dir string) (place string, exists bool) {
	place = filepath.Clean(dir)
	for {
		if _, err := os.Stat(place); err == nil || !errors.Is(err, fs.ErrNotExist) {
			return place, place == filepath.Clean(dir)
		}
		up := filepath.Dir(place)
		if up == place {
			return place, false
		}
		place = up
	}
}

// tryWrite writes a file and takes it away again: permissions alone do not tell of a read-only or full disk.
func tryWrite(dir string) error {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return err
	}
	_, err = f.WriteString("callagent doctor")
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

// checkStore reads the call store, and changes nothing in it, if nobody holds it. That a server holds it is a good
// sign, and then the check named server asks it how it is.
func checkStore(path string) Check {
	if _, err := os.Stat(path); err != nil {
		return fine("no call recorded yet")
	}
	if held(path) {
		return fine("a running call agent holds the call store")
	}
	err := store.Inspect(path, lockPatience)
	switch {
	case err != nil && held(path): // since a moment ago
		return fine("a running call agent holds the call store")
	case err != nil:
		return failed("the call store cannot be read: "+err.Error(), "restore it from a backup, or start the newer call agent that wrote it; moving it away forgets every call")
	}
	return fine("the call store is whole and not in use")
}
