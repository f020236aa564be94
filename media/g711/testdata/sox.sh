#!/bin/sh
# Makes mu-all.ul: SoX's mu-law code of each of the 65,536 samples, -32768 first.
set -eu
cd "$(dirname "$0")"
python3 -c 'import struct, sys; sys.stdout.buffer.write(struct.pack("<65536h", *range(-32768, 32768)))' |
	sox -D -t s16 -r 8000 -c 1 - -t ul mu-all.ul
