# What there is to do here. `make` alone lists it.

# The C library's version: its ABI's, of which the first number is in the name libtollgate.so.1.
CAPI_VERSION = 1.0.0
ORACLE_VERSION = 9.0.33
ORACLE_CASES ?= 100000
FUZZ_SECONDS ?= 600
FUZZ_TARGETS = dialled index plan policy list
# A failure before a pipe is a failure.
SHELL = bash
.SHELLFLAGS = -o pipefail -c
CARGO ?= cargo
PYTHON ?= python3
TARGET = $${CARGO_TARGET_DIR:-target}

.PHONY: help check oracle plan fuzz bench

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile
	@echo "  Variables: ORACLE_CASES=$(ORACLE_CASES) FUZZ_SECONDS=$(FUZZ_SECONDS) FUZZ_TARGETS=\"$(FUZZ_TARGETS)\""

check: ## every test, lint and demonstration; ends with "N passed, N failed"
	@CARGO="$(CARGO)" .ci/check

oracle: ## the numbering and dial plans against PyPI's phonenumbers (network, Python with venv)
	$(PYTHON) -m venv "$(TARGET)/oracle"
	"$(TARGET)/oracle/bin/pip" install --quiet --disable-pip-version-check phonenumbers==$(ORACLE_VERSION)
	$(CARGO) build --locked --release --features compile --example oracle_answers
	"$(TARGET)/oracle/bin/python" tests/oracle/phonenumbers.py "$(TARGET)/release/examples/oracle_answers" $(ORACLE_CASES)

plan: ## data/plan anew from the metadata in the crate phonenumber
	TOLLGATE_WRITE_PLAN=1 $(CARGO) test --locked --all-features --test plan_regenerates

fuzz: ## each fuzz target for FUZZ_SECONDS (nightly compiler and cargo-fuzz)
	TOLLGATE_WRITE_SEEDS=1 $(CARGO) test --locked --all-features --test fuzz_regressions
	set -e; for target in $(FUZZ_TARGETS); do \
		$(CARGO) +nightly fuzz run $$target -- -max_total_time=$(FUZZ_SECONDS) -timeout=30 \
			-max_len=16384 -dict=fuzz/dictionaries/$$target.dict; \
	done

bench: ## the call path beside its peers: times and ratios
	$(CARGO) bench --locked --all-features --bench screen | awk -f benches/table.awk
