//go:build linux || darwin

package doctor

import (
	"errors"
	"os"
	"syscall"
)

// freeSpace is how many bytes an ordinary user may still write in dir.
func freeSpace(dir string) (free uint64, known bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, false
	}
	return s.Bavail * uint64(s.Bsize), true // the type of a block's size differs by system
}

// held says whether a process has the store open: bbolt keeps flock's exclusive lock on its
// file. To ask takes no lock that outlives the question.
func held(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }() // nothing was written
	return errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}
