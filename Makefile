# Everything needs only Python 3.11 or later, make, and a package index that pip reaches.
#
#   make demo  ARGS="--vehicles 500 --json"    a day at a garage, settled and verified
#   make test  ARGS="tests/unit -x"            the tests
#   make fuzz  ARGS="-max_total_time=600"      devices' codecs under coverage-guided fuzzing
#   make lint                                  format, rules, types, floors
#   make bench ARGS="gate --json"              the benchmarks
#   make run   ARGS="--data-dir data"          the service
#   make lock                                  requirements.lock again, from pyproject.toml
#   make clean                                 without .venv and caches
#
# The first call builds .venv from the lock; what it says goes to standard error, so that standard output
# belongs to the program. (`make -C folder` writes lines of its own there; `make -s -C folder` does not.)
# Paths are relative, because the folder's own name may hold spaces.

.DEFAULT_GOAL := help

PYTHON ?= $(shell for each in python3.11 python3 python3.12 python3.13 python3.14; do \
	"$$each" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo "$$each" && break; done)

VENV := .venv/bin/python
PIP := $(VENV) -m pip --disable-pip-version-check --no-input -qq

.PHONY: help demo run bench test fuzz lint lock clean FORCE

help:
	@sed -n '3,10s/^# *//p' Makefile

# `exec`: the program itself is make's child, so that Ctrl-C reaches it and make waits for its end.
demo: .venv/project
	@exec $(VENV) -m gateways.cli demo $(ARGS)

run: .venv/project
	@exec $(VENV) -m gateways.cli serve $(ARGS)

bench: .venv/project
	@exec $(VENV) -m benchmarks $(ARGS)

test: .venv/project
	@exec $(VENV) -m pytest $(ARGS)

# atheris has no build for every Python, so it is not in the lock.
fuzz: .venv/project
	@$(PIP) install atheris >&2
	@exec $(VENV) -m tests.gateways.fuzz_devices $(ARGS)

lint: .venv/project
	@$(VENV) -m ruff format --check --quiet . || { echo "run: $(VENV) -m ruff format ." >&2; exit 1; }
	@$(VENV) -m ruff check --quiet .
	@$(VENV) -m mypy
	@$(VENV) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()' --no-cache

# A stamp is written last, so an interrupted build starts again. A .venv whose interpreter is gone, or
# that came here with a copied folder and still points at the other one, is built or bound again.
ifneq ($(shell $(VENV) -c 'print("runs")' 2>/dev/null),runs)
.venv/packages: FORCE
endif
ifneq ($(shell cat .venv/project 2>/dev/null),$(CURDIR))
.venv/project: FORCE
endif

.venv/packages: requirements.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later, with its venv module, is needed" >&2; exit 1; }
	@echo "building .venv from requirements.lock with $(PYTHON)" >&2
	@$(PYTHON) -m venv --clear .venv >&2
	@$(PIP) install --require-hashes --only-binary :all: -r requirements.lock >&2
	@touch $@

.venv/project: .venv/packages pyproject.toml
	@$(PIP) install --no-deps --no-build-isolation --no-index -e . >&2
	@printf '%s' "$$(pwd -P)" > $@

# Without --upgrade, versions that still fit stay as they are: make lock ARGS=--upgrade
lock: .venv/project
	@$(PIP) install uv >&2
	@$(VENV) -m uv pip compile pyproject.toml --group dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-emit-find-links --no-header --system-certs --quiet \
		$(ARGS) --output-file requirements.lock >&2

clean:
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
