#!/bin/sh
# The finished binary from outside: every scenario, in both of the model's formats.
# Each says by its exit status whether everything it states holds. They wait for audio
# in real time, so they run side by side.
set -u
out=out/e2e
mkdir -p "$out"
pids=
for scenario in books counter; do
	for format in audio/pcmu audio/pcm; do
		name=$scenario-$(basename "$format")
		bin/callagent demo --scenario "$scenario" --format "$format" --out "$out/$name" >"$out/$name.log" 2>&1 &
		pids="$pids $!:$name"
	done
done
failed=0
for p in $pids; do
	if wait "${p%%:*}"; then
		echo "ok   ${p#*:}"
	else
		echo "FAIL ${p#*:}"
		cat "$out/${p#*:}.log"
		failed=1
	fi
done
exit $failed
