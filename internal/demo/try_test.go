package demo

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clawdbot/call-agent/internal/freeport"
)

func TestTheMachinesZoneHasAName(t *testing.T) {
	dir := t.TempDir()
	zones := filepath.Join(dir, "zoneinfo", "Europe")
	link, file, none := filepath.Join(dir, "localtime"), filepath.Join(dir, "timezone"), filepath.Join(dir, "none")
	if err := os.MkdirAll(zones, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(zones, "Vienna"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(zones, "Vienna"), link); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("Asia/Tokyo\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ tz, link, file, want string }{
		{"America/New_York", link, file, "America/New_York"},
		{":America/New_York", link, file, "America/New_York"},
		{"no zone", link, file, "Europe/Vienna"},
		{"Local", none, file, "Asia/Tokyo"},
		{"", file, none, "UTC"}, // a copy has no name
		{"", none, none, "UTC"},
	} {
		if got := zoneOf(c.tz, c.link, c.file); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestATakenPortIsRefusedWithTheWayOut(t *testing.T) {
	port, err := freeport.Loopback(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	taken := net.JoinHostPort("127.0.0.1", port)
	l, err := net.Listen("tcp", taken)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tryBase(t.Context(), taken); err == nil || !strings.Contains(err.Error(), "--listen") || !strings.Contains(err.Error(), taken) {
		t.Errorf("taken: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if base, err := tryBase(t.Context(), taken); err != nil || base != "http://"+taken {
		t.Errorf("free again: %q, %v", base, err)
	}
	if _, err := tryBase(t.Context(), "4545"); err == nil || !strings.Contains(err.Error(), "--listen") {
		t.Errorf("no address: %v", err)
	}
	if base, err := tryBase(t.Context(), ":0"); err != nil || base != "http://localhost:0" {
		t.Errorf("every address: %q, %v", base, err)
	}
}
