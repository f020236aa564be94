#!/bin/sh
# Runs the tests that are left out of a run with the race detector: those in files whose first
# line is the build constraint !race. They compute for long, and mostly in one goroutine.
set -eu
cd "$(dirname "$0")/.."
files=$(grep -rlx --include='*_test.go' '//go:build !race' .)
tests=$(echo "$files" | xargs grep -hoE '^func Test[A-Za-z0-9_]*' | sed 's/^func //' | paste -s -d '|' -)
# shellcheck disable=SC2046 # packages are words on purpose
go test -run "^($tests)\$" $(echo "$files" | xargs -n 1 dirname | sort -u)
