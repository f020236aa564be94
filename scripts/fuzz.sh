#!/bin/sh
# Runs every fuzz target of the module for FUZZTIME, beyond its seeds.
set -eu
out=$(mktemp)
trap 'rm -f "$out"' EXIT

# Go before 1.27 may take the end of its own FUZZTIME for a failure, most often on a busy
# machine (go.dev/issue/75804). A finding writes its input down, or says more than that.
clock_ran_out() {
	! grep -q 'Failing input written' "$out" &&
		[ "$(sed -n '/^--- FAIL/,/^FAIL/p' "$out" | sed -n 2p | tr -d ' \t')" = contextdeadlineexceeded ]
}

for pkg in $(go list ./...); do
	dir=$(go list -f '{{.Dir}}' "$pkg")
	for target in $(grep -hoE '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go 2>/dev/null | sed 's/^func //' | sort -u); do
		echo "fuzz $pkg $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-3s}" "$pkg" >"$out" 2>&1 && continue
		clock_ran_out && echo "  ended with the clock (go.dev/issue/75804)" && continue
		cat "$out"
		exit 1
	done
done
