# The project's commands. `make help` lists them. Needs Python 3.11 or later (with venv), git and make.

# The system's own before one that was compiled where it runs (pyenv's), which is slower by a fifth.
PYTHON ?= $(shell /usr/bin/python3 -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo /usr/bin/python3 || echo python3)
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.stamp
WORDS  := $(patsubst %.po,%.mo,$(wildcard portal/translations/*/LC_MESSAGES/*.po))
JOBS   ?= 3
SEED   ?= 1
CANCELLATIONS ?= 100
FAULTS ?= 100
MINUTES ?= 10
ROWS ?= 1000000
# All but what `make thorough` tries. CI has both tried in one run: apart, the drills leave the cores idle half of the time.
TRIED ?= not exhaustive and not drill and not planted
# Of two cores: one process more, since whoever runs a browser or the chaos mostly waits.
PYTEST := $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder --durations=15

# The tests start some two hundred processes: each would compile the whole portal anew where bytecode is not kept.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help env demo demo-large clean-demo clean-demo-large lint style types collected check test thorough screenshots explore bench chaos chaos-bugs pooler failover upgrade-drill soak contract api-judges monitoring wordpress browser html-checker accessibility law security words lock supply sbom vulnerable clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

env: $(STAMP) $(WORDS) ## Make .venv from requirements.lock, and compile the translations

$(STAMP): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed, this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "Python's venv is missing (Debian: apt install python3-venv)."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@touch $(STAMP)

%.mo: %.po $(STAMP)
	$(BIN)/pybabel --quiet compile --statistics -i $< -o $@ -l $(notdir $(patsubst %/LC_MESSAGES/,%,$(dir $<)))

demo: env ## Run the whole product on this machine: portal, worker, PayPal simulator, mailbox
	@exec $(BIN)/python -m portal.demo

demo-large: env ## The same with 100,000 subscriptions that look real, in var/demo-large (DEMO_LARGE=100000)
	@exec $(BIN)/python -m portal.demo large

clean-demo: ## Forget the demo's data (the demo must be stopped)
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m portal.demo clean; else rm -rf var/demo; fi

clean-demo-large: ## Forget the large demo's data (it must be stopped)
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m portal.demo large clean; else rm -rf var/demo-large; fi

lint: style types ## Style, import contracts, types, templates

style: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/djlint --lint --quiet templates portal/demo/templates

types: env
	$(BIN)/mypy

# On a second core meanwhile: the processes of a run would each compile the same test files at its beginning.
collected: env
	@found=$$($(BIN)/python -m pytest --collect-only -q) || { echo "$$found"; exit 1; }

check: ## lint, and every test but those of `make thorough` and those with a browser
	@$(MAKE) --no-print-directory -j2 lint collected
	$(PYTEST) --ignore=tests/e2e -m "$(TRIED)"

# Types beside the tests: they take longer than the rest of `lint` together. What they find is said last, where it is seen.
test: ## Every check and every test, browser tests included, but for `make thorough`
	@$(MAKE) --no-print-directory -j2 collected style browser html-checker
	$(BIN)/mypy >$(VENV)/types.txt 2>&1 & types=$$!; \
	$(PYTEST) -m "$(TRIED)"; tests=$$?; \
	wait $$types || { cat $(VENV)/types.txt; exit 1; }; exit $$tests

thorough: env browser ## What takes minutes: very many cases of one law, a short chaos, drills. CI runs both
	$(PYTEST) -m "exhaustive or drill" $$(grep -rlE --include='*.py' 'pytest\.mark\.(exhaustive|drill)' tests)

screenshots: env browser ## Pictures of every page and of the story in var/screenshots: both languages, 375 and 1280 px, light and dark
	PICTURES=yes $(PYTEST) tests/e2e

explore: env ## Look further than the tests' fixed seeds: new ones, until MINUTES are over (MINUTES=10)
	$(BIN)/python -m tests.exploring --minutes $(MINUTES)

bench: env ## Measure the portal against the least programs that do the same (BENCH=small: a quick run)
	$(BIN)/python -m bench

chaos: env ## Run everything, break it SEED's way and judge what is left (SEED=1 CANCELLATIONS=100 FAULTS=100)
	$(BIN)/python -m tests.chaos --seed $(SEED) --cancellations $(CANCELLATIONS) --faults $(FAULTS)

chaos-bugs: env ## Plant every bug that the harness has to find, and see it found: for whoever changes the harness
	$(BIN)/python -m pytest -m planted tests/chaos

pooler: env ## Run the product through PgBouncer in transaction mode and judge what is left (needs pgbouncer)
	$(BIN)/python -m tests.scaling.pooler --seed $(SEED)

failover: env ## Kill PostgreSQL's primary under people who cancel, promote its standby, judge (needs postgresql)
	$(BIN)/python -m tests.scaling.failover --seed $(SEED)

upgrade-drill: env ## Bring a database to the newest schema beside the release before, which serves people meanwhile (ROWS=1000000)
	$(BIN)/python -m tests.upgrade_drill --rows $(ROWS)

soak: MINUTES = 90
soak: env ## Run mixed traffic with faults, and judge memory, waits, sizes and promises (MINUTES=90, alone on two cores)
	$(BIN)/python -m tests.soak --minutes $(MINUTES) --seed $(SEED)

html-checker: env ## Fetch the checker of the pages' HTML for the tests (needs npm; run by Java)
	@$(BIN)/python -m tests.e2e.html

browser: env ## Find a browser for the tests, install one if there is none
	@$(BIN)/python tests/e2e/browser.py

contract: env ## Have Prism judge our PayPal client and simulator over PayPal's own files (needs npx and PAYPAL_OPENAPI_DIR)
	$(BIN)/python -m tests.contract

api-judges: env ## Have programs made from the API's description alone judge the API: schemathesis, a generated client
	$(BIN)/python -m tests.api_judges

monitoring: env ## Put a real Prometheus before a running demo: each alert and panel finds what it looks for (needs prometheus)
	$(BIN)/python -m tests.monitoring

wordpress: env browser ## Play the plugin for WordPress in a real one (needs WordPress, PHP and MariaDB: it says what is missing)
	$(BIN)/python -m tests.wordpress

accessibility: env ## Write docs/accessibilite.md anew from the audit’s data (portal/web/accessibility.toml)
	$(BIN)/python -m tests.accessibility

# Of German the declarations' sources alone: its own mapping file says which.
words: env ## Bring the catalogues up to date with the sources; then translate what is empty
	$(call catalogue,fr,babel.cfg)
	$(call catalogue,de,portal/translations/de/sources.cfg)

# A language's catalogue of the sources that a mapping file names; its header has the plural rule, no dates.
define catalogue
	$(BIN)/pybabel -q extract -F $(2) -k _l -k lazy_gettext -k lazy_pgettext:1c,2 --no-location --sort-output -o messages.pot .
	$(BIN)/pybabel -q update -i messages.pot -d portal/translations -l $(1) --no-fuzzy-matching --ignore-obsolete --omit-header --width=100
	@cat portal/translations/$(1)/header.txt portal/translations/$(1)/LC_MESSAGES/messages.po > messages.pot && mv messages.pot portal/translations/$(1)/LC_MESSAGES/messages.po
endef

law: env ## Write docs/law.md anew from tests/law/requirements.toml and the tests' marks
	@$(BIN)/python -m tests.law

security: env ## Write docs/security.md anew from tests/asvs: what ASVS 5.0 asks at level 2, and where it stands
	@$(BIN)/python -m tests.asvs

lock: ## Write requirements.lock anew, whole, so that nothing is looked for beside it (needs uv); no address in it
	uv pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 --generate-hashes \
		--no-strip-extras \
		--no-annotate --no-header -o requirements.lock

supply: env ## Write NOTICE.md and deploy/requirements.lock anew from requirements.lock
	@$(BIN)/python -m tests.supply

sbom: env ## Write the bill of materials (CycloneDX) of requirements.lock to var/sbom.cdx.json
	@$(BIN)/python -m tests.supply sbom

vulnerable: env ## Name libraries of the lock with a known weakness, by OSV=FILE, its export for PyPI; asks nobody
	@$(BIN)/python -m tests.supply vulnerable $(OSV)

clean: ## Remove what the tools left; keeps the demo's data
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage
	find portal -name '*.mo' -delete
