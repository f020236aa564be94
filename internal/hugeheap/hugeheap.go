// Package hugeheap has the system back the Go heap with huge pages. A host holds hundreds of
// calls, and by the time of a call's next frame the processor has forgotten where each of its
// pages lies; to look that up anew costs more than what is then done with them. A huge page is
// looked up once for five hundred small ones (ADR 28).
//
// Go leaves this to the system (golang/go#64332), and most systems leave it to the program: they
// are set to "madvise". Set to anything else, or where the address space is counted, nothing changes.
package hugeheap

import "sync"

const (
	// room is how much of the heap this is about: enough for 1,800 calls. It is address space, of
	// which the heap takes as much as it needs, the lowest first.
	room = 128 << 20
	// perCall is about what the heap grows by with a call, and what is garbage meanwhile.
	perCall = 60 << 10
	// Ahead is how many bytes are ready beyond that, from the start: the heap must not have come
	// to a page before it is made.
	Ahead = 16 << 20
	// page is a huge one.
	page = 2 << 20
)

var (
	mu sync.Mutex
	// begin is where the room begins, at a page's border, 0 where there is none; done up to where
	// its pages are made. Asked says that it was asked for.
	begin uintptr
	done  int
	asked bool
)

// Ask makes the room, once in a process, before the heap has grown, and its first pages, and
// huge ones of what the heap has by then. It may be called from anywhere.
func Ask() {
	mu.Lock()
	defer mu.Unlock()
	if !asked {
		asked = true
		begin = ask()
		makePages(Ahead)
	}
}

// Expect has the pages made that so many calls will need, before they need them. To make one
// takes the system some milliseconds where it has to get the memory from a host of its own: that
// is for the beginning of a call, and not for a frame. It may be called from anywhere. It does
// nothing where there is no room, or while another does.
func Expect(calls int) {
	if !mu.TryLock() {
		return
	}
	defer mu.Unlock()
	makePages(Ahead + calls*perCall)
}

// makePages makes those up to a place in the room. Callers hold mu.
func makePages(upTo int) {
	upTo = min(upTo, room-page) / page * page
	if begin == 0 || upTo <= done {
		return
	}
	if populate(begin+uintptr(done), uintptr(upTo-done)) != nil {
		begin = 0 // the heap is as it would be without us
		return
	}
	done = upTo
}
