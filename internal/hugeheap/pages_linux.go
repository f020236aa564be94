//go:build amd64 || arm64

package hugeheap

import (
	"bytes"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ask has the heap grow at once, without touching what it gained, and gives that back to the
// heap, which fills it next. It returns where that begins, 0 where nothing was done.
func ask() (begin uintptr) {
	if !willing() {
		return 0
	}
	gained := make([]byte, room)
	begin = (uintptr(unsafe.Pointer(&gained[0])) + page - 1) / page * page
	runtime.KeepAlive(gained)
	debug.FreeOSMemory()
	join(begin)
	return begin
}

// early lies where the heap begins.
var early = new([64]byte)

// arena is what the heap is made of, at multiples of its size (heapArenaBytes in
// runtime/malloc.go). It begins somewhere within one.
const arena = 64 << 20

// join makes huge pages of the heap as it is, up to where the room begins. There lies what a
// process makes at its start and keeps, which each collection of garbage goes through: half of
// all its objects. Where nothing lies, or before Linux 6.1, the system refuses.
func join(begin uintptr) {
	from := uintptr(unsafe.Pointer(early)) / arena * arena
	for at := from; at < min(begin, from+arena); at += page {
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, at, page, unix.MADV_COLLAPSE)
	}
}

// willing says whether the system makes huge pages, of the size meant here, for those who ask
// (set to "always" it makes them anyway), and counts no address space: there to ask for more
// than there is would end the process.
func willing() bool {
	is := func(file, want string) bool {
		text, err := os.ReadFile(file)
		return err == nil && bytes.Contains(text, []byte(want))
	}
	const huge = "/sys/kernel/mm/transparent_hugepage/" // Documentation/admin-guide/mm/transhuge.rst of Linux
	var space unix.Rlimit
	return is(huge+"enabled", "[madvise]") && is(huge+"hpage_pmd_size", "2097152") &&
		!is("/proc/sys/vm/overcommit_memory", "2") && unix.Getrlimit(unix.RLIMIT_AS, &space) == nil && space.Cur == math.MaxUint64
}

// populate makes pages, huge ones, of memory that the heap may be using by now: what is in it
// stays. Only for that moment is the system let make them: else it does so whenever the heap
// first comes to one, and its own thread goes on joining small ones, both of which stop all that
// is at work there (p99 at 200 calls: half as much again). It fails before Linux 5.14.
func populate(from, length uintptr) error {
	advise := func(advice uintptr) error {
		if _, _, fault := unix.Syscall(unix.SYS_MADVISE, from, length, advice); fault != 0 {
			return fault
		}
		return nil
	}
	if err := advise(unix.MADV_HUGEPAGE); err != nil {
		return err
	}
	defer func() { _ = advise(unix.MADV_NOHUGEPAGE) }() // it is what the memory was without us
	return advise(unix.MADV_POPULATE_WRITE)
}
