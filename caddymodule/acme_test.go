package caddymodule

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/caddytls"
	_ "github.com/caddyserver/caddy/v2/modules/caddytls/standardstek"
	"github.com/miekg/dns"

	"github.com/clawdbot/call-agent/internal/config"
	"github.com/clawdbot/call-agent/internal/demo"
	"github.com/clawdbot/call-agent/internal/freeport"
)

// pebbleVersion is the ACME server of the test: Let's Encrypt's own, made for tests.
const pebbleVersion = "github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.1"

const (
	siteName  = "call.example.test"
	mediaName = "media.example.test"
)

// TestTheShippedCaddyfileObtainsItsCertificate goes live as the documents say: the
// shipped Caddyfile, a name, and everything else by environment. A whole call then runs
// over https and wss with the certificate that came, its stream under another name.
func TestTheShippedCaddyfileObtainsItsCertificate(t *testing.T) {
	clock.Store(nil)
	port, plain := freePort(t), freePort(t)
	ca := newPebble(t, plain, port)
	base := fmt.Sprintf("https://%s:%s", siteName, port)
	listen := net.JoinHostPort("127.0.0.1", port)
	err := demo.Run(t.Context(), demo.Options{
		Out: t.TempDir(), Stdout: t.Output(),
		Secure: &demo.Secure{
			Base: base, Streams: []string{fmt.Sprintf("wss://%s:%s", mediaName, port)},
			Listen: listen, Roots: ca.roots,
		},
		Serve: func(_ context.Context, site demo.Site) (func() error, error) {
			return ca.serveShipped(t, site, plain, port)
		},
	})
	if err != nil {
		t.Error(err)
	}
}

// serveShipped runs the shipped Caddyfile, with what a test has to say of ports,
// folders and its authority put into the global options.
func (ca *pebble) serveShipped(t *testing.T, site demo.Site, plain, port string) (func() error, error) {
	shipped, err := os.ReadFile(filepath.Join("..", "Caddyfile"))
	if err != nil {
		return nil, err
	}
	const admin = "admin {$CALLAGENT_ADMIN:localhost:2019}"
	if strings.Count(string(shipped), admin) != 1 {
		t.Fatal("the shipped Caddyfile has changed: where are its global options?")
	}
	options := fmt.Sprintf("admin off\n\tpersist_config off\n\tdefault_bind 127.0.0.1\n\thttp_port %s\n\thttps_port %s\n\tstorage file_system %q\n\tacme_ca %s\n\tacme_ca_root %q\n\tlog {\n\t\toutput file %q\n\t}\n\tskip_install_trust",
		plain, port, t.TempDir(), ca.directory, ca.trust, site.LogTo)
	if err := environment(site.Secrets); err != nil {
		return nil, err
	}
	t.Setenv(listenVariable, fmt.Sprintf("https://%s, https://%s", siteName, mediaName))
	for name, value := range flat(t, "", site.Document) {
		t.Setenv(name, os.Expand(strings.ReplaceAll(value, "{env.", "${"), os.Getenv))
	}
	now := site.Now
	SetClock(now)
	text := strings.Replace(string(shipped), admin, options, 1)
	b, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		return nil, err
	}
	for _, w := range warnings {
		t.Log(w)
	}
	if err := caddy.Load(b, true); err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		if out, err := os.ReadFile(site.LogTo); err == nil && t.Failed() {
			t.Logf("Caddy says:\n%s", out)
		}
	})
	ca.awaitCertificates(t, site.Listen)
	return caddy.Stop, nil
}

// flat is a document as environment variables.
func flat(t *testing.T, path string, document map[string]any) map[string]string {
	all := map[string]string{}
	for word, value := range document {
		full := strings.TrimPrefix(path+"."+word, ".")
		if group, ok := value.(map[string]any); ok {
			for k, v := range flat(t, full, group) {
				all[k] = v
			}
			continue
		}
		key, ok := config.Lookup(full)
		if !ok {
			t.Fatalf("%s is no key", full)
		}
		switch v := value.(type) {
		case []any: // tokens, which may be objects
			list, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			all[key.Env()] = string(list)
		case []string:
			all[key.Env()] = strings.Join(v, ",")
		default:
			all[key.Env()] = fmt.Sprint(v)
		}
	}
	return all
}

