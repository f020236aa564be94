#!/bin/sh
# The finished binary from outside: every scenario, and books in all nine pairs of the
# model's formats. Each says by its exit status whether everything it states holds. They
# wait for audio in real time and need a fortieth of a processor each, so they run side
# by side: WIDTH at a time, the long ones first. What is judged in tens of milliseconds fails
# where the machine was away for longer: what fails is played once more, and says so.
set -u
out=out/e2e
width=${WIDTH:-8}
rm -rf "$out"
mkdir -p "$out"
play='
	scenario=${1%%:*} formats=${1#*:}
	in=${formats%%:*} to=${formats#*:} name=$scenario-$in-$to
	for once in "once more" "no more"; do
		if bin/callagent demo --scenario "$scenario" --input-format "audio/$in" --format "audio/$to" --out "'$out'/$name" >"'$out'/$name.log" 2>&1; then
			echo "ok   $name"
			exit
		fi
		echo "FAIL $name, $once:"
		cat "'$out'/$name.log"
	done
	exit 1'
{
	for scenario in model-dies interrupts busy counter books refuses bridge-down noanswer hangup voicemail; do
		echo "$scenario:pcmu:pcmu"
	done
	echo counter:pcm:pcm
	for pair in pcmu:pcma pcmu:pcm pcma:pcmu pcma:pcma pcma:pcm pcm:pcmu pcm:pcma pcm:pcm; do
		echo "books:$pair"
	done
} | xargs -P "$width" -n 1 sh -c "$play" e2e
