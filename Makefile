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
# are two variants of them and no more: as in the binary, and with the race detector.
CORE      = ./call/... ./media/... ./telephony/... ./internal/...
CADDY     = . ./caddymodule/... ./cmd/...
PLAIN     = CGO_ENABLED=0 GOFLAGS="$$($(GO) env GOFLAGS) -trimpath"
FUZZTIME ?= 3s

.PHONY: build demo run test ci race bench fmt lint fuzz e2e xcaddy

build:
	$(PLAIN) $(GO) build -o bin/callagent ./cmd/callagent

# A whole call, with simulators in place of Twilio and OpenAI: SCENARIO=books|counter|…
demo: build
	bin/callagent demo --scenario "$(SCENARIO)" --out "$(OUT)" --model "$(MODEL)" --format "$(FORMAT)"

# The server for a person: mock telephony in the browser, a simulated model.
run: build
	bin/callagent try

# The quick part: unit, property and race tests.
test:
	$(PLAIN) $(GO) vet ./...
	$(GO) test -race $(CORE)
	$(PLAIN) $(GO) test $(CADDY)

race:
	$(GO) test -race $(CADDY)

# The finished binary from outside: every scenario, and two in both formats.
e2e: build
	sh scripts/e2e.sh

# Caddy with the module, as xcaddy builds it.
xcaddy:
	sh scripts/xcaddy.sh

fuzz:
	FUZZTIME=$(FUZZTIME) sh scripts/fuzz.sh

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./media/...

fmt:
	$(GOFUMPT) -w .

lint:
	@test -z "$$($(GOFUMPT) -l .)" || { echo "run make fmt; these files differ:"; $(GOFUMPT) -l .; exit 1; }
	$(PLAIN) $(GOLANGCI) run ./...

ci: lint test race fuzz e2e xcaddy
