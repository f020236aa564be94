package media

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
)

// outbox holds what waits for a socket, and has it written by whoever comes by: there is
// no goroutine that would have to be woken for each message. Push never blocks: when more
// than most droppable entries (audio) wait, the oldest of them goes. Everything else is
// kept, in order; where more than mostWaiting entries wait, their socket is lost, as one
// that takes nothing is after its deadline. Its methods may be called concurrently.
//
// Nearly always there is one message, which is written at once: that way takes no lock.
type outbox[T any] struct {
	// state is changed under mu, but for two changes: an idle outbox is claimed, and a claimed
	// one for which nothing waits becomes idle.
	state   atomic.Uint32
	mu      sync.Mutex
	head    int // of entries, the first that waits
	entries []T // what waits, and before it the room of what was taken
	audio   int // droppable entries waiting
	dropped int

	most      int
	droppable func(T) bool
	// write writes one entry. Where more than one is to be written, hold lets write hold them
	// back before, and flush puts them on the wire; nil where nothing can be held back. They are
	// called by one goroutine at a time. Failed is told, once, why the outbox came to an end by itself.
	write  func(T) error
	hold   func()
	flush  func() error
	failed func(error)
	// apart runs a function beside the caller, who may hold locks that failed needs.
	apart func(func())
}

// What an outbox's state is made of; 0 is idle.
const (
	writing = 1 << iota // by somebody, who takes along what comes meanwhile
	waiting             // something does
	closed              // for good
)

// mostWaiting is far more than ever waits for a peer that reads: a minute of speech that
// comes at once is 1,000 messages and 600 marks.
const mostWaiting = 8192

var errTakesNothing = errors.New("the peer takes nothing of what waits for it")

// push appends v. It does nothing on a closed outbox.
func (o *outbox[T]) push(v T) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.is(closed) {
		return
	}
	if len(o.entries)-o.head >= mostWaiting {
		o.end()
		o.apart(func() { o.failed(errTakesNothing) })
		return
	}
	if o.head > 0 && len(o.entries) == cap(o.entries) { // the room at the front, before more is asked for
		n := copy(o.entries, o.entries[o.head:])
		clear(o.entries[n:])
		o.entries, o.head = o.entries[:n], 0
	}
	o.entries = append(o.entries, v)
	o.state.Or(waiting)
	if o.droppable(v) {
		o.audio++
		if o.audio > o.most {
			o.dropOldest()
		}
	}
}

// dropOldest removes the oldest droppable entry. Callers hold mu.
func (o *outbox[T]) dropOldest() {
	for i := o.head; i < len(o.entries); i++ {
		if o.droppable(o.entries[i]) {
			o.entries = slices.Delete(o.entries, i, i+1)
			o.audio--
			o.dropped++
			return
		}
	}
}

// replace drops everything for which drop is true, and appends v.
func (o *outbox[T]) replace(v T, drop func(T) bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.is(closed) {
		return
	}
	kept := o.entries[:0]
	o.audio = 0
	for _, e := range o.entries[o.head:] {
		if drop(e) {
			continue
		}
		kept = append(kept, e)
		if o.droppable(e) {
			o.audio++
		}
	}
	clear(o.entries[len(kept):])
	o.entries, o.head = append(kept, v), 0
	o.state.Or(waiting)
}

// pump writes all that waits. Where somebody is at it already, that one takes it along,
// and pump returns at once. It may block for as long as the socket does.
func (o *outbox[T]) pump() {
	o.mu.Lock()
	if o.is(writing) || !o.is(waiting) {
		o.mu.Unlock()
		return
	}
	o.state.Or(writing)
	o.drain(false)
}

// claim makes its caller the one who writes, if nobody does and nothing waits. That one owes
// a pumpFrom, before it waits for anything else: until then all others leave what they have.
func (o *outbox[T]) claim() bool { return o.state.CompareAndSwap(0, writing) }

// pumpFrom writes v, which was never put into the outbox, and all that waits by then.
func (o *outbox[T]) pumpFrom(v T) {
	held := o.is(waiting) && o.hold != nil
	if held {
		o.hold()
	}
	var err error
	if !o.is(closed) {
		err = o.write(v)
	}
	if err == nil && o.state.CompareAndSwap(writing, 0) {
		return
	}
	o.mu.Lock()
	o.fail(err)
	o.drain(held)
}

// drain writes what waits, and lets go of mu, which its caller holds, as the one who writes.
// Held says that what was written before is held back.
func (o *outbox[T]) drain(held bool) {
	for v, ok := o.take(); ok; v, ok = o.take() {
		last := !o.is(waiting)
		o.mu.Unlock()
		if !last && !held && o.hold != nil {
			o.hold()
			held = true
		}
		err := o.write(v)
		if err == nil && last && held {
			err = o.flush()
			held = false
		}
		o.mu.Lock()
		o.fail(err)
	}
	o.state.And(^uint32(writing))
	o.mu.Unlock()
}

// fail ends the outbox, of which err is the end; nil is none. Callers hold mu, which is let go
// of meanwhile.
func (o *outbox[T]) fail(err error) {
	if err == nil || o.is(closed) {
		return
	}
	o.end()
	o.mu.Unlock()
	o.failed(err)
	o.mu.Lock()
}

// waits says whether something waits for somebody to write it.
func (o *outbox[T]) waits() bool { return o.state.Load()&(writing|waiting) == waiting }

func (o *outbox[T]) is(state uint32) bool { return o.state.Load()&state != 0 }

// take removes the first entry; false if none waits. Callers hold mu.
func (o *outbox[T]) take() (v T, ok bool) {
	if o.head == len(o.entries) {
		return v, false
	}
	v = o.entries[o.head]
	var zero T
	o.entries[o.head] = zero
	if o.head++; o.head == len(o.entries) {
		o.entries, o.head = o.entries[:0], 0
		o.state.And(^uint32(waiting))
	}
	if o.droppable(v) {
		o.audio--
	}
	return v, true
}

// abandon closes the outbox and forgets what is left.
func (o *outbox[T]) abandon() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.end()
}

func (o *outbox[T]) end() {
	o.state.Or(closed)
	o.state.And(^uint32(waiting))
	o.entries, o.head, o.audio = nil, 0, 0
}

// lost is how many entries were dropped so far.
func (o *outbox[T]) lost() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.dropped
}
