# Everything a person types here. Nothing but Python >= 3.11 and make is needed.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ORACLE := $(VENV)/.oracle
COMPILED := build/compiled/.ready
FAST := tests/unit tests/component tests/conformance tests/golden
PURE := */orchestrator/domain/*,*/orchestrator/processors/*,*/orchestrator/messages/*,*/orchestrator/online/*,*/orchestrator/types.py,*/orchestrator/errors.py,*/orchestrator/ports.py,*/orchestrator/windowing.py

# compiled tests and modules are kept between runs, whatever the caller's shell says
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test compiled test-compiled lint check coverage bench bench-quality bench-replay schemas golden docs test-kafka clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) -V). Try: make PYTHON=python3.12"; exit 2; }
	@echo "Installing into $(VENV) (once, about a minute) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(READY) ## the main job on the embedded broker: shoppers, risk, interventions, a summary
	@$(BIN)/orchestrator demo $(ARGS)

test: $(READY) ## every test that needs no more than this machine
	@$(BIN)/python -m pytest -q -n 2 $(FAST) tests/docs tests/deploy $(ARGS)
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile tests/integration $(ARGS)

compiled: $(COMPILED) ## the hot path compiled by mypyc, in build/compiled (a C compiler and Python's headers needed)

$(COMPILED): setup.py pyproject.toml $(shell find orchestrator -name '*.py' -o -name '*.yaml' -o -name '*.json') | $(READY)
	@echo "Compiling the hot path (about a minute) ..."
	@rm -rf build && ORCHESTRATOR_COMPILE=1 $(BIN)/python -m pip wheel --quiet --disable-pip-version-check \
	  --no-deps --no-build-isolation --wheel-dir build/wheel .
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target build/compiled build/wheel/*.whl
	@touch $@

test-compiled: $(COMPILED) ## the fast tests on the compiled build
	@$(BIN)/python -m pytest -q -n 2 -o pythonpath='build/compiled .' $(FAST) $(ARGS)
	@$(BIN)/python -m pytest -q tests/compiled

lint: $(READY) ## format, lint, types, import floors, generated files
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports
	@$(BIN)/orchestrator schemas check

check: lint ## the gate before a commit: lint and the fast tests
	@$(BIN)/python -m pytest -q -n 2 -m 'not slow' $(FAST)

coverage: $(READY) ## the fast tests once more, with branches counted: at least 98 % of the pure floors, 87 % of all
	@$(BIN)/python -m pytest -q -n 2 --cov --cov-report= $(FAST)
	@$(BIN)/coverage report --skip-covered --fail-under=98 --precision=1 --include='$(PURE)'
	@$(BIN)/coverage report --fail-under=87 --precision=1 | tail -1

bench: $(READY) $(if $(shell command -v cc),$(COMPILED)) ## speed against Quix Streams, bytewax and Faust on one broker; ratios, JSON in benchmarks/results
	@$(BIN)/python -m benchmarks.speed $(ARGS)

bench-quality: $(ORACLE) ## quality on real data: make bench-quality ARGS='--data DIR'
	@$(BIN)/python -m benchmarks.quality.uci_shoppers $(ARGS)

$(ORACLE): $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	@touch $@

bench-replay: $(READY) ## real files whole through a broker against pandas: make bench-replay ARGS='--data DIR'
	@$(BIN)/python -m benchmarks.quality.replay_files $(ARGS)

schemas: $(READY) ## write schemas/ anew from the models
	@$(BIN)/orchestrator schemas export

golden: $(READY) ## write the golden scenarios anew; review the diff
	@$(BIN)/python -m tests.golden.rewrite

docs: $(READY) ## write the generated pages of docs/ anew and run the code blocks of all
	@$(BIN)/python -m docs.generate && $(BIN)/python -m pytest -q tests/docs

test-kafka: $(READY) ## the integration suite against a real Apache Kafka (Java 17 and Maven needed)
	@$(BIN)/python deploy/kafka/run.py $(KAFKA) $(BIN)/python -m pytest -q tests/integration $(ARGS)

clean: ## remove what was installed and built here
	rm -rf $(VENV) .venv-bench build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache var
