# Two commands matter: `make run` does the main job and starts the application, `make test` proves it. Both begin with `make setup`.
PYTHON ?= $(or $(shell command -v python3.11),python3)
VENV   := .venv
BIN    := $(VENV)/bin
SERVE  ?= yes
# uv looks where pip looks for wheels, so a CPU wheel of torch on disk is taken before a CUDA build from the registry.
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
# Nothing phones home, nothing spins: see centre/settings.py, quiet_environment().
export DO_NOT_TRACK := true
export MLFLOW_DISABLE_TELEMETRY := true
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export DVC_NO_ANALYTICS := 1
export HF_HUB_OFFLINE := 1
export OMP_WAIT_POLICY := PASSIVE

STAMP := $(VENV)/.parley-setup

.PHONY: setup run test test-slow test-all lint docs lock bench-real bench-intent bench-intent-files bench-intent-labels bench-intent-discovery bench-forecast bench-queueing bench-staffing bench-staffing-world clean help

help:  ## What can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

setup: $(STAMP)  ## Make .venv from the lock; quick when nothing changed

# Built in a folder of its own and stamped last: a set-up that was killed is begun again.
$(STAMP): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Parley needs Python 3.11: expected '$(PYTHON)' on the PATH (or make PYTHON=/path/to/python3.11)"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "Parley needs Python 3.11, $(PYTHON) is another"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check "uv>=0.9"
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --requirement requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $(STAMP)

run: setup  ## The main job in the workspace .parley, then the application (SERVE=no ends after the job)
	$(BIN)/parley demo $(if $(filter no,$(SERVE)),--no-serve,)

lint: setup  ## Ruff, mypy --strict, the floors and doors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

test: lint  ## Lint, types, floors, and all tests but the slow ones; the main job end to end is among them
	$(BIN)/python -m pytest -m "not slow" --numprocesses 2 --dist loadfile

test-slow: setup  ## The slow tests alone: a browser, kills, tampering, the loop, real input where it is there
	$(BIN)/python -m pytest -m slow --numprocesses 2 --dist loadfile

test-all: test test-slow  ## Both

docs: setup  ## Write the generated references again
	$(BIN)/python -m flows.documentation

bench-intent-files: setup  ## What intent learns from the files at hand
	$(BIN)/python -m benchmarks.intent_files

bench-intent: setup  ## How fast an approved intent model answers over HTTP, and what it costs
	$(BIN)/python -m benchmarks.intent_serving

bench-intent-labels: setup  ## What asking well saves, and what settling doubts gains
	$(BIN)/python -m benchmarks.intent_labels

bench-intent-discovery: setup  ## What is found of hidden intents among refused texts
	$(BIN)/python -m benchmarks.intent_discovery

bench-queueing: setup  ## How many contacts a second the queueing engine plays on one core
	$(BIN)/python -m benchmarks.queueing

bench-forecast: setup  ## How far off a forecast is, how honest, and what it costs
	$(BIN)/python -m benchmarks.forecast

bench-staffing: setup  ## Does a staffing plan come true, and how long do plan and what-if take
	$(BIN)/python -m benchmarks.staffing

bench-staffing-world: setup  ## Does a plan from an issued forecast come true in the simulated centre
	$(BIN)/python -m benchmarks.staffing_world

bench-real: setup  ## The figures of the three real-input journeys
	$(BIN)/python -m benchmarks.real_input

lock: setup  ## Resolve requirements.lock and requirements-serving.lock anew
	.ci/lock

clean:  ## Remove the environment and the demo workspace
	rm -rf $(VENV) .parley
