# Every target that needs Python packages first brings `.venv` up to date with the lock files in requirements/; when it
# is, that costs a fraction of a second. Paths are relative: make cannot handle a folder name with spaces.
# `make PYTHON=python3.12 …` picks the interpreter.

export PYTHON
install := sh requirements/install.sh
bin := .venv/bin

.DEFAULT_GOAL := help

.PHONY: help
help:  ## List the targets
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r target does; do printf '%-20s %s\n' "$$target" "$$does"; done

.PHONY: install
install:  ## Make .venv with the locked packages for development
	@$(install) dev

# exec: the server itself is make's child, so Ctrl-C and a signal to make reach it and nothing outlives it.
.PHONY: serve
serve:  ## Serve the API on 127.0.0.1:8000 (XUEHENG_HOST, XUEHENG_PORT)
	@$(install) run
	@exec $(bin)/xueheng serve

.PHONY: test
test:  ## Run the tests that need no system package (ARGS="-k word")
	@$(install) dev
	@exec $(bin)/python -m pytest tests --ignore=tests/system --ignore=tests/fuzz --numprocesses auto --dist loadfile $(ARGS)

.PHONY: test-system
test-system:  ## Run the tests that need Chromium, Prometheus or the original documents
	@$(install) dev
	@exec $(bin)/python -m pytest tests/system $(ARGS)

.PHONY: bench
bench:  ## Measure speed; results are compared before they are timed
	@$(install) dev
	@exec $(bin)/python -m bench $(ARGS)

.PHONY: bench-peers
bench-peers:  ## Measure other rules engines on the same rules (in .venv-peers)
	@$(install) peers
	@exec .venv-peers/bin/python -m bench.peers $(ARGS)

.PHONY: fuzz
fuzz:  ## Hold generated records, pairs and chains against the reference (FUZZ_RECORDS=1000000, FUZZ_PAIRS=1000000, FUZZ_CHAINS=50000)
	@$(install) dev
	@exec $(bin)/python -m pytest -s tests/fuzz $(ARGS)

# All checks run even when an early one fails, so that one run shows everything.
.PHONY: lint
lint:  ## Check style, types, import order and the rulesets
	@$(install) dev
	@failed=; \
	check() { echo "== $$*"; "$$@" || failed="$$failed\n  $$*"; }; \
	check $(bin)/ruff check .; \
	check $(bin)/ruff format --check .; \
	check $(bin)/mypy; \
	check $(bin)/lint-imports; \
	check $(bin)/xueheng lint; \
	if [ -n "$$failed" ]; then printf "lint failed:$$failed\n"; exit 1; fi

.PHONY: format
format:  ## Format the Python files and make the safe fixes
	@$(install) dev
	@$(bin)/ruff check --fix-only --quiet .
	@$(bin)/ruff format .

.PHONY: lock
lock:  ## Write the lock files anew (ARGS=--upgrade for newer versions)
	@$(install) lock
	@exec sh requirements/lock.sh $(ARGS)

# The data under .xueheng/ is the user's and stays.
.PHONY: clean
clean:  ## Remove .venv and everything else that the targets made; data in .xueheng/ stays
	rm -rf .venv .venv.lock .venv-peers .venv-peers.lock build dist reports .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . \( -name .git -o -name .xueheng \) -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
