package folder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// Sweep removes what is kept of calls to which nothing was added since then, and returns
// of how many. What it cannot remove it goes past, and says so at the end.
func (f *Folder) Sweep(ctx context.Context, since time.Time) (removed int, err error) {
	calls, err := fs.ReadDir(f.root.FS(), ".")
	if err != nil {
		return 0, fmt.Errorf("look for old timelines: %w", err)
	}
	for _, c := range calls {
		if ctx.Err() != nil {
			return removed, errors.Join(err, ctx.Err())
		}
		id := call.ID(c.Name())
		if !c.IsDir() || !id.Valid() {
			continue // not ours
		}
		at, ferr := f.touched(id)
		if ferr == nil && at.Before(since) {
			if ferr = f.Delete(ctx, id); ferr == nil {
				removed++
			}
		}
		err = errors.Join(err, gone(ferr))
	}
	return removed, err
}

// touched is when anything was last added to what is kept of a call.
func (f *Folder) touched(id call.ID) (at time.Time, err error) {
	dir, err := f.root.Stat(string(id)) // it may be empty: made a moment ago
	if err != nil {
		return at, fmt.Errorf("look at what is kept of a call: %w", err)
	}
	files, err := fs.ReadDir(f.root.FS(), string(id))
	if err != nil {
		return at, fmt.Errorf("look at what is kept of a call: %w", err)
	}
	at = dir.ModTime()
	for _, file := range files {
		info, err := file.Info()
		if err != nil {
			return at, fmt.Errorf("look at what is kept of a call: %w", err)
		}
		if info.ModTime().After(at) {
			at = info.ModTime()
		}
	}
	return at, nil
}
