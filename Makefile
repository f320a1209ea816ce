# `make help` says what there is. What is needed is installed on the way (Debian).
.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/vigie
DEMO := inventory/demo
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

.PHONY: setup
setup:
	@sh tests/fleet/setup.sh

.venv/made: requirements-dev.txt | setup
	@sh tests/fleet/setup.sh python

# All images before the first scenario: a scenario asks no network.
.PHONY: images
images: setup .venv/made
	@$(BIN)/python tests/fleet/fleet.py images $(patsubst %/molecule.yml,%/inventory,$(wildcard molecule/*/molecule.yml))

.PHONY: mirror
mirror: | setup
	@python3 tests/fleet/fill_mirror.py $(CACHE)/mirror

.PHONY: demo
demo: setup .venv/made ## Deploy a fleet of containers, verify it, leave it running
	@sh tests/fleet/demo.sh $(DEMO)

.PHONY: demo-down
demo-down: .venv/made ## Remove the demo's containers and its network
	@$(BIN)/python tests/fleet/fleet.py down $(DEMO)
	@rm -f $(DEMO)/group_vars/all/mirror.yml

.PHONY: test
test: setup .venv/made mirror images lint sanity ## Run everything: lint, sanity, unit tests, scenarios in containers
	@$(BIN)/pytest tests/unit tests/scenarios

.PHONY: unit
unit: .venv/made ## Run the unit tests
	@$(BIN)/pytest tests/unit

.PHONY: bench
bench: .venv/made ## Measure what rendering large inventories costs; draws docs/benchmark.svg
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/benchmarks/bench.py

.PHONY: bench-refresh
bench-refresh: setup .venv/made mirror ## Measure what it costs to bring a server into a fleet of 10, and into one of 10,000
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/benchmarks/refresh.py

.PHONY: lint
lint: .venv/made ## Check style, types, documentation and the built artefact
	@sh tests/lint.sh

.PHONY: sanity
sanity: .venv/made ## Run ansible-test sanity, as far as it runs without its own network places
	@sh tests/sanity.sh

.PHONY: docs
docs: .venv/made ## Write the roles' READMEs from their argument specifications
	@$(BIN)/python tests/readmes.py

.PHONY: dashboards
dashboards: .venv/made ## Write the roles' dashboards from tests/dashboards
	@$(BIN)/python tests/dashboards/write.py

.PHONY: lock
lock: .venv/made ## Pin the newest development dependencies
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --upgrade --no-header --no-annotate --group dev --output-file requirements-dev.txt

.PHONY: clean
clean: ## Remove the tests' containers, and what the targets above left in the checkout
	@if [ -x $(BIN)/python ]; then for scenario in molecule/*/molecule.yml; do \
		$(BIN)/python tests/fleet/fleet.py down "$$(dirname "$$scenario")/inventory"; done; fi
	@rm -rf .venv .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis .ansible molecule/*/inventory/group_vars/all/mirror.yml inventory/demo/grafana.yml
