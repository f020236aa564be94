#!/bin/sh
# Real hosts of the plugin, from npm, outside the tree. The first use downloads (0.8 GB on
# the disk); a second one does nothing.
#
#   scripts/openclaw.sh NAME           installs scripts/NAME (openclaw, or clawdbot-2026-1)
#   scripts/openclaw.sh NAME CMD…      and runs CMD with the Node that it came with, `node`
#                                      first in the path, and the packages' folder in
#                                      OPENCLAW_MODULES
#
# No script of a package is run: nothing here needs one. NODE24, if set, is used in place of
# the Node of npm, which there is for Linux alone.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
name=${1:?usage: scripts/openclaw.sh openclaw|clawdbot-2026-1 [command…]}
shift
source=$here/$name
[ -f "$source/package-lock.json" ] || { echo "openclaw.sh: there is no $source/package-lock.json" >&2; exit 64; }
sum=$(find "$source" -path '*/libsignal/*' -type f -o -name 'package*.json' -type f | sort | xargs cat | cksum | cut -d' ' -f1)
home=${XDG_CACHE_HOME:-$HOME/.cache}/callagent/$name-$sum

# All or nothing: the folder gets its name when it is whole.
if ! [ -d "$home" ]; then
	command -v npm >/dev/null || { echo "openclaw.sh: there is no npm; install Node 20 or newer" >&2; exit 1; }
	mkdir -p "$(dirname "$home")"
	new=$(mktemp -d "$home.XXXXXX")
	trap 'rm -rf "$new"' EXIT
	echo "openclaw.sh: installing $name into $home (once)" >&2
	cp "$source/package.json" "$source/package-lock.json" "$new/"
	if [ -d "$source/libsignal" ]; then cp -R "$source/libsignal" "$new/"; fi
	(cd "$new" && sh "$here/again.sh" npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2)
	[ -d "$home" ] || mv "$new" "$home" # there it is where somebody else was faster
	rm -rf "$new"
	trap - EXIT
fi
[ $# -gt 0 ] || { echo "$home"; exit; }

modules=$home/node_modules
for node in ${NODE24:+"$NODE24"} "$modules"/node-linux-*/bin/node; do
	if "$node" --version >/dev/null 2>&1; then
		mkdir -p "$home/bin"
		ln -sf "$node" "$home/bin/node"
		PATH=$home/bin:$PATH OPENCLAW_MODULES=$modules exec "$@"
	fi
done
echo "openclaw.sh: npm has no Node for this machine; set NODE24 to a node of version 24.16 or newer" >&2
exit 1
