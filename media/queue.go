package media

import (
	"slices"
	"sync"
)

// queue hands commands from the control loop to the one goroutine that writes a
// socket. Push never blocks: when more than most droppable entries (audio) wait, the
// oldest of them goes. Everything else is kept, in order; there are at most a few of
// those for each event of the call, and a writer that is stuck ends with its socket.
type queue[T any] struct {
	most      int
	droppable func(T) bool

	mu      sync.Mutex
	entries []T // what waits, and before it the room of what was taken
	head    int // of entries, the first that waits
	audio   int // droppable entries waiting
	dropped int
	closed  bool
	wake    chan struct{}
}

func newQueue[T any](most int, droppable func(T) bool) *queue[T] {
	return &queue[T]{most: most, droppable: droppable, wake: make(chan struct{}, 1)}
}

// push appends v. It does nothing on a closed queue.
func (q *queue[T]) push(v T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	if q.head > 0 && len(q.entries) == cap(q.entries) { // the room at the front, before more is asked for
		n := copy(q.entries, q.entries[q.head:])
		clear(q.entries[n:])
		q.entries, q.head = q.entries[:n], 0
	}
	q.entries = append(q.entries, v)
	if q.droppable(v) {
		q.audio++
		if q.audio > q.most {
			q.dropOldest()
		}
	}
	q.signal()
}

// dropOldest removes the oldest droppable entry. Callers hold mu.
func (q *queue[T]) dropOldest() {
	for i := q.head; i < len(q.entries); i++ {
		if q.droppable(q.entries[i]) {
			q.entries = slices.Delete(q.entries, i, i+1)
			q.audio--
			q.dropped++
			return
		}
	}
}

// replace drops everything for which drop is true, and appends v.
func (q *queue[T]) replace(v T, drop func(T) bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	kept := q.entries[:0]
	q.audio = 0
	for _, e := range q.entries[q.head:] {
		if drop(e) {
			continue
		}
		kept = append(kept, e)
		if q.droppable(e) {
			q.audio++
		}
	}
	clear(q.entries[len(kept):])
	q.entries, q.head = append(kept, v), 0
	q.signal()
}

// next waits for an entry; false means that the queue is closed and empty.
func (q *queue[T]) next() (v T, ok bool) {
	for {
		q.mu.Lock()
		if q.head < len(q.entries) {
			v = q.entries[q.head]
			var zero T
			q.entries[q.head] = zero
			if q.head++; q.head == len(q.entries) {
				q.entries, q.head = q.entries[:0], 0
			}
			if q.droppable(v) {
				q.audio--
			}
			q.mu.Unlock()
			return v, true
		}
		closed := q.closed
		q.mu.Unlock()
		if closed {
			return v, false
		}
		<-q.wake
	}
}

// close lets next return what is left, and then false.
func (q *queue[T]) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.signal()
}

// abandon closes the queue and forgets what is left.
func (q *queue[T]) abandon() {
	q.mu.Lock()
	q.entries, q.head, q.audio = nil, 0, 0
	q.mu.Unlock()
	q.close()
}

// lost is how many entries were dropped so far.
func (q *queue[T]) lost() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}

// signal wakes the reader; one token is enough, since it empties the queue.
func (q *queue[T]) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}
