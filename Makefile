# One way to do each thing. CI calls these targets and nothing else.
GO        ?= go
SCENARIO  ?=
MODEL     ?=
FORMAT    ?=
OUT       ?= out/demo

# Tools, pinned. `go run` builds and caches them.
GOLANGCI  = $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOFUMPT   = $(GO) run mvdan.cc/gofumpt@v0.12.0

# Everything but the packages that link Caddy. Those take minutes to compile, so there
# are two variants of them and no more: as in the binary, and with the race detector, with
# which alone the module's own tests run.
# Three packages at a time, since some of them wait. internal/demo holds calls in real time,
# some at a time, and nothing must compute beside it.
CORE      = $$($(GO) list ./call/... ./media/... ./telephony/... ./internal/... | grep -v /internal/demo$$)
WHOLE     = . ./cmd/...
CADDY     = ./caddymodule/...
PLAIN     = CGO_ENABLED=0 GOFLAGS="$$($(GO) env GOFLAGS) -trimpath"
FUZZTIME ?= 3s

.PHONY: build demo run test ci fetch unit whole beside race bench fmt lint fuzz fuzz-api e2e xcaddy lambdas test-cloud test-browser local bench-lambda bench-bridge bench-bridge-short secrets sam-build deploy-media bench-codec soak

build:
	$(PLAIN) $(GO) build -o bin/callagent ./cmd/callagent

# A whole call, with simulators in place of Twilio and OpenAI: SCENARIO=books|counter|…
demo: build
	bin/callagent demo --scenario "$(SCENARIO)" --out "$(OUT)" --model "$(MODEL)" --format "$(FORMAT)"

# The server for a person: mock telephony in the browser, a simulated model.
run: build
	bin/callagent try

# The quick part: unit, property and race tests.
test: unit whole

unit:
	$(PLAIN) $(GO) vet ./...
	CALLAGENT_TEST_CLOUD=0 $(GO) test -race -p 3 $(CORE)
	$(PLAIN) sh scripts/unraced.sh
	sh scripts/real-time.sh -race ./internal/demo

whole:
	$(PLAIN) sh scripts/real-time.sh $(WHOLE)

race:
	sh scripts/real-time.sh -race $(CADDY)

# The finished binary from outside: every scenario, and two in both formats.
e2e: build
	sh scripts/e2e.sh

# The HTTP surface against its own description (openapi.json): no 5xx, nothing undescribed.
fuzz-api: build
	sh scripts/fuzz-api.sh

# Caddy with the module, as xcaddy builds it.
xcaddy:
	sh scripts/xcaddy.sh

# The functions as they are deployed, and the budget of their sizes.
LAMBDA    = CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w" -tags lambda.norpc
FUNCTIONS = voice status tools calls retry notify

lambdas:
	for f in $(FUNCTIONS); do GOOS=linux GOARCH=arm64 $(LAMBDA) -o dist/$$f/bootstrap ./lambdas/$$f || exit 1; done
	sh scripts/sizes.sh

# The cloud without an account: the store on DynamoDB Local, the template linted and
# deployed on an emulator with a call through it, fifty calls through the real functions.
test-cloud: build lambdas
	sh scripts/dynamodb-local.sh
	sh scripts/cloud-tools.sh
	sh scripts/lint-template.sh
	CALLAGENT_TEST_CLOUD=1 $(GO) test -race ./internal/store/dynamo/...
	CALLAGENT_TEST_CLOUD=1 $(PLAIN) $(GO) test -run DynamoDB ./internal/chaos
	CALLAGENT_TEST_CLOUD=1 $(PLAIN) sh scripts/real-time.sh -count=1 -timeout 15m -parallel 5 ./internal/cloudtest/...

# The pages in Debian's Chromium, with a voice for a microphone. Screenshots: out/browser.
test-browser: build
	sh scripts/test-browser.sh

