#!/bin/sh
# The way of people who have a Caddy of their own: xcaddy builds it with the module from
# this checkout. It builds without cgo and with trimmed paths, as our own binary does, so
# both share what is compiled; -mod=mod lets the fresh module pick up our go.mod.
set -eu
xcaddy=github.com/caddyserver/xcaddy/cmd/xcaddy@v0.4.5
caddy=$(go list -m -f '{{.Version}}' github.com/caddyserver/caddy/v2)
out=${OUT:-bin/caddy}
module=$(go list -m)
# The module is replaced by the checkout and is never looked up; where a proxy insists
# on being asked, the module cache answers first.
export GOPROXY="file://$(go env GOMODCACHE)/cache/download|$(go env GOPROXY)" GONOSUMDB="$module"
CGO_ENABLED=0 sh "$(dirname "$0")/again.sh" go run "$xcaddy" build "$caddy" --output "$out" --with "$module=./"
"$out" list-modules | grep -x http.handlers.call_agent
