package demo

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gorilla/websocket"
)

// newModelProxy passes the model's socket on in both directions. Frames says what is sent
// beside the nth event of a connection; a frame that begins with 0 is sent as binary. It
// returns the proxy's base URL, under the path that the model has.
func newModelProxy(t *testing.T, model string, frames func(connection, event int) [][]byte) string {
	t.Helper()
	var connections atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimPrefix(r.URL.RequestURI(), "/v1")
		far, res, err := websocket.DefaultDialer.DialContext(r.Context(), model+path, http.Header{"Authorization": r.Header["Authorization"]})
		if err != nil {
			if res != nil {
				w.WriteHeader(res.StatusCode)
			}
			return
		}
		defer far.Close()
		near, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			return // gorilla has answered
		}
		defer near.Close()
		n := int(connections.Add(1))
		var back sync.WaitGroup
		back.Go(func() { pass(near, far, nil) })
		pass(far, near, func(event int) [][]byte { return frames(n, event) })
		_ = near.Close()
		back.Wait()
	}))
	t.Cleanup(srv.Close)
	return "ws" + strings.TrimPrefix(srv.URL, "http") + "/v1"
}

// pass copies messages until either side ends, and then ends the other.
func pass(from, to *websocket.Conn, beside func(event int) [][]byte) {
	defer to.Close()
	from.SetCloseHandler(func(code int, text string) error {
		return to.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(code, text))
	})
	for event := 1; ; event++ {
		kind, b, err := from.ReadMessage()
		if err != nil || to.WriteMessage(kind, b) != nil {
			return
		}
		if beside == nil {
			continue
		}
		for _, f := range beside(event) {
			kind := websocket.TextMessage
			if f[0] == 0 {
				kind = websocket.BinaryMessage
			}
			if to.WriteMessage(kind, f) != nil {
				return
			}
		}
	}
}
