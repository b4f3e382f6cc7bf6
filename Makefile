# `make` by itself lists the targets. Each target sets up what it needs: uv, the virtual environment, the
# collection path, and, on Debian as root, Docker.
SHELL := /bin/bash
.DEFAULT_GOAL := help
# Compiled modules save seconds in every run, so they are kept even if the environment disables that.
export PYTHONDONTWRITEBYTECODE :=
# Where uv is, or where offline/uv.sh installs it; builds search it on the PATH.
export PATH := $(PATH):$(CURDIR)/.uv.venv/bin
BIN := .venv/bin
PLAY := $(BIN)/ansible-playbook
LINK := .collections/ansible_collections/meshgate/eks_istio

.PHONY: help setup site verify teardown test test-full lint sanity matrix unit aws services roles troubleshooting inputs package kills molecule faults examples pull build hooks bench docs clean

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "%-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.synced $(LINK) ## Set up the control node: uv, Python packages, collection path

.venv/.synced: pyproject.toml uv.lock
	@echo "==> control node: Python packages from uv.lock into .venv"
	@uv=$$(offline/uv.sh) && "$$uv" sync --locked --quiet
	@touch $@

$(LINK):
	@mkdir -p $(dir $@)
	@ln -sfn ../../.. $@

site: setup ## Build the whole platform on this machine and print the services' responses
	@echo "==> the platform on kind: playbooks/site.yml"
	@$(PLAY) playbooks/site.yml $(ARGS)

verify: setup ## Send requests to the running platform's services through the load balancer
	@$(PLAY) playbooks/verify.yml $(ARGS)

teardown: setup ## Remove the platform and verify that nothing is left
	@echo "==> removing the platform: playbooks/teardown.yml"
	@$(PLAY) playbooks/teardown.yml $(ARGS)

test: setup ## Every check: lint, unit tests, the AWS part, services, the platform on kind
	@FIRST="unit aws roles inputs" BESIDE="lint sanity services package" BIN=$(BIN) tests/run.sh tools troubleshooting kills molecule

FULL_FIRST := unit aws-full roles inputs-full
FULL_ALONE := tools kills-full faults troubleshooting-full examples molecule-full package-full pull matrix-site
FULL_BESIDE := lint services sanity-full matrix-sanity matrix-units
test-full: setup ## Everything in `test` and the suites that take hours, reported in docs/test-report.md; SUITES="faults pull" for only these
	@REPORT=docs/test-report.md EXPECTED="$(FULL_FIRST) $(FULL_ALONE) $(FULL_BESIDE)" $(if $(SUITES),,FIRST="$(FULL_FIRST)" BESIDE="$(FULL_BESIDE)") BIN=$(BIN) tests/run.sh $(or $(SUITES),$(FULL_ALONE))

lint: setup ## ansible-lint (production), ruff, mypy, yamllint, shellcheck
	@BIN=$(BIN) tests/run.sh lint

sanity: setup ## ansible-test on the built and installed collection; FULL=1 for all of its tests, its units and antsibull-docs
	@BIN=$(BIN) tests/run.sh $(if $(FULL),sanity-full,sanity)

matrix: setup ## Every supported ansible-core: ansible-test sanity and units, the platform on kind; CORE=2.20 PYTHON=3.14 for one combination
	@$(BIN)/python tests/matrix/run.py $(if $(CORE),--core $(CORE)) $(if $(PYTHON),--python $(PYTHON)) $(ARGS)

unit: setup ## Unit tests of modules, emulator and role specifications
	@BIN=$(BIN) tests/run.sh unit

aws: setup ## The AWS part against the emulated AWS, with a fixed sample of faults; FULL=1 for all of them
	@BIN=$(BIN) tests/run.sh $(if $(FULL),aws-full,aws)

services: setup ## cargo test, clippy and rustfmt of the services
	@BIN=$(BIN) tests/run.sh services

roles: setup ## Roles against a bare API server
	@BIN=$(BIN) tests/run.sh roles

troubleshooting: setup ## Symptoms of diagnose.yml that need no platform; FULL=1 for all of them, on a platform
	@BIN=$(BIN) tests/run.sh $(if $(FULL),tools troubleshooting-full,troubleshooting)

kills: setup ## Kill site.yml and teardown.yml partway and run them again; FULL=1 after every task
	@BIN=$(BIN) tests/run.sh tools $(if $(FULL),kills-full,kills)

faults: setup ## Count failed requests while pods, the API server and the node are killed, and while everything is updated
	@BIN=$(BIN) tests/run.sh tools faults

examples: setup ## The examples of modules that need a platform, which they consume
	@BIN=$(BIN) tests/run.sh tools examples

pull: setup ## Pull tools and images, and push images, with local servers instead of the publishers'
	@BIN=$(BIN) tests/run.sh pull

inputs: setup ## Bad values and environments are refused before anything is created; FULL=1 also for each value alone
	@BIN=$(BIN) tests/run.sh $(if $(FULL),inputs-full,inputs)

molecule: setup ## The platform's life on kind, from an empty machine to an empty machine
	@BIN=$(BIN) tests/run.sh tools molecule

package: setup ## The built collection in an empty directory, the documents, the Dockerfiles; FULL=1 builds the platform from there
	@BIN=$(BIN) tests/run.sh $(if $(FULL),package-full,package)

build: setup ## Build meshgate-eks_istio-VERSION.tar.gz from the committed files
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && git archive HEAD | tar -x -C "$$folder" && \
	  $(BIN)/ansible-galaxy collection build --force --output-path . "$$folder"

hooks: setup ## Install a pre-commit hook that runs the linters
	@uv=$$(offline/uv.sh) && "$$uv" tool run pre-commit install

bench: setup ## Compare the collection with a shell script and helmfile, and measure the platform
	@BIN=$(BIN) benchmarks/run.sh $(ARGS)

docs: setup ## Generate the pages of roles and modules, and render the diagrams
	@$(BIN)/python docs/generate.py
	@$(BIN)/python docs/render.py

clean: setup ## Remove the platform, the cache of binaries and images, and .venv
	@$(PLAY) playbooks/teardown.yml
	@$(PLAY) playbooks/clean.yml
	@rm -rf .venv .uv.venv .collections "$${XDG_CACHE_HOME:-$$HOME/.cache}/meshgate-checks"
