# Every target works on a fresh clone. Node comes from the `node` package, whatever node the machine has.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.NOTPARALLEL:

JEST := node --disable-warning=ExperimentalWarning --experimental-vm-modules node_modules/jest/bin/jest.js
INSTALLED := node_modules/.package-lock.json
# Ends with one plain line, and fails where Jest would not: see tools/check-test-results.ts.
jest-run = mkdir -p results; rm -f $(2); status=0; \
	$(JEST) --selectProjects $(1) --json --outputFile=$(2) >/dev/null || status=$$?; \
	node tools/check-test-results.ts $(2) || { [ $$status -ne 0 ] || status=1; }; \
	exit $$status
GENERATED := api docs/reference

.PHONY: help
help: ## start: this list
	@awk -F ':.*## |: ' '/^[a-z][a-z-]*:.*## [a-z]+: / { \
		if (!($$2 in lines)) order[++groups] = $$2; \
		lines[$$2] = lines[$$2] sprintf("  make %-12s %s\n", $$1, $$3) } \
		END { for (i = 1; i <= groups; i++) printf "%s%s\n%s", (i > 1 ? "\n" : ""), order[i], lines[order[i]] }' $(MAKEFILE_LIST)

$(INSTALLED): package-lock.json
	@tools/install.sh
	@touch $@

.PHONY: install
install: $(INSTALLED) ## start: packages, exactly as locked, and the Node that everything here runs on

.PHONY: demo
demo: $(INSTALLED) ## start: watch a real MCP server being guarded (KEEP=1 leaves it running)
	@KEEP='$(KEEP)' node test/demo/run.ts

.PHONY: demo-cluster
demo-cluster: $(INSTALLED) ## start: watch the operator on a real Kubernetes API server, without a node (needs Go 1.26)
	@node test/demo/cluster.ts

.PHONY: generate
generate: $(INSTALLED) ## change: api types, configuration schema and reference pages from their sources
	@for generator in tools/generate-*.ts; do node $$generator; done

.PHONY: verify
verify: generate ## change: generate, then fail if that changed the tree
	@if [ -n "$$(git status --porcelain -- $(GENERATED))" ]; then \
		git --no-pager diff --stat -- $(GENERATED); git status --short -- $(GENERATED); \
		echo 'Generated files differ from what is committed: run `make generate` and commit.' >&2; exit 1; fi

.PHONY: build
build: $(INSTALLED) ## change: production bundles in dist/
	@node tools/build.ts

.PHONY: types
types: $(INSTALLED) ## test: types
	@tsc -p .
	@tsc -p test

.PHONY: lint
lint: $(INSTALLED) ## test: lint, with type-aware rules and the limits on size
	@oxlint --type-aware --deny-warnings

.PHONY: check
check: types lint ## test: types, lint, unit and architecture tests; under a minute, before each push
	@$(JEST) --selectProjects unit

.PHONY: test
test: types lint ## test: check, then integration tests with real sockets, servers and clients
	@$(call jest-run,unit integration,results/jest.json)

.PHONY: faults
faults: $(INSTALLED) ## test: what crashes, outages and wrong clocks do to the operator and its sidecars; some minutes
	@$(call jest-run,faults,results/faults.json)

.PHONY: conformance
conformance: $(INSTALLED) ## measure: the official MCP suite, through the gateway and direct
	@node test/conformance/run.ts

.PHONY: bench
bench: build ## measure: CPU, memory and start against a bare server; writes docs/benchmarks.md (QUICK=1 for a trial)
	@node test/bench/run.ts $(if $(QUICK),--quick)

.PHONY: soak
soak: $(INSTALLED) ## measure: operators whose connections are cut all the time: nothing missed, memory level (MINUTES=30)
	@MINUTES='$(or $(MINUTES),30)' node test/soak/run.ts

.PHONY: ready
ready: verify test faults conformance demo ## change: everything a change needs, in order

.PHONY: clean
clean: ## start: remove what was built, measured and installed
	@rm -rf dist results coverage .demo node_modules
