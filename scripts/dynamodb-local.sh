#!/bin/sh
# Amazon's DynamoDB Local, for tests and for `make local`.
#
#   scripts/dynamodb-local.sh           fetches it; a second run does nothing
#   scripts/dynamodb-local.sh run PORT  runs it in the foreground on 127.0.0.1:PORT, in
#                                       memory, until it is interrupted
#
# It lives below ${XDG_CACHE_HOME:-~/.cache}/callagent, never in the tree. It needs Java 17,
# and Maven for the first run.
set -eu
scripts=$(cd "$(dirname "$0")" && pwd)
source=$scripts/dynamodb-local
home=${XDG_CACHE_HOME:-$HOME/.cache}/callagent/dynamodb-local-3.1.0

say() { echo "dynamodb-local: $*" >&2; }

fetch() {
	command -v javac >/dev/null || { say "there is no javac; install a JDK, 17 or newer (Debian: openjdk-17-jdk-headless)"; exit 1; }
	# All or nothing: the folder gets its name when it is whole.
	if ! [ -d "$home" ]; then
		command -v mvn >/dev/null || { say "there is no mvn; install Maven (Debian: maven)"; exit 1; }
		mkdir -p "$(dirname "$home")"
		new=$(mktemp -d "$home.XXXXXX")
		trap 'rm -rf "$new"' EXIT
		say "downloading version 3.1.0, about 50 MB"
		sh "$scripts/again.sh" mvn -q -B -f "$source/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$new/lib" >&2
		[ -d "$home" ] || mv "$new" "$home" # there it is where somebody else was faster
	fi
	if ! cmp -s "$source/Loopback.java" "$home/Loopback.java"; then
		classes=$(mktemp -d "$home/classes.XXXXXX")
		javac -d "$classes" -cp "$home/lib/*" "$source/Loopback.java"
		mv "$classes/Loopback.class" "$home/"
		cp "$source/Loopback.java" "$home/Loopback.java"
		rm -rf "$classes"
	fi
}

fetch
case ${1:-} in
"") ;;
run)
	exec java -Djava.library.path="$home/lib" -cp "$home:$home/lib/*" Loopback "${2:-8000}" stay
	;;
*)
	say "usage: $0 [run PORT]"
	exit 2
	;;
esac
