# Gatehouse: what can be done with a checkout. `make help` lists it.
# Every target installs what it needs from the distribution.

SWIFT ?= swift
VENV := .build/venv
BUILD_FLAGS := -c release --explicit-target-dependency-import-check error
export GATEHOUSE_BINARY := $(CURDIR)/.build/release/gatehouse

BUILD_PACKAGES := pkg-config libsqlite3-dev libpq-dev libssl-dev libsodium-dev libcrypt-dev libzxcvbn-dev libidn2-dev libunistring-dev \
  libcurl4-openssl-dev libmaxminddb-dev libqrencode-dev
STORE_PACKAGES := python3 postgresql redis-server redis-sentinel pgbouncer
TEST_PACKAGES := python3-venv curl chromium chromium-driver
BENCH_PACKAGES := python3 nginx-light wrk postgresql redis-server

.DEFAULT_GOAL := help
.PHONY: help run build test test-swift test-python bench fuzz release format clean toolchain

help: ## Prints this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## Builds and serves on http://localhost:8080, with its data in ./data
	@$(GATEHOUSE_BINARY) serve

build: toolchain .build/packages-build ## Builds .build/release/gatehouse
	@$(SWIFT) build $(BUILD_FLAGS) --product gatehouse

test: test-swift test-python ## Runs every test

test-swift: toolchain .build/packages-build .build/packages-stores
	@$(SWIFT) build $(BUILD_FLAGS) --build-tests
	@SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=12 scripts/with-stores $(SWIFT) test $(BUILD_FLAGS) --skip-build --disable-xctest

test-python: toolchain .build/packages-build .build/packages-stores .build/packages-test $(VENV)/installed
	@$(SWIFT) build $(BUILD_FLAGS) --product gatehouse
	@$(VENV)/bin/python -m pytest -q tests/python

fuzz: toolchain .build/packages-build ## Throws mutated requests at the parser for longer than the tests do
	@$(SWIFT) build $(BUILD_FLAGS) --build-tests
	@GATEHOUSE_FUZZ_ROUNDS=2000000 $(SWIFT) test $(BUILD_FLAGS) --skip-build --disable-xctest --filter Fuzz

bench: build .build/packages-bench ## Measures speed and memory beside nginx and pgbench, in one run
	@python3 scripts/bench.py

release: toolchain .build/packages-build ## Builds a stripped binary with the Swift runtime inside: .build/gatehouse
	@$(SWIFT) build $(BUILD_FLAGS) --product gatehouse --static-swift-stdlib --scratch-path .build/static
	@cp .build/static/release/gatehouse .build/gatehouse && strip .build/gatehouse
	@ls -l .build/gatehouse

format: toolchain ## Formats the sources with the toolchain's swift-format
	@$(SWIFT) format --in-place --recursive --parallel Sources Tests Package.swift

clean: ## Removes what was built; your data stays
	@rm -rf .build

toolchain:
	@command -v $(SWIFT) >/dev/null || { \
	  echo "Swift 6.1 or newer is needed, and there is no '$(SWIFT)' here."; \
	  echo "Get it from https://www.swift.org/install/linux/ and put its usr/bin into PATH."; exit 1; }
	@$(SWIFT) --version 2>/dev/null | grep -Eq 'version (6\.[1-9]|6\.[1-9][0-9]|[7-9]|[1-9][0-9])' || { \
	  echo "Swift 6.1 or newer is needed; this is:"; $(SWIFT) --version; exit 1; }

.build/packages-%: Makefile
	@mkdir -p .build
	@scripts/install-packages $(if $(filter build,$*),$(BUILD_PACKAGES))$(if $(filter stores,$*),$(STORE_PACKAGES))$(if $(filter test,$*),$(TEST_PACKAGES))$(if $(filter bench,$*),$(BENCH_PACKAGES))
	@touch $@

$(VENV)/installed: tests/python/requirements.txt .build/packages-stores .build/packages-test
	@python3 -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@
