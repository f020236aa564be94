#!/bin/sh
# The templates without a warning, and the functions built as a deployment builds them.
set -eu
cd "$(dirname "$0")/.."
export SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1
sh scripts/cloud-tools.sh sam validate --lint --template template.yaml
sh scripts/cloud-tools.sh cfn-lint template.yaml infra/media-host.yaml
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
CGO_ENABLED=0 GOFLAGS="-trimpath '-ldflags=-s -w' -tags=lambda.norpc" sh scripts/cloud-tools.sh sam build --build-dir "$build" >/dev/null 2>"$build.log" || { cat "$build.log" >&2; exit 1; }
rm -f "$build.log"
