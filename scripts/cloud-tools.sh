#!/bin/sh
# Tools from Python's index, one virtual environment each, outside the tree: the cloud's (sam,
# cfn-lint, aws, the emulator ministack) and the fuzzer schemathesis. The first use downloads;
# a second one does nothing.
#
#   scripts/cloud-tools.sh                install the cloud's four
#   scripts/cloud-tools.sh sam            install one, and print the path of its program
#   scripts/cloud-tools.sh aws s3 ls      install one, and run it
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
python=${PYTHON:-python3}
tools=${CALLAGENT_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/callagent/tools}

requirements() {
	case $1 in
	ministack) echo "$root/infra/emulator/requirements.txt" ;;
	schemathesis) echo "$root/infra/schemathesis/requirements.txt" ;;
	esac
}

# pin NAME: what pip installs for a tool. The emulator executes what a template tells it
# to, and the fuzzer is given a token, so everything of them is pinned by hash; the others by version.
pin() {
	case $1 in
	sam) echo "aws-sam-cli==1.170.0" ;;
	cfn-lint) echo "cfn-lint==1.58.0" ;;
	aws) echo "awscli==1.46.3" ;;
	ministack | schemathesis) echo "--require-hashes -r $(requirements "$1")" ;;
	*)
		echo "no tool called $1; there are sam, cfn-lint, aws, ministack and schemathesis" >&2
		return 64
		;;
	esac
}

# folder NAME: where a tool lives. It is named after the pin, so that another pin is
# another environment and nobody removes one that is in use.
folder() {
	{
		pin "$1" | sed "s|$root||"
		if [ -n "$(requirements "$1")" ]; then cat "$(requirements "$1")"; fi
	} | cksum | { read -r sum _; echo "$tools/$1-$sum"; }
}

# install NAME: one at a time; the mark "installed" is set last, so that a download that was
# cut off is never taken for a tool.
install() {
	spec=$(pin "$1")
	dir=$(folder "$1")
	if [ -e "$dir/installed" ]; then return; fi
	mkdir -p "$tools"
	lock="$dir.lock"
	until mkdir "$lock" 2>/dev/null; do
		if [ -e "$dir/installed" ]; then return; fi
		# A lock whose owner is gone is left by a killed run.
		if [ -e "$lock/pid" ] && ! kill -0 "$(cat "$lock/pid")" 2>/dev/null; then rm -rf "$lock"; fi
		sleep 1
	done
	echo $$ >"$lock/pid"
	trap 'rm -rf "$lock"' EXIT
	if [ ! -e "$dir/installed" ]; then
		echo "installing $1 into $dir (once)" >&2
		rm -rf "$dir"
		if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
			echo "$python is older than 3.11; set PYTHON to a newer one" >&2
			return 1
		fi
		"$python" -m venv "$dir"
		# shellcheck disable=SC2086 # the pin is words on purpose
		sh "$root/scripts/again.sh" "$dir/bin/python" -m pip install --quiet --disable-pip-version-check $spec >&2
		: >"$dir/installed"
	fi
	rm -rf "$lock"
	trap - EXIT
}

if [ $# -eq 0 ]; then
	for t in sam cfn-lint aws ministack; do install "$t"; done
	exit
fi
name=$1
shift
install "$name"
if [ $# -eq 0 ]; then
	echo "$(folder "$name")/bin/$name"
	exit
fi
exec "$(folder "$name")/bin/$name" "$@"
