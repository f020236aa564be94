package dynamotest

import (
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheServerIsOneAndOnLoopbackAlone(t *testing.T) {
	server := Start(t)
	if server == nil {
		return
	}
	if again := Start(t); again != server {
		t.Errorf("a second server runs: %v", again)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport}).Get(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	at, err := url.Parse(server.Endpoint)
	if err != nil || at.Hostname() != "127.0.0.1" {
		t.Fatalf("%s, %v", server.Endpoint, err)
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		ip, ok := a.(*net.IPNet)
		if !ok || ip.IP.IsLoopback() || ip.IP.To4() == nil {
			continue
		}
		if c, err := net.DialTimeout("tcp", net.JoinHostPort(ip.IP.String(), at.Port()), time.Second); err == nil {
			c.Close()
			t.Errorf("it listens on %s too", ip.IP)
		}
	}
}
