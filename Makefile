# The commands a person types. `make` alone lists them.
PYTHON ?= python3
TORCH ?= torch==2.13.0
VENV ?= .venv
JOBS ?= $(shell n=$$(nproc 2>/dev/null || echo 2); [ $$n -gt 8 ] && n=8; echo $$n)
BUILT = $(shell sed -n 's/^profile: *\([a-z0-9_]*\).*/\1/p' conf/pipeline.yaml)
LAB = $(shell sed -n 's/^profile: *\([a-z0-9_]*\).*/\1/p' lab/conf/pipeline.yaml)
BIN := $(abspath $(VENV))/bin
export PATH := $(BIN):$(PATH)
export MLFLOW_DISABLE_TELEMETRY := true
export DVC_NO_ANALYTICS := 1
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup scm profile repro lab arms corpora smoke test test-portable e2e lint clean

help:  ## list these commands
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | awk -F '\t' '{printf "make %-13s %s\n", $$1, $$2}'
	@echo "settings: PROFILE=$(BUILT) (as built; see conf/profile/)  JOBS=$(JOBS)  PYTHON=$(PYTHON)  TORCH=\"$(TORCH)\""

setup: $(VENV)/.ready .dvc/config  ## make the environment from requirements/lock.txt

# torch first and by its plain pin: which build it is depends on the machine, so the lock leaves it out
$(VENV)/.ready: requirements/lock.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "make: $(PYTHON) is $$($(PYTHON) -V 2>&1); Python 3.11 or newer is needed: make PYTHON=python3.11 ..."; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile $(TORCH)
	$(BIN)/python -m pip install --quiet --no-deps --no-compile --require-hashes -r requirements/lock.txt
	@touch $@

# .dvc/config is part of the repository; outside of git, DVC has to be told so
.dvc/config: | $(VENV)/.ready
	@test -d .dvc || dvc init --quiet --no-scm
	@touch $@

# a checkout without git of its own
scm: setup
	@if ! git rev-parse --is-inside-work-tree >/dev/null 2>&1 || [ ! -e .git ]; then dvc config --local core.no_scm true; fi

profile: scm
	@if [ "$(PROFILE)" = lab ]; then echo "make: the laboratory has a graph of its own: make lab"; exit 1; fi
	@if [ -n "$(PROFILE)" ] && [ "$(PROFILE)" != "$(BUILT)" ]; then \
	  test -f conf/profile/$(PROFILE).yaml || \
	    { echo "make: no profile '$(PROFILE)'; there are: $$(ls conf/profile | sed 's/\.yaml//' | tr '\n' ' ')"; exit 1; }; \
	  sed -i.old 's/^profile:.*/profile: $(PROFILE)/' conf/pipeline.yaml && rm conf/pipeline.yaml.old; \
	  echo "conf/pipeline.yaml: profile $(BUILT) -> $(PROFILE)"; \
	  for key in arms seeds; do \
	    value=$$(sed -n "s/^plan:.*$$key: *\(\[[^]]*\]\).*/\1/p" conf/profile/$(PROFILE).yaml); \
	    [ -z "$$value" ] || { sed -i.old "s/^$$key:.*/$$key: $$value/" conf/pipeline.yaml && rm conf/pipeline.yaml.old; \
	      echo "conf/pipeline.yaml: $$key $$value"; }; done; fi

repro: profile  ## build everything at the profile of conf/pipeline.yaml, or PROFILE=smoke|mini|real|gpu|paper
	@begin=$$(date +%s); set -e; \
	if dvc status --quiet dvc.yaml 2>/dev/null; then echo "everything is built"; else \
	  dvc repro reward; \
	  python -m stages.rl experiment=fig5 launcher=parallel hydra.launcher.n_jobs=$(JOBS); \
	  python -m stages.evaluate experiment=evaluate launcher=parallel hydra.launcher.n_jobs=$(JOBS); \
	  dvc repro; fi; \
	python -m pipeline.wiring.tracking rebuild --if-stale; \
	echo "report: reports/report.md and reports/index.html ($$(( $$(date +%s) - begin )) s)"

lab: arms corpora  ## build the laboratory: arms and corpora (docs/lab.md; hours, stop and go on at will)

arms: scm  ## its first part: every arm of Table 10 at five seeds, reports/lab/
	@begin=$$(date +%s); set -e; \
	if dvc status --quiet lab/dvc.yaml 2>/dev/null; then echo "the arms are built"; else \
	  dvc repro lab/dvc.yaml:reward; \
	  python -m stages.rl profile=$(LAB) experiment=fig5 launcher=parallel hydra.launcher.n_jobs=$(JOBS); \
	  python -m stages.evaluate profile=$(LAB) experiment=evaluate launcher=parallel hydra.launcher.n_jobs=$(JOBS); \
	  dvc repro lab/dvc.yaml; fi; \
	echo "report: reports/lab/report.md and reports/lab/index.html ($$(( $$(date +%s) - begin )) s)"

corpora: scm  ## its second: the recall loop and rival corpora at three seeds, reports/lab/corpus/ and corpora/ (docs/corpus.md)
	@begin=$$(date +%s); set -e; \
	if dvc status --quiet lab/corpus/dvc.yaml lab/corpora/dvc.yaml 2>/dev/null; then echo "the corpora are built"; else \
	  dvc repro lab/corpus/dvc.yaml lab/corpora/dvc.yaml:texts; \
	  dvc stage list --name-only lab/corpora/dvc.yaml | grep cell@ | \
	    OMP_NUM_THREADS=1 xargs -P $(JOBS) -n 1 dvc --wait-for-lock repro -s; \
	  dvc repro lab/corpora/dvc.yaml; fi; \
	echo "report: reports/lab/corpora/report.md ($$(( $$(date +%s) - begin )) s)"

smoke: setup  ## build the whole graph at profile smoke, in build/smoke, beside your results
	@mkdir -p build/smoke/.dvc && cd build/smoke && rm -rf conf pipeline stages requirements
	@cp -R conf pipeline stages requirements Makefile dvc.yaml pyproject.toml .dvcignore build/smoke/
	@cp .dvc/config build/smoke/.dvc/config
	@$(MAKE) --no-print-directory -C build/smoke repro PROFILE=smoke VENV=$(abspath $(VENV))

lint: setup
	ruff check .

test: lint  ## ruff and the tests, without the slow ones
	python -m pytest -q -n $(JOBS) -m "not slow and not e2e and not gpu and not vllm"

test-portable: setup  ## the numerical tests as other processors, thread counts and busy machines run them
	python tests/portable.py

e2e: setup  ## the tests that build a whole graph
	python -m pytest -q -m "e2e or slow"

clean:  ## remove caches and build/; with RESULTS=1 also data/, reports/, runs and DVC's cache
	rm -rf build .pytest_cache .ruff_cache .hypothesis *.egg-info
	find pipeline stages tests -name __pycache__ -type d -exec rm -rf {} +
	@if [ "$(RESULTS)" = 1 ]; then set -x; rm -rf data reports outputs multirun mlflow.db* mlruns .dvc/cache .dvc/tmp; fi
