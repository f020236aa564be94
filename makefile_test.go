package callagent

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestEveryCommandTheDocumentsNameIsARule: a rule that a merge took along is missed by
// nobody until a reader types it.
func TestEveryCommandTheDocumentsNameIsARule(t *testing.T) {
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	rules := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z0-9-]+):`).FindAllStringSubmatch(string(makefile), -1) {
		rules[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`(?m)^\.PHONY: (.+)$`).FindAllStringSubmatch(string(makefile), -1) {
		for _, name := range regexp.MustCompile(`\S+`).FindAllString(m[1], -1) {
			if !rules[name] {
				t.Errorf("Makefile declares %q and has no rule for it", name)
			}
		}
	}
	documents, err := filepath.Glob("docs/*.md")
	if err != nil || len(documents) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	for _, name := range append(documents, "README.md", "CONTRIBUTING.md") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		// As code: at the start of a line, or behind a backquote.
		for _, m := range regexp.MustCompile("(?m)(?:^|`)make ([a-z][a-z0-9-]*)").FindAllStringSubmatch(string(text), -1) {
			if !rules[m[1]] {
				t.Errorf("%s names `make %s`, and the Makefile has no such rule", name, m[1])
			}
		}
	}
}
