package dynamo

import (
	"sync"

	"github.com/clawdbot/call-agent/call"
)

// memory keeps the records that were read or written last, so that a write over a version
// that is known here need not read it again (ADR 12 has what that saves). What it knows may
// be outdated, and does no harm then: every write holds on condition that this version, by
// this writer, is still the one stored. It is safe for concurrent use; the zero value is
// ready.
type memory struct {
	mu   sync.Mutex
	all  map[call.ID]record
	ring []call.ID // in the order they came, the next to go at at
	at   int
}

// What is kept: records of more live calls than a host holds, and none of the few large ones.
const (
	remembered      = 512
	longestRemember = 64 << 10
)

// keep remembers a record in place of an older version of it. One that may be forgotten any
// time is read again.
func (m *memory) keep(r record) {
	if len(r.raw) > longestRemember || r.mortal {
		m.forget(r.call.ID)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.all == nil {
		m.all, m.ring = map[call.ID]record{}, make([]call.ID, remembered)
	}
	was, known := m.all[r.call.ID]
	if known && was.call.Version > r.call.Version {
		return
	}
	if !known {
		delete(m.all, m.ring[m.at])
		m.ring[m.at] = r.call.ID
		m.at = (m.at + 1) % remembered
	}
	r.call = r.call.Clone()
	m.all[r.call.ID] = r
}

// of is the record of a call in this version, if it is known.
func (m *memory) of(id call.ID, version int64) (record, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, known := m.all[id]
	return r, known && r.call.Version == version
}

// forget is for a version that turned out not to be the stored one.
func (m *memory) forget(id call.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.all, id) // its place in the ring goes by itself
}
