# Everything that can be done here, in one place. `make help` prints it; CI calls these targets and nothing else.

PYTHON      ?= python3.11
VENV        ?= .venv
# An extra package index for another build of torch, e.g. the CPU one: make run TORCH_INDEX=<address>
TORCH_INDEX ?=
# What `make train` and `make evaluate` are to do, e.g. make train ARGS="--help"
ARGS        ?=
# The model to evaluate, by name or weights file, and the folders with a labels.tsv, or the one with pages, to do it on
MODEL       ?= crnn_v3
DATA        ?=
# Whose API key, and what it is good for, e.g. make key NAME=alice SCOPES=read
NAME        ?=
SCOPES      ?=
# The file of `make backup` and `make restore`
FILE        ?=
# Which images to build, what stands before their names, and options for the builder, e.g.
#   make images IMAGES=torchserve-gpu REGISTRY=registry.example.com/me
IMAGES      ?= frontend torchserve
REGISTRY    ?= localhost
IMAGE_ARGS  ?=
# What runs the containers of `make container-test`
CONTAINERS  ?= podman

BIN     := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check \
           $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
# A stamp per requirements file: pip runs again only when one of them, or pyproject.toml, has changed.
RUNTIME := $(VENV)/.installed-runtime
DEV     := $(VENV)/.installed-dev
PEERS   := .cache/peers/.installed

SIDE_BY_SIDE := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n logical --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: $(shell sed -nE 's/^([a-z0-9-]+):.*/\1/p' $(MAKEFILE_LIST))

help: ## print this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16
	@echo
	@echo "Variables: PYTHON=$(PYTHON)  VENV=$(VENV)  TORCH_INDEX=<extra index for another build of torch>"
	@echo "           ARGS=<options for train, evaluate, evaluate-pages and charts>  MODEL=<name>  DATA=\"folder…\"  NAME=<new model>    OCR_PORT, OCR_DATA_DIR, …: see .env.example"

install: $(RUNTIME) $(DEV) ## install everything into .venv (VENV)

run: models ## start the whole service on http://127.0.0.1:8000 (OCR_PORT); Ctrl-C stops it
	@OCR_BUILD="$${OCR_BUILD:-$$(git describe --always --dirty 2>/dev/null)}" $(BIN)/python -m frontend.stack

restart: $(RUNTIME) ## restart the instances (OCR_INSTANCES) of the running service in turn; with two no answer is lost
	@$(BIN)/python -m frontend.stack.instances

rollout: models ## make MODEL the default of the running service; no answer is lost, and a broken model is refused
	@$(BIN)/python -m frontend.stack.rollout rollout "$(if $(filter-out file,$(origin MODEL)),$(MODEL))"

rollback: $(RUNTIME) ## go back to the default model before the last rollout
	@$(BIN)/python -m frontend.stack.rollout rollback

key: $(RUNTIME) ## make an API key for NAME and show it once (SCOPES=read or write; both if not given)
	@$(BIN)/python -m frontend.stack.key_command make "$(NAME)" $(if $(SCOPES),--scopes "$(SCOPES)")

keys: $(RUNTIME) ## list the API keys, the revoked ones too
	@$(BIN)/python -m frontend.stack.key_command list

revoke-key: $(RUNTIME) ## revoke the API key of NAME
	@$(BIN)/python -m frontend.stack.key_command revoke "$(NAME)"

backup: $(RUNTIME) ## copy MongoDB (history, keys, tasks) into FILE, by default ocr-<date>-<time>.zip
	@$(BIN)/python -m frontend.stack.backup backup $(FILE)

restore: $(RUNTIME) ## put back from FILE what is missing in MongoDB
	@$(BIN)/python -m frontend.stack.backup restore $(FILE)

models: $(RUNTIME) ## build the archives of model_store/archives.toml that are missing or out of date
	@$(BIN)/python -m training.package

images: ## build the container images (IMAGES, REGISTRY) with docker, podman or buildah
	@REGISTRY="$(REGISTRY)" IMAGE_ARGS="$(IMAGE_ARGS)" k8s/images/build $(IMAGES)

k8s-check: $(DEV) ## check the Kubernetes manifests, compose.yaml, nginx.conf and the Containerfile (a part of make test)
	@$(BIN)/python -m pytest tests/unit/k8s

container-test: $(DEV) ## build the images, start them by Compose and as pods, and hurt them (root; podman, or CONTAINERS=docker)
	@$(MAKE) --no-print-directory images BUILDER="$(CONTAINERS)"
	@CONTAINERS="$(CONTAINERS)" $(BIN)/python -m pytest tests/container $(ARGS)

stand-ins: ## make stand-ins for the official images, where they cannot be pulled (root, podman, mmdebstrap)
	@IMAGE_ARGS="$(IMAGE_ARGS)" tests/container/stand_ins/build

alerts: ## write k8s/components/monitoring/alerts.yaml into the rule for the Prometheus Operator
	@k8s/components/monitoring/rule

test: models $(DEV) ## run all tests; the end-to-end and the browser tests share their stacks
	@$(SIDE_BY_SIDE) tests/unit tests/contract
	@$(BIN)/python -m pytest tests/e2e tests/browser