# The whole cloud on this machine, for a person. CONFIG=document.json, or all simulated.
local: build
	sh scripts/local.sh $(CONFIG)

bench-lambda:
	sh scripts/dynamodb-local.sh
	$(GO) test -run '^$$' -bench Functions -benchtime 1x ./internal/lambdabench

# The media bridge beside the least that any bridge does: docs/performance.md. All of it
# takes more than half an hour; BRIDGE="-format pcmu -delta 20 -tls off" is one table.
BRIDGE   ?=
bench-bridge: build
	$(GO) run ./internal/bridgebench $(BRIDGE)

# 20 calls in each format, every frame counted, no time judged. A machine that was away for
# seconds loses frames: once more, then.
bench-bridge-short: build
	$(PLAIN) $(GO) run ./internal/bridgebench -smoke || $(PLAIN) $(GO) run ./internal/bridgebench -smoke

.PHONY: test-plugin test-clawdbot test-clawdbot-2026-1

# The assistant's plugin against a fake service. It needs Node 20 or newer, and nothing else.
test-plugin:
	node --test clawdbot/test/*.test.js

# The same in a real OpenClaw gateway, between stubs of Telegram and of the language model,
# with the real service behind it. The first run downloads the gateway and its Node.
test-clawdbot: build
	sh scripts/openclaw.sh openclaw node --test --test-reporter=spec scripts/openclaw/gateway.test.js

# The same folder in clawdbot 2026.1.24, by hand; docs/clawdbot.md keeps the record.
test-clawdbot-2026-1: build
	sh scripts/openclaw.sh clawdbot-2026-1 node --test --test-reporter=spec scripts/clawdbot-2026-1/gateway.test.js

# The codecs and filters, each beside a baseline.
bench-codec:
	$(GO) test -run '^$$' -bench . -benchmem ./media/g711 ./media/pcm

# 200 calls at a time; memory, goroutines and files must stay flat, and no frame be lost.
SOAK     ?= 30m
soak: build
	@mkdir -p out
	$(GO) run ./internal/bridgebench -soak $(SOAK) -soak-report out/soak.txt

# Deploying (docs/deploy.md). CONFIG is the configuration document.
CONFIG   ?=
secrets:
	sh scripts/secrets.sh write $(CONFIG)

sam-build:
	CGO_ENABLED=0 GOFLAGS="-trimpath '-ldflags=-s -w' -tags=lambda.norpc" sh scripts/cloud-tools.sh sam build

deploy-media:
	sh scripts/deploy-media.sh

fuzz:
	FUZZTIME=$(FUZZTIME) sh scripts/fuzz.sh

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./media/...

fmt:
	$(GOFUMPT) -w .

lint:
	@test -z "$$($(GOFUMPT) -l .)" || { echo "run make fmt; these files differ:"; $(GOFUMPT) -l .; exit 1; }
	$(PLAIN) $(GOLANGCI) run --allow-parallel-runners ./...
	@for s in darwin/arm64 linux/386; do \
		GOOS=$${s%/*} GOARCH=$${s#*/} CGO_ENABLED=0 $(GO) vet ./internal/hugeheap ./media/nonblock ./media/prefetch || exit 1; \
	done # what has files of its own for a system or a processor

# What no part downloads with a second try of its own: modules, and the tools of lint.
fetch:
	sh scripts/again.sh $(GO) list -deps -test ./... >/dev/null
	sh scripts/again.sh $(GOLANGCI) version
	sh scripts/again.sh $(GOFUMPT) -version

# Three parts that wait for audio in real time and hardly need a processor, side by side. What
# takes one, the compiling, is done before.
beside: build
	$(PLAIN) $(GO) test -run '^$$' $(WHOLE)
	$(GO) test -race -run '^$$' $(CADDY)
	$(MAKE) --output-sync=target -j 3 race whole e2e

ci: fetch lint test-plugin unit beside fuzz fuzz-api bench-bridge-short xcaddy test-cloud test-browser test-clawdbot
