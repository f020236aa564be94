package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"
)

// crowd offers half as many streams again as the bridge may hold. A place is reserved
// before a call is dialled, so it takes a host that has been started again, with less
// room, for streams to come that nobody has kept a place for.
func (b *bench) crowd(room int) error {
	offered := room * 3 / 2
	l, err := newLoad(shape{format: pcmu, calls: offered}, b.trust)
	if err != nil {
		return err
	}
	defer l.close()
	t, err := startBridge(b.binary, l, b.trust, offered)
	if err != nil {
		return err
	}
	defer func() { t.end() }()
	urls := make([]string, offered)
	for i := range urls {
		if urls[i], err = t.place(l.line(i)); err != nil {
			return err
		}
	}
	if err := t.again(room); err != nil {
		return err
	}
	for i := room; i < offered; i++ {
		l.forget(l.line(i))
	}
	t.stream = func(ln *line) (string, error) { return urls[ln.n], nil }
	if err := l.dialAll(t, room); err != nil {
		return err
	}
	for i := room; i < offered; i++ {
		var refused *refusedError
		if s, err := dial(urls[i], l.trust); !errors.As(err, &refused) || refused.status != http.StatusServiceUnavailable || refused.retryAfter == "" {
			if err == nil {
				s.close()
			}
			return fmt.Errorf("stream %d of %d was not refused as it must: %w", i+1, room, err)
		}
	}
	time.Sleep(time.Second)
	l.drain()
	var f figures
	if err := l.collect(&f); err != nil {
		return err
	}
	l.hangUp()
	if f.lost > 0 {
		return fmt.Errorf("%d frames of the calls that were held are lost", f.lost)
	}
	fmt.Fprintf(os.Stdout, "ok   %d streams offered where %d may be held: %d held, nothing lost, %d refused with 503 and Retry-After\n", offered, room, room, offered-room)
	return nil
}

// again starts the bridge once more, over what it has stored, with other room.
func (t *target) again(room int) error {
	cmd := t.cmd
	t.halt()
	if err := t.launch(cmd.Path, cmd.Args[1:], append(cmd.Env, fmt.Sprintf("CALLAGENT_MAX_SESSIONS=%d", room))); err != nil {
		return err
	}
	return t.await(t.ready)
}
