# Everything that a contributor types. `make demo` and `make test` set up what they need, on a fresh Debian or Ubuntu.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help setup demo test unit lint docs pictures judges soak bench sbom audit clean

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
	@$(BIN)/python -m pytest tests/unit -q -n auto --maxprocesses 4 --dist loadfile

lint: $(STAMP) ## style, types, imports
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

docs: $(STAMP) ## the documentation as a website, in build/docs
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	@echo "Open build/docs/index.html, or say: $(BIN)/python -m http.server --directory build/docs (search needs a server)"

pictures: $(STAMP) ## take every picture of the documentation anew
	@$(BIN)/python -m tests.tools.write_pictures

judges: $(STAMP) ## build what judges PDFs (veraPDF) and evidence records (DSS), which need Java and Maven, and RO-Crates; `make test` does it too
	@VENV=$(VENV) bash tests/tools/judges/crates.sh
	@bash tests/tools/judges/build.sh

soak: $(STAMP) ## kills, faults, load, size, escapes: the figures of docs/reference/reliability.md, some hours; one part: make soak ARGS="-k faults"
	@$(BIN)/python -m pytest tests/acceptance -q -m soak --soak $(ARGS)
	@$(if $(ARGS),,$(BIN)/python -m pytest tests/integration/safety tests/integration/rendering/test_escapes.py -q --soak)
	@$(if $(ARGS),,$(BIN)/python tests/tools/bench_reviewed.py --works 2000)
	@$(if $(ARGS),,$(BIN)/python tests/tools/bench_reviewed.py --attempts 5000)

bench: $(STAMP) ## speed and memory beside the plain flow, about 8 minutes; make bench ARGS=--full measures everything
	@bash docker/install-system.sh --test ghostscript
	@$(BIN)/python tests/tools/bench.py $(ARGS)

sbom: $(STAMP) ## write build/sbom.cdx.json, what the image installs from PyPI (CycloneDX)
	@PYTHON=$(PYTHON) VENV=$(VENV) bash docker/sbom.sh

audit: $(STAMP) ## look up known vulnerabilities of that (asks api.osv.dev; says so when it cannot)
	@PYTHON=$(PYTHON) VENV=$(VENV) bash docker/sbom.sh --audit

clean: ## remove what was built
	@rm -rf build dist demo-output .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
