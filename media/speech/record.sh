#!/bin/sh
# Records the clips of phrases.txt again: clips/<voice>.ulaw (8 kHz mu-law, one clip after the other)
# and clips/<voice>.tsv (phrase, offset, length, both in bytes). Needs flite and sox:
#   apt-get install flite sox
# flite is deterministic and sox runs without dither, so the same versions write the same bytes.
# Recorded with flite 2.2 (voices rms and slt) and sox 14.4.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# clip VOICE TEXT OUT: speak, trim the silence at both ends, bring every clip to one loudness.
clip() {
	flite -voice "$1" --setf duration_stretch=0.92 -t "$2" -o "$work/raw.wav"
	sox -D "$work/raw.wav" -r 8000 -b 16 -c 1 "$work/trim.wav" highpass 120 \
		silence 1 0.005 0.6% fade t 0.004 \
		reverse silence 1 0.005 0.6% fade t 0.006 reverse
	rms=$(sox "$work/trim.wav" -n stat 2>&1 | awk '/RMS +amplitude/ {print $3}')
	sox -D "$work/trim.wav" -t raw -r 8000 -c 1 -e mu-law "$3" \
		vol "$(awk -v r="$rms" 'BEGIN {print 0.09 / r}')"
}

# record ROLE FLITE_VOICE
record() {
	: >"$work/$1.ulaw"
	: >"$work/$1.tsv"
	offset=0
	awk -F'\t' -v role="$1" '$1 == role || $1 == "both" {print $2 "|" ($3 == "" ? $2 : $3)}' phrases.txt |
		while IFS='|' read -r phrase text; do
			clip "$2" "$text" "$work/clip.ulaw" </dev/null
			size=$(wc -c <"$work/clip.ulaw" | tr -d ' ')
			printf '%s\t%d\t%d\n' "$phrase" "$offset" "$size" >>"$work/$1.tsv"
			cat "$work/clip.ulaw" >>"$work/$1.ulaw"
			offset=$((offset + size))
		done
	mkdir -p clips
	mv "$work/$1.ulaw" "$work/$1.tsv" clips/
}

record agent rms
record callee slt
