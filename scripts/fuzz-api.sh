#!/bin/sh
# Fuzzes the HTTP surface of a running server, with the mock provider and a simulated model, by
# its own description: no 5xx, no status, type or body that is not described. EXAMPLES bounds it.
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
schemathesis=$(sh "$root/scripts/cloud-tools.sh" schemathesis)
work=$(mktemp -d)
server=
finish() {
	if [ -n "$server" ]; then
		kill "$server" 2>/dev/null || true
		wait "$server" 2>/dev/null || true
	fi
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

# A free port, and none of those that Linux gives to outgoing connections, from 32768 on.
port=$(python3 -c '
import random, socket
while True:
    port = random.randrange(10000, 32000)
    try:
        socket.socket().bind(("127.0.0.1", port))
    except OSError:
        continue
    print(port)
    break')
"$root/bin/callagent" try --listen "localhost:$port" --out "$work/try" >"$work/out" 2>&1 &
server=$!
tries=0
until token=$(sed -n "s/.*Bearer \([^']*\)'.*/\1/p" "$work/out" | head -n 1) && [ -n "$token" ]; do
	tries=$((tries + 1))
	if [ "$tries" -gt 150 ] || ! kill -0 "$server" 2>/dev/null; then
		cat "$work/out" >&2
		echo "the server did not start" >&2
		exit 1
	fi
	sleep 0.2
done

cd "$work" # the fuzzer leaves its database where it runs
printf '[auth.openapi.token]\nbearer = "%s"\n' "$token" >schemathesis.toml # not where the list of processes shows it
"$schemathesis" run "http://localhost:$port/openapi.json" --url "http://localhost:$port" --seed 20 \
	--phases examples,coverage,fuzzing --max-examples "${EXAMPLES:-60}" --request-timeout 30 \
	--checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance
