//go:build !386

package nonblock

import (
	"net"
	"testing"
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
