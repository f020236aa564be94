//go:build !386

package nonblock

import (
	"net"
	"testing"

	"github.com/clawdbot/call-agent/media/prefetch"
)

// TestASocketIsUsedDirectly: all else would go just as well if none was.
func TestASocketIsUsedDirectly(t *testing.T) {
	a, _ := sockets(t)
	if Wrap(a).raw == nil {
		t.Error("a socket is not used directly")
	}
	if p, _ := net.Pipe(); Wrap(p).raw != nil {
		t.Error("a pipe has no socket")
	}
	a.Close()
	if _, err := Wrap(a).Read(make([]byte, 1)); err == nil {
		t.Error("a closed one is read")
	}
}

// TestWhatAWriteTouchesIsFound, also in package net and in the runtime, whose names may change: then
// the bridge is as good as before, and slower.
func TestWhatAWriteTouchesIsFound(t *testing.T) {
	a, _ := sockets(t)
	s := new(prefetch.Set)
	if Wrap(a).Written(s); s.Len() != 5 {
		t.Errorf("%d regions of 5: the connection, its socket, and what that is of package net's and of the poller's", s.Len())
	}
}
