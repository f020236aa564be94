package local

import (
	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/app/stream"
)

// Sessions are the live calls of the host, for operators.
func (h *Host) Sessions() []stream.Info { return h.sessions.List() }

// HangUp asks a call's live session to say goodbye; false if it has none here.
func (h *Host) HangUp(id call.ID) bool { return h.sessions.HangUp(id) > 0 }

// Live is the number of calls held or about to be.
func (h *Host) Live() int { return h.sessions.Len() }

// Draining says whether the host takes no call any more.
func (h *Host) Draining() bool { return h.draining.Load() }
