#!/bin/sh
# Records the fillers, the words a callee hears while something takes long: one file
# each, headerless mu-law, 8 kHz, mono. Run from this folder; needs flite (voice slt,
# the voice of the stored apology) and sox: apt-get install flite sox.
set -eu
wav=$(mktemp --suffix=.wav)
trap 'rm -f "$wav"' EXIT

# filler NAME WORDS: the silence before the words is cut, as it would lengthen the wait.
# Band and level are the apology's.
filler() {
	flite -voice slt -t "$2" -o "$wav"
	sox -D "$wav" -t raw -e u-law -b 8 -r 8000 -c 1 "$1.ulaw" sinc 200-3400 gain -n -3 \
		silence 1 0.005 0.6% fade t 0.004 reverse silence 1 0.005 0.6% fade t 0.006 reverse pad 0 0.1
}

filler moment "One moment, please."
filler check "Let me just check."
filler second "Just a second."
filler bear "Bear with me, please."
