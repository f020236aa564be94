package stream

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/clawdbot/call-agent/call"
)

// EchoCall is the call id of the doctor's stream tokens. No call has it: ids that we
// make are 16 characters long. A stream under such a token repeats what it is sent, which
// proves name, TLS, proxies, the upgrade and the shared secret, and touches no call.
const EchoCall call.ID = "doctor"

// What an echo may cost: whoever knows stream.secret could as well open calls' streams,
// so this is against mistakes more than against malice.
const (
	echoSockets = 2
	echoFrames  = 8
	echoBytes   = 64 << 10
	echoTime    = 5 * time.Second
	// echoTokenLife is the longest life of a token that is taken: one that leaks from a log is soon worthless.
	echoTokenLife = time.Minute
)

// EchoToken is a token with which one may ask for an echo for half a minute.
func EchoToken(secret []byte, now time.Time) string {
	return call.StreamToken{CallID: EchoCall, Attempt: 1, Expires: now.Add(echoTokenLife / 2)}.Sign(secret)
}

// echoes counts the sockets that are being answered. The zero value is ready; it is safe
// for concurrent use.
type echoes struct{ open atomic.Int32 }

// serve answers a stream whose token is good and for an echo; of any other it says false
// and leaves it to the caller, who refuses what is forged or expired. It returns when the
// socket is closed, after echoTime at the latest.
func (e *echoes) serve(h *Handler, w http.ResponseWriter, r *http.Request, raw string) bool {
	now := h.o.Service.Now()
	token, err := call.ParseStreamToken(raw, h.o.Service.StreamSecret, now)
	if err != nil || token.CallID != EchoCall || token.Expires.Sub(now) > echoTokenLife {
		return false
	}
	if !h.signed(r) {
		http.Error(w, "", http.StatusForbidden)
		return true
	}
	defer e.open.Add(-1)
	if e.open.Add(1) > echoSockets {
		full(w)
		return true
	}
	ws, err := h.upgrader.Upgrade(hijackable{w}, r, nil)
	if err != nil { // Upgrade has answered
		h.o.Log.WarnContext(r.Context(), "echo not upgraded", "error", err)
		return true
	}
	defer ws.Close()
	echo(ws)
	return true
}

// echo repeats text frames until a limit is met or the other side has gone.
func echo(ws *websocket.Conn) {
	deadline := time.Now().Add(echoTime) // the wall clock's: sockets know no other
	_ = ws.SetReadDeadline(deadline)
	_ = ws.SetWriteDeadline(deadline)
	left := int64(echoBytes)
	for range echoFrames {
		ws.SetReadLimit(left) // a longer message is answered with a close, "too big"
		kind, message, err := ws.ReadMessage()
		if err != nil {
			return
		}
		if left -= int64(len(message)); kind != websocket.TextMessage || left <= 0 {
			break
		}
		if ws.WriteMessage(websocket.TextMessage, message) != nil {
			return
		}
	}
	_ = ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), deadline)
}
