package caddymodule

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
)

var update = flag.Bool("update", false, "rewrite golden files")

// divider stands between a Caddyfile and what comes of it: JSON, or the error's text.
const divider = "\n----------\n"

// TestCaddyfilesBecomeWhatTheyShould holds testdata/adapt against the adapter: every
// file is a Caddyfile, a line of dashes, and Caddy's JSON or the error. The shipped
// Caddyfile is among them by name, so that the two cannot drift apart.
func TestCaddyfilesBecomeWhatTheyShould(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "adapt", "*.caddyfiletest"))
	if err != nil || len(files) < 10 {
		t.Fatalf("%d golden files, %v", len(files), err)
	}
	t.Setenv("CALLAGENT_LISTEN", "call.example.com")
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".caddyfiletest"), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			input, want, found := strings.Cut(string(content), divider)
			if !found && !*update {
				t.Fatal("no line of dashes")
			}
			got := adapted(input)
			if *update {
				if err := os.WriteFile(file, []byte(strings.TrimSuffix(input, "\n")+divider+got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// adapted is what the adapter makes of a Caddyfile, or its error.
func adapted(input string) string {
	if name, ok := strings.CutPrefix(strings.TrimSpace(input), "# the file "); ok {
		shipped, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			return err.Error()
		}
		input = string(shipped)
	}
	b, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(input), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		return err.Error() + "\n"
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, b, "", "\t"); err != nil {
		return err.Error()
	}
	return pretty.String() + "\n"
}
