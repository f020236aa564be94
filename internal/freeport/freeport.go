// Package freeport finds a port for a server that has to be told its address before it
// starts: one in another process, or one that goes down and comes back.
package freeport

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync/atomic"
)

// Ports from lowest on. From 32768 on Linux gives them to outgoing connections, one of
// which would soon have a port that is free now (net.ipv4.ip_local_port_range).
const (
	lowest = 10_000
	ports  = 22_000
	tries  = 50
)

// next counts the ports that were looked at, from a random one, so that neither this process
// nor another gives one out twice before its server listens.
var next atomic.Uint64

func init() { next.Store(rand.Uint64N(ports)) }

// Loopback is a port of 127.0.0.1 that nobody listens on, and no outgoing connection comes
// from. Any number of goroutines may ask at once; none gets what another got.
func Loopback(ctx context.Context) (string, error) {
	var err error
	for range tries {
		port := strconv.FormatUint(lowest+next.Add(1)%ports, 10)
		var l net.Listener
		if l, err = new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", port)); err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			return "", fmt.Errorf("free the port %s again: %w", port, err)
		}
		return port, nil
	}
	return "", fmt.Errorf("find a free port: %w", err)
}
