package doctor

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"

	"github.com/gorilla/websocket"

	"github.com/clawdbot/call-agent/internal/app/stream"
	"github.com/clawdbot/call-agent/internal/config"
	"github.com/clawdbot/call-agent/telephony/twilio"
)

// streamTests are one per media host.
func streamTests(c *config.Config) []test {
	needs := []string{"server.publicBaseUrl", "stream.hosts", "stream.secret"}
	if c == nil || len(c.Stream.Hosts) == 0 { // the server itself is the media host
		return []test{{name: nameStream, needs: needs, online: true, do: func(ctx context.Context, p *patient) Check {
			return checkStream(ctx, p, "ws"+strings.TrimPrefix(p.config.Server.PublicBaseURL, "http"))
		}}}
	}
	var tests []test
	for _, host := range c.Stream.Hosts {
		tests = append(tests, test{name: nameStream + " " + hostOf(host), needs: needs, do: func(ctx context.Context, p *patient) Check {
			return checkStream(ctx, p, host)
		}})
	}
	return tests
}

// checkStream opens a stream that touches no call, and wants back what it sends.
func checkStream(ctx context.Context, p *patient, host string) Check {
	const said = "callagent doctor"
	target := host + "/voice/stream/" + stream.EchoToken([]byte(p.config.Stream.Secret.Reveal()), p.Now())
	header := http.Header{}
	if !p.mock() && len(p.config.Twilio.AuthTokens) > 0 {
		header.Set("X-Twilio-Signature", twilio.Sign(p.config.Twilio.AuthTokens[0].Reveal(), target, nil))
	}
	dialer := websocket.Dialer{Proxy: http.ProxyFromEnvironment, HandshakeTimeout: checkLimit, TLSClientConfig: &tls.Config{RootCAs: p.Roots, MinVersion: tls.VersionTLS12}}
	ws, res, err := dialer.DialContext(ctx, target, header)
	if err != nil {
		return refusedStream(res, err, hostOf(host))
	}
	defer ws.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = ws.SetReadDeadline(deadline)
		_ = ws.SetWriteDeadline(deadline)
	}
	ws.SetReadLimit(maxAnswer)
	if err = ws.WriteMessage(websocket.TextMessage, []byte(said)); err == nil {
		var heard []byte
		if _, heard, err = ws.ReadMessage(); err == nil && string(heard) == said {
			return fine(hostOf(host) + " opens streams, and what is sent comes back")
		}
	}
	return failed(fmt.Sprintf("%s opens the stream, but what is sent does not come back", hostOf(host)),
		"if a proxy stands before the server, let it pass WebSockets on in both directions, unbuffered")
}

// refusedStream reads why the upgrade failed.
func refusedStream(res *http.Response, err error, host string) Check {
	if res == nil {
		return failed(trouble(err, host), "check that stream.hosts names hosts that run the call agent, with valid certificates")
	}
	defer res.Body.Close()
	switch finding := fmt.Sprintf("%s refuses the stream (HTTP %d)", host, res.StatusCode); res.StatusCode {
	case http.StatusForbidden:
		return failed(finding+": it has another stream.secret or auth token, or runs an older program",
			"give every host the same stream.secret, and restart the server after every change of the configuration")
	case http.StatusGone:
		return failed(finding+": its clock is far from this one", "synchronise both clocks: sudo timedatectl set-ntp true")
	case http.StatusServiceUnavailable:
		return warning(finding+": it is stopping, or another doctor is there", "run the doctor again in half a minute")
	case http.StatusOK, http.StatusBadRequest, http.StatusUpgradeRequired:
		return failed(finding+": something on the way does not pass WebSockets on", "let the proxy before the server pass the headers Upgrade and Connection on")
	default:
		return failed(finding, "check that stream.hosts names hosts that run the call agent, and that the proxy before them passes /voice/stream/ on")
	}
}
