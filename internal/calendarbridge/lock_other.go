//go:build !(linux || darwin || freebsd || openbsd || netbsd || dragonfly)

package calendarbridge

import (
	"errors"
	"os"
)

// lockDir refuses: without flock(2) two processes could book the same slot.
func lockDir(string) (*os.File, error) {
	return nil, errors.New("the calendar bridge needs flock, which this system lacks; run it on Linux, macOS or a BSD")
}
