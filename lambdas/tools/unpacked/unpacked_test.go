package unpacked

import (
	"bytes"
	"compress/gzip"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the data anew")

// library is a file of the library's, as go.mod has it.
func library(t *testing.T, name string) []byte {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/nyaruka/phonenumbers").Output()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "data", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func unzip(t *testing.T, packed []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func store(t *testing.T, name string, plain []byte) {
	t.Helper()
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.NoCompression)
	if err == nil {
		_, err = w.Write(plain)
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = os.WriteFile(name, b.Bytes(), 0o644) //nolint:gosec // it is published
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheDataAreTheLibrarysOwn(t *testing.T) {
	for name, ours := range map[string][]byte{"metadata": metadata, "shortnumber_metadata": shortMetadata} {
		want := unzip(t, library(t, name+".xml.gz"))
		if *update {
			store(t, name+".gz", want)
			continue
		}
		if got := unzip(t, ours); !bytes.Equal(got, want) {
			t.Errorf("%s has %d bytes that are not the library's %d; write them with -update", name, len(got), len(want))
		}
	}
}

// The runtime tells in which order a program's packages start. A test's own is another: what
// the testing package needs starts before.
func TestTheLibraryOfTheFunctionStartsWithThem(t *testing.T) {
	function := filepath.Join(t.TempDir(), "bootstrap")
	if out, err := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", function, "..").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cmd := exec.Command(function)
	cmd.Env = []string{"GODEBUG=inittrace=1"}
	trace, err := cmd.CombinedOutput()
	if err == nil || !bytes.Contains(trace, []byte("CALLAGENT_PARAMETER")) {
		t.Fatalf("the function has not said that its environment is missing: %v\n%s", err, trace)
	}
	ours, theirs := bytes.Index(trace, []byte("/lambdas/tools/unpacked @")), bytes.Index(trace, []byte("/nyaruka/phonenumbers @"))
	if ours < 0 || theirs < ours {
		t.Errorf("the library starts first, with its own data: this package is of no use any more\n%s", trace)
	}
}
