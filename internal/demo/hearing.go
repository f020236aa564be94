package demo

import (
	"bytes"
	"fmt"
	"time"

	"github.com/clawdbot/call-agent/internal/config"
	"github.com/clawdbot/call-agent/media"
	"github.com/clawdbot/call-agent/media/g711"
	"github.com/clawdbot/call-agent/media/pcm"
	"github.com/clawdbot/call-agent/telephony/twiliotest"
)

// hearing is one thing that the model said, and how much of it reached the callee.
type hearing struct {
	modelItem
	// audio is the item as it must arrive at the phone; heard is how many bytes of it did.
	audio []byte
	heard int
}

func (h hearing) whole() bool { return len(h.audio) > 0 && h.heard == len(h.audio) }

// frame is the unit in which audio is played, in bytes; an item's last piece is padded to it.
const frame = 160

func duration(bytes int) time.Duration {
	return time.Duration(bytes) * time.Second / g711.SampleRate
}

// listen holds the audio that was played at the callee's ear against what the model
// sent on its own socket, item by item and in order. Rest is what was played beyond.
// Our stored fillers may lie before, between and after the items, sample for sample.
func (s *stage) listen(d dial) (all []hearing, rest []byte) {
	all, rest, _ = s.compare(d.recording().Played, d.items)
	return all, rest
}

func (s *stage) compare(played []byte, said []modelItem) (all []hearing, rest []byte, fillers int) {
	var items, clips [][]byte
	for _, item := range said {
		items = append(items, s.asHeard(item.audio))
	}
	for _, f := range media.Fillers() {
		clips = append(clips, f.Audio)
	}
	heard, rest, fillers := twiliotest.Heard(played, items, clips)
	for n, item := range said {
		all = append(all, hearing{modelItem: item, audio: items[n], heard: heard[n]})
	}
	return all, rest, fillers
}

// asHeard is an item's audio as it must arrive at the phone: as it is in mu-law, translated
// from A-law; in 24 kHz PCM filtered, decimated and encoded in one piece, whatever pieces it came in.
func (s *stage) asHeard(audio []byte) []byte {
	switch s.format {
	case config.FormatPCMA:
		return g711.AToMu(nil, audio)
	case config.FormatPCM:
	default:
		return audio
	}
	d := pcm.NewDecimator()
	return g711.EncodeMu(nil, d.Flush(d.Process(nil, pcm.Samples(nil, audio))))
}

// How far a truncation may be off what was really played: too far by the marks' distance
// and the frame that was past recall; short by what still sounds while the clear is on
// its way, which is a moment, but not on a machine that has other things to do.
const (
	toldTooMuch   = 80 * time.Millisecond
	toldTooLittle = 400 * time.Millisecond
)

// audioProblem demands of every attempt that each item was heard sample for sample:
// whole; or, where the callee talked over it, exactly as far as the model was told; or,
// where the attempt breaks off, up to there and nothing after.
func audioProblem(p play, s *stage) string {
	for n, d := range s.dials() {
		all, rest := s.listen(d)
		if problem := cutProblem(all, n+1 == p.breaksOff); problem != "" {
			return fmt.Sprintf("attempt %d: %s", n+1, problem)
		}
		if n+1 != p.apology && len(bytes.TrimRight(rest, string([]byte{g711.MuSilence}))) > 0 {
			return fmt.Sprintf("attempt %d: %v were played that the model never sent, or out of order", n+1, duration(len(rest)))
		}
	}
	if len(s.lastDial().items) == 0 {
		return "the model said nothing"
	}
	return ""
}

// cutProblem judges the items that were not heard whole.
func cutProblem(all []hearing, breaksOff bool) string {
	over, inWord := false, false // the attempt has broken off
	for n, h := range all {
		heard := duration(h.heard)
		told := time.Duration(h.cutMS) * time.Millisecond
		switch {
		case breaksOff && !h.made: // heard as far as it was made, or the network took the rest
			inWord = inWord || h.heard > 0
		case over && h.heard > 0:
			return fmt.Sprintf("item %d of %d was heard after the end", n+1, len(all))
		case h.whole() && !h.cut:
		case h.cut && (told > heard+toldTooMuch || heard > told+toldTooLittle):
			return fmt.Sprintf("item %d of %d was heard for %v, and the model told %v", n+1, len(all), heard, told)
		case h.cut:
		case breaksOff:
			over, inWord = true, inWord || h.heard > 0
		default:
			return fmt.Sprintf("item %d of %d (%q) differs or was cut after %v of %v", n+1, len(all), h.transcript, heard, duration(len(h.audio)))
		}
	}
	if breaksOff && !inWord {
		return "it did not break off in mid-word"
	}
	return ""
}
