# Two commands on a fresh machine: `make figures` regenerates every figure and table, `make test` runs the tests.
# `make help` lists the rest. Each of them first makes .venv from requirements.lock, once.

PYTHON ?= python3
CORES ?= all
WORKERS ?= 2
# The ends of the range of Pythons, for test-environments.
OLDEST_PYTHON ?= python3.11
NEWEST_PYTHON ?= python3.13
# How a run tells its progress: `plain`, a line per job; empty, Snakemake's own blocks; or another logger that is installed.
LOGGER ?= plain

# One thread a job: a second one changes the order of the sums, and so the last bits of the results.
export OMP_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export PYTHONHASHSEED := 0
# Snakemake writes paths in the encoding of the locale, which need not have their letters.
export PYTHONUTF8 := 1
# Either one lets modules from elsewhere take the place of the pinned ones.
unexport PYTHONPATH PYTHONHOME

PIP_INSTALL := .venv/bin/python -m pip install --quiet --disable-pip-version-check
# How long the default run's jobs took, for the time left; those of a smoke run or of one's own have nothing to do with it.
COSTS := figures/costs.csv
smoke own: COSTS :=
LOGGING = $(if $(LOGGER),--logger $(LOGGER)) $(if $(filter plain,$(LOGGER)),--logger-plain-costs "$(COSTS)")
SNAKEMAKE = PYTHONPATH=workflow/plugins .venv/bin/snakemake $(LOGGING) --profile workflow/profiles/default --cores $(CORES)
# Snakemake takes settings in before our rules can look at them: some with a trace of many lines, some without an end.
READABLE = @.venv/bin/python workflow/scripts/check_settings.py
OTHER_PYTHON := make PYTHON=/path/to/python3.12 $(firstword $(MAKECMDGOALS) figures)
NEWER_PYTHON := install Python 3.11 or newer, or run: $(OTHER_PYTHON)

.DEFAULT_GOAL := figures
.PHONY: figures test test-long mutations test-environments test-slurm smoke paper own report verify benchmark
.PHONY: gallery lock lint clean distclean help new-venv

figures: .venv/installed ## the default run: every figure and table (the default goal)
	$(SNAKEMAKE)
	@echo "The figures are in results/default/figures, the tables in results/default/tables."

test: .venv/installed ## the tests, in WORKERS=2 processes
	.venv/bin/python -m pytest -n $(WORKERS)

test-long: .venv/installed ## faults and bad input at length; writes tests/reliability/README.md
	.venv/bin/python -m pytest -n $(WORKERS) --long --write-outcomes tests/reliability

mutations: .venv/installed ## small wrongs put into the library: do the tests notice; writes tests/reliability/MUTATIONS.md
	.venv/bin/python tools/mutations.py --workers $(WORKERS)

test-environments: .venv/installed ## make test and make verify with the oldest and newest versions allowed
	.venv/bin/python tools/environments.py oldest --python "$(OLDEST_PYTHON)"
	.venv/bin/python tools/environments.py newest --python "$(NEWEST_PYTHON)"

test-slurm: .venv/installed ## the smoke run on a Slurm of one node, set up for it: as root, on Debian or Ubuntu
	tools/slurm_smoke.sh

smoke: .venv/installed ## the whole workflow at toy sizes, in about a minute
	$(READABLE) config/smoke.yaml
	$(SNAKEMAKE) --configfile config/smoke.yaml
	@echo "The figures are in results/smoke/figures, the tables in results/smoke/tables."

paper: .venv/installed ## the papers' own sizes: hours; a GPU or a cluster helps; resumes where it stopped
	$(READABLE) config/paper.yaml
	$(SNAKEMAKE) --configfile config/paper.yaml
	@echo "The figures are in results/paper/figures, the tables in results/paper/tables."

own: .venv/installed ## tables and figures of your own network: make own CONFIG=mine.yaml
	@test -n "$(CONFIG)" || { echo "make: own needs the settings that name the network: make own CONFIG=mine.yaml" >&2; exit 1; }
	@for file in $(CONFIG); do test -f "$$file" || { echo "make: there is no file $$file" >&2; exit 1; }; done
	$(READABLE) --own $(CONFIG)
	$(SNAKEMAKE) --configfile $(CONFIG) -- shells_models_tables draw_shells_models
	@echo "In the run's folder under results/, the figures are in figures/shells, the tables in tables/shells."

report: figures ## the default run as one HTML page
	$(SNAKEMAKE) --report results/default/report.html
	@echo "The report is results/default/report.html, $$(du -h results/default/report.html | cut -f 1)."

verify: figures ## does this machine reproduce the committed tables, verdicts and files
	.venv/bin/python workflow/scripts/verify.py

benchmark: .venv/installed ## time the main computations
	.venv/bin/python tools/benchmark.py

gallery: figures ## take the default run's figures, tables and verdicts into figures/ and README.md
	.venv/bin/python tools/gallery.py

lock: .venv/installed ## resolve pyproject.toml again: requirements.lock and environment.yml
	.venv/bin/python tools/lock.py

lint: .venv/installed ## ruff, snakefmt and snakemake's own linter
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/snakefmt --check Snakefile workflow/rules
	.venv/bin/snakemake --lint

clean: ## remove results/, .snakemake/ and the caches; .venv stays
	rm -rf results .snakemake .pytest_cache .hypothesis .ruff_cache report.html report.zip
	find . -name .venv -prune -o -name __pycache__ -prune -exec rm -rf {} +
	@echo "Removed the results and the caches; .venv stays (make distclean removes it too)."

distclean: clean ## clean, and remove .venv too
	rm -rf .venv scalinglaws.egg-info

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-17s %s\n", $$1, $$2 }' Makefile

# The stamp is written last and holds the folder it was made in. Without it the install was interrupted or never begun;
# with another folder in it .venv was copied or moved, and its editable install still points there. Both start anew.
STALE := $(shell test -x .venv/bin/python && test "$$(cat .venv/installed 2>/dev/null)" = "$$(pwd -P)" || echo stale)
ifneq ($(STALE),)
.venv/installed: new-venv
endif

.venv/installed: requirements.lock pyproject.toml
	@echo "Installing requirements.lock into .venv$(if $(STALE), (a few minutes; 2 GB of disk, 8 GB if torch brings CUDA))"
	@$(PIP_INSTALL) -r requirements.lock && $(PIP_INSTALL) --no-deps --no-build-isolation -e . || \
	  { echo "make: the install failed for the reason above; the same command tries again." \
	  "The lock is tried on Python 3.11 to 3.13; to choose one, run: $(OTHER_PYTHON)" >&2; exit 1; }
	@pwd -P > $@

new-venv:
	@command -v "$(PYTHON)" >/dev/null || { echo "make: there is no $(PYTHON); $(NEWER_PYTHON)" >&2; exit 1; }
	@version=$$("$(PYTHON)" -c 'import sys; v = sys.version_info; print("%d.%d" % v[:2]); sys.exit(v < (3, 11))') || \
	  { echo "make: $(PYTHON) gives $${version:-no answer} as its version; $(NEWER_PYTHON)" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "make: $(PYTHON) cannot make a venv; install its venv module (on Debian and Ubuntu: python3-venv)," \
	  "or run: $(OTHER_PYTHON)" >&2; exit 1; }
	@"$(PYTHON)" -m venv --clear .venv