// pebble is an ACME server that resolves every name to this machine and really visits it.
type pebble struct {
	directory, trust string // its directory's URL, and the file with the authority of its own certificate
	manage           string
	client           *http.Client
	roots            *x509.CertPool
}

func newPebble(t *testing.T, httpPort, tlsPort string) *pebble {
	t.Helper()
	dir := t.TempDir()
	p := &pebble{trust: filepath.Join(dir, "ca.pem")}
	p.ownCertificate(t, dir)
	listen, manage := net.JoinHostPort("127.0.0.1", freePort(t)), net.JoinHostPort("127.0.0.1", freePort(t))
	p.directory, p.manage = "https://"+listen+"/dir", "https://"+manage
	settings, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": listen, "managementListenAddress": manage,
		"certificate": p.trust, "privateKey": filepath.Join(dir, "key.pem"),
		"httpPort": json.Number(httpPort), "tlsPort": json.Number(tlsPort), "retryAfter": map[string]int{"authz": 1, "order": 1},
	}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "pebble.json")
	if err := os.WriteFile(file, settings, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), buildPebble(t), "-config", file, "-dnsserver", nameServer(t))
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=5")
	log, err := os.Create(filepath.Join(dir, "pebble.log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
		if out, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("pebble says:\n%s", out)
		}
	})
	p.roots = p.root(t)
	return p
}

// buildPebble builds the pinned server into the test's own folder; Go's caches keep it.
func buildPebble(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var out []byte
	var err error
	for range 3 { // a download may fail
		cmd := exec.CommandContext(t.Context(), "go", "install", pebbleVersion)
		cmd.Env = append(os.Environ(), "GOBIN="+dir, "CGO_ENABLED=0", "GOFLAGS=")
		if out, err = cmd.CombinedOutput(); err == nil {
			return filepath.Join(dir, "pebble")
		}
	}
	t.Fatalf("install %s: %v\n%s", pebbleVersion, err, out)
	return ""
}

// nameServer answers every question for an address with this machine's.
func nameServer(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0") // Pebble asks by TCP
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{Listener: l, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		if q.Question[0].Qtype == dns.TypeA {
			m.Answer = append(m.Answer, &dns.A{
				Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(127, 0, 0, 1),
			})
		}
		_ = w.WriteMsg(m)
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.ActivateAndServe() }()
	t.Cleanup(func() { _ = server.Shutdown(); <-done })
	return l.Addr().String()
}

// ownCertificate makes the certificate of the ACME server itself.
func (p *pebble) ownCertificate(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"ca.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	p.client = &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
}

// root waits for the server and returns the authority that it issues from.
func (p *pebble) root(t *testing.T) *x509.CertPool {
	t.Helper()
	for range 600 {
		res, err := p.client.Get(p.manage + "/roots/0")
		if err != nil {
			time.Sleep(100 * time.Millisecond) // a process is waited for
			continue
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		pool := x509.NewCertPool()
		if err != nil || !pool.AppendCertsFromPEM(body) {
			t.Fatalf("no root in %q: %v", body, err)
		}
		return pool
	}
	t.Fatal("pebble does not answer")
	return nil
}

// awaitCertificates waits until both names are served with a certificate of the authority.
func (p *pebble) awaitCertificates(t *testing.T, listen string) {
	t.Helper()
	for range 1200 {
		if p.certificate(t, listen, siteName) != nil && p.certificate(t, listen, mediaName) != nil {
			return
		}
		time.Sleep(100 * time.Millisecond) // an authority is waited for
	}
	t.Error("no certificate came within two minutes")
}

// certificate is what name is served with, or nil where it is none of the authority's.
func (p *pebble) certificate(t *testing.T, listen, name string) *x509.Certificate {
	t.Helper()
	d := tls.Dialer{Config: &tls.Config{ServerName: name, RootCAs: p.roots, MinVersion: tls.VersionTLS12}}
	conn, err := d.DialContext(t.Context(), "tcp", listen)
	if err != nil {
		return nil
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0]
}

func freePort(t *testing.T) string {
	t.Helper()
	port, err := freeport.Loopback(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
