package media

import "time"

// respondKind tags a response we asked for. The model returns it with the response.
type respondKind string

// The kinds of response, by rising weight: where several are owed, one is asked for,
// and it is the weightiest.
const (
	respondAnswer   respondKind = "answer"   // to what the callee said
	respondTools    respondKind = "tools"    // to what the tools returned
	respondOpening  respondKind = "opening"  // why we call, after the greeting
	respondPrompt   respondKind = "prompt"   // are you still there?
	respondGreeting respondKind = "greeting" // the disclosure
	respondFarewell respondKind = "farewell"
)

func (k respondKind) weight() int {
	switch k {
	case respondAnswer:
		return 0
	case respondTools:
		return 1
	case respondOpening:
		return 2
	case respondPrompt:
		return 3
	case respondGreeting:
		return 4
	case respondFarewell:
		return 5
	}
	return 0
}

// request is a response that is owed.
type request struct {
	kind respondKind
	// note is told to the model just before, "" for nothing.
	note string
	// force: asked for even while the callee speaks.
	force bool
	// void: overtaken by the callee's speech while it was on its way.
	void bool
}

// gateState is where the one response of a conversation stands.
type gateState int

const (
	gateIdle gateState = iota
	gateRequested
	gateActive
)

// gate owns every response.create: idle, requested, active, idle (research section
// 11). The model answers one response at a time, and what is owed meanwhile is one.
type gate struct {
	state gateState
	// active is the response that runs.
	active string
	// sent is our request that was neither granted nor refused yet, under sentID.
	sent   *request
	sentID string
	// own: the model will begin a response by itself, since the callee stopped speaking.
	own     bool
	pending *request
	// notBefore holds requests back while a rate limit lasts.
	notBefore time.Time
}

// want adds a request to what is owed.
func (g *gate) want(r request) {
	if g.pending == nil || r.kind.weight() >= g.pending.kind.weight() {
		g.pending = &r
	}
}

// grant takes note that response id began, and returns our request that it answers;
// nil if the model began it by itself.
func (g *gate) grant(id, kind string) *request {
	g.state, g.active = gateActive, id
	ours := g.sent != nil && (kind == string(g.sent.kind) || kind == "" && !g.own)
	if !ours {
		g.own = false
		return nil
	}
	r := g.sent
	g.sent = nil
	return r
}

// release takes note that response id ended.
func (g *gate) release(id string) {
	if g.state == gateActive && g.active != id {
		return
	}
	g.active = ""
	g.state = gateIdle
	if g.sent != nil || g.own {
		g.state = gateRequested
	}
}

// expectOwn takes note that the model will begin a response by itself, which answers
// whatever else is owed, except for a word of ours that must be said.
func (g *gate) expectOwn() {
	g.own = true
	if g.state == gateIdle {
		g.state = gateRequested
	}
	if g.pending != nil && g.pending.kind.weight() < respondGreeting.weight() {
		g.pending = nil
	}
}

// refused takes our request back: after a conflict it stays owed.
func (g *gate) refused(conflict bool) {
	r := g.sent
	g.sent = nil
	if r != nil && conflict && !r.void {
		if g.pending == nil || g.pending.kind.weight() < r.kind.weight() {
			g.pending = r
		}
	}
	if g.state == gateRequested {
		if conflict {
			g.own = true // some response runs that we have not been told of yet
			return
		}
		if !g.own {
			g.state = gateIdle
		}
	}
}

// reset gives up waiting.
func (g *gate) reset() {
	g.state, g.active, g.sent, g.own = gateIdle, "", nil, false
}
