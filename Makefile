# Two commands are all that a newcomer needs: make reproduce, make test.
# Linux, macOS or WSL. The checkout's path may hold spaces and accents: paths are relative, or quoted in recipes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export MTATTR_HOME ?= $(CURDIR)/.mtattr
# Threads that wait for work sleep: spinning costs more than it gains beside other programs (benchmarks/threads.py).
export OMP_WAIT_POLICY ?= PASSIVE
# Test processes and stored notebooks at once: make test JOBS=4
JOBS ?= $(shell nproc 2> /dev/null || sysctl -n hw.ncpu 2> /dev/null || echo 2)
# Tests that `make unit` selects; make test-all takes the slow ones too.
MARKS := not browser and not slow
# A CPU build of torch: make setup TORCH=cpu
TORCH ?= default
ifeq ($(TORCH),cpu)
REQUIREMENTS = grep -vE '^(nvidia-|cuda-|triton)' requirements.lock > $(VENV)/requirements.txt && \
  $(BIN)/python -m pip install --extra-index-url https://download.pytorch.org/whl/cpu -r $(VENV)/requirements.txt
else
REQUIREMENTS = $(BIN)/python -m pip install -r requirements.lock
endif

.PHONY: help setup reproduce test test-all lint unit notebooks book pages bench lock browser evidence maps clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/  make \1@\2/' | column -t -s@

setup: $(VENV)/.ready ## Make .venv from requirements.lock (5 GB with the default torch; nothing if it is ready)

$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "mtattr needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(REQUIREMENTS)
	$(BIN)/python -m pip install --no-deps --quiet --editable .
	touch $@

reproduce: setup ## Run every notebook at smoke scale and build the book from these very runs
	$(BIN)/mtattr reproduce --scale smoke
	$(BIN)/mtattr book --fresh

test: setup ## Lint, quick unit tests, stored notebooks, clean book, browser tests: before every commit
	$(MAKE) --no-print-directory lint unit notebooks book pages

test-all: setup ## The same with the slow tests (long trainings, kills and resumes, several processes): before a release
	$(MAKE) --no-print-directory test MARKS='not browser'

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

unit: setup
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "$(MARKS)" $(PYTEST)

notebooks: setup ## Run the stored notebooks and compare their outputs
	$(BIN)/mtattr notebooks check
	env -u MPLBACKEND OMP_NUM_THREADS=1 COLUMNS=120 NO_COLOR=1 TQDM_DISABLE=1 $(BIN)/python -m pytest --nbval --nbval-current-env --nbval-cell-timeout 300 \
	  --nbval-sanitize-with tests/notebooks/sanitize.cfg -n $(JOBS) --dist loadfile -p no:cacheprovider notebooks

book: setup ## Build the book from the stored notebooks, warnings are errors
	$(BIN)/mtattr book --to _build/stored

pages: setup ## Open every page in a headless browser (skipped without chromium: make browser)
	MTATTR_BOOK=_build/stored $(BIN)/python -m pytest -m browser tests/book

bench: setup ## Print the table of speed ratios
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 2; done

browser: ## Install Debian's chromium and its driver for the browser tests
	command -v chromium > /dev/null && command -v chromedriver > /dev/null || \
	  { apt-get update && apt-get install --yes --no-install-recommends chromium chromium-driver; }

lock: ## Pin the newest versions that pyproject.toml admits
	$(BIN)/uv pip compile pyproject.toml --extra book --extra dev --universal --python-version 3.11 --upgrade \
	  --no-emit-index-url --no-header --no-annotate --quiet --output-file requirements.lock

# Each line of `mtattr run` ends with the folder of a finished run: these are added, and no older ones beside them.
evidence: setup ## Train what the ledger holds: all variants, five seeds, at reduced scale (continues where it stopped)
	for paper in $$($(BIN)/python -c 'import mtattr; print(*mtattr.PAPERS)'); do \
	  mkdir -p "$$MTATTR_HOME" && \
	  $(BIN)/mtattr run $$paper --evidence --scale reduced --seeds 0-4 --precision bf16-mixed --threads 1 > "$$MTATTR_HOME/finished" && \
	  while read -r line; do printf '%s\0' "$$MTATTR_HOME/runs/$${line##* }"; done < "$$MTATTR_HOME/finished" | \
	  xargs -0 $(BIN)/mtattr ledger add || exit 2; \
	done

maps: setup ## Make the maps and masks that the book shows, from the runs of the evidence (trained if they are missing)
	$(BIN)/python -m mtattr.attention_branch.explorer book/evidence/attention_explorer.json
	$(BIN)/python -m mtattr.attention_branch.gallery book/evidence/attention_gallery.json
	$(BIN)/python -m mtattr.attention_branch.cars book/evidence/attention_cars.json
	$(BIN)/python -m mtattr.channel_attention.gallery book/evidence/channel_masks.json

clean: ## Remove the book and the state of runs of this checkout, keep .venv
	rm -rf _build .mtattr
