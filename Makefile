# Two commands matter: `make run` and `make test`. A fresh machine needs Python 3.11 to 3.13, make and a package index.
SHELL := /bin/sh
.DEFAULT_GOAL := help

UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
export UV_PYTHON_DOWNLOADS := never
BIN := .venv/bin
# The guard finds out about its own rules once, and keeps it beside the byte code.
FACTS := policies/rules/__pycache__/facts-*.json
LEARN := { ls $(FACTS) && ! find policies \( -name '*.py' -o -name '*.yaml' \) -newer "$$(ls $(FACTS) | head -1)" | grep -q .; } >/dev/null 2>&1 \
  || { $(BIN)/cloister policy scan --policy shipped </dev/null && touch $(FACTS); } >/dev/null 2>&1 || true

.PHONY: help run install test check format bench bench-guard bench-start bench-kill bench-planner bench-routing bench-gateway clean

help:  ## Show the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

run: install  ## Install and start everything; prints the address and, the first time, the password
	@exec $(BIN)/cloister up

install: $(UV)  ## Install what the product needs into .venv
	@$(UV) sync --frozen --no-dev --inexact --quiet
	@$(LEARN)

.venv/.dev: $(UV) pyproject.toml uv.lock
	@$(UV) sync --frozen --quiet
	@$(LEARN)
	@touch $@

.uv/bin/uv:
	@python3 -m venv .uv && .uv/bin/pip --quiet --disable-pip-version-check install uv

test: check tools  ## Run every check and every test, the browser included
	@$(BIN)/pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

check: .venv/.dev  ## Lint, types, import contracts
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports

format: .venv/.dev  ## Format and mend what the linter can
	@$(BIN)/ruff format --quiet . && $(BIN)/ruff check --fix --quiet .

.PHONY: tools
tools:  # a browser, what makes network namespaces and loads rules into them, and the proxy of compose/
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
	  || { apt-get -qq update && apt-get -qq install -y --no-install-recommends chromium fonts-dejavu-core >/dev/null; } \
	  || { echo "The browser tests need Chromium; install it (Debian: apt-get install chromium)." >&2; exit 1; }
	@{ command -v ip && command -v nft && command -v nginx; } >/dev/null \
	  || { apt-get -qq update && apt-get -qq install -y --no-install-recommends iproute2 nftables nginx-light >/dev/null; } \
	  || echo "Without iproute2, nftables and nginx the tests of the network's lock are skipped." >&2

bench: .venv/.dev  ## Run every benchmark; prints ratios
	@for file in tests/benchmarks/[a-z]*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

bench-guard: .venv/.dev  ## Measure the guard on the labelled corpus and benign text; prints issue 3's table
	@$(BIN)/python tests/benchmarks/guard_corpus.py

bench-start: .venv/.dev  ## Time the first and second start, and weigh the processes when idle
	@$(BIN)/python tests/benchmarks/start.py

bench-planner: .venv/.dev  ## Hold the planner's bound against a real llama.cpp on this machine
	@$(BIN)/python -m tests.benchmarks.planner

bench-routing: .venv/.dev  ## Simulate the fleet's load by our choice and by others, time a choice, a call and a chunk; HOURS=24 for a whole day
	@status=0; $(BIN)/python tests/benchmarks/calls.py || status=1; $(BIN)/python tests/benchmarks/choice.py || status=1; $(BIN)/python tests/benchmarks/routing.py $(HOURS) || status=1; exit $$status

bench-gateway: .venv/.dev  ## Compare the gateway with LiteLLM Proxy in one run: CPU an answer, answers/s, first token, memory
	@$(BIN)/python tests/benchmarks/gateway.py

ROUNDS ?= 300
bench-kill: .venv/.dev  ## Kill sealer, witness, appender and Postgres again and again, ROUNDS times; nothing may be lost
	@$(BIN)/python tests/benchmarks/kill.py $(ROUNDS)

clean:  ## Remove the environment and caches; var/ and its data stay
	@rm -rf .venv .uv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
