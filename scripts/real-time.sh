#!/bin/sh
# Tests that hold calls in real time. What they judge in tens of milliseconds fails where the
# machine was away for longer, as one with neighbours may be: the tests that fail are run once
# more, with none of the others beside them. A data race, a panic, a goroutine that is left
# or what cannot be built is none of that, and fails at once.
#
#   scripts/real-time.sh [FLAGS] PACKAGE…    as go test takes them; flags before packages
set -u
out=$(mktemp)
trap 'rm -f "$out"' EXIT
trap 'exit 130' INT TERM
if go test "$@" >"$out" 2>&1; then
	cat "$out"
	exit
fi
cat "$out"
failed=$(sed -n 's/^--- FAIL: \([A-Za-z0-9_]*\) .*/\1/p' "$out" | sort -u | paste -s -d '|' -)
if [ -z "$failed" ] || grep -qE '^WARNING: DATA RACE|^panic: |^fatal error: |found unexpected goroutines' "$out"; then exit 1; fi
echo "once more, by themselves: $failed"
go test -count=1 -run "^($failed)\$" "$@"
