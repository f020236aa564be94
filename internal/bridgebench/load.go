package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// The model's formats, as the table names them.
const (
	pcmu   = "pcmu"
	pcm24k = "pcm"
)

// load is the fake Twilio and the fake Realtime server of one run, in one process, so
// that both ends of a line read the same clock.
type load struct {
	shape
	trust   *tls.Config
	server  *http.Server
	modelAt string // the Realtime server's address

	mu    sync.Mutex
	lines []*line

	// flowing lets audio flow, both ways; barging lets the callees interrupt.
	flowing, barging atomic.Bool
	stop             chan struct{}
	pacers, readers  sync.WaitGroup
	// late is how far the pacer was behind at worst.
	late atomic.Int64
}

// shape is one line of the table.
type shape struct {
	format string // pcmu or pcm, both ways
	burst  bool   // deltas of 100 to 400 ms in place of 20 ms
	secure bool   // TLS on both sides
	calls  int
}

func newLoad(s shape, t *trust) (*load, error) {
	l := &load{shape: s, stop: make(chan struct{})}
	listener, err := listenOn("127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	scheme := "ws"
	if s.secure {
		l.trust = t.client
		listener = tls.NewListener(listener, t.server)
		scheme = "wss"
	}
	l.modelAt = scheme + "://" + listener.Addr().String() + "/v1"
	l.server = &http.Server{Handler: l, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = l.server.Serve(listener) }() // ends with close
	for half := range slots {
		l.pacers.Go(func() { l.pace(half) })
	}
	return l, nil
}

// line returns line n, made when it is first asked for.
func (l *load) line(n int) *line {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ln := range l.lines {
		if ln.n == n {
			return ln
		}
	}
	ln := newLine(n, l)
	l.lines = append(slices.Clip(l.lines), ln) // a slice that all has returned is never changed
	return ln
}

// all are the lines that are held.
func (l *load) all() []*line {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines
}

// forget lets go of a line that is over.
func (l *load) forget(over *line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = slices.DeleteFunc(slices.Clone(l.lines), func(ln *line) bool { return ln == over })
}

// A tick of 20 ms has 20 places of a millisecond: the phone of line n has place n, its
// model the one ten later. Two goroutines take turns, so that one that writes does not
// hold up the next millisecond.
const (
	tick  = frameMS * time.Millisecond
	slots = 2
)

func (l *load) pace(half int) {
	due := time.Now()
	for n := half; ; n += slots {
		due = due.Add(slots * time.Millisecond)
		behind := time.Since(due)
		if behind < 0 {
			select {
			case <-time.After(-behind):
			case <-l.stop:
				return
			}
		} else {
			select {
			case <-l.stop:
				return
			default:
			}
			if l.flowing.Load() && int64(behind) > l.late.Load() {
				l.late.Store(int64(behind))
			}
		}
		l.visit(n % frameMS)
	}
}

func (l *load) visit(place int) {
	lines := l.all()
	now := time.Now()
	for _, ln := range lines {
		if ln.n%frameMS == place {
			ln.end(ln.ring(now))
		}
		if (ln.n+frameMS/2)%frameMS == place {
			ln.end(ln.speakOn(now))
		}
	}
}

// dialAll connects n lines to a target, eight at a time, and waits until the model of
// each speaks.
func (l *load) dialAll(t *target, n int) error {
	queue := make(chan *line)
	var workers sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for range 8 {
		workers.Go(func() {
			for ln := range queue {
				url, err := t.stream(ln)
				if err == nil {
					err = ln.call(url)
				}
				if err != nil {
					mu.Lock()
					failed = errors.Join(failed, fmt.Errorf("line %d: %w", ln.n, err))
					mu.Unlock()
				}
			}
		})
	}
	for i := range n {
		queue <- l.line(i)
	}
	close(queue)
	workers.Wait()
	if failed != nil {
		return failed
	}
	l.flowing.Store(true)
	limit := time.After(30 * time.Second)
	for _, ln := range l.all() {
		select {
		case <-ln.steady:
		case <-limit:
			return fmt.Errorf("line %d: the model was not asked to speak within 30 s", ln.n)
		}
	}
	return nil
}

// record turns the keeping of delays on or off.
func (l *load) record(on bool) {
	for _, ln := range l.all() {
		ln.heard.recording(on)
		ln.spoken.recording(on)
	}
}

// drain stops the audio and waits until what was sent has arrived, at most two seconds.
func (l *load) drain() {
	l.flowing.Store(false)
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if heard, spoken := l.missing(); heard+spoken == 0 {
			return
		}
	}
}

// missing is how much of the audio of all lines has not arrived, in microseconds.
func (l *load) missing() (heard, spoken int64) {
	for _, ln := range l.all() {
		heard, spoken = heard+ln.heard.missing(), spoken+ln.spoken.missing()
	}
	return heard, spoken
}

func (l *load) hangUp() {
	for _, ln := range l.all() {
		ln.hangUp()
	}
	l.readers.Wait()
}

func (l *load) close() {
	close(l.stop)
	l.pacers.Wait()
	_ = l.server.Close()
}

// errors are those of the lines.
func (l *load) failures() (all []error) {
	for _, ln := range l.all() {
		ln.mu.Lock()
		if ln.err != nil {
			all = append(all, fmt.Errorf("line %d: %w", ln.n, ln.err))
		}
		ln.mu.Unlock()
	}
	return all
}
