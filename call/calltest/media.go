package calltest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// MediaHost is where its streams go.
const MediaHost = "wss://media.example"

// Media is a media plane with room for everybody, unless it is told otherwise. The
// zero value is ready.
type Media struct {
	mu       sync.Mutex
	down     error
	reserved []string
	released []string
	hungUp   []call.ID
}

var _ call.Media = (*Media)(nil)

// Down makes every reservation, and every question for a host, fail with err; nil ends that.
func (m *Media) Down(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = err
}

// Reserve implements [call.Media].
func (m *Media) Reserve(_ context.Context, id call.ID, attempt int, _ time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down != nil {
		return m.down
	}
	if k := place(id, attempt); !slices.Contains(m.reserved, k) {
		m.reserved = append(m.reserved, k)
	}
	return nil
}

// Host implements [call.Media].
func (m *Media) Host(context.Context, call.ID) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return MediaHost, m.down
}

// Release implements [call.Media].
func (m *Media) Release(id call.ID, attempt int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := place(id, attempt)
	if i := slices.Index(m.reserved, k); i >= 0 {
		m.reserved = slices.Delete(m.reserved, i, i+1)
		m.released = append(m.released, k)
	}
}

// HangUp implements [call.Media].
func (m *Media) HangUp(id call.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hungUp = append(m.hungUp, id)
}

// HungUp are the calls whose sessions were asked to say goodbye.
func (m *Media) HungUp() []call.ID {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.hungUp)
}

// Reserved are the places kept now, as "<call id>/<attempt>", Released those given back.
func (m *Media) Reserved() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.reserved)
}

// Released are the places that were given back, the first one first.
func (m *Media) Released() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.released)
}

func place(id call.ID, attempt int) string { return fmt.Sprintf("%s/%d", id, attempt) }
