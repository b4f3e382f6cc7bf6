# `make` by itself prints what there is. Everything that a target needs, it sets up: uv, the virtual environment, the
# collection path, and, on Debian as root, Docker.
SHELL := /bin/bash
.DEFAULT_GOAL := help
# Compiled modules are worth seconds in every run, also where the environment asks Python not to keep them.
export PYTHONDONTWRITEBYTECODE :=
UV_VERSION := $(shell sed -n 's/^uv: *//p' versions.yml)
UV := $(shell command -v uv 2>/dev/null || echo $(HOME)/.local/bin/uv)
BIN := .venv/bin
PLAY := $(BIN)/ansible-playbook
LINK := .collections/ansible_collections/meshgate/eks_istio

.PHONY: help setup site verify teardown test test-full lint sanity matrix unit integration test-aws services-test kills faults inputs molecule package build hooks bench docs clean

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "%-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.synced $(LINK) ## Make the control node: uv, Python packages, collection path

.venv/.synced: pyproject.toml uv.lock
	@echo "==> control node: Python packages from uv.lock into .venv"
	@test -x "$(UV)" || python3 -m pip install --quiet --user --break-system-packages "uv==$(UV_VERSION)" 2>/dev/null || python3 -m pip install --quiet --user "uv==$(UV_VERSION)"
	@$(UV) sync --locked --quiet
	@touch $@

$(LINK):
	@mkdir -p $(dir $@)
	@ln -sfn ../../.. $@

site: setup ## Build the whole platform on this machine and print the services' answers
	@echo "==> the platform on kind: playbooks/site.yml"
	@$(PLAY) playbooks/site.yml $(ARGS)

verify: setup ## Ask the running platform's services through the load balancer
	@$(PLAY) playbooks/verify.yml $(ARGS)

teardown: setup ## Remove the platform and prove that nothing is left
	@echo "==> removing the platform: playbooks/teardown.yml"
	@$(PLAY) playbooks/teardown.yml $(ARGS)

test: setup ## Every check: lint, unit tests, the AWS half, services, the platform on kind
	@BESIDE="lint sanity unit aws services roles package inputs" BIN=$(BIN) tests/run.sh tools troubleshooting kills molecule

FULL_ALONE := tools kills-full faults troubleshooting-full examples molecule-full package-full pull matrix-site
FULL_BESIDE := lint unit aws-full services roles inputs-full sanity-full matrix-sanity matrix-units
test-full: setup ## Everything that `test` runs and what takes hours, with docs/test-report.md of it; SUITES="faults pull" for these alone
	@REPORT=docs/test-report.md EXPECTED="$(FULL_ALONE) $(FULL_BESIDE)" $(if $(SUITES),,BESIDE="$(FULL_BESIDE)") BIN=$(BIN) tests/run.sh $(or $(SUITES),$(FULL_ALONE))

lint: setup ## ansible-lint (production), ruff, mypy, yamllint, shellcheck
	@BIN=$(BIN) tests/run.sh lint

sanity: setup ## ansible-test on the built and installed collection; FULL=1 for all of its tests, its units and antsibull-docs
	@BIN=$(BIN) tests/run.sh $(if $(FULL),sanity-full,sanity)

matrix: setup ## Every supported ansible-core: ansible-test sanity and units, the platform on kind; CORE=2.20 PYTHON=3.14 for one cell
	@$(BIN)/python tests/matrix/run.py $(if $(CORE),--core $(CORE)) $(if $(PYTHON),--python $(PYTHON)) $(ARGS)

unit: setup ## Unit tests of modules, emulator and role specifications
	@BIN=$(BIN) tests/run.sh unit

test-aws: setup ## The AWS half against the emulated AWS, with a fixed sample of faults; FULL=1 for all of them
	@BIN=$(BIN) tests/run.sh $(if $(FULL),aws-full,aws)

services-test: setup ## cargo test, clippy and rustfmt of the two services
	@BIN=$(BIN) tests/run.sh services

integration: setup ## Roles against a bare API server, and the symptoms that need no platform
	@BIN=$(BIN) tests/run.sh roles troubleshooting

kills: setup ## Kill site.yml and teardown.yml on their way, run them again; FULL=1 after every task
	@BIN=$(BIN) tests/run.sh tools $(if $(FULL),kills-full,kills)

faults: setup ## Requests counted while pods, the API server and the node are killed, and while everything is updated
	@BIN=$(BIN) tests/run.sh tools faults

inputs: setup ## Bad values and environments are refused at once, and nothing is created; FULL=1 for each value alone, too
	@BIN=$(BIN) tests/run.sh $(if $(FULL),inputs-full,inputs)

molecule: setup ## The platform's life on kind, from an empty machine to an empty machine
	@BIN=$(BIN) tests/run.sh tools molecule

package: setup ## The built collection in an empty place, the documents, the Dockerfiles; FULL=1 builds the platform from there
	@BIN=$(BIN) tests/run.sh $(if $(FULL),package-full,package)

build: setup ## meshgate-eks_istio-VERSION.tar.gz of what is committed
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && git archive HEAD | tar -x -C "$$folder" && \
	  $(BIN)/ansible-galaxy collection build --force --output-path . "$$folder"

hooks: setup ## The linters of your commits, before each commit
	@$(UV) tool run pre-commit install

bench: setup ## Time the collection beside a shell script and helmfile, and measure the platform
	@BIN=$(BIN) benchmarks/run.sh $(ARGS)

docs: setup ## Write the pages of roles and modules anew, and render the diagrams
	@$(BIN)/python docs/generate.py
	@$(BIN)/python docs/render.py

clean: setup ## Remove the platform, the cache of binaries and images, and .venv
	@$(PLAY) playbooks/teardown.yml
	@$(PLAY) playbooks/clean.yml
	@rm -rf .venv .collections "$${XDG_CACHE_HOME:-$$HOME/.cache}/meshgate-checks"
