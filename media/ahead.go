package media

import "github.com/clawdbot/call-agent/media/prefetch"

// prefetch has both readers, whenever they have waited for a message, ask for the memory that a
// frame touches on its way through the session. What is left out here costs time, and nothing
// else. Callers hold mu.
func (s *Session) prefetch() {
	phone, reads := s.phone.(Prefetcher)
	agent, receives := s.model.agent.(Prefetcher)
	if !reads || !receives {
		return
	}
	heard, spoken := new(prefetch.Set), new(prefetch.Set)
	for _, ahead := range []*prefetch.Set{heard, spoken} {
		prefetch.Between(ahead, &s.mu, &s.cfg)
		prefetch.Value(ahead, s.model)
		prefetch.Between(ahead, &s.c.cfg.ResponseWithin, &s.c.book)
		if tape := s.c.cfg.Tape; tape != nil {
			prefetch.Value(ahead, tape)
		}
	}
	phone.Touched(heard, spoken)
	agent.Touched(spoken, heard)
	phone.Prefetch(heard)
	agent.Prefetch(spoken)
}
