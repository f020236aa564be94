package cloud

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Handler is one function's work over a plane: an event in, an answer out. It is
// aws-lambda-go's lambda.Handler.
type Handler interface {
	Invoke(ctx context.Context, event []byte) ([]byte, error)
}

// How long a document stands, and how soon after a failure it is asked for again.
const (
	documentKept  = 5 * time.Minute
	documentRetry = 5 * time.Second
)

// Function is a function of the control plane: a handler over the newest document. Its
// fields are set before first use; Invoke may be called concurrently.
type Function struct {
	Environment Environment
	Needs       Needs
	// Handler makes the function's handler over a plane.
	Handler func(*Plane) (Handler, error)
	// Unavailable answers an event while there has been no usable document at all; nil
	// hands the error to Lambda, which repeats the event.
	Unavailable func(event []byte) ([]byte, error)

	mu      sync.Mutex
	handler Handler
	hash    string
	nextAt  time.Time
	failed  error
}

// Invoke carries out one event.
func (f *Function) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	h, err := f.current(ctx)
	if err != nil {
		if f.Unavailable != nil {
			return f.Unavailable(event)
		}
		return nil, err
	}
	return h.Invoke(ctx, event)
}

// The log's line at a start that has reached the table, and its milliseconds.
const (
	WarmMessage = "the call table answers"
	WarmTook    = "took_ms"
)

// Warm reads the document and makes the first, slow connection to the table, so that the
// first event does not wait for it (research/aws section 4). Its failures are told again,
// to whom they concern, by the events.
func (f *Function) Warm(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*readLimit)
	defer cancel()
	h, err := f.current(ctx)
	if err != nil {
		return
	}
	if w, ok := h.(interface {
		warm(ctx context.Context) error
	}); ok {
		began := time.Now()
		if err := w.warm(ctx); err != nil {
			f.log().WarnContext(ctx, "the call table does not answer at the start", "error", err)
			return
		}
		f.log().InfoContext(ctx, WarmMessage, WarmTook, float64(time.Since(began).Microseconds())/1000)
	}
}

// current is the handler over the newest document that could be had.
func (f *Function) current(ctx context.Context) (Handler, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if now.Before(f.nextAt) {
		return f.handler, f.failed
	}
	h, hash, err := f.read(ctx)
	switch {
	case err == nil:
		f.handler, f.hash, f.nextAt, f.failed = h, hash, now.Add(documentKept), nil
	case f.handler != nil:
		f.nextAt = now.Add(documentKept)
		f.log().ErrorContext(ctx, "the configuration document is not usable; going on with the last one that was", "error", err)
	default:
		f.nextAt, f.failed = now.Add(documentRetry), err
		f.log().ErrorContext(ctx, "there is no usable configuration document, so nothing is served", "error", err)
	}
	return f.handler, f.failed
}

func (f *Function) read(ctx context.Context) (Handler, string, error) {
	text, err := f.Environment.ReadText(ctx)
	if err != nil {
		return nil, "", err
	}
	if h := sum(text); h == f.hash {
		return f.handler, h, nil
	}
	d, err := f.Environment.Decode(text)
	if err != nil {
		return nil, "", err
	}
	for _, w := range d.Config.Warnings() {
		f.log().WarnContext(ctx, w)
	}
	p, err := NewPlane(f.Environment, d, f.Needs)
	if err != nil {
		return nil, "", fmt.Errorf("compose the function: %w", err)
	}
	h, err := f.Handler(p)
	if err != nil {
		return nil, "", fmt.Errorf("compose the function: %w", err)
	}
	return warming{h, p}, d.Hash, nil
}

func (f *Function) log() *slog.Logger {
	if f.Needs.Log == nil {
		return slog.Default()
	}
	return f.Needs.Log
}

// warming is a handler that knows its plane's table.
type warming struct {
	Handler
	plane *Plane
}

func (w warming) warm(ctx context.Context) error { return w.plane.Service.Store.Ping(ctx) }

// errVersion: an event of a newer program, which knows what to do with it.
var errVersion = errors.New("this event was written by another version; it is left to the dead letters, and the sweep finds what is due")
