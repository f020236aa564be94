#!/bin/sh
# Runs a command that downloads: where it fails, twice more after a wait, for a registry
# that stumbles must not take a run of CI down.
#
#   scripts/again.sh CMD…
set -u
for wait in 5 20; do
	"$@" && exit
	echo "again.sh: $1 failed; once more in $wait s" >&2
	sleep "$wait"
done
exec "$@"
