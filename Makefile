# Named doors only; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2
# a plain path entry: the finder that pip makes otherwise costs every start 12 ms
EDITABLE := --config-settings editable_mode=compat

.PHONY: help setup run test test-all format check bench bless fuzz docs size clean

help: ## list the doors
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

$(BIN)/mlrc: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable . $(EDITABLE)
	$(BIN)/python -m mlrift.driver.prebuild --base
	@touch $(BIN)/mlrc

$(VENV)/.tests: pyproject.toml $(BIN)/mlrc
	$(BIN)/python -m pip install --quiet --editable '.[test]' $(EDITABLE)
	$(BIN)/python -m mlrift.driver.prebuild --library
	@touch $@

$(VENV)/.dev: pyproject.toml $(BIN)/mlrc
	$(BIN)/python -m pip install --quiet --editable '.[test,dev]' $(EDITABLE)
	@touch $@

setup: $(VENV)/.tests ## create .venv with mlrc, mlr and what the tests need

run: $(BIN)/mlrc ## compile examples/hello.mlr to a fat file and run it
	$(BIN)/mlrc examples/hello.mlr -o examples/hello.mlrbo
	$(BIN)/mlr examples/hello.mlrbo

test: $(VENV)/.tests ## run the tests on every engine present
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile

test-all: $(VENV)/.tests ## the tests, with every interpretation, and a longer fuzz run
	MLRIFT_TEST_ALL=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadfile
	$(MAKE) fuzz

format: $(VENV)/.dev ## format Python, std and the examples
	$(BIN)/ruff format mlrift tests benchmarks
	$(BIN)/mlrc fmt -i std examples

check: $(VENV)/.dev ## format, lint, types and layers
	$(BIN)/ruff format --check mlrift tests benchmarks
	$(BIN)/ruff check mlrift tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.tests ## measure against gcc and write benchmarks/results
	$(BIN)/python -m benchmarks.runner

bless: $(VENV)/.tests ## rewrite the expectations of tests/ir from what the compiler does
	MLRIFT_BLESS=1 $(BIN)/python -m pytest tests/ir

fuzz: $(VENV)/.tests ## mutated programs never crash mlrc; generated ones do the same everywhere
	$(BIN)/python -m tests.fuzz.mutate --seconds 60
	$(BIN)/python -m tests.fuzz.differential --seconds 120
	$(BIN)/python -m tests.fuzz.device_passes --seconds 60
	$(BIN)/python -m tests.kernels.test_random_kernels 1000 1100

docs: $(VENV)/.tests ## regenerate the grammar tables and the reference pages
	$(BIN)/python -m mlrift.frontend.grammar.generate
	$(BIN)/python -m tests.docs.diagnostics_page
	$(BIN)/python -m tests.docs.compatibility_page
	$(BIN)/mlrc doc std -o docs/std
	$(BIN)/python -m tests.docs.std_page

size: ## the distribution of module sizes
	@git ls-files 'mlrift/*.py' 'tests/*.py' | xargs wc -l | sort -n | tail -25

clean: ## remove what was built
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
