package telephonytest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/clawdbot/call-agent/call"
)

// The numbers that the suite calls, and our side's public address.
const (
	callee      = "+14155550123"
	otherCallee = "+14155550124"
	publicURL   = "https://agent.example/phone"
)

// rig is one provider over one fresh vendor.
type rig struct {
	testing.TB
	v     Vendor
	phone call.Telephony
	wire  *wire
}

func newRig(t testing.TB, v Vendor) *rig {
	r := &rig{TB: t, v: v}
	base := ""
	if !v.lacks(Carrier) {
		r.wire = newWire(t, v)
		base = r.wire.server.URL
	}
	r.phone = v.Open(base)
	return r
}

// dial is attempt n of a call to a number.
func dial(to string, n int) call.Dial {
	q := fmt.Sprintf("?callId=k3_Q-9&attempt=%d", n)
	return call.Dial{
		CallID: "k3_Q-9", Attempt: n, To: to,
		VoiceURL: publicURL + "/voice" + q, StatusURL: publicURL + "/status" + q, MachineURL: publicURL + "/amd" + q,
		RingTimeout: 25 * time.Second, MaxLength: 600 * time.Second,
		StreamToken: "k3_Q-9.1.1764000000.AbC-_d", StreamURL: "wss://agent.example/phone/voice/stream/k3_Q-9.1.1764000000.AbC-_d",
	}
}

// start places a call, which must succeed.
func (r *rig) start(to string) call.Started {
	r.Helper()
	started, err := r.phone.StartCall(r.Context(), dial(to, 1))
	if err != nil {
		r.Fatalf("StartCall: %v", err)
	}
	if started.ProviderCallID == "" {
		r.Fatal("a call was accepted and has no id")
	}
	return started
}

// discreet fails the test if an error holds a number or a secret.
func (r *rig) discreet(err error) {
	r.Helper()
	if err == nil {
		return
	}
	texts := []string{err.Error()}
	for next := unwrap(err); next != nil; next = unwrap(next) {
		texts = append(texts, next.Error())
	}
	said := strings.Join(texts, "\n")
	for _, secret := range append([]string{callee, callee[2:], otherCallee}, r.v.Secrets...) {
		if strings.Contains(said, secret) {
			r.Errorf("an error holds %q, which belongs into no log: %v", secret, err)
		}
	}
}

func unwrap(err error) error {
	u, ok := err.(interface{ Unwrap() error })
	if !ok {
		return nil
	}
	return u.Unwrap()
}

func name(r *rig) {
	if got := r.phone.Name(); got != r.v.Name || got == "" {
		r.Errorf("Name is %q, want %q", got, r.v.Name)
	}
}

// ours are the paths that the call agent serves, or will (contract sections 1, 2 and 6).
var ours = []string{
	"/tools", "/tools/call_agent", "/tools/call_agent_status", "/tools/call_agent_cancel", "/voice", "/status", "/amd", "/voice/stream",
	"/voice/stream/k3.1.2.x", "/healthz", "/readyz", "/calls", "/calls/k3", "/console", "/mcp", "/openapi.json", "/call_agent/drain",
}

// routes registers the provider's patterns beside ours and asks for each of our paths.
func routes(r *rig) {
	mux := http.NewServeMux()
	defer func() {
		if fault := recover(); fault != nil {
			r.Errorf("the provider's routes cannot be served beside ours: %v", fault)
		}
	}()
	for _, p := range []string{"/tools/", "/voice", "/status", "/amd", "/voice/stream/{token}"} {
		mux.Handle(p, http.NotFoundHandler())
	}
	theirs := r.phone.Routes()
	for pattern, h := range theirs {
		if h == nil {
			r.Fatalf("the route %q has no handler", pattern)
		}
		mux.Handle(pattern, h)
	}
	for _, path := range ours {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			_, pattern := mux.Handler(httptest.NewRequestWithContext(r.Context(), method, path, nil))
			if _, taken := theirs[pattern]; taken {
				r.Errorf("the provider's route %q takes %s %s, which is ours", pattern, method, path)
			}
		}
	}
}
