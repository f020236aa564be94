// Package stream serves /voice/stream, with the token in the path or in the start
// message: it joins a phone's media stream, the record of the call and the model into
// one media session. It owns the live sessions of a process (Sessions). It decides
// nothing about calls: whether a stream may open, and what its end means, is the call
// service's word.
package stream

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/gorilla/websocket"

	"github.com/clawdbot/call-agent/call"
	"github.com/clawdbot/call-agent/internal/config"
	"github.com/clawdbot/call-agent/media"
	"github.com/clawdbot/call-agent/media/twiliostream"
)

// Config is what a session needs of the configuration.
type Config struct {
	// BaseURL, Model, Voice and APIKey select the model.
	BaseURL, Model, Voice, APIKey string
	// InputFormat is what the model is sent, OutputFormat what it answers: audio/pcmu,
	// audio/pcma or audio/pcm.
	InputFormat, OutputFormat string
	// MaxSessions is how many calls this process holds at once.
	MaxSessions int
	// Prices say what a session costs.
	Prices config.Prices
	// MaxCall bounds a call; SilencePrompt and SilenceHangup count from the end of the agent's playback.
	MaxCall, SilencePrompt, SilenceHangup time.Duration
	// BackchannelGuard lets a short, quiet word of the callee's not stop the agent.
	BackchannelGuard bool
}

// UpgradeCheck is how a provider's signature on the stream's upgrade is checked.
type UpgradeCheck struct {
	// Validate checks the request against one of the bases that stream URLs are made of.
	Validate func(r *http.Request, streamBaseURL string) error
	Hosts    []string
	// Require refuses what has no valid signature; otherwise it is only counted and logged.
	Require bool
}

// Options are what a Handler is made of.
type Options struct {
	Service  *call.Service
	Sessions *Sessions
	Config   Config
	// ValidateUpgrade is nil where the provider signs nothing.
	ValidateUpgrade *UpgradeCheck
	Log             *slog.Logger
	// Meter counts; nil counts nothing.
	Meter Meter
	// Moments lets a phone that asks for it be told what happens in its call, words
	// included. For the mock alone: a carrier never asks, and must not be told.
	Moments bool
	// Keep is what is kept of the sessions outside their records.
	Keep Keep
	// Hold keeps what the handler belongs to from being closed until release is called: a call
	// may last longer than the configuration that it came under. Nil: nobody closes it.
	Hold func() (release func())
	// Alone says that no other process takes requests to stop a call: whoever does tells
	// Sessions, and the record is looked at only when the lease is renewed.
	Alone bool
}

// Handler upgrades a stream and holds its call on a goroutine of its own, for whose end
// Drain and Close of Sessions wait. It is safe for concurrent use.
type Handler struct {
	o        Options
	upgrader websocket.Upgrader
	tools    []media.ToolDef
	echoes   echoes

	complaints complaints
}

// New makes the handler.
func New(o Options) *Handler {
	if o.Meter == nil {
		o.Meter = unmetered{}
	}
	if o.Hold == nil {
		o.Hold = func() func() { return func() {} }
	}
	h := &Handler{o: o, tools: modelTools(), upgrader: websocket.Upgrader{
		HandshakeTimeout: 5 * time.Second, ReadBufferSize: readBuffer, WriteBufferSize: writeBuffer,
	}}
	if o.Moments {
		h.upgrader.Subprotocols = []string{MomentsProtocol}
	}
	return h
}

// The buffers of a phone's socket are ample for a message: a frame with its envelope, 60 ms of
// audio, or a mark. The server's own are four times as large, and a pool of them would cost an
// allocation for each message.
const (
	readBuffer  = 1 << 10
	writeBuffer = 1 << 10
)

