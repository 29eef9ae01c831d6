# One command each; CI runs the same ones.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: demo test rehearse check bench fire docs lock clean

demo: $(STAMP)  ## The whole journey on simulated card payments, in a fresh project under demo/
	$(BIN)/holdfast demo demo

test: $(STAMP)  ## Everything but the long rehearsals
	$(BIN)/python -m pytest -m "not long"

rehearse: $(STAMP)  ## The long ones: demo, drills, incidents, experiments, retraining, on real servers
	$(BIN)/python -m pytest -m long

check: $(STAMP)  ## Lint, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy src tests fire
	$(BIN)/lint-imports

bench: $(STAMP)
	$(BIN)/python -m benchmarks

fire: $(STAMP)  ## Break everything around a real server, with figures and controls (about half an hour)
	$(BIN)/python -m fire

docs: $(STAMP)  ## Pages made from the code
	$(BIN)/python -m holdfast.cli.reference docs

$(STAMP): requirements/dev.txt pyproject.toml
	@if command -v uv >/dev/null 2>&1; then \
		test -x $(BIN)/python || uv venv --quiet --seed --python $(PYTHON) .venv; \
		uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt; \
	else \
		test -x $(BIN)/python || $(PYTHON) -m venv .venv; \
		$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt; \
	fi
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

lock:  ## Hash-locked requirements, without addresses
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
		--extra evidently --extra expectations --extra serve --extra trace --extra train --group dev pyproject.toml -o requirements/dev.txt

clean:
	rm -rf demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
