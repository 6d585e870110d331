PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
DEST ?= ../shop
ID ?= default

# What the system trusts, as pip does: behind a proxy uv could not download otherwise.
export UV_SYSTEM_CERTS ?= 1

.PHONY: help
help: ## Print the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The environment of all tests, and of the services that they render: exactly what constraints.txt lists.
$(READY): constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer, please: make PYTHON=python3.12")'
	@echo "Setting up .venv, once; this takes about half a minute ..."
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet --constraint constraints.txt uv
	$(BIN)/uv pip install --python $(BIN)/python --requirement constraints.txt
	@touch $@

.PHONY: demo
demo: $(READY) ## Render a service, start it on PostgreSQL and talk to it
	$(BIN)/python -m scripts.demo

.PHONY: test
test: $(READY) lint ## Run all tests
	$(BIN)/pytest -n logical --dist loadgroup -m "not image"

.PHONY: test-fast
test-fast: $(READY) lint ## Run the tests of the default combination, in less than a minute
	$(BIN)/pytest -n logical --dist loadgroup -m "not slow and not image"

.PHONY: image
image: $(READY) ## Build the image of the default service with buildah, and run it
	$(BIN)/pytest tests/test_image.py

.PHONY: test-combination
test-combination: $(READY) ## Run the tests of the combination ID=default alone
	$(BIN)/pytest -n logical --dist loadgroup -k "[$(ID)]"

.PHONY: render
render: $(READY) ## Ask the questions and render a service into DEST=../shop
	$(BIN)/copier copy --vcs-ref HEAD "$(CURDIR)" $(DEST)

.PHONY: render-combination
render-combination: $(READY) ## Render the combination ID=default for a look, into .rendered/
	$(BIN)/python -m scripts.render_combination $(ID)

.PHONY: recipes
recipes: $(READY) ## Run the recipes, and write anew what their pages say PostgreSQL is asked
	RECORD=1 $(BIN)/pytest tests/test_recipes.py

.PHONY: docs
docs: $(READY) ## Build the documentation into .site
	rm -rf .site
	$(BIN)/sphinx-build --fail-on-warning --keep-going --fresh-env --quiet --doctree-dir .cache/doctrees docs .site

.PHONY: docs-serve
docs-serve: docs ## Show the documentation on http://127.0.0.1:8008
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory .site 8008

.PHONY: bench
bench: $(READY) ## Measure the default service beside the limit and the guides' pattern: ARGS=--keep keeps the figures
	$(BIN)/uv pip install --quiet --python $(BIN)/python "matplotlib>=3.10,<4"
	$(BIN)/python -m bench $(ARGS)

.PHONY: release
release: $(READY) ## Test, write the heading into CHANGELOG.md, commit and tag: VERSION=1.2.0, or patch, minor, major
	$(if $(VERSION),,$(error Say which: make release VERSION=minor))
	$(BIN)/python -m scripts.release $(VERSION)

.PHONY: format
format: $(READY) ## Format the code of the tests
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

.PHONY: lint
lint: $(READY) ## Check format, style and types of the tests
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

.PHONY: constraints
constraints: $(READY) ## Renew constraints.txt, and reserve the names of new dependencies
	rm -rf .cache/constraints
	$(BIN)/copier copy --quiet --defaults --vcs-ref HEAD . .cache/constraints
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-annotate \
		--custom-compile-command "make constraints" --output-file constraints.txt \
		--group tests --group docs --group .cache/constraints/pyproject.toml:dev \
		--all-extras .cache/constraints/pyproject.toml
	$(MAKE) $(READY)
	$(BIN)/python -m scripts.reserved
