PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
DEST ?= ../shop
ID ?= default

# Trust the certificates of the system, as pip does. Behind a proxy, uv could not download anything otherwise.
export UV_SYSTEM_CERTS ?= 1
# The tests start hundreds of Python processes, which write no bytecode. Without this, each would compile SQLAlchemy anew.
export UV_COMPILE_BYTECODE ?= 1

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^##@ / { heading = "\n" substr($$0, 5) "\n" } \
		/^[a-z-]+:.*## / { printf "%s  make %-18s %s\n", heading, $$1, $$2; heading = "" }' $(MAKEFILE_LIST)

# The environment of all tests and of the services that they render. It has exactly what constraints.txt lists.
$(READY): constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("This needs Python 3.11 or newer, for example: make PYTHON=python3.12")'
	@echo "Creating .venv for this repository. This takes about half a minute, once."
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/pip install --quiet --constraint constraints.txt uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --requirement constraints.txt
	@touch $@

##@ Use the template

.PHONY: demo
demo: $(READY) ## Render a service, start it on PostgreSQL and send it requests
	@$(BIN)/python -m scripts.demo

.PHONY: render
render: $(READY) ## Ask the questions and render a service into DEST=../shop. ARGS="-d project_name=Shop" answers one
	@$(BIN)/python -m scripts.render "$(DEST)" $(ARGS)

##@ Test

.PHONY: test
test: $(READY) lint ## Run all tests but the image and the full products of updates
	$(BIN)/pytest -n logical --dist loadgroup -m "not image and not kubernetes and not exhaustive"

.PHONY: test-fast
test-fast: $(READY) lint ## Run the tests of the default combination, in less than a minute
	$(BIN)/pytest -n logical --dist loadgroup -m "not slow and not image and not kubernetes"

.PHONY: test-updates
test-updates: $(READY) ## Run all tests of updates: each release with each edit and each combination
	$(BIN)/pytest -n logical --dist loadgroup -m updates

.PHONY: test-domains
test-domains: $(READY) ## Write every type of field by `make domain` in each combination, and run its tests
	$(BIN)/pytest -n logical --dist loadgroup -m exhaustive tests/test_make_domain.py

.PHONY: image
image: $(READY) ## Build the image of the default service with buildah, and run it
	$(BIN)/pytest tests/test_image.py

.PHONY: failover
failover: $(READY) ## Fail over a cluster of Patroni while a service writes, and count. ARGS="--times 3" repeats it
	@$(BIN)/python -m scripts.failover $(ARGS)

.PHONY: kubernetes
kubernetes: $(READY) ## Validate the manifests of the operator, and roll two releases out under load
	$(BIN)/pytest -s -m kubernetes

.PHONY: test-combination
test-combination: $(READY) ## Run only the tests of the combination ID=default
	$(BIN)/pytest -n logical --dist loadgroup -k "[$(ID)]"

.PHONY: render-combination
render-combination: $(READY) ## Render the combination ID=default into .rendered/
	$(BIN)/python -m scripts.render_combination $(ID)

##@ Documentation

.PHONY: recipes
recipes: $(READY) ## Run the recipes, and record the SQL that their pages show
	RECORD=1 $(BIN)/pytest tests/test_recipes.py

.PHONY: docs
docs: $(READY) ## Build the documentation in .site
	rm -rf .site
	$(BIN)/sphinx-build --fail-on-warning --keep-going --fresh-env --quiet --doctree-dir .cache/doctrees docs .site

.PHONY: docs-serve
docs-serve: docs ## Serve the documentation on http://127.0.0.1:8008
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory .site 8008

##@ Maintain

.PHONY: bench
bench: $(READY) ## Benchmark the default service, a bare one and the guides' pattern. ARGS=--keep saves the figures
	$(BIN)/uv pip install --quiet --python $(BIN)/python "matplotlib>=3.10,<4"
	$(BIN)/python -m bench $(ARGS)

.PHONY: release
release: $(READY) ## Test, add the heading to CHANGELOG.md, commit and tag VERSION=1.2.0, or patch, minor, major
	$(if $(VERSION),,$(error Name the version: make release VERSION=minor))
	$(BIN)/python -m scripts.release $(VERSION)

.PHONY: format
format: $(READY) ## Format the code, and fix what the linter can fix
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

.PHONY: lint
lint: $(READY) ## Check format, style and types
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

.PHONY: constraints
constraints: $(READY) ## Upgrade constraints.txt, and reserve the names of new dependencies
	rm -rf .cache/constraints
	$(BIN)/copier copy --quiet --defaults --vcs-ref HEAD . .cache/constraints
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-annotate \
		--custom-compile-command "make constraints" --output-file constraints.txt \
		--group tests --group docs --group .cache/constraints/pyproject.toml:dev \
		--all-extras .cache/constraints/pyproject.toml
	$(MAKE) $(READY)
	$(BIN)/python -m scripts.reserved
