package stream

import (
	"testing"
	"time"
)

func TestAReservedPlaceIsKeptForItsStream(t *testing.T) {
	s, now := NewSessions(), time.Now()
	until := now.Add(time.Minute)
	if !s.Reserve("a", 1, now, until, 2) || !s.Reserve("b", 1, now, until, 2) || s.Reserve("c", 1, now, until, 2) {
		t.Fatal("two places, two reservations")
	}
	if !s.Reserve("a", 1, now, until, 2) {
		t.Error("the same attempt has its place already")
	}
	if _, ok := s.take("c", 1, now, 2); ok {
		t.Error("a stream without a reservation took a reserved place")
	}
	done, ok := s.take("a", 1, now, 2)
	if !ok || s.Len() != 1 {
		t.Fatalf("its own stream: %t, %d calls", ok, s.Len())
	}
	if s.Reserve("c", 1, now, until, 2) {
		t.Error("a place was made from nothing")
	}
	done()
	if !s.Reserve("c", 1, now, until, 2) {
		t.Error("the call is over, and its place is not free")
	}
	s.Release("b", 1)
	s.Release("b", 1)
	if _, ok := s.take("d", 1, now, 2); !ok {
		t.Error("a released place is not free")
	}
	if _, ok := s.take("e", 1, until, 2); !ok {
		t.Error("c's reservation has run out, and its place is not free")
	}
}

func TestAStoppingProcessReservesNothing(t *testing.T) {
	s, now := NewSessions(), time.Now()
	s.Reserve("a", 1, now, now.Add(time.Minute), 0)
	s.Drain(t.Context(), 0) // a reservation is not waited for
	if s.Reserve("b", 1, now, now.Add(time.Minute), 0) {
		t.Error("reserved")
	}
	if _, ok := s.take("a", 1, now, 0); ok {
		t.Error("taken")
	}
}
