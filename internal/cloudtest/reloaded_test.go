package cloudtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/clawdbot/call-agent/call"
)

// TestAMediaHostIsReloaded: in the middle of a conversation, to the same configuration, to one
// that is refused, and to one without the directive. No reload ends the call.
func TestAMediaHostIsReloaded(t *testing.T) {
	if !wanted(t) {
		return
	}
	t.Parallel()
	w, talking := newTalk(t)
	host := w.oneHost(nil)
	a, err := w.place("+14155550123")
	if err != nil {
		t.Fatal(err)
	}
	talking()
	for _, load := range []struct {
		caddyfile string
		refused   bool
	}{
		{caddyfile: shipped},
		{caddyfile: w.caddyfile("faulty", "call_agent {\n control_plane elsewhere\n}"), refused: true},
		{caddyfile: w.caddyfile("without", "respond 404")},
	} {
		if err := w.reload(host, load.caddyfile); (err != nil) != load.refused {
			t.Errorf("%s: %v", load.caddyfile, err)
		}
	}
	if d, err := w.status(a.CallID); err != nil || d.Status != call.InProgress || answers(host.url+"/readyz") {
		t.Errorf("the call is over, or the directive is still served: %+v, %v", d, err)
	}
	d := w.untilTold(a.CallID, patience)
	if d.Status != call.Completed || d.Outcome != call.Booked || len(d.Attempts) != 1 || d.Attempts[0].EndReason != call.EndBooked {
		t.Errorf("%s, %s after %+v", d.Status, d.Outcome, d.Attempts)
	}
	if texts, posts := w.notices(); w.events() != 1 || len(texts) != 1 || posts != 1 || len(w.twilio.Calls()) != 1 {
		t.Errorf("%d events, %d posts, %d calls", w.events(), posts, len(w.twilio.Calls()))
	}
	if err := w.reload(host, shipped); err != nil {
		t.Error(err)
	}
	w.await("the media host is ready again", patience, func() bool { return answers(host.url + "/readyz") })
}

// shipped is the Caddyfile of a media host.
var shipped = filepath.Join(root, "infra", "Caddyfile")

// caddyfile makes one like the shipped one with something else in its site.
func (w *world) caddyfile(name, site string) (path string) {
	w.Helper()
	path = filepath.Join(w.dir, name+".Caddyfile")
	text := "{\n admin {$CALLAGENT_ADMIN}\n}\n{$CALLAGENT_LISTEN} {\n" + site + "\n}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
	return path
}

// reload has a host take a configuration, as its service's ExecReload does.
func (w *world) reload(h *mediaHost, caddyfile string) error {
	w.Helper()
	cmd := exec.CommandContext(w.Context(), binary(w.T), "reload", "--config", caddyfile, "--force")
	cmd.Env = h.cmd.Env
	out, err := cmd.CombinedOutput()
	w.Logf("%s: %s", caddyfile, out)
	return err
}
