# Entry points for people; everything is done by CMake, cargo and the scripts.
# Variables: BUILD_DIR, BUILD_TYPE (Release or Debug), EXAMPLE (a coap-example.c of your own), CMAKE_FLAGS; PREFIX and DESTDIR.

BUILD_DIR ?= build
BUILD_TYPE ?= Release
EXAMPLE ?=
CMAKE_FLAGS ?=

JOBS := $(shell nproc 2>/dev/null || echo 2)
CONFIGURE = cmake -S . -B "$(BUILD_DIR)" -DCMAKE_BUILD_TYPE="$(BUILD_TYPE)" \
	$(if $(EXAMPLE),-DIOTX_EXAMPLE="$(EXAMPLE)",-UIOTX_EXAMPLE) $(CMAKE_FLAGS)
BUILD = cmake --build "$(BUILD_DIR)" --parallel $(JOBS)

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := build
.PHONY: build demo test bench wire soak size install uninstall deb lint clean help

build: ## Build libiot_sdk.a, libiot_sdk.so and the examples into build/
	@scripts/bootstrap.sh build
	$(CONFIGURE)
	$(BUILD)

demo: ## Start a local cloud and report to it over DTLS, symmetric encryption and plain CoAP
	@scripts/bootstrap.sh build
	$(CONFIGURE) -DIOTX_REDIRECT=ON -UIOTX_CARGO_TARGET_DIR
	$(BUILD) --target coap-example iotx-cloud
	scripts/demo.sh "$(BUILD_DIR)"

test: ## Build everything and run every test: Rust, C, headers, exported symbols
	@scripts/bootstrap.sh test
	$(CONFIGURE) -DIOTX_BUILD_TESTS=ON
	$(BUILD)
	IOT_SDK_LIB_DIR="$(BUILD_DIR)" cargo test --workspace --locked
	cd "$(BUILD_DIR)" && ctest --parallel $(JOBS) --output-on-failure --no-tests=error
	scripts/check-headers.sh

bench: ## Measure reports against bare sockets and libcoap (BENCH_FLAGS=--quick only tries it)
	@scripts/bootstrap.sh bench
	$(CONFIGURE) -DIOTX_REDIRECT=ON -UIOTX_CARGO_TARGET_DIR
	$(BUILD) --target iot_sdk iot_sdk_static
	scripts/bench.sh "$(BUILD_DIR)" $(BENCH_FLAGS)

wire: ## Measure what goes over the network: the tables of docs/wire.md
	@cargo run --quiet --locked --example wire

soak: ## Thousands of reports through a network that loses 30 % in each direction (5 to 10 minutes)
	@scripts/bootstrap.sh build
	cargo build --release --locked -p iotx-cloud --bin iotx-swarm
	scripts/soak.sh "$${CARGO_TARGET_DIR:-target}/release/iotx-swarm"

install: build ## Install into PREFIX (/usr/local), below DESTDIR if that is set
	cmake --install "$(BUILD_DIR)" $(if $(PREFIX),--prefix "$(PREFIX)")

uninstall: ## Remove what was installed last
	cmake --build "$(BUILD_DIR)" --target uninstall

deb: build ## Make the Debian packages libiot-sdk0 and libiot-sdk-dev in build/
	scripts/package-deb.sh "$(BUILD_DIR)" "$(BUILD_DIR)"

size: build ## Print where the bytes of the libraries are (docs/size.md)
	@scripts/size.sh "$(BUILD_DIR)"

lint: ## Check formatting and lints of Rust and shell
	@scripts/bootstrap.sh lint
	cargo fmt --all --check
	rustfmt --check --edition 2024 scripts/*.rs samples/cargo/*.rs tests/packaging/*/*.rs
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy --workspace --all-targets --locked --no-default-features -- -D warnings
	shellcheck -x scripts/*.sh tests/packaging/*.sh .ci/run

clean: ## Remove everything built
	rm -rf "$(BUILD_DIR)"
	cargo clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile
