#!/bin/sh
# Runs every fuzz target of the module for FUZZTIME, beyond its seeds. Each package is built
# once for all its targets, which takes as long as one of them runs.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
out=$work/out
found=$(go env GOCACHE)/fuzz # where go test -fuzz keeps the inputs that led somewhere new

# Go before 1.27 may take the end of its own FUZZTIME for a failure, most often on a busy
# machine (go.dev/issue/75804). A finding writes its input down, or says more than that.
clock_ran_out() {
	! grep -q 'Failing input written' "$out" &&
		[ "$(sed -n '/^--- FAIL/,/^FAIL/p' "$out" | sed -n 2p | tr -d ' \t')" = contextdeadlineexceeded ]
}

go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}} {{.Dir}}{{end}}' ./... >"$work/packages"
while read -r pkg dir; do
	targets=$(grep -hoE '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | sed 's/^func //' | sort -u)
	[ -n "$targets" ] || continue
	go test -c -fuzz . -o "$work/test" "$pkg"
	for target in $targets; do
		echo "fuzz $pkg $target"
		(cd "$dir" && exec "$work/test" -test.run '^$' -test.fuzz "^$target\$" -test.fuzztime "${FUZZTIME:-3s}" -test.fuzzcachedir "$found/$pkg") >"$out" 2>&1 && continue
		clock_ran_out && echo "  ended with the clock (go.dev/issue/75804)" && continue
		cat "$out"
		exit 1
	done
done <"$work/packages"
