#!/bin/sh
# Records the corpus of the backchannel guard again: backchannels.ulaw and interruptions.ulaw
# (8 kHz mu-law, one clip after the other) and their .tsv (voice, phrase, offset, length, in
# bytes). Every phrase in four voices, all at one loudness; levels and noise are added by
# the test. Run from this folder; needs espeak-ng and sox: apt-get install espeak-ng sox.
# Recorded with espeak-ng 1.51 and sox 14.4; the same versions write the same bytes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# clip VOICE SPEED TEXT: the words without silence around them, band-limited as on the phone.
clip() {
	espeak-ng -v "$1" -s "$2" -w "$work/raw.wav" -- "$3"
	sox -D "$work/raw.wav" -r 8000 -b 16 -c 1 "$work/trim.wav" sinc 200-3400 \
		silence 1 0.005 0.6% fade t 0.004 reverse silence 1 0.005 0.6% fade t 0.006 reverse
	rms=$(sox "$work/trim.wav" -n stat 2>&1 | awk '/RMS +amplitude/ {print $3}')
	sox -D "$work/trim.wav" -t raw -r 8000 -c 1 -e mu-law "$work/clip.ulaw" vol "$(awk -v r="$rms" 'BEGIN {print 0.06 / r}')"
}

# record KIND SPEED: a phrase on each line of standard input.
record() {
	: >"$1.ulaw"
	: >"$1.tsv"
	offset=0
	while read -r phrase; do
		for voice in en-us+m3 en-us+f4 en-gb+m7 en-gb-scotland+f2; do
			clip "$voice" "$2" "$phrase" </dev/null
			size=$(wc -c <"$work/clip.ulaw" | tr -d ' ')
			printf '%s\t%s\t%d\t%d\n' "$voice" "$phrase" "$offset" "$size" >>"$1.tsv"
			cat "$work/clip.ulaw" >>"$1.ulaw"
			offset=$((offset + size))
		done
	done
}

record backchannels 170 <<'END'
Mm-hmm.
Uh-huh.
Yeah.
Okay.
Right.
Mm.
I see.
Aha.
Sure.
Yes.
Oh.
Hm.
Yep.
Ah, okay.
Yeah, yeah.
Got it.
END

record interruptions 165 <<'END'
No, wait a moment.
Sorry, could you repeat that?
Stop, please.
Hold on.
Who is this?
No, that does not work.
Excuse me, what did you say?
I am not interested.
Can we do another day?
Hello? I have a question.
What time was that?
Please do not call again.
Not on Tuesday.
Wait.
We are closed then.
Actually, Friday is better.
END
