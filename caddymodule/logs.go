package caddymodule

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
)

// output is where the log lines of a configuration go; with none, to Caddy's default log.
type output struct{ slog.Handler }

// running is the output of the configuration that runs; nil before the first one. A
// logger of Caddy's stays with the configuration it was made for and goes on writing to
// its file, which may be gone (research/aesthetics section 4, fact 9), while a call
// outlives its configuration.
var running atomic.Pointer[output]

// follower is a log handler that writes where the running configuration says, so that
// a call's lines go on after a reload.
type follower struct {
	// own is written to while no configuration runs.
	own slog.Handler
	// grow repeats the attributes and groups that were added, on another output.
	grow []func(slog.Handler) slog.Handler
	last *atomic.Pointer[grown]
}

// grown is what became of an output, kept for as long as it is the current one.
type grown struct {
	from *output
	to   slog.Handler
}

// follow returns a logger that follows the running configuration.
func follow(own slog.Handler) *slog.Logger {
	return slog.New(follower{own: own, last: new(atomic.Pointer[grown])})
}

func (f follower) current() slog.Handler {
	from := running.Load()
	if g := f.last.Load(); g != nil && g.from == from {
		return g.to
	}
	to, lasting := f.own, true
	switch {
	case from == nil:
	case from.Handler != nil:
		to = from.Handler
	default: // the directive is gone and its calls are not
		if ctx := caddy.ActiveContext(); ctx.Context != nil {
			to, lasting = ctx.Slogger().Handler(), false
		}
	}
	for _, grow := range f.grow {
		to = grow(to)
	}
	if lasting {
		f.last.Store(&grown{from, to})
	}
	return to
}

// Enabled asks the current output.
func (f follower) Enabled(ctx context.Context, l slog.Level) bool { return f.current().Enabled(ctx, l) }

// Handle writes to the current output.
func (f follower) Handle(ctx context.Context, r slog.Record) error { return f.current().Handle(ctx, r) }

// WithAttrs adds attributes, whatever the output will be.
func (f follower) WithAttrs(attrs []slog.Attr) slog.Handler {
	return f.with(func(h slog.Handler) slog.Handler { return h.WithAttrs(attrs) })
}

// WithGroup opens a group, whatever the output will be.
func (f follower) WithGroup(name string) slog.Handler {
	return f.with(func(h slog.Handler) slog.Handler { return h.WithGroup(name) })
}

func (f follower) with(grow func(slog.Handler) slog.Handler) slog.Handler {
	chain := append(f.grow[:len(f.grow):len(f.grow)], grow)
	return follower{own: f.own, grow: chain, last: new(atomic.Pointer[grown])}
}
