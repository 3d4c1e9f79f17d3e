# make help lists what there is. A fresh machine needs Go, Node 20.19 or later and make.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN      := bin
STAMPS   := $(BIN)/.stamps
DATA_DIR := .data
VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -s -w -X faultline/cmd/internal/proc.Version=$(VERSION)

GOLANGCI_LINT_VERSION := v2.15.0
GOLANGCI_LINT         := $(BIN)/tools/golangci-lint-$(GOLANGCI_LINT_VERSION)

UI_SOURCES := docs/api/openapi.yaml $(shell find web/ui -type f \
	-not -path '*/node_modules/*' -not -path '*/dist/*' -not -path '*/e2e/*' -not -path '*/test-results/*' -not -name '*.tsbuildinfo')

.PHONY: help
help: ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

.PHONY: run
run: build engine ## set up what is missing, start Faultline with demo traffic on http://127.0.0.1:8080 (ARGS="--listen :8080" adds flags)
	exec $(BIN)/faultline up --demo --data-dir $(DATA_DIR) $(ARGS)

.PHONY: build
build: $(STAMPS)/tools ui ## the UI and the programs, into bin/
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/ ./cmd/...

.PHONY: ui
ui: web/ui/dist/index.html ## the web application, into web/ui/dist/

.PHONY: engine
engine: build ## install the embedded ClickHouse engine for this user (about 570 MB on disk, once)
	@$(BIN)/faultline engine install >/dev/null

.PHONY: test
test: check test-ui test-go e2e ## everything: formatting, vet, UI tests, Go tests with -race, the product in a browser

.PHONY: check
check: build # gofmt and go vet
	@scripts/gofmt.sh
	go vet ./...

.PHONY: test-go
test-go: build engine ## Go tests with -race; PKG=./graph/... for some, TESTFLAGS='-run Name -v' for more
	@scripts/test-go.sh

.PHONY: test-ui
test-ui: ui ## UI lint and unit tests
	cd web/ui && npm run --silent lint && npm run --silent test

.PHONY: e2e
e2e: build engine ## the built product with demo traffic, driven in a real browser
	@scripts/e2e.sh

.PHONY: exact
exact: build engine ## made-up and recorded traces in, however they may come; tables compared with the truth (recorded ones need ../shared/data)
	go test -count=1 -timeout 60m -v -run "TestExact|TestCrash" ./ingest -long
	EXACT=all go test -count=1 -timeout 90m -v -run "TestExact|TestAttacks" ./cmd/internal/tier ./cmd/faultline

.PHONY: fuzz
fuzz: ## every fuzz target in turn; FUZZTIME=30s each
	@scripts/fuzz.sh

.PHONY: bench
bench: build engine ## every Go benchmark; PKG=./graph/... BENCH=Match for some
	go test -run '^$$' -bench '$(or $(BENCH),.)' -benchmem $(or $(PKG),./...)

.PHONY: bench-ingest
bench-ingest: build engine ## what ingest costs for each span, on a core of its own; ARGS='-services 10000 -doors http' for other loads
	go test -count=1 -timeout 60m -v -run '^TestCostOfIngest$$' ./cmd/faultline -cost $(ARGS)

.PHONY: bench-memory
bench-memory: build engine ## what ingest takes of memory with 100,000 edges and 300,000 halves of calls that wait
	go test -count=1 -timeout 20m -v -run '^TestMemoryAtScale$$' ./cmd/internal/tier -scale $(ARGS)

.PHONY: bench-analysis
bench-analysis: build engine ## what the analysis of 99,000 edges takes, reading from the database included; ARGS='-looks-profile FILE'
	go test -count=1 -timeout 20m -v -run '^TestLooksAtScale$$' ./cmd/internal/tier -looks 4m $(ARGS)

.PHONY: score
score: ## how right the analysis is, on data with known truth; the tables of docs/accuracy.md
	go test -count=1 -v -timeout 30m -run 'Score|SingleFaults|FaultsOneAfterTheOther|QuietDay|TimeToDetect' ./analysis/cascade -long | grep -v '^=== '
	go test -count=1 -v -run 'ScoreFoundAlone' ./analysis | grep -v '^=== '
	go test -count=1 -v -timeout 60m -run 'Simulated|Recorded' ./analysis/dependency -long | grep -v '^=== '
	go test -count=1 -v -run AgainstBruteForce ./analysis/whatif | grep -v '^=== '
	go test -count=1 -v -run 'PoliciesAreRead' ./analysis/audit -long | grep -v '^=== '

.PHONY: lint
lint: $(GOLANGCI_LINT) ui ## golangci-lint, with the import directions of .golangci.yml, and the UI's linter
	$(GOLANGCI_LINT) run ./...
	cd web/ui && npm run --silent lint

.PHONY: clean
clean: ## remove what was built; keeps the data directory and the installed engine
	rm -rf $(BIN) web/ui/node_modules web/ui/test-results
	find web/ui/dist -mindepth 1 -not -name .gitkeep -delete

$(STAMPS)/tools: scripts/check-tools.sh go.mod
	@scripts/check-tools.sh
	@mkdir -p $(@D) && touch $@

# Not npm ci, which refuses a lock file without the native packages of every other platform. This installs
# what the lock file says as well, checks the same hashes, and changes neither it nor package.json.
$(STAMPS)/npm: web/ui/package.json web/ui/package-lock.json | $(STAMPS)/tools
	cd web/ui && npm install --no-save --no-audit --no-fund
	@touch $@

web/ui/dist/index.html: $(STAMPS)/npm $(UI_SOURCES)
	cd web/ui && npm run --silent build
	@touch $@

$(GOLANGCI_LINT):
	GOBIN=$(abspath $(BIN)/tools) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	@mv $(BIN)/tools/golangci-lint $@
