# What there is to do here. `make` alone lists it.

# The C library's version: its ABI's, of which the first number is in the name libtollgate.so.1.
CAPI_VERSION = 1.0.0
ABI = bindings/c/abi/$(firstword $(subst ., ,$(CAPI_VERSION)))
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

# Where things are installed; DESTDIR goes in front of all of them, for packages.
PREFIX ?= /usr/local
# "/usr/" is "/usr".
override PREFIX := $(or $(patsubst %/,%,$(PREFIX)),$(PREFIX))
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man
DOCDIR ?= $(DATADIR)/doc/tollgate
# Of an operator's own index, in $(SYSCONFDIR)/tollgate, which no installation writes over.
SYSCONFDIR ?= $(if $(filter /usr /usr/local,$(PREFIX)),/etc,$(PREFIX)/etc)
# Where the library looks for its indexes.
OWN_INDEX = $(SYSCONFDIR)/tollgate/policy.tgx
SHIPPED_INDEX = $(DATADIR)/tollgate/default.tgx
# What is to be installed, before it is; the file `places` in it says for which indexes it was built.
BUILT = $(abspath $(or $(CARGO_TARGET_DIR),target))/install
# For the scripts; what `make check` starts has places of its own.
PLACES = PREFIX DESTDIR BINDIR LIBDIR INCLUDEDIR DATADIR MANDIR DOCDIR SYSCONFDIR BUILT
export $(PLACES) CARGO

.PHONY: help check build install uninstall deb capi-test capi-bench header abi oracle plan fuzz bench bench-large instructions

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo "  Installation: PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) LIBDIR=$(LIBDIR)"
	@echo "  Variables: ORACLE_CASES=$(ORACLE_CASES) FUZZ_SECONDS=$(FUZZ_SECONDS) FUZZ_TARGETS=\"$(FUZZ_TARGETS)\""

check: ## every test, lint and demonstration; ends with "N passed, N failed"
	@env -u MAKEFLAGS $(addprefix -u ,$(PLACES)) CARGO="$(CARGO)" .ci/check

build: ## the C library, the command and what goes with them, for `make install`
	@bindings/c/dist/install check
	rm -f "$(BUILT)/places"
	TOLLGATE_OWN_INDEX="$(OWN_INDEX)" TOLLGATE_SHIPPED_INDEX="$(SHIPPED_INDEX)" bindings/c/dist/build "$(BUILT)/lib"
	bindings/c/dist/cargo "$(TARGET)/release/tollgate" build --locked --release --features cli
	rm -rf "$(BUILT)/bin" "$(BUILT)/man" "$(BUILT)/completions"
	mkdir -p "$(BUILT)/bin" "$(BUILT)/completions"
	cp "$(TARGET)/release/tollgate" "$(BUILT)/bin/tollgate"
	strip "$(BUILT)/bin/tollgate"
	"$(BUILT)/bin/tollgate" generate man "$(BUILT)/man"
	"$(BUILT)/bin/tollgate" generate completions bash >"$(BUILT)/completions/tollgate.bash"
	"$(BUILT)/bin/tollgate" generate completions zsh >"$(BUILT)/completions/_tollgate"
	"$(BUILT)/bin/tollgate" generate completions fish >"$(BUILT)/completions/tollgate.fish"
	cp data/starter.toml "$(BUILT)/policy.toml"
	cd "$(BUILT)" && bin/tollgate build policy.toml -o default.tgx
	printf '%s\n' "$(OWN_INDEX)" "$(SHIPPED_INDEX)" >"$(BUILT)/places"

install: $(if $(NOBUILD),,build) ## libraries, headers, command, man pages into PREFIX; NOBUILD=1 after `make build`
	bindings/c/dist/install install
	@case "$(DESTDIR)$(LIBDIR)" in /usr/local/lib*) echo "run ldconfig, as root, so that programs find the library" ;; esac

uninstall: ## takes away what `make install` with the same variables has put there
	bindings/c/dist/install uninstall

deb: ## Debian packages of the library, its headers and the command, into target/deb
	bindings/c/dist/deb "$(abspath $(or $(CARGO_TARGET_DIR),target))/deb"

capi-test: ## the C library's tests: symbols, headers, programs, Valgrind, sanitizers, installation
	bindings/c/tests/run
	bindings/c/tests/install

capi-bench: ## what a call through the C library costs more than one in Rust
	bindings/c/dist/build "$(dir $(BUILT))capi-bench"
	$(CARGO) bench --locked -p tollgate-capi --bench overhead -- "$(dir $(BUILT))capi-bench/libtollgate.so"

header: ## include/tollgate.h anew from the sources
	TOLLGATE_WRITE_HEADER=1 $(CARGO) test --locked -p tollgate-capi --test header

abi: ## notes what is new in the header as part of the ABI; what is there stays
	TOLLGATE_WRITE_ABI=1 $(CARGO) test --locked -p tollgate-capi --test abi -- --test-threads=1
	grep -oE '\btollgate_[a-z_]+\(' "$(ABI)/functions" | tr -d '(' | LC_ALL=C sort -u >"$(ABI)/symbols"

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

bench: ## the call path and long lists beside their peers: times and ratios, about thirteen minutes
	$(CARGO) bench --locked --all-features --bench lists
	$(CARGO) bench --locked --all-features --bench screen | awk -f benches/table.awk

bench-large: ## 250 million numbers; takes 6 GB in TMPDIR
	$(CARGO) bench --locked --all-features --bench lists -- --only large

instructions: ## benches/instructions.tsv anew: instructions a screen (Valgrind)
	.ci/instructions --write
