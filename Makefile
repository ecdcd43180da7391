# Everything that a contributor types. `make demo` and `make test` set up what they need, on a fresh Debian or Ubuntu.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help setup demo test unit lint judges soak bench clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMP) ## install system packages (as root or with sudo), the virtual environment and the package

$(STAMP): pyproject.toml docker/install-system.sh docker/setup.sh
	@PYTHON=$(PYTHON) VENV=$(VENV) bash docker/setup.sh
	@touch $@

demo: $(STAMP) ## run whole jobs on this machine (a quiz, three peer reviews) and check their archives
	@$(BIN)/archiveworker demo --output demo-output

test: $(STAMP) ## every check: style, types, imports, unit, contract and integration tests
	@VENV=$(VENV) bash docker/test.sh

unit: $(STAMP) ## the fast tests, offline
	@$(BIN)/python -m pytest tests/unit -q

lint: $(STAMP) ## style, types, imports
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

judges: $(STAMP) ## build what judges PDFs (veraPDF) and evidence records (DSS), which need Java and Maven, and RO-Crates; `make test` does it too
	@VENV=$(VENV) bash tests/tools/judges/crates.sh
	@bash tests/tools/judges/build.sh

soak: $(STAMP) ## kill the worker many times; prints the figures of docs/reference/reliability.md
	@$(BIN)/python -m pytest tests/acceptance -q -s --soak
	@$(BIN)/python -m pytest tests/integration/safety tests/integration/rendering/test_escapes.py -q --soak
	@$(BIN)/python tests/tools/bench_peer_review.py --works 2000

bench: $(STAMP) ## speed and memory beside the plain flow, about 8 minutes; make bench ARGS=--full measures everything
	@bash docker/install-system.sh --test ghostscript
	@$(BIN)/python tests/tools/bench.py $(ARGS)

clean: ## remove what was built
	@rm -rf build dist demo-output .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
