# `make help` lists the targets. A target installs what it needs (Debian).
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
	@sh tools/fleet/setup.sh

.venv/made: requirements-dev.txt | setup
	@sh tools/fleet/setup.sh python

# Build all images before the first scenario: a scenario does not use the network.
.PHONY: images
images: setup .venv/made
	@$(BIN)/python tools/fleet/fleet.py images $(patsubst %/molecule.yml,%/inventory,$(filter-out \
		$(patsubst %/matrix.txt,%/molecule.yml,$(wildcard molecule/*/matrix.txt)),$(wildcard molecule/*/molecule.yml)))

.PHONY: mirror
mirror: | setup
	@python3 tools/fleet/fill_mirror.py $(CACHE)/mirror

.PHONY: demo
demo: setup .venv/made ## Deploy the stack to a fleet of containers, and leave the containers running
	@sh tools/fleet/demo.sh $(DEMO)

.PHONY: demo-down
demo-down: .venv/made ## Remove the containers and the network of the demo
	@$(BIN)/python tools/fleet/fleet.py down $(DEMO)
	@rm -f $(DEMO)/group_vars/all/mirror.yml

.PHONY: test
test: setup .venv/made mirror images lint sanity ## Run lint, sanity, unit tests, and scenarios in containers
	@$(BIN)/pytest tests/unit tests/scenarios -m "not matrix"

.PHONY: matrix
matrix: setup .venv/made mirror ## Run the scenarios that `make test` leaves out: long ones, with molecule/NAME/matrix.txt
	@$(BIN)/python tools/fleet/fill_wheels.py $(CACHE)/mirror
	@$(BIN)/python tools/fleet/fleet.py images $(patsubst %/matrix.txt,%/inventory,$(wildcard molecule/*/matrix.txt))
	@$(BIN)/pytest tests/scenarios -m matrix

.PHONY: unit
unit: .venv/made ## Run the unit tests
	@$(BIN)/pytest tests/unit

.PHONY: bench
bench: .venv/made ## Measure the cost of rendering large inventories, draw docs/benchmark.svg and write the table in README.md
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/benchmarks/bench.py

.PHONY: bench-scale
bench-scale: .venv/made ## Simulate 100,000 hosts on 20 shards: balance, moved hosts, time and memory
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/benchmarks/scale.py

.PHONY: bench-refresh
bench-refresh: setup .venv/made mirror ## Measure the time to add a host to a fleet of 10 hosts, and of 10,000 hosts
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/benchmarks/refresh.py

.PHONY: bench-converge
bench-converge: setup .venv/made mirror ## Measure deployments to 1, 8 and 20 hosts. PEER=DIRECTORY with ansible_collections compares prometheus.prometheus
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/benchmarks/converge.py $(if $(PEER),--peer "$(PEER)")

.PHONY: lint
lint: .venv/made ## Check style, types, documentation, generated files and the built artefact
	@sh tests/lint.sh

.PHONY: sanity
sanity: .venv/made ## Run ansible-test sanity without its downloads from the network
	@sh tests/sanity.sh

.PHONY: docs
docs: .venv/made ## Write the READMEs, the plays of site.yml and the picture of the packages
	@$(BIN)/python tools/generate.py
	@$(BIN)/python tools/architecture.py

.PHONY: new-exporter
new-exporter: .venv/made ## Create the role of an exporter: NAME=memcached_exporter REPOSITORY=prometheus/memcached_exporter PORT=9150
	@$(BIN)/python tools/new_exporter.py "$(NAME)" "$(REPOSITORY)" "$(PORT)" $(VERSION)
	@$(BIN)/python tools/dashboards/write.py
	@$(BIN)/python tools/generate.py

.PHONY: dashboards
dashboards: .venv/made ## Write the dashboards of the roles from their monitoring/dashboard*.py
	@$(BIN)/python tools/dashboards/write.py

.PHONY: lock
lock: .venv/made ## Pin the newest development dependencies
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --upgrade --no-header --no-annotate --group dev --output-file requirements-dev.txt

.PHONY: clean
clean: ## Remove the containers of the tests, and the files that the other targets created in the checkout
	@if [ -x $(BIN)/python ]; then for scenario in molecule/*/molecule.yml; do \
		$(BIN)/python tools/fleet/fleet.py down "$$(dirname "$$scenario")/inventory"; done; fi
	@rm -rf .venv .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis .ansible molecule/*/inventory/group_vars/all/mirror.yml inventory/demo/grafana.yml