test-unit: models $(DEV) ## run the unit tests, but for the slow ones
	@$(SIDE_BY_SIDE) -m "not slow" tests/unit

test-e2e: models $(DEV) ## run the end-to-end tests, against a stack of their own
	@$(BIN)/python -m pytest tests/e2e

test-browser: models $(DEV) ## run the tests of the page in Chromium (see `make browser`)
	@$(BIN)/python -m pytest tests/browser

browser: ## install what the browser tests need beside Python: chromium and fonts (as root), axe-core (npm must be installed)
	@tests/browser/install

screenshots: models $(DEV) ## take pictures of the page's main states into docs/screenshots
	@$(BIN)/python -m tests.browser.screenshots $(ARGS)

lint: $(DEV) ## check style, types and the direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(DEV) ## rewrite the code in the one style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

audit: $(DEV) ## look for known weaknesses of the pinned versions (ARGS are for pip-audit, such as ARGS="-s osv")
	@$(BIN)/python -m tests.audit.command $(ARGS)

licences: $(DEV) ## write docs/licences.md
	@$(BIN)/python -m tests.audit.licences

corpus: $(DEV) ## gather the words, names and running text that training draws with
	@$(BIN)/python -m training.text.corpus

fonts: $(DEV) ## fetch the fonts that training draws with (npm must be installed)
	@$(BIN)/python -m training.fonts.fetch

train: $(DEV) ## train a model (ARGS="--help" tells the options)
	@# glibc must keep the memory between steps: giving it back and forth took 44 % of the time
	@MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=17179869184 $(BIN)/python -m training.train $(ARGS)

finetune: $(DEV) | .cache/corpus/SOURCES.txt .cache/fonts/coverage.json ## teach MODEL the corrections in the folder DATA; the result is the model NAME
	@MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=17179869184 OMP_WAIT_POLICY=passive \
	  $(BIN)/python -m training.finetune "$(MODEL)" "$(DATA)" "$(NAME)" $(ARGS)

.cache/corpus/SOURCES.txt: | $(DEV)
	@$(MAKE) --no-print-directory corpus

.cache/fonts/coverage.json: | $(DEV)
	@# a few of each kind: enough for not forgetting, and fetched in minutes
	@$(BIN)/python -m training.fonts.fetch --most 5

evaluate: $(DEV) ## measure MODEL on the folders DATA (ARGS="--peers --robustness --sheet worst.png")
	@OMP_NUM_THREADS=1 $(BIN)/python -m training.evaluation.lines $(MODEL) $(DATA) $(ARGS)

evaluate-pages: $(DEV) ## measure MODEL on the whole pages of the folder DATA (ARGS="--peers --turned --modes")
	@OMP_NUM_THREADS=1 $(BIN)/python -m training.evaluation.pages $(MODEL) $(DATA) $(ARGS)

peers: $(PEERS) ## install what ARGS=--peers compares with, apart from the project

charts: $(DEV) ## draw docs/charts from the logs and figures kept in training/runs
	@$(BIN)/python -m training.evaluation.charts $(ARGS)

fuzz: models $(DEV) ## send what nobody would send on purpose (ARGS="--minutes 60 --targets image,pdf"); see --help
	@nice -n 10 $(BIN)/python -m tests.fuzz.command $(ARGS)

load: models $(DEV) ## post 500 images by 16 clients and report time and memory
	@$(BIN)/python -m tests.load.memory $(ARGS)

load-streams: models $(DEV) ## play live video by 20 connections and report their frames a second
	@$(BIN)/python -m tests.load.streams $(ARGS)

load-scale: models $(DEV) ## measure what a line and a page cost, predict pages a minute, and check it
	@$(BIN)/python -m tests.load.scale $(ARGS)

load-slow: models $(DEV) ## post lines beside 2,000 clients that send or take a byte a second, or nothing
	@$(BIN)/python -m tests.load.slow_clients $(ARGS)

soak: models $(DEV) ## two hours of mixed load: does anything grow? (ARGS="--minutes 20")
	@$(BIN)/python -m tests.load.soak $(ARGS)

chaos: models $(DEV) ## hurt one part after the other under load, and check every answer (ARGS="--minutes 10")
	@$(BIN)/python -m tests.chaos $(ARGS)

clean: ## remove what was built, keep what was installed and the service's data
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache model_store/*.mar
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean ## remove the installation as well, and the service's data
	rm -rf $(VENV) .data

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "$(PYTHON) was not found: install Python 3.11, or say where it is: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Creating $(VENV) …"
	@$(PYTHON) -m venv $(VENV)

$(RUNTIME): requirements.txt pyproject.toml | $(BIN)/python
	@echo "Installing what the service needs (a few minutes the first time) …"
	@$(INSTALL) -r requirements.txt
	@# the project itself, for the command `ocr`
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): requirements-dev.txt $(RUNTIME)
	@echo "Installing what tests and training need …"
	@$(INSTALL) -r requirements-dev.txt
	@touch $@

$(PEERS): training/evaluation/peers.txt | $(BIN)/python
	@$(PYTHON) -m venv .cache/peers
	@# --no-deps: the wheels ask for two builds of OpenCV at once
	@.cache/peers/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r $<
	@touch $@
