package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/clawdbot/call-agent/internal/hugeheap"
)

// figures are what a run of one target under one load came to.
type figures struct {
	heard, spoken delays // callee to model, model to callee
	clears        delays // speech_started to clear
	noClear       int
	lost          int // frames of 20 ms, both ways
	cpu           time.Duration
	memory        int64 // per call, in bytes
	late          time.Duration
}

// delays are sorted.
type delays []time.Duration

func (d delays) at(percent float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	return d[int(float64(len(d)-1)*percent/100)]
}

// timing is how long the parts of a run take.
type timing struct {
	warm, measure, barge time.Duration
	profile              string // where a profile of the bridge's processor time goes, if anywhere
}

// run puts a load on a target.
func run(l *load, t *target, how timing) (figures, error) {
	if err := l.rehearse(t); err != nil {
		return figures{}, err
	}
	idle, err := t.process().memory()
	if err != nil {
		return figures{}, err
	}
	huge, err := t.process().huge()
	if err != nil {
		return figures{}, err
	}
	idle -= min(huge, hugeheap.Ahead) // made ready for calls before there are any: it counts with theirs
	if err := l.dialAll(t, l.calls); err != nil {
		return figures{}, err
	}
	time.Sleep(how.warm)
	l.late.Store(0)
	var f figures
	before, err := t.process().cpu()
	if err != nil {
		return f, err
	}
	began := time.Now()
	l.record(true)
	if t.name == nameBridge && how.profile != "" {
		if err := t.profile(how.profile, how.measure); err != nil {
			return f, err
		}
	}
	time.Sleep(time.Until(began.Add(how.measure)))
	l.record(false)
	took := time.Since(began)
	after, err := t.process().cpu()
	if err != nil {
		return f, err
	}
	full, err := t.process().memory()
	if err != nil {
		return f, err
	}
	f.late = time.Duration(l.late.Load())
	f.cpu = time.Duration(float64(after-before) / took.Seconds() / float64(l.calls))
	f.memory = (full - idle) / int64(l.calls)
	if t.name == nameBridge && how.barge > 0 {
		l.interrupt(how.barge, &f)
	}
	l.drain()
	return f, l.collect(&f)
}

// rehearse holds two short calls, so that what a process sets up once is not counted as
// the memory of calls.
func (l *load) rehearse(t *target) error {
	if err := l.dialAll(t, 2); err != nil {
		return fmt.Errorf("rehearsal: %w", err)
	}
	l.flowing.Store(false)
	l.hangUp()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = nil
	return nil
}

// interrupt lets every callee interrupt every two seconds, evenly spread.
func (l *load) interrupt(d time.Duration, f *figures) {
	for _, ln := range l.all() {
		ln.mu.Lock()
		ln.barge = 1 + ln.n*7%bargeEvery
		ln.mu.Unlock()
	}
	l.barging.Store(true)
	time.Sleep(d)
	l.barging.Store(false)
	time.Sleep(300 * time.Millisecond) // the last one is answered
	for _, ln := range l.all() {
		ln.mu.Lock()
		f.clears = append(f.clears, ln.clears...)
		if ln.cut {
			f.noClear++
		}
		ln.mu.Unlock()
	}
	slices.Sort(f.clears)
}

// collect gathers what the lines saw. A line that broke is an error.
func (l *load) collect(f *figures) error {
	garbled := 0
	for _, ln := range l.all() {
		h, bad := ln.heard.take()
		s, worse := ln.spoken.take()
		f.heard, f.spoken = append(f.heard, h...), append(f.spoken, s...)
		garbled += bad + worse
	}
	slices.Sort(f.heard)
	slices.Sort(f.spoken)
	heard, spoken := l.missing()
	f.lost = int((heard + spoken + frameMS*usPerMS - 1) / (frameMS * usPerMS))
	if garbled > 0 {
		return fmt.Errorf("%d messages held other audio than was sent", garbled)
	}
	if broken := l.failures(); len(broken) > 0 {
		return fmt.Errorf("%d of %d lines broke, the first: %w", len(broken), l.calls, broken[0])
	}
	return nil
}

// mostGarbage is how much of it the load generator may hold in the end.
const mostGarbage = 2 << 30

// quiet collects the garbage of this process now, and no more of it until loud is called: a
// collection here takes 5 to 14 ms every two seconds at 200 calls, and would be measured as
// somebody else's delay.
func quiet() (loud func()) {
	runtime.GC()
	percent, limit := debug.SetGCPercent(-1), debug.SetMemoryLimit(mostGarbage)
	return func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}
}

// attempt runs one target under one shape, from start to end.
func (b *bench) attempt(name string, s shape) (figures, error) {
	defer quiet()()
	l, err := newLoad(s, b.trust)
	if err != nil {
		return figures{}, err
	}
	defer l.close()
	var t *target
	if name == nameLimit {
		t, err = startLimit(l, b.trust)
	} else {
		t, err = startBridge(b.binary, l, b.trust, s.calls+10)
	}
	if err != nil {
		return figures{}, err
	}
	defer t.end()
	f, err := run(l, t, b.how)
	l.hangUp()
	if err != nil {
		return f, fmt.Errorf("%s with %d calls: %w", name, s.calls, err)
	}
	return f, nil
}
