package stream

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/media"
)

// A provider that can't put the token in the path names it in its start message
// (contract section 2): it has 5 s to do so, and at most 32 sockets may be at it.
const (
	nameWithin  = 5 * time.Second
	mostUnnamed = 32
)

var errNotNamed = errors.New("no start message within 5 s of the upgrade")

// serveUnnamed upgrades first and learns the token then. Until the token is found good,
// nothing is dialled and no call's place is taken.
func (h *Handler) serveUnnamed(w http.ResponseWriter, r *http.Request) {
	if !h.signed(r) {
		http.Error(w, "", http.StatusForbidden)
		return
	}
	left, ok := h.o.Sessions.admitUnnamed(mostUnnamed)
	if !ok {
		h.o.Meter.Refused(RefusedFull)
		full(w)
		return
	}
	phone, ok := h.upgrade(w, r)
	if !ok {
		left()
		return
	}
	h.carry(phone, left, func(ctx context.Context) { h.holdUnnamed(ctx, phone, left) })
}

// holdUnnamed holds the call that the phone's start message names. left gives the place among
// the unnamed back, as soon as a call's is taken.
func (h *Handler) holdUnnamed(ctx context.Context, phone media.Phone, left func()) {
	token, err := h.name(ctx, phone)
	if err != nil {
		h.o.Meter.Refused(refusalOf(err))
		h.o.Log.WarnContext(ctx, "media stream refused after the upgrade", "error", err)
		return
	}
	done, ok := h.o.Sessions.take(token.CallID, token.Attempt, h.o.Service.Now(), h.o.Config.MaxSessions)
	if !ok {
		h.o.Meter.Refused(RefusedFull)
		h.o.Log.WarnContext(ctx, "media stream refused after the upgrade: this host is full or stopping", "call_id", token.CallID, "attempt", token.Attempt)
		return
	}
	defer done()
	left()
	h.hold(ctx, phone, token)
}

// name reads up to the stream's start and checks the token in it. The session that
// follows is given the same start again.
func (h *Handler) name(ctx context.Context, phone media.Phone) (call.StreamToken, error) {
	named, ok := h.o.Sessions.await(phone)
	if !ok {
		return call.StreamToken{}, errors.New("this host is stopping")
	}
	defer named()
	limit := time.AfterFunc(nameWithin, func() { _ = phone.Close() })
	start, err := phone.Start()
	switch late := !limit.Stop(); {
	case late:
		return call.StreamToken{}, errNotNamed
	case err != nil:
		return call.StreamToken{}, err
	}
	return h.o.Service.CheckStream(ctx, start.Parameters["token"])
}
