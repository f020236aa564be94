package caddymodule

import (
	"slices"
	"sync"
)

// serving are the handlers that are served now, the newest last. A request can meet a
// configuration that has its listener and is not started, or never will be: Caddy starts
// apps in no order, and only then finds out that one of them fails. What is served at
// the same address meanwhile answers such a request (a provider gives a webhook up).
var serving register

// register is safe for concurrent use.
type register struct {
	mu  sync.Mutex
	all []*served
}

func (r *register) add(s *served) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, s)
}

func (r *register) remove(s *served) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = slices.DeleteFunc(r.all, func(x *served) bool { return x == s })
}

// at is the newest that is served at an address, or nil.
func (r *register) at(address string) *served {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range slices.Backward(r.all) {
		if s.address == address {
			return s
		}
	}
	return nil
}
