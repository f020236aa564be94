package prefetch

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

// TestAWebSocketsMemoryIsFound on both sides, in the version of gorilla's that is used here.
func TestAWebSocketsMemoryIsFound(t *testing.T) {
	found := func(side string, ws *websocket.Conn) {
		reading, writing := new(Set), new(Set)
		WebSocketReads(ws, reading)
		WebSocketWrites(ws, writing)
		if reading.Len() != 2 || writing.Len() != 3 {
			t.Errorf("%s: %d regions of 2 for reading, %d of 3 for writing", side, reading.Len(), writing.Len())
		}
	}
	served := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(served)
		ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer ws.Close()
		found("the server", ws)
	}))
	defer srv.Close()
	ws, res, err := (&websocket.Dialer{NetDial: net.Dial}).Dial("ws"+strings.TrimPrefix(srv.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	defer ws.Close()
	found("the client", ws)
	<-served
}
