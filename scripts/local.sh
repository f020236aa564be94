#!/bin/sh
# The whole cloud on this machine: DynamoDB Local, the functions behind `callagent
# lambda-local`, and a Caddy media host beside them. Ctrl-C ends all three.
#
#   scripts/local.sh [CONFIG]    CONFIG is a configuration document; without one everything
#                                outside (Twilio, callee, model, calendar, hook) is simulated
#
# Ports, on loopback: API 4600, media host 4601, SSM and Scheduler 4602, DynamoDB 4603.
set -eu
cd "$(dirname "$0")/.."
for name in voice status tools calls retry notify; do
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -tags lambda.norpc -o "dist/local/$name/bootstrap" "./lambdas/$name"
done
sh scripts/dynamodb-local.sh
running=
end() {
	trap - EXIT INT TERM
	for p in $running; do kill "$p" 2>/dev/null || true; done
	wait
}
trap end EXIT INT TERM

await() {
	for _ in $(seq 60); do
		if curl -s -o /dev/null --noproxy '*' "$1"; then return; fi
		sleep 0.5
	done
	echo "nothing answers at $1 after 30 s" >&2
	exit 1
}

mkdir -p out
sh scripts/dynamodb-local.sh run 4603 >out/local-dynamodb.log 2>&1 &
running="$running $!"
await http://127.0.0.1:4603
bin/callagent lambda-local ${1:+--config "$1"} &
running="$running $!"
await http://127.0.0.1:4602
export AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local
export AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:4603 AWS_ENDPOINT_URL_SSM=http://127.0.0.1:4602
export CALLAGENT_PARAMETER=/callagent/config CALLAGENT_TABLE=callagent CALLAGENT_LISTEN=http://127.0.0.1:4601 CALLAGENT_ADMIN=127.0.0.1:4604
bin/callagent run --config infra/Caddyfile 2>out/local-media.log &
running="$running $!"
wait
