#!/bin/sh
# Records apology.ulaw, the words a callee hears when the model is gone: headerless
# mu-law, 8 kHz, mono. Run from this folder; needs flite (voice slt) and sox.
set -eu
wav=$(mktemp --suffix=.wav)
trap 'rm -f "$wav"' EXIT
flite -voice slt -t "I am sorry, I am having a technical problem and have to hang up. Goodbye." -o "$wav"
# Band-limited to the telephone channel and levelled to -3 dB, so that it is as loud as the agent.
sox "$wav" -t raw -e u-law -b 8 -r 8000 -c 1 apology.ulaw sinc 200-3400 gain -n -3 pad 0.1 0.2
