//go:build !race

package media

import (
	"testing"

	"github.com/clawdbot/call-agent/media/twiliostream"
)

// BenchmarkFramesOfManyCalls is what a call's frame takes where so many calls go on that
// nothing of it is in the processor's caches: one frame in each direction. Beside it, the same
// two payloads copied from and to memory of the call's own.
func BenchmarkFramesOfManyCalls(b *testing.B) {
	const calls = 2000
	payload := audio(20)
	b.Run("baseline: copies", func(b *testing.B) {
		type own struct{ in, out [2][]byte }
		all := make([]own, calls)
		for i := range all {
			for n := range 2 {
				all[i].in[n], all[i].out[n] = []byte(payload), []byte(payload)
			}
		}
		for i := 0; b.Loop(); i++ {
			c := &all[i%calls]
			for n := range 2 {
				copy(c.in[n], payload)
				copy(c.out[n], c.in[n])
			}
		}
	})
	b.Run("frames", func(b *testing.B) {
		sessions, agents := make([]*Session, calls), make([]*connection, calls)
		for i := range sessions {
			cfg := testConfig()
			cfg.Tape = NewTape(false)
			sessions[i], agents[i], _ = underWay(b, cfg)
		}
		frame := twiliostream.Event{Kind: twiliostream.Media, TimestampMS: -1, Payload: payload, Decoded: decodeLaw(payload)}
		delta := AgentAudio{ResponseID: "r1", ItemID: "i1", Audio: payload, Decoded: decodeLaw(payload)}
		echo := twiliostream.Event{Kind: twiliostream.Mark}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			s := sessions[i%calls]
			s.happen(&frame, ofPhone)
			agents[i%calls].tell(&delta)
			if it := s.c.play.items[0]; it.unmarked == 0 { // else the item is heard never
				echo.Mark = markName(0, it)
				s.happen(&echo, ofPhone)
			}
			if i%(50*calls) < calls {
				s.cfg.Tape.Levels(s.c.now, nil, nil)
			}
		}
	})
}
