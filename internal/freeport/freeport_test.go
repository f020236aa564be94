package freeport

import (
	"net"
	"strconv"
	"sync"
	"testing"
)

func TestEverybodyGetsAPortOfTheirOwn(t *testing.T) {
	var mu sync.Mutex
	given := map[string]bool{}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			port, err := Loopback(t.Context())
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if n, err := strconv.Atoi(port); err != nil || n < lowest || n >= lowest+ports || given[port] {
				t.Errorf("%q, twice %t, %v", port, given[port], err)
			}
			given[port] = true
		})
	}
	all.Wait()
}

func TestAPortThatIsTakenIsPassedOver(t *testing.T) {
	port, err := Loopback(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		t.Fatalf("it was given out and is not free: %v", err)
	}
	defer l.Close()
	next.Add(^uint64(0)) // the same is looked at once more
	if again, err := Loopback(t.Context()); err != nil || again == port {
		t.Errorf("%q again, %v", again, err)
	}
}
