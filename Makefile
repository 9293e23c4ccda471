# Everything goes through bin/; nothing is installed outside this folder.
SHELL := /bin/bash
GO ?= go
REVIVE := github.com/mgechev/revive@v1.14.0
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
LAB_FLAGS ?=
PEERS_FLAGS ?=

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: lab
lab: build ## Build everything and start the lab with drover in it (LAB_FLAGS="--time-scale 10")
	bin/drover-lab up $(LAB_FLAGS)

.PHONY: build
build: drover drover-lab ## Build bin/drover and bin/drover-lab

.PHONY: drover
drover:
	@$(GO) run ./tools/build -o bin/drover ./cmd/drover

.PHONY: drover-lab
drover-lab:
	@$(GO) run ./tools/build -C lab -o ../bin/drover-lab ./cmd/drover-lab

# Properties are tested with the same random input each time, so that a test that
# passed once passes again; make soak looks for new input.
export RAPID_SEED ?= 1
PROPERTY_CHECKS ?= 3000

.PHONY: test
test: build ## Run every test: unit, conformance, end to end on the lab
	$(GO) test ./...
	cd lab && $(GO) test -timeout 20m ./...
	cd bench/peers && $(GO) test ./...

CLUSTERS ?= 200000
SEED ?= 1000000

.PHONY: soak
soak: ## What takes long: properties of random input, long scripts on the lab, every script in another region, many random clusters for the real kube-scheduler (CLUSTERS=200000 SEED=1000000)
	RAPID_SEED=0 RAPID_CHECKS=$(PROPERTY_CHECKS) $(GO) test ./internal/engine/... -timeout 0
	cd lab && DROVER_LONG=1 $(GO) test ./e2e -run TestScripts -timeout 80m
	cd lab && DROVER_LONG=1 DROVER_REGION=ap-northeast-2 $(GO) test ./e2e -run TestScripts -timeout 80m
	cd lab && $(GO) test ./oracle -run RandomClusters -v -timeout 0 -clusters $(CLUSTERS) -seed $(SEED) -keep $(CURDIR)/bin/soak

.PHONY: check
check: check-format check-generated ## Format, vet, lint, architecture, generated files
	$(GO) vet ./...
	cd lab && $(GO) vet ./...
	cd bench/peers && $(GO) vet ./...
	$(GO) run $(REVIVE) -config revive.toml -set_exit_status ./...
	$(GO) run $(STATICCHECK) ./...
	cd lab && $(GO) run $(STATICCHECK) ./...
	cd bench/peers && $(GO) run $(STATICCHECK) ./...
	$(GO) test ./test/architecture/...

.PHONY: check-format
check-format:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not formatted, run 'make format':"; echo "$$unformatted"; exit 1; fi

.PHONY: check-generated
check-generated: generate
	@git diff --exit-code --stat -- '*zz_generated*' go.mod go.sum lab/go.mod lab/go.sum bench/peers/go.mod bench/peers/go.sum || \
	{ echo "generated files were out of date: commit what 'make generate' wrote"; exit 1; }

.PHONY: generate
generate: ## Write generated files again
	$(GO) generate ./...
	cd lab && $(GO) generate ./...

.PHONY: format
format: ## Format the code
	gofmt -w $$(git ls-files '*.go')

.PHONY: bench
bench: build ## Benchmarks: the engine (DROVER_WORKLOADS=FOLDER adds its workloads, beside what PEERS.md there says of peers), and 1,000 mixed pods on the lab
	$(GO) test -run '^$$' -bench . -benchmem ./internal/engine/...
	cd lab && $(GO) test ./e2e -run '^$$' -bench . -benchtime 1x -timeout 30m

.PHONY: bench-peers
bench-peers: ## The engine beside Karpenter's scheduler, same pods and types (PEERS_FLAGS="--workloads FOLDER", --help)
	cd bench/peers && $(GO) run . $(PEERS_FLAGS)

METADATA_MOCK := github.com/aws/amazon-ec2-metadata-mock/cmd/ec2-metadata-mock@v1.13.0

.PHONY: check-metadata
check-metadata: ## Read another implementation of the instance metadata service: amazon-ec2-metadata-mock
	@set -e; mkdir -p bin; GOBIN=$(CURDIR)/bin $(GO) install $(METADATA_MOCK); \
	bin/ec2-metadata-mock --hostname 127.0.0.1 --port 13380 --imdsv2 >bin/ec2-metadata-mock.log 2>&1 & mock=$$!; trap "kill $$mock" EXIT; \
	for n in 1 2 3 4 5 6 7 8 9 10; do curl -s -o /dev/null http://127.0.0.1:13380/ && break; sleep 0.5; done; \
	DROVER_METADATA_MOCK=http://127.0.0.1:13380 $(GO) test -count=1 -run AnotherImplementation -v ./internal/cloud/aws/metadata

.PHONY: mutation
mutation: ## Break every rule of the engine on purpose: a test must go red (about 20 minutes)
	$(GO) test -tags mutation -count=1 -run TestMutantsAreFound -timeout 90m ./test/mutation

.PHONY: fuzz
fuzz: ## Run every fuzz test of the root module for FUZZTIME each (default 30s)
	@set -e; for package in $$($(GO) list ./...); do \
	  for name in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
	    echo "$$package $$name"; $(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(or $(FUZZTIME),30s) $$package; \
	  done; done

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin
