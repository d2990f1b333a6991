# Every target is one line of work: what takes more lives in local/*.py. `make` alone prints the help.

PYTHON ?= python3
STAGE ?= dev
TESTS ?= tests
FN ?=
EVENT ?=
QUEUE ?=
ARGS ?=
ADMIN ?=
CONFIRM ?=
MINUTES ?= 10

suffix := $(if $(filter-out python3,$(PYTHON)),-$(notdir $(PYTHON)))
VENV := .venv$(suffix)
EMULATOR_VENV := .marketflow/venv-emulator$(suffix)
RUN := $(VENV)/bin/python
COSTED = $(if $(filter command%,$(origin STAGE)),$(STAGE),prod)
JOB = SYMBOL="$(SYMBOL)" INTERVAL="$(INTERVAL)" FROM="$(FROM)" TO="$(TO)" SOURCE="$(SOURCE)" QUEUE="$(QUEUE)" $(RUN) -m local.jobs

export PYTHONPATH := shared:.
export EMULATOR_VENV

.DEFAULT_GOAL := help
.PHONY: help setup run status token invoke backfill replay redrive dlq drill smoke test bench bench-quick fuzz simulate cost scale load soak drills lint audit sbom typecheck format hooks openapi contract pins synth bootstrap deploy verify destroy diff clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

setup: ## Make the virtual environments (every other target does this first; PYTHON=python3.13 for another version)
	@python="$$(sh local/python.sh "$(PYTHON)" $(or $(firstword $(MAKECMDGOALS)),setup))" && PYTHONPATH= "$$python" local/setup.py --venv $(VENV) --emulator $(EMULATOR_VENV)

run: setup ## Start the whole pipeline on this machine until Ctrl-C (SOURCES=live|simulator|auto)
	@exec $(RUN) -m local.run

status: setup ## Say how each source, queue and alarm of the running pipeline does (STAGE=dev|prod for a deployment)
	@$(RUN) -m local.status "$(if $(filter command%,$(origin STAGE)),$(STAGE))"

token: setup ## Print an access token for the running pipeline, to make API keys with (ADMIN=1: of an admin)
	@ADMIN="$(ADMIN)" $(RUN) -m local.sign_in

invoke: setup ## Run one deployed handler: make invoke FN=etl EVENT=events/sqs_binance_klines.json
	@$(RUN) -m local.invoke "$(FN)" "$(EVENT)"

backfill: setup ## Fetch a symbol's past: make backfill SYMBOL=BTCUSDT INTERVAL=1m FROM=2026-01-01 [TO=]
	@$(JOB) backfill

replay: setup ## Load the raw archive again: make replay SOURCE=binance FROM=2026-01-01 [TO=] [SYMBOL=]
	@$(JOB) replay

redrive: setup ## Send dead letters back to their queue: make redrive QUEUE=payloads-dlq
	@$(JOB) redrive

dlq: setup ## Say what is in each dead-letter queue, and why (STAGE=dev|prod for a deployment)
	@$(RUN) -m local.dlq "$(if $(filter command%,$(origin STAGE)),$(STAGE))"

drill: setup ## Restore the raw archive into a database that is thrown away, and compare (BUCKET= of a deployment)
	@BUCKET="$(BUCKET)" $(RUN) -m local.drill

smoke: setup ## Prove in a minute that prices flow: own ports, temporary folder, simulated sources
	@exec $(RUN) -m local.smoke

test: setup ## Run all tests with coverage (TESTS=tests/unit for some, ARGS="-k name" for pytest)
	$(RUN) -m pytest $(TESTS) --timeout=600 --cov --cov-report=term --cov-report=html $(ARGS)

bench: setup ## Measure everything against its peers and limits, a quarter of an hour (ARGS=--no-gate: misses are no failure)
	@$(RUN) -m bench $(ARGS)

bench-quick: setup ## The same figures from less data, in a minute
	@$(RUN) -m bench --quick $(ARGS)

fuzz: setup ## Throw thousands of made-up requests at a deployment of its own (SEED=7 repeats a run)
	@exec $(RUN) -m local.fuzz

