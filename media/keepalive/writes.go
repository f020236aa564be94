package keepalive

import "time"

// Writes is the deadline of what is written to a connection: it is put off when less than half of the
// wait is left, so that a write that nobody takes fails after half of it at the soonest. The
// zero value is ready; it is the writer's own.
type Writes struct{ until time.Time }

// Within gives what is about to be written this long.
func (w *Writes) Within(conn interface{ SetWriteDeadline(t time.Time) error }, wait time.Duration) error {
	now := time.Now()
	if w.until.Sub(now) > wait/2 {
		return nil
	}
	w.until = now.Add(wait)
	return conn.SetWriteDeadline(w.until) //nolint:wrapcheck // its caller does
}
