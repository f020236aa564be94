//go:build linux

package lambdabench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// On AWS a function shares its processor with nobody, least of all with the table and with
// whoever measures. Here the functions have the last processor, and all others (this
// process, DynamoDB Local) the first one. Warm events are judged by their slowest, which are
// what the machine does to us: while it was compiling something else, an event waited up to
// 160 ms for its processor. Starts are judged by their medians' ratio, which went from 4.6 to
// 5.85 for one program: a processor that has to wake takes as much from the minimal function's
// start as from another's, and hides what ours is. So functions and this process go before
// whatever else runs, on either processor.

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
	threads(b, func(id int) error { return unix.SchedSetaffinity(id, only(0)) })
	runtime.GOMAXPROCS(1)
}

// goFirst has this process, and the functions that it starts from now on (not DynamoDB
// Local, which runs already), run whenever they can, before all others, on processors that
// stay awake until done is called: a virtual one that halts goes to other machines, and
// comes back cold, with half as much work again for the same event. Where that is not
// allowed, it says what the figures hold then.
func goFirst(b *testing.B) (done func()) {
	b.Helper()
	debug.SetGCPercent(-1) // nor does the one who measures stop to collect, but between lives
	var refused error
	threads(b, func(id int) error {
		err := unix.SchedSetAttr(id, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}, 0)
		if errors.Is(err, unix.EPERM) {
			refused, err = err, nil
		}
		return err
	})
	if refused != nil {
		fmt.Println("no real-time priority (CAP_SYS_NICE): the slowest events hold what else this machine does")
	}
	// The kernel's PM QoS interface: a latency of 0 µs, for as long as the file is open.
	awake, err := os.OpenFile("/dev/cpu_dma_latency", os.O_WRONLY, 0)
	if err == nil {
		_, err = awake.Write(make([]byte, 4))
	}
	if err != nil {
		fmt.Printf("processors may sleep between events, and wake cold (%v)\n", err)
	}
	return func() { _ = awake.Close() }
}

// threads does something to each of this process's; those it starts later inherit it.
func threads(b *testing.B, do func(id int) error) {
	b.Helper()
	all, err := filepath.Glob("/proc/self/task/*")
	if err != nil || len(all) == 0 {
		b.Fatalf("this benchmark needs Linux (%v)", err)
	}
	for _, t := range all {
		id, err := strconv.Atoi(filepath.Base(t))
		if err != nil {
			b.Fatal(err)
		}
		if err := do(id); err != nil && !errors.Is(err, unix.ESRCH) /* it ended meanwhile */ {
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
