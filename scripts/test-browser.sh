#!/bin/sh
# The pages in a real browser: units of their modules in Node, then Debian's Chromium
# against servers of the tests' own, and against the binary. Installs what is missing.
set -eu
cd "$(dirname "$0")/../browsertest"

if ! command -v "${CHROMIUM:-chromium}" >/dev/null; then
	sh ../scripts/again.sh apt-get update -qq
	DEBIAN_FRONTEND=noninteractive sh ../scripts/again.sh apt-get install -y -qq --no-install-recommends chromium
fi
sh ../scripts/again.sh npm ci --silent --no-fund --no-audit
! grep -q '"resolved"' package-lock.json || { echo "package-lock.json names a registry: npm install --omit-lockfile-registry-resolved"; exit 1; }
node --test --test-reporter=spec unit/
node --test --test-reporter=spec --test-timeout=300000 console.test.js
node --test --test-reporter=spec --test-timeout=300000 console-login.test.js
node --test --test-reporter=spec --test-timeout=400000 phone.test.js
