# Everything is set up in .venv beside this file; nothing is installed elsewhere.
PYTHON ?= python3
REPO ?=
REPOS ?= .
LOOPS ?= 20
PARTS ?=
MINUTES ?= 10
REQUESTS ?= 20000
ROUNDS ?= 2000
SEED ?= 1
ROLE ?=
BIN := .venv/bin

.PHONY: demo test lint audit unit schema faults damage crash fuzz bench bench-index bench-jobs bench-progress bench-dashboard bench-http truth growth clean

# The main job on real input: sync a repository, search it, say how to go on.
demo: .venv/ready
	@$(BIN)/python bench/demo.py $(if $(REPO),"$(REPO)")

test: lint unit

lint: .venv/test-ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive cidxd cidx

# What is installed beside us: consistent, under licences we may use, without known faults.
# Exit 3 where the service that knows the faults cannot be reached.
audit: .venv/test-ready
	$(BIN)/python .ci/audit.py

unit: .venv/test-ready
	$(BIN)/python -m pytest

# After a new migration: writes the text of a database of its schema for tests/store/schemas.
schema: .venv/test-ready
	PYTHONPATH=tests:. $(BIN)/python tests/store/keep_schema.py

# Drives every fault of the outside world, and writes its table in docs/faults.md.
faults: .venv/test-ready
	FAULTS_WRITE=1 $(BIN)/python -m pytest tests/system/test_fault_table.py

# Many rounds of random harm to an index; the tests take a few of them.
damage: .venv/test-ready
	DAMAGE_ROUNDS=150 DAMAGE_SEED=$$$$ $(BIN)/python -m pytest tests/indexer/conformance/test_damage_rounds.py

# The daemon killed LOOPS times under clients who submit, cancel and follow: docs/promises.md.
crash: .venv/test-ready
	CRASH_ROUNDS=$(LOOPS) CRASH_SEED=$$$$ $(BIN)/python -m pytest -s tests/system/test_crash_loop.py

# As each role REQUESTS random ones to the API, and ROUNDS to the stream and between daemon and child.
fuzz: .venv/test-ready
	FUZZ_REQUESTS=$(REQUESTS) FUZZ_ROUNDS=$(ROUNDS) FUZZ_SEED=$(SEED) FUZZ_ROLE=$(ROLE) \
		$(BIN)/python -m pytest -s tests/fuzz

# Long; writes its figures to standard output.  See docs/performance.md.
bench: .venv/test-ready
	$(BIN)/python bench/sync.py

# Long; each wants repositories on this machine: make bench-index REPOS="../git ../linux".
bench-index: .venv/test-ready
	$(BIN)/python bench/index.py $(REPOS)

# Percentages and estimates beside the truth, on repositories of this machine or on its own.
bench-progress: .venv/test-ready
	$(BIN)/python bench/progress.py $(if $(filter-out .,$(REPOS)),$(REPOS))

# Long and large (8 GB): jobs beside bare peers, and a million stored ones: docs/performance.md.
bench-jobs: .venv/test-ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	$(BIN)/python bench/jobs.py $(PARTS)

# The dashboard beside 10,000 stored and 50 running jobs, for MINUTES: docs/performance.md.
bench-dashboard: .venv/test-ready
	$(BIN)/python bench/dashboard.py $(MINUTES)

# A sync beside 1,000 idle and 200 slow connections: docs/performance.md.
bench-http: .venv/test-ready
	$(BIN)/python bench/crowd_connections.py $(if $(REPO),"$(REPO)")

truth: .venv/test-ready
	$(BIN)/python bench/truth.py $(REPOS)

growth: .venv/test-ready
	$(BIN)/python bench/growth.py --pictures docs/pictures

.venv/ready: pyproject.toml $(wildcard cidxd/indexer/kernel/*.[ch])
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/test-ready: .venv/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,lint]'
	@touch $@

clean:
	rm -rf .venv build ./*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
