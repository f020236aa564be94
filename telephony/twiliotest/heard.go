package twiliotest

import "github.com/clawdbot/call-agent/media/g711"

// Heard holds what was played against what was to be heard, sample for sample: items in
// order, each whole, padded to whole frames, or cut after one; and clips, which may lie
// before, between and after them, in any number. It returns how many bytes of each item
// were heard, what was played beyond, and the number of clips.
func Heard(played []byte, items, clips [][]byte) (heard []int, rest []byte, found int) {
	rest = played
	for _, item := range items {
		var more, n int
		rest, more = skipClips(rest, item, clips)
		found += more
		n, rest = take(rest, item)
		heard = append(heard, n)
	}
	rest, more := skipClips(rest, nil, clips)
	return heard, rest, found + more
}

// take takes an item off what was played and says how much of it there was.
func take(played, item []byte) (heard int, rest []byte) {
	heard = commonPrefix(played, item)
	if heard == len(item) && heard > 0 {
		return heard, trimPadding(played[heard:], heard)
	}
	// What follows may begin like what was cut, but not for a whole frame.
	heard = heard / frameBytes * frameBytes
	return heard, played[heard:]
}

// skipClips drops the clips at the beginning of what was played. One that was talked
// over is heard in part, a frame at least. What the next item accounts for better is no clip.
func skipClips(played, next []byte, clips [][]byte) (rest []byte, n int) {
	for {
		longest := max(commonPrefix(played, next), frameBytes-1)
		var best []byte
		for _, clip := range clips {
			if same := commonPrefix(played, clip); same > longest {
				longest, best = same, clip
			}
		}
		if best == nil {
			return played, n
		}
		_, played = take(played, best)
		n++
	}
}

func commonPrefix(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// trimPadding drops the silence that filled the last frame of an item of that many bytes.
func trimPadding(played []byte, bytes int) []byte {
	for n := (frameBytes - bytes%frameBytes) % frameBytes; n > 0 && len(played) > 0 && played[0] == g711.MuSilence; n-- {
		played = played[1:]
	}
	return played
}
