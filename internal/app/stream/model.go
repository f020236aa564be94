package stream

import (
	"context"
	"fmt"
	"time"
)

// How long the last handshake with the model's service stands for the next: a good one
// saves every dial a second, a bad one keeps waiting calls from knocking all at once.
const (
	modelGood = 5 * time.Minute
	modelBad  = 10 * time.Second
)

// Model knows whether the model's service answers, by handshakes that cost nothing. It
// may be asked from anywhere; one handshake is made at a time.
type Model struct {
	probe func(context.Context) error
	now   func() time.Time
	turn  chan struct{} // holds one token; its holder may read and write what follows
	at    time.Time
	err   error
}

// NewModel makes a Model that asks by probe.
func NewModel(probe func(context.Context) error, now func() time.Time) *Model {
	m := &Model{probe: probe, now: now, turn: make(chan struct{}, 1)}
	m.turn <- struct{}{}
	return m
}

// Ready returns nil where the last handshake succeeded and is not old; otherwise it
// makes one, and returns its error: the model's service does not answer.
func (m *Model) Ready(ctx context.Context) error {
	select {
	case <-m.turn:
	case <-ctx.Done():
		return fmt.Errorf("wait for the model's handshake: %w", context.Cause(ctx))
	}
	defer func() { m.turn <- struct{}{} }()
	keep := modelGood
	if m.err != nil {
		keep = modelBad
	}
	if age := m.now().Sub(m.at); !m.at.IsZero() && age >= 0 && age < keep {
		return m.err
	}
	m.err = m.probe(ctx)
	m.at = m.now()
	return m.err
}