// ServeHTTP checks the token before the upgrade and returns after it; the call goes on.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw := r.PathValue("token")
	if raw == "" {
		h.serveUnnamed(w, r)
		return
	}
	if h.echoes.serve(h, w, r, raw) {
		return
	}
	token, err := h.o.Service.CheckStream(r.Context(), raw)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	if h.o.Moments && !websocket.IsWebSocketUpgrade(r) { // the mock's page asks so whether its link still works; no place is taken
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if !websocket.IsWebSocketUpgrade(r) {
		w.Header().Set("Upgrade", "websocket")
		http.Error(w, "this is a WebSocket", http.StatusUpgradeRequired)
		return
	}
	if !h.signed(r) {
		http.Error(w, "", http.StatusForbidden)
		return
	}
	done, ok := h.o.Sessions.take(token.CallID, token.Attempt, h.o.Service.Now(), h.o.Config.MaxSessions)
	if !ok {
		h.o.Meter.Refused(RefusedFull)
		full(w)
		return
	}
	phone, ok := h.upgrade(w, r)
	if !ok {
		done()
		return
	}
	h.carry(phone, done, func(ctx context.Context) { h.hold(ctx, phone, token) })
}

// carry begins to do what there is to do with a phone, and then gives its place back. It has a
// goroutine of its own: the request's would keep all that the server and its routes made for the
// request, and a stack of thirty frames, for as long as the call lasts. Its context is its own
// too: a session outlives a configuration reload, and nothing but itself and the process's end
// may cut it (architecture, "Media rules"). A panic is this call's alone, as it would be in a
// handler.
func (h *Handler) carry(phone media.Phone, done func(), do func(context.Context)) {
	release := h.o.Hold()
	go func() {
		ctx := context.Background()
		defer release() // last: it may close the sessions
		defer done()
		defer phone.Close()
		defer func() {
			if p := recover(); p != nil {
				h.o.Log.ErrorContext(ctx, "media stream panicked", "panic", p, "stack", string(debug.Stack()))
			}
		}()
		do(ctx)
	}()
}

func (h *Handler) upgrade(w http.ResponseWriter, r *http.Request) (media.Phone, bool) {
	ws, err := h.upgrader.Upgrade(hijackable{w}, r, nil)
	if err != nil { // Upgrade has answered
		h.o.Log.WarnContext(r.Context(), "media stream not upgraded", "error", err)
		return nil, false
	}
	if ws.Subprotocol() == MomentsProtocol {
		return newTeller(ws, h.o.Log), true
	}
	return twiliostream.New(ws), true
}

// full is answered before the upgrade, where the provider still sees it.
func full(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "5")
	http.Error(w, "this host is full or stopping", http.StatusServiceUnavailable)
}

func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusForbidden
	switch {
	case errors.Is(err, call.ErrBadToken):
	case errors.Is(err, call.ErrTokenExpired), errors.Is(err, call.ErrStreamTaken):
		status = http.StatusGone
	default:
		status = http.StatusServiceUnavailable
	}
	h.o.Meter.Refused(refusalOf(err))
	h.o.Log.WarnContext(r.Context(), "media stream refused", "status", status, "error", err)
	http.Error(w, "", status)
}

// signed checks the provider's signature over the stream's URL as we handed it out.
func (h *Handler) signed(r *http.Request) bool {
	v := h.o.ValidateUpgrade
	if v == nil {
		return true
	}
	var err error
	for _, host := range v.Hosts {
		if err = v.Validate(r, host); err == nil {
			return true
		}
	}
	h.o.Meter.Unsigned()
	if v.Require {
		h.o.Meter.Refused(RefusedUnsigned)
	}
	h.o.Log.WarnContext(r.Context(), "media stream without a valid provider signature", "refused", v.Require, "error", err)
	return !v.Require
}

// hijackable gives gorilla's Upgrader the http.Hijacker it asserts. Caddy's writers
// do not implement it but unwrap to one, which http.ResponseController finds
// (research/aesthetics section 4, fact 13).
type hijackable struct{ http.ResponseWriter }

// Hijack takes the connection over, with a cork on it.
func (w hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffers, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err //nolint:wrapcheck // gorilla answers with it
	}
	return twiliostream.Cork(conn), buffers, nil
}
