package media

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// markEvery is the most audio between two marks (research section 10 asks for 20 to
// 100 ms). Each is a message more, there and back.
const (
	markEvery = 100 * time.Millisecond
	markBytes = int(markEvery/time.Millisecond) * bytesPerMS
)

// playback is what the phone has of the agent's speech, and how much of it the callee
// heard. Its only evidence are echoes of marks; a generation ends with every clear,
// because the phone then returns all marks at once, whether played or not.
type playback struct {
	gen   int
	items []*item // in the order of sending; what was played to its end is gone
	// lastEcho is when a mark of this generation last came back.
	lastEcho time.Time
	// endsBy is when a phone that plays without a pause has played all that was sent.
	endsBy time.Time
}

// item is one piece of speech of the model.
type item struct {
	id, responseID string
	response       *response // nil where it is our own
	sentBytes      int
	unmarked       int // of sentBytes, behind the last mark
	// done: no more of it comes.
	done bool
	// own: a recording of ours, which the model knows nothing of.
	own          bool
	frames       framer
	playedMS     int
	firstSent    time.Time
	contentIndex int
	// begun: it was told that the callee hears it; toldAt is when a mark of it was last told.
	begun  bool
	toldAt time.Time
}

func (it *item) sentMS() int    { return it.frames.limitMS(it.sentBytes / bytesPerMS) }
func (it *item) played() bool   { return it.done && it.playedMS >= it.sentMS() }
func (p *playback) empty() bool { return len(p.items) == 0 }

// lengthMS is how long the item is, 0 while more of it may come.
func (it *item) lengthMS() int {
	if it.done {
		return it.sentMS()
	}
	return 0
}
func (it *item) unplayedMS() int { return it.sentMS() - it.playedMS }
func markName(gen int, it *item) string {
	return "g" + strconv.Itoa(gen) + ":" + it.id + ":" + strconv.Itoa(it.sentMS())
}

// endMark is the name of the mark after the last sample of a call.
func (p *playback) endMark() string { return "end:" + strconv.Itoa(p.gen) }

// own says whether nothing but recordings of ours is left to play.
func (p *playback) own() bool {
	return !slices.ContainsFunc(p.items, func(it *item) bool { return !it.own })
}

// find returns the item, which may be gone.
func (p *playback) find(id string) *item {
	for _, it := range p.items {
		if it.id == id {
			return it
		}
	}
	return nil
}

// expect takes note that bytes of audio are sent.
func (p *playback) expect(now time.Time, bytes int) {
	if p.endsBy.Before(now) {
		p.endsBy = now
	}
	p.endsBy = p.endsBy.Add(time.Duration(bytes/bytesPerMS) * time.Millisecond)
}

// giveUp removes and returns the complete items, which nothing is known of any more.
func (p *playback) giveUp() (lost []*item) {
	for len(p.items) > 0 && p.items[0].done {
		lost = append(lost, p.items[0])
		p.items = p.items[1:]
	}
	return lost
}

// unplayed is how much audio the phone still has to play at most.
func (p *playback) unplayed() time.Duration {
	ms := 0
	for _, it := range p.items {
		ms += it.unplayedMS()
	}
	return time.Duration(ms) * time.Millisecond
}

// echo takes note of a mark that came back and returns the item it belongs to; nil
// for a mark of another generation, or of no item.
func (p *playback) echo(name string, now time.Time) *item {
	gen, rest, ok := strings.Cut(name, ":")
	if !ok || gen != "g"+strconv.Itoa(p.gen) {
		return nil
	}
	cut := strings.LastIndexByte(rest, ':')
	if cut < 0 {
		return nil
	}
	ms, err := strconv.Atoi(rest[cut+1:])
	it := p.find(rest[:cut])
	if err != nil || it == nil {
		return nil
	}
	p.lastEcho = now
	it.playedMS = max(it.playedMS, min(ms, it.sentMS()))
	for _, earlier := range p.items { // audio is played in the order in which it was sent
		if earlier == it {
			break
		}
		earlier.playedMS, earlier.done = earlier.sentMS(), true
	}
	return it
}

// takePlayed removes and returns the items at the front that were played to their end.
func (p *playback) takePlayed() (played []*item) {
	for len(p.items) > 0 && p.items[0].played() {
		played = append(played, p.items[0])
		p.items = p.items[1:]
	}
	return played
}

// heardMS is how much of the front item was heard: the last mark echoed plus the time
// since it, capped at one mark interval and at what was sent. Never the clock alone.
func (p *playback) heardMS(now time.Time) int {
	it := p.items[0]
	since := p.lastEcho
	if it.firstSent.After(since) {
		since = it.firstSent
	}
	elapsed := min(max(now.Sub(since), 0), markEvery)
	return min(it.sentMS(), it.playedMS+int(elapsed.Milliseconds()))
}

// cut is one truncation that an interruption calls for.
type cut struct {
	item *item
	atMS int
}

// interrupt begins a new generation and returns what the model must forget: the item
// being heard from where it was heard, the later ones entirely. Items played to their
// end are gone already and stay as they are (research section 10).
func (p *playback) interrupt(now time.Time) (cuts []cut) {
	for i, it := range p.items {
		at := 0
		if i == 0 {
			at = p.heardMS(now)
		}
		cuts = append(cuts, cut{it, at})
	}
	p.gen++
	p.items, p.endsBy = nil, now
	return cuts
}
