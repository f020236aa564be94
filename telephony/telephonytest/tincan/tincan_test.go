package tincan

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/clawdbot/call-agent/telephony/telephonytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTincanKeepsTheContract(t *testing.T) { telephonytest.Run(t, open) }

const page = "../../../docs/providers.md"

var (
	update = flag.Bool("update", false, "write tincan.go into docs/providers.md")
	fence  = regexp.MustCompile("(?s)\n```go\n(.*?)```\n")
)

// The page shows the whole provider, and nothing that is not compiled and tested here.
func TestThePageShowsThisVeryCode(t *testing.T) {
	provider, text := read(t, "tincan.go"), read(t, page)
	if *update {
		whole := fence.FindStringIndex(text)
		text = text[:whole[0]] + "\n```go\n" + provider + "```\n" + text[whole[1]:]
		if err := os.WriteFile(page, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	blocks := fence.FindAllStringSubmatch(text, -1)
	if len(blocks) == 0 || blocks[0][1] != provider {
		t.Error("the first block of Go in docs/providers.md is not tincan.go; run go test ./telephony/telephonytest/tincan -update")
	}
	all := provider + read(t, "vendor_test.go") + read(t, "tincan_test.go")
	for _, b := range blocks {
		if !strings.Contains(all, b[1]) {
			t.Errorf("docs/providers.md shows Go that is not in this package:\n%s", b[1])
		}
	}
	for _, link := range regexp.MustCompile(`\]\((\.\./[^)]+)\)`).FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat("../../../docs/" + link[1]); err != nil {
			t.Errorf("docs/providers.md points at what is not there: %v", err)
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
