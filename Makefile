# make help lists the targets. Each one first installs what it needs, in .venv.
PYTHON ?= python3
BIN := $(if $(filter Windows_NT,$(OS)),.venv/Scripts,.venv/bin)

STRICT := --fail-on-warning --keep-going --quiet

.DEFAULT_GOAL := help
.NOTPARALLEL:

help:  ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*## */\t/' | expand -t 12

run: .venv/.lab  ## the main job: the theory of the paper, and its figure 1 in small
	$(BIN)/minirad reproduce

test: .venv/.lab .venv/.test  ## the tests
	$(BIN)/pytest

fake: .venv/.lab .venv/.test  ## the tests once more, on the strict stand-in for CuPy
	MINIRAD_TEST_BACKEND=fake-cupy $(BIN)/pytest -m "not host"

parity: .venv/.lab .venv/.test .venv/.parity .venv/.torch  ## the tests against PyTorch, JAX and optax
	$(BIN)/pytest -m parity

mutants: .venv/.lab .venv/.test .venv/.mutation  ## change the code place by place: does a test notice? half an hour
	rm -rf mutants
	$(BIN)/mutmut run
	$(BIN)/mutmut results

lint: .venv/.lint  ## style, format and the floors of the imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: .venv/.lab .venv/.test .venv/.lint  ## mypy
	$(BIN)/mypy

format: .venv/.lint  ## put the files in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/.lab .venv/.torch  ## side by side with PyTorch
	$(BIN)/python -m benchmarks

notebooks: .venv/.test  ## build notebooks/ from chapters/
	$(BIN)/python chapters/build.py

lab: .venv/.lab .venv/.notebooks  ## open the notebooks in Jupyter
	$(BIN)/jupyter lab --LabApp.default_url=/lab/tree/notebooks

lab-check: .venv/.lab .venv/.test .venv/.notebooks .venv/.browser  ## run each notebook in JupyterLab, in Chromium
	$(BIN)/pytest tests/lab --durations=0

site: .venv/.lab .venv/.site  ## build the site, chapters/_build/html; its cells run once, the next build takes seconds
	$(BIN)/sphinx-build $(STRICT) -d chapters/_build/trees chapters chapters/_build/html

site-fast: .venv/.lab .venv/.site  ## the site without what the cells print, chapters/_build/fast
	$(BIN)/sphinx-build $(STRICT) -D nb_execution_mode=off -d chapters/_build/fast-trees chapters chapters/_build/fast

site-check: .venv/.lab .venv/.test .venv/.browser  ## look at the built site in Chromium: links, formulas, widths, themes
	$(BIN)/pytest tests/site

ci:  ## what CI runs, in an environment of its own
	bash .ci/run

clean:  ## remove what the tools left, and .venv
	rm -rf .venv build dist .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache mutants
	rm -rf chapters/_build chapters/optimizers chapters/reference chapters/exhibits.md
	find . -name __pycache__ -prune -exec rm -rf {} +

# One empty file for each extra that is installed.
.venv/.%: pyproject.toml constraints.txt
	test -d .venv || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -c constraints.txt -e '.[$*]'
	touch $@

.PHONY: help run test fake parity mutants lint types format bench notebooks lab lab-check site site-fast site-check ci clean
