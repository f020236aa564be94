//go:build !linux || 386

package nonblock

import (
	"net"

	"github.com/clawdbot/call-agent/media/prefetch"
)

// raw is nothing here.
type raw struct{}

func rawOf(net.Conn) *raw { return nil }

func (*raw) read([]byte) (int, error)  { panic("nonblock: there is no raw socket on this system") }
func (*raw) write([]byte) (int, error) { panic("nonblock: there is no raw socket on this system") }

func (*raw) prefetch(*prefetch.Set) {}

func (*raw) written(*prefetch.Set) {}
