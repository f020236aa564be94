package media

import "sync"

// hangUps are the requests for a call's end that come from outside. Who asks must not wait
// for a socket, so that each is a goroutine of its own, until end.
type hangUps struct {
	mu    sync.Mutex
	now   int
	ended bool
	work  sync.WaitGroup
}

// HangUp asks for the end of the call. EndDrained, EndCanceled, EndMaxLength and EndSilence say
// goodbye first; every other reason ends it at once.
func (s *Session) HangUp(reason EndReason) {
	s.asking.ask(func() { s.hangUpFor(reason) })
}

// ask runs do, unless many wait already, one of which will do.
func (h *hangUps) ask(do func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended || h.now == mostAsking {
		return
	}
	h.now++
	h.work.Go(func() {
		do()
		h.mu.Lock()
		defer h.mu.Unlock()
		h.now--
	})
}

// end waits for those under way, and lets nobody ask any more.
func (h *hangUps) end() {
	h.mu.Lock()
	h.ended = true
	h.mu.Unlock()
	h.work.Wait()
}

func (s *Session) hangUpFor(reason EndReason) {
	s.mu.Lock()
	if s.c == nil {
		s.early = append(s.early, reason)
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()
	s.tell(hangUpAsked{reason: reason})
}
