#!/bin/sh
# Deploys template.yaml on ministack, an emulator of AWS on this machine: no account, no
# Docker, loopback only. infra/emulator/README.md says where it differs from AWS.
#
#   scripts/deploy-emulator.sh run PORT               become the emulator; whoever runs this owns and ends it
#   scripts/deploy-emulator.sh wait PORT              until it answers, 120 s at most
#   scripts/deploy-emulator.sh start PORT             both, in the background; prints pid=…
#   scripts/deploy-emulator.sh deploy PORT CONFIG [NAME=VALUE…]
#                                                     write CONFIG as the configuration parameter, build, deploy with
#                                                     these parameters; prints api=…, url=… and the stack's outputs
#   scripts/deploy-emulator.sh stop PID               end what start began
#
# Environment: TEMPLATE (default template.yaml), STACK (callagent), BUILD (a folder outside
# the tree; its contents are replaced).
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/callagent
stack=${STACK:-callagent}
template=${TEMPLATE:-$root/template.yaml}
tool() { sh "$root/scripts/cloud-tools.sh" "$@"; }

usage() {
	sed -n 's/^#   \(scripts.*\)/\1/p' "$0" >&2
	exit 64
}

# emulator PORT: whoever runs after this talks to the emulator and to nothing else. The
# emulator takes a 12-digit access key for an account's number, so the key is none.
emulator() {
	unset AWS_PROFILE AWS_SESSION_TOKEN
	export AWS_ENDPOINT_URL="http://127.0.0.1:$1" AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
	export AWS_DEFAULT_REGION=us-east-1 AWS_REGION=us-east-1 AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
	export AWS_PAGER="" SAM_CLI_TELEMETRY=0 NO_PROXY="127.0.0.1,localhost" no_proxy="127.0.0.1,localhost"
}

# With AUTH the emulator holds every function to its role, as AWS does; a request with the
# key "test" is the account's owner. AWS_ENDPOINT_URL is what the functions get.
# MQTT and SFTP would listen on every interface and on fixed ports.
run() {
	emulator "$1"
	program=$(tool ministack)
	scratch=${TMPDIR:-/tmp}/ministack-$1
	mkdir -p "$scratch"
	export AUTH="${AUTH:-true}" GATEWAY_PORT="$1" BIND_HOST=127.0.0.1 IOT_MTLS_ENABLED=0 SFTP_ENABLED=0
	export TMPDIR="$scratch" S3_DATA_DIR="$scratch/s3" STATE_DIR="$scratch/state" LOG_LEVEL="${LOG_LEVEL:-INFO}"
	exec "$program"
}

await() {
	for _ in $(seq 240); do
		if curl -fsS --noproxy '*' "http://127.0.0.1:$1/_ministack/health" >/dev/null 2>&1; then return; fi
		sleep 0.5
	done
	echo "nothing answers on 127.0.0.1:$1 after 120 s; look at what the emulator printed" >&2
	return 1
}

start() {
	tool ministack >/dev/null
	log=${TMPDIR:-/tmp}/ministack-$1.log
	sh "$0" run "$1" >"$log" 2>&1 &
	pid=$!
	if ! await "$1"; then
		kill "$pid"
		return 1
	fi
	echo "pid=$pid log=$log"
}

# arch: the emulator runs functions on this machine, whatever the template says.
arch() {
	case $(uname -m) in
	aarch64 | arm64) echo arm64 ;;
	*) echo x86_64 ;;
	esac
}

# mend: the emulator judges every CreateSchedule as one in the group "default", whatever
# group it names, so that roles which are held to their group could create none.
mend() {
	everywhere='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"scheduler:CreateSchedule","Resource":"arn:aws:scheduler:*:*:schedule/default/*"}]}'
	tool aws cloudformation describe-stack-resources --stack-name "$stack" --output text \
		--query "StackResources[?contains(['StatusRole','ToolsRole','RetryRole'], LogicalResourceId)].PhysicalResourceId" | tr '\t' '\n' |
		while read -r role; do
			tool aws iam put-role-policy --role-name "$role" --policy-name emulator --policy-document "$everywhere"
		done
}

# The emulator has no TLS, and the bucket's policy refuses whoever comes without.
unlock() {
	tool aws s3api delete-bucket-policy --bucket "$(tool aws cloudformation describe-stack-resources --stack-name "$stack" --output text \
		--query "StackResources[?LogicalResourceId=='ArchiveBucket'].PhysicalResourceId")"
}

# CodeDeploy is not there, so a deployment without Canary is what can be shown.
deploy() {
	port=$1 config=$2
	shift 2
	emulator "$port"
	build=${BUILD:-$cache/emulator/$port}
	sh "$root/scripts/secrets.sh" write --replace "$config" >&2
	CGO_ENABLED=0 GOFLAGS="-trimpath '-ldflags=-s -w' -tags=lambda.norpc" \
		tool sam build --template "$template" --config-file "$root/samconfig.toml" --build-dir "$build" --parameter-overrides "Architecture=$(arch)" >&2
	tool aws s3api create-bucket --bucket "$stack-deploy" >/dev/null
	tool sam deploy --template-file "$build/template.yaml" --config-file "$root/samconfig.toml" --stack-name "$stack" --no-confirm-changeset \
		--no-resolve-s3 --s3-bucket "$stack-deploy" --parameter-overrides "Architecture=$(arch)" "$@" >&2
	mend
	unlock
	outputs=$(tool aws cloudformation describe-stacks --stack-name "$stack" --output text \
		--query "Stacks[0].Outputs[].join('=', [OutputKey, OutputValue])" | tr '\t' '\n')
	api=$(echo "$outputs" | sed -n 's/^ApiId=//p')
	echo "api=$api"
	echo "url=http://$api.execute-api.localhost:$port"
	echo "$outputs"
}

case ${1:-} in
run) [ $# -eq 2 ] || usage && run "$2" ;;
wait) [ $# -eq 2 ] || usage && await "$2" ;;
start) [ $# -eq 2 ] || usage && start "$2" ;;
deploy) [ $# -ge 3 ] || usage && shift && deploy "$@" ;;
stop) [ $# -eq 2 ] || usage && kill "$2" ;;
*) usage ;;
esac
