#!/bin/sh
# Deploys one media host (infra/media-host.yaml): uploads the release, makes the address,
# and, once the name points there, starts the host or gives it the new release. Run it again
# after pointing the name, and for every new release.
#
#   DOMAIN=media1.example.com VPC=vpc-… SUBNET=subnet-… scripts/deploy-media.sh [NAME=VALUE…]
#
# Environment: STACK (the control plane's, callagent), BUCKET (callagent-<account>-<region>;
# made if it is not there), RELEASE (a tar.gz made before; else it is built). Further
# arguments are parameters of the template, such as InstanceType=t4g.medium.
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
: "${DOMAIN:?write DOMAIN=media1.example.com, the name of the host}"
: "${VPC:?write VPC=vpc-…; aws ec2 describe-vpcs --filters Name=is-default,Values=true names the default one}"
: "${SUBNET:?write SUBNET=subnet-…, a public one; aws ec2 describe-subnets --filters Name=vpc-id,Values=$VPC names them}"
control=${STACK:-callagent}
stack=$control-$(echo "$DOMAIN" | tr . -)
aws() { sh "$root/scripts/cloud-tools.sh" aws "$@"; }
export AWS_PAGER=""

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# release: the program for arm64 with its unit and Caddyfile. Same tree, same bytes, same
# name: tar and gzip are told to leave times and owners out.
release() {
	(cd "$root" && CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go build -trimpath -ldflags "-s -w" -o "$work/callagent" ./cmd/callagent)
	cp "$root/infra/callagent.service" "$root/infra/Caddyfile" "$work"
	tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -cf - callagent callagent.service Caddyfile | gzip -n >"$work/release.tar.gz"
}

if [ -n "${RELEASE:-}" ]; then cp "$RELEASE" "$work/release.tar.gz"; else release; fi
sum=$(sha256sum "$work/release.tar.gz" | cut -d' ' -f1)
key=media/$sum.tar.gz

region=$(aws configure get region 2>/dev/null || true)
region=${AWS_REGION:-${AWS_DEFAULT_REGION:-$region}}
: "${region:?write AWS_REGION=…, the region of the control plane}"
bucket=${BUCKET:-callagent-$(aws sts get-caller-identity --query Account --output text)-$region}
if ! aws s3api head-bucket --bucket "$bucket" >/dev/null 2>&1; then
	# us-east-1 is the one region that must not be named.
	if [ "$region" = us-east-1 ]; then
		aws s3api create-bucket --bucket "$bucket" >/dev/null
	else
		aws s3api create-bucket --bucket "$bucket" --create-bucket-configuration "LocationConstraint=$region" >/dev/null
	fi
	aws s3api put-public-access-block --bucket "$bucket" --public-access-block-configuration \
		BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true
fi
aws s3 cp --only-show-errors "$work/release.tar.gz" "s3://$bucket/$key"

deploy() {
	aws cloudformation deploy --stack-name "$stack" --template-file "$root/infra/media-host.yaml" --capabilities CAPABILITY_IAM \
		--no-fail-on-empty-changeset --parameter-overrides "ControlPlaneStack=$control" "DomainName=$DOMAIN" "VpcId=$VPC" "SubnetId=$SUBNET" \
		"ReleaseBucket=$bucket" "ReleaseKey=$key" "ReleaseSha256=$sum" "$@" >&2
}
output() {
	aws cloudformation describe-stacks --stack-name "$stack" --output text --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue"
}

if ! address=$(output Address 2>/dev/null) || [ -z "$address" ]; then
	deploy "$@" Start=false
	address=$(output Address)
fi
if ! getent ahostsv4 "$DOMAIN" | grep -q "^$address "; then
	echo "$DOMAIN does not point at $address yet. Make an A record for it, wait until it is known, and run this again."
	exit 3
fi
deploy "$@" Start=true
echo "$DOMAIN at $address runs release $sum."
echo "stream.hosts names it as $(output StreamHost)"
