# make demo   the main job end to end, against the embedded sandbox
# make test   all tests
# make coverage  the same with branch coverage, which takes half as long again
# make test-long  damaged manifests, made-up requests, kills of the sandbox, by the ten thousand
# make reliability  every fault at every request of every scenario, cutover and window; then docs/reliability.md
# make mutation  changes the rules one thing at a time: which does no test notice? (GROUPS="order diff")
# make test-browser  the explorer's pages in headless Chromium, which has to be installed
# make check  format, lint, types, architecture, freshness of generated files

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test coverage test-long reliability reliability-page fuzz-figures mutation convergence test-browser check format generated schemas clean

demo: $(VENV)/.sandbox
	$(BIN)/python manifests/digits/_demo.py

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --dist loadfile

coverage: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --dist loadfile --cov --cov-report=term:skip-covered

test-long: $(VENV)/.dev
	LONG=1 $(BIN)/python -m pytest -n 2 -q tests/manifest/test_fuzz.py tests/manifest/test_flow.py tests/sandbox/test_any_request.py \
	  tests/sandbox/test_kill.py tests/planning/test_file_fuzz.py tests/api/test_answer_fuzz.py \
	  tests/reliability tests/export tests/e2e/test_export.py

reliability: $(VENV)/.dev
	PYTHONPATH=tests $(BIN)/python -m reliability.measure --jobs 2
	$(MAKE) reliability-page

# the laws of convergence on some thousands of made-up manifests, counted
convergence: $(VENV)/.dev
	PYTHONPATH=tests $(BIN)/python -m reliability.convergence_figures

# docs/reliability.md from the figures as they are kept
reliability-page: $(VENV)/.dev
	PYTHONPATH=tests $(BIN)/python -m reliability.page > docs/reliability.md

fuzz-figures: $(VENV)/.dev
	LONG=1 PYTHONPATH=tests $(BIN)/python -m reliability.fuzz
	$(MAKE) reliability-page

mutation: $(VENV)/.dev
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[mutation]'
	PYTHONPATH=tests $(BIN)/python -m reliability.mutation $(GROUPS)
	$(MAKE) reliability-page

test-browser: $(VENV)/.dev
	RECONCILER_BROWSER=1 $(BIN)/python -m pytest -q tests/sandbox/test_explorer_in_browser.py

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_architecture.py tests/test_generated_files.py

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# every file that a program writes and git keeps
generated schemas: $(VENV)/.sandbox
	$(BIN)/reconciler schema manifest > schemas/manifest.schema.json
	$(BIN)/reconciler schema plan > schemas/plan.schema.json
	$(BIN)/reconciler schema reference > docs/manifest.md
	$(BIN)/reconciler sandbox coverage > docs/sandbox-coverage.md

clean:
	rm -rf .demo .reconciler .coverage .coverage.* htmlcov .pytest_cache .mypy_cache .ruff_cache

$(VENV)/.venv:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.sandbox: $(VENV)/.venv pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[sandbox]'
	touch $@

$(VENV)/.dev: $(VENV)/.venv pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@ $(VENV)/.sandbox