simulate: setup ## Break the pipeline on virtual time, seed by seed (SEEDS=10000; SEED=12345 replays one, FIRST=301 starts there)
	@exec $(RUN) -m local.simulation $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),300) --first $(or $(FIRST),1))

cost: setup ## Compute the monthly bill of a stage, beside that of a cluster (STAGE=prod SYMBOLS=500 RATE=10; ARGS=--short)
	@$(RUN) -m bench.cost --stage "$(COSTED)" --symbols "$(SYMBOLS)" $(if $(RATE),--rate "$(RATE)") $(ARGS)

scale: setup ## Show where growing symbols hit the first limit, by calculation and simulation (STAGE= SYMBOLS=36,500 SEED=)
	@$(RUN) -m bench.scaling --stage "$(COSTED)" --symbols "$(SYMBOLS)" $(if $(SEED),--seed "$(SEED)") $(ARGS)

load: setup ## Drive a pipeline of its own to saturation, and slow its database down; five minutes
	@exec $(RUN) -m local.load load

soak: setup ## Half of that for ten minutes, to see that memory and connections stay flat (MINUTES=30)
	@MINUTES="$(MINUTES)" exec $(RUN) -m local.load soak

drills: setup ## Kill one part after the other under load, and count what was lost; six minutes
	@exec $(RUN) -m local.load drills

lint: setup ## Check format, lint rules, import directions, workflows, new migrations, and that the API only gained
	$(RUN) -m ruff format --check . && $(RUN) -m ruff check . && $(VENV)/bin/lint-imports
	$(RUN) -m local.checks.actionlint && $(VENV)/bin/zizmor --offline --quiet --persona=pedantic --strict-collection .github
	$(RUN) -m local.checks.squawk
	$(RUN) -m local.checks.contract

audit: setup ## Look every pinned package up among the known vulnerabilities
	@$(RUN) -m local.checks.audit

sbom: setup ## Write the CycloneDX bill of materials of what ships to build/sbom.json
	@$(RUN) -m local.checks.sbom

typecheck: setup ## Check the types, strictly
	$(RUN) -m mypy shared functions cdk local bench

format: setup ## Format the code and mend what the linter can mend
	$(RUN) -m ruff format . && $(RUN) -m ruff check --fix .

hooks: setup ## Install the same checks as a git pre-commit hook
	$(VENV)/bin/pre-commit install

openapi: setup ## Write docs/openapi.json, and the copy that the API serves, from the routes
	@$(RUN) -m local.openapi

contract: setup ## Refuse a docs/openapi.json that breaks the last release (ARGS=--release keeps it as the released one)
	@$(RUN) -m local.checks.contract $(ARGS)

pins: setup ## Regenerate the pinned requirement files (ARGS=--upgrade for newer versions)
	$(RUN) -m local.pins $(ARGS)

synth: setup ## Write the CloudFormation templates of a stage to cdk.out (STAGE=dev|prod)
	$(RUN) -m local.cdk synth --quiet -c stage=$(STAGE) $(ARGS)

bootstrap: setup ## Prepare your AWS account and region for the CDK, once (STAGE=dev|prod)
	$(RUN) -m local.cdk bootstrap -c stage=$(STAGE) $(ARGS)

deploy: setup ## Deploy a stage into your AWS account, once nothing speaks against it (STAGE=dev|prod)
	$(RUN) -m local.aws.preflight $(STAGE) && $(RUN) -m local.cdk deploy --all -c stage=$(STAGE) $(ARGS)

verify: setup ## Prove that a deployed stage works: ready, every source delivers, keys are checked (STAGE=dev|prod)
	@$(RUN) -m local.aws.verify $(STAGE)

destroy: setup ## Delete a stage whose data may go, with everything that is billed (STAGE=dev CONFIRM=dev)
	@CONFIRM="$(CONFIRM)" $(RUN) -m local.aws.destroy $(STAGE)

diff: setup ## Show what deploying a stage would change (STAGE=dev|prod)
	$(RUN) -m local.cdk diff -c stage=$(STAGE) $(ARGS)

clean: ## Remove everything that was built or installed, and the local data
	rm -rf .venv .venv-* .marketflow build cdk.out .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
