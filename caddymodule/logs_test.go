package caddymodule

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// A logger with attributes and groups of its own follows, too, whenever they were added.
func TestALoggerFollowsWithItsAttributes(t *testing.T) {
	defer running.Store(running.Load())
	var own, first, second bytes.Buffer
	to := func(b *bytes.Buffer) *output {
		return &output{slog.NewJSONHandler(b, &slog.HandlerOptions{Level: slog.LevelInfo})}
	}
	running.Store(nil)
	log := follow(to(&own).Handler)
	call := log.With("call_id", "a").WithGroup("line").With("attempt", 1)
	call.Info("before any configuration")
	running.Store(to(&first))
	call.Info("under the first")
	call.Debug("not asked for")
	running.Store(to(&second))
	call.Info("under the second")
	log.Info("without attributes")
	for _, c := range []struct {
		of   *bytes.Buffer
		want []string
	}{
		{&own, []string{`"msg":"before any configuration","call_id":"a","line":{"attempt":1}`}},
		{&first, []string{`"msg":"under the first","call_id":"a","line":{"attempt":1}`}},
		{&second, []string{`"msg":"under the second","call_id":"a","line":{"attempt":1}`, `"msg":"without attributes"}`}},
	} {
		text := c.of.String()
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s; want %s", text, want)
			}
		}
		if n := strings.Count(text, "\n"); n != len(c.want) {
			t.Errorf("%d lines in %s; want %d", n, text, len(c.want))
		}
	}
}
