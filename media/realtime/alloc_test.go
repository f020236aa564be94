//go:build !race

package realtime

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/clawdbot/call-agent/media"
)

// TestADeltaIsReceivedWithGorillasAllocationAlone: a read's reader is gorilla's. Under the race
// detector a pool loses on purpose what is put into it.
func TestADeltaIsReceivedWithGorillasAllocationAlone(t *testing.T) {
	const deltas = 300
	said := make(chan struct{})
	cfg := serve(t, func(ws *websocket.Conn, _ *http.Request) {
		configured(t, ws, pcmu, pcmu)
		for range deltas {
			say(t, ws, delta)
		}
		close(said)
		_, _, _ = ws.NextReader() // until the agent leaves
	})
	agent, err := Dialer{Config: cfg}.Dial(t.Context(), testSetup(media.PCMU))
	if err != nil {
		t.Fatal(err)
	}
	defer agent.Close()
	<-said
	if n := testing.AllocsPerRun(deltas-1, func() {
		if ev, err := agent.Receive(); err != nil || ev == nil {
			t.Fatal(ev, err)
		}
	}); n != 1 {
		t.Errorf("a delta is received with %v allocations", n)
	}
}

// TestAFrameIsWrittenWithoutAnAllocation of ours or of anybody's.
func TestAFrameIsWrittenWithoutAnAllocation(t *testing.T) {
	cfg := serve(t, func(ws *websocket.Conn, _ *http.Request) {
		for _, _, err := ws.ReadMessage(); err == nil; _, _, err = ws.ReadMessage() {
		}
	})
	c := open(t, cfg, dial, time.Hour)
	defer c.Close()
	audio := strings.Repeat("A", 216)
	if n := testing.AllocsPerRun(500, func() {
		if err := c.WriteAudio(audio); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("a frame is written with %v allocations", n)
	}
}
