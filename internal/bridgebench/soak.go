package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// soak holds many calls at a time, each of them for a while and then another in its
// place, and samples what must not grow.
type soak struct {
	bench    *bench
	calls    int
	total    time.Duration
	each     time.Duration // how long a call lasts, about
	every    time.Duration // between two samples
	report   string        // the file that the report goes to, "" for none
	target   *target
	load     *load
	began    time.Time
	out      strings.Builder
	mu       sync.Mutex
	held     int
	frames   int64 // of 20 ms, both ways
	lost     int64
	failures []error
}

// sample is what the bridge holds at one time.
type sample struct {
	memory            int64
	goroutines, files int
}

// growthMost is how far the last quarter's mean may lie above the second's, beside what
// the sampling itself makes: 5 % and 4 MB, or 5 % and 20 goroutines or files, since calls
// that change places overlap by some.
const growthMost = 1.05

var errGrew = errors.New("something grew, or was lost")

// run soaks and writes the report.
func (s *soak) run() error {
	l, err := newLoad(shape{format: pcmu, burst: true, calls: s.calls}, s.bench.trust)
	if err != nil {
		return err
	}
	defer l.close()
	s.load = l
	// A call that is over keeps its place while its last transcript is awaited.
	if s.target, err = startBridge(s.bench.binary, l, s.bench.trust, 2*s.calls); err != nil {
		return err
	}
	defer s.target.end()
	idle, err := s.take()
	if err != nil {
		return err
	}
	l.flowing.Store(true)
	l.barging.Store(true)
	s.began = time.Now()
	var callers sync.WaitGroup
	stop := make(chan struct{})
	for n := range s.calls {
		callers.Go(func() { s.callers(n, stop) })
	}
	samples, err := s.watch()
	close(stop)
	callers.Wait()
	if err != nil {
		return err
	}
	time.Sleep(5 * time.Second) // what the ends of the last calls left is put away
	after, err := s.take()
	if err != nil {
		return err
	}
	return s.judge(idle, samples, after)
}

// callers holds one call after the other at place n. The first is shorter, so that the
// places do not all change at once.
func (s *soak) callers(n int, stop <-chan struct{}) {
	length := s.each/4 + s.each*3/4*time.Duration(n)/time.Duration(s.calls)
	for generation := 0; ; generation++ {
		ln := s.load.line(n + generation*s.calls)
		ln.mu.Lock()
		ln.barge = 1 + n*7%bargeEvery
		ln.mu.Unlock()
		url, err := s.target.stream(ln)
		for tries := 0; errors.Is(err, errNoStream) && tries < 3; tries++ {
			url, err = s.target.stream(ln) // the sweep was faster than the answer: a call that is queued has no link
		}
		if err == nil {
			err = ln.call(url)
		}
		end := time.NewTimer(length)
		select {
		case <-end.C:
		case <-stop:
		}
		end.Stop()
		s.finish(ln, err)
		select {
		case <-stop:
			return
		default:
		}
		length = s.each
	}
}

// finish ends a call and counts its frames. What is on its way is given a moment.
func (s *soak) finish(ln *line, err error) {
	ln.rest()
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end) && ln.heard.missing()+ln.spoken.missing() > 0; {
		time.Sleep(10 * time.Millisecond)
	}
	missing := ln.heard.missing() + ln.spoken.missing()
	sent := ln.heard.total() + ln.spoken.total()
	ln.mu.Lock()
	err = errors.Join(err, ln.err)
	ln.mu.Unlock()
	ln.hangUp()
	s.load.forget(ln)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held++
	s.frames += sent / (frameMS * usPerMS)
	s.lost += missing / (frameMS * usPerMS)
	if err != nil && len(s.failures) < 10 {
		s.failures = append(s.failures, err)
	}
}

// watch samples until the time is over.
func (s *soak) watch() (samples []sample, err error) {
	s.say("%8s  %7s  %9s  %10s  %6s  %12s  %5s", "after", "calls", "memory", "goroutines", "files", "frames", "lost")
	for time.Since(s.began) < s.total {
		time.Sleep(s.every)
		x, err := s.take()
		if err != nil {
			return nil, err
		}
		samples = append(samples, x)
		s.mu.Lock()
		held, frames, lost := s.held, s.frames, s.lost
		s.mu.Unlock()
		s.say("%8s  %7d  %6d MB  %10d  %6d  %12d  %5d", time.Since(s.began).Round(time.Second), held, x.memory>>20, x.goroutines, x.files, frames, lost)
	}
	return samples, nil
}

func (s *soak) say(format string, args ...any) {
	fmt.Fprintf(&s.out, format+"\n", args...)
	fmt.Fprintf(os.Stdout, format+"\n", args...)
}

// take takes a sample.
func (s *soak) take() (x sample, err error) {
	if x.memory, err = s.target.process().memory(); err != nil {
		return x, err
	}
	if x.files, err = s.target.process().files(); err != nil {
		return x, err
	}
	x.goroutines, err = s.target.goroutines()
	return x, err
}

// goroutines asks Caddy's metrics.
func (t *target) goroutines() (n int, err error) {
	client := http.Client{Timeout: 10 * time.Second}
	text, err := get(&client, t.admin+"/metrics")
	if err != nil {
		return 0, err
	}
	_, after, found := strings.Cut(text, "\ngo_goroutines ")
	if !found {
		return 0, errors.New("the metrics hold no go_goroutines")
	}
	if _, err := fmt.Sscan(after, &n); err != nil {
		return 0, fmt.Errorf("read go_goroutines: %w", err)
	}
	return n, nil
}

// judge compares the last quarter of the samples with the second: in the first the
// places fill and the heap finds its size.
func (s *soak) judge(idle sample, samples []sample, after sample) error {
	q := len(samples) / 4
	if q == 0 {
		return fmt.Errorf("%d samples are too few to judge: soak for longer", len(samples))
	}
	early, late := mean(samples[q:2*q]), mean(samples[len(samples)-q:])
	s.say("second quarter: %d MB, %d goroutines, %d files; last: %d MB, %d, %d", early.memory>>20, early.goroutines, early.files, late.memory>>20, late.goroutines, late.files)
	s.say("before the first call: %d goroutines, %d files; after the last: %d, %d", idle.goroutines, idle.files, after.goroutines, after.files)
	s.say("%d calls, %d frames, %d lost, %d lines broke", s.held, s.frames, s.lost, len(s.failures))
	for _, err := range s.failures {
		s.say("  %v", err)
	}
	const few = 20
	ok := s.lost == 0 && len(s.failures) == 0 && float64(late.memory) <= growthMost*float64(early.memory)+4<<20 &&
		float64(late.goroutines) <= growthMost*float64(early.goroutines)+few && float64(late.files) <= growthMost*float64(early.files)+few && after.goroutines <= idle.goroutines+few && after.files <= idle.files+few
	verdict := "PASS"
	if !ok {
		verdict = "MISS"
	}
	s.say("%s", verdict)
	if s.report != "" {
		if err := os.WriteFile(s.report, []byte(s.out.String()), 0o600); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	if !ok {
		return errGrew
	}
	return nil
}

func mean(all []sample) (m sample) {
	for _, x := range all {
		m.memory, m.goroutines, m.files = m.memory+x.memory, m.goroutines+x.goroutines, m.files+x.files
	}
	n := len(all)
	return sample{m.memory / int64(n), m.goroutines / n, m.files / n}
}
