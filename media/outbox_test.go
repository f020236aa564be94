package media

import (
	"strings"
	"testing"
)

func TestAnOutboxDropsTheOldestAudioAndNeverControl(t *testing.T) {
	var got []string
	o := &outbox[string]{
		most: 2, droppable: func(s string) bool { return s[0] == 'a' },
		write: func(s string) error { got = append(got, s); return nil },
		hold:  func() { got = append(got, "[") },
		flush: func() error { got = append(got, "]"); return nil },
	}
	for _, s := range []string{"a1", "m1", "a2", "m2", "a3", "m3", "a4"} {
		o.push(s)
	}
	o.pump()
	o.pump() // nothing waits
	o.push("m4")
	o.pump() // one by itself is not held back
	if strings.Join(got, " ") != "[ m1 m2 a3 m3 a4 ] m4" || o.lost() != 2 {
		t.Errorf("%v, %d dropped", got, o.lost())
	}
}

// TestAnOutboxIsWrittenByOneAtATime: what comes while somebody writes is that one's to write,
// and a clear overtakes what waits.
func TestAnOutboxIsWrittenByOneAtATime(t *testing.T) {
	var got []string
	var o *outbox[string]
	o = &outbox[string]{
		most: 9, droppable: func(string) bool { return false },
		write: func(s string) error {
			if got = append(got, s); s == "1" {
				o.push("2")
				o.replace("clear", func(string) bool { return true })
				o.pump() // another one comes by
			}
			return nil
		},
	}
	o.push("1")
	o.pump()
	if strings.Join(got, " ") != "1 clear" {
		t.Errorf("%v", got)
	}
}

// TestWhoClaimsAnOutboxWritesFirst: what comes meanwhile follows, and nobody else writes it.
func TestWhoClaimsAnOutboxWritesFirst(t *testing.T) {
	var got []string
	o := &outbox[string]{
		most: 9, droppable: func(string) bool { return false },
		write: func(s string) error { got = append(got, s); return nil },
	}
	if !o.claim() || o.claim() {
		t.Fatal("it is claimed by one at a time")
	}
	o.push("2")
	o.pump() // another one comes by
	if o.waits() || len(got) != 0 {
		t.Errorf("%v was written by another", got)
	}
	o.pumpFrom("1")
	o.push("3")
	if o.claim() {
		t.Error("something waits that is to be written first")
	}
	o.pump()
	if strings.Join(got, " ") != "1 2 3" || !o.claim() {
		t.Errorf("%v", got)
	}
	o.abandon()
	o.pumpFrom("4")
	if len(got) != 3 || o.is(writing) || o.claim() {
		t.Errorf("%v, after it was closed", got)
	}
}

// TestAnOutboxThatNobodyTakesFromIsGivenUp: marks are never dropped, and are not kept without end.
func TestAnOutboxThatNobodyTakesFromIsGivenUp(t *testing.T) {
	var told int
	o := &outbox[string]{
		most: 9, droppable: func(string) bool { return false },
		failed: func(error) { told++ }, apart: func(do func()) { do() },
	}
	for range 2 * mostWaiting {
		o.push("mark")
	}
	if told != 1 || len(o.entries) != 0 {
		t.Errorf("told %d times; %d wait", told, len(o.entries))
	}
}

func TestAnOutboxWhoseSocketFailsIsClosed(t *testing.T) {
	var written, told int
	o := &outbox[string]{
		most: 9, droppable: func(string) bool { return false },
		write: func(string) error { written++; return errClosed }, failed: func(error) { told++ },
	}
	o.push("1")
	o.push("2")
	o.pump()
	o.push("3")
	o.pump()
	if written != 1 || told != 1 {
		t.Errorf("%d written, told %d times", written, told)
	}
}
