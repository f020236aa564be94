//go:build linux

package lambdabench

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// On AWS a function shares its processor with nobody, least of all with the table. Here the
// functions have the last processor to themselves, and all others (this process, DynamoDB
// Local) the first one.

// only is a set of one processor.
func only(processor int) *unix.CPUSet {
	var set unix.CPUSet
	set.Set(processor)
	return &set
}

// settle puts this process, and what it starts from now on, on the first processor.
func settle(b *testing.B) {
	b.Helper()
	if runtime.NumCPU() < 2 {
		fmt.Println("one processor for all: the figures of warm events hold what the table does")
		return
	}
	threads, err := filepath.Glob("/proc/self/task/*")
	if err != nil || len(threads) == 0 {
		b.Fatalf("this benchmark needs Linux (%v)", err)
	}
	for _, t := range threads {
		id, err := strconv.Atoi(filepath.Base(t))
		if err != nil {
			b.Fatal(err)
		}
		if err := unix.SchedSetaffinity(id, only(0)); err != nil && !errors.Is(err, unix.ESRCH) /* it ended meanwhile */ {
			b.Fatal(err)
		}
	}
}

// aside has do start a process on the last processor.
func aside(do func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if last := runtime.NumCPU() - 1; last > 0 && unix.SchedSetaffinity(0, only(last)) == nil {
		defer func() { _ = unix.SchedSetaffinity(0, only(0)) }() // it was there before
	}
	do()
}
