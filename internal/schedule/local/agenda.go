package local

import (
	"container/heap"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// agenda keeps at most one nudge a call, in order of time. A call that is taken, to be
// attended to, stays out of the order until it is done. It is not safe for concurrent use.
type agenda struct {
	byID  map[call.ID]*nudge
	order byTime
}

// nudge is when a call is to be attended to. At is the earliest time asked for, last the
// one asked for most recently; both are zero while nothing is asked for.
type nudge struct {
	id       call.ID
	at, last time.Time
	asked    bool
	taken    bool
	place    int // in the order
}

func newAgenda() agenda { return agenda{byID: make(map[call.ID]*nudge)} }

// add notes a time for a call. It is false where that would be a call too many.
func (g *agenda) add(id call.ID, at time.Time) bool {
	n := g.byID[id]
	switch {
	case n == nil && len(g.byID) >= MaxPending:
		return false
	case n == nil:
		n = &nudge{id: id, at: at, last: at, asked: true}
		g.byID[id] = n
		heap.Push(&g.order, n)
		return true
	case !n.asked || at.Before(n.at):
		n.at = at
	}
	n.last, n.asked = at, true
	if !n.taken {
		heap.Fix(&g.order, n.place)
	}
	return true
}

// next is the time of the earliest nudge, if there is one.
func (g *agenda) next() (time.Time, bool) {
	if len(g.order) == 0 {
		return time.Time{}, false
	}
	return g.order[0].at, true
}

// take takes the call of the earliest nudge out of the order, until done. If a later
// time was asked for last, that is what remains.
func (g *agenda) take() call.ID {
	n := heap.Pop(&g.order).(*nudge)
	n.taken, n.asked = true, n.last.After(n.at)
	n.at = n.last
	return n.id
}

// done puts a taken call back in order, if a time was asked for, and else forgets it.
func (g *agenda) done(id call.ID) {
	n := g.byID[id]
	if !n.asked {
		delete(g.byID, id)
		return
	}
	n.taken = false
	heap.Push(&g.order, n)
}

// byTime implements heap.Interface.
type byTime []*nudge

func (o byTime) Len() int           { return len(o) }
func (o byTime) Less(i, j int) bool { return o[i].at.Before(o[j].at) }
func (o byTime) Swap(i, j int)      { o[i], o[j] = o[j], o[i]; o[i].place, o[j].place = i, j }

// Push appends x.
func (o *byTime) Push(x any) {
	n := x.(*nudge)
	n.place = len(*o)
	*o = append(*o, n)
}

// Pop removes the last.
func (o *byTime) Pop() any {
	old := *o
	n := old[len(old)-1]
	old[len(old)-1] = nil
	*o = old[:len(old)-1]
	return n
}
