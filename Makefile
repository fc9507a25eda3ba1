# Every command of the project; `make` alone lists them. Windows: README.md has the plain commands.

# The Python that makes the environment, 3.11 or newer: make lab PYTHON=python3.12
PYTHON ?= python3
# Take torch from here first. Its CPU build is far smaller than what PyPI gives Linux:
#   make lab TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
# More arguments for JupyterLab: make lab LAB_ARGS="--no-browser --port 8890"
LAB_ARGS ?=
# More arguments for pytest: make test TEST_ARGS="-k tracing"; with TEST_ARGS="-n 0 --pdb" in one process
TEST_ARGS ?=
# Processes that share the tests; each has one thread, as the outputs of the chapters were made with
JOBS ?= 2
# The versions that were tested; `make test CONSTRAINTS=` takes the newest that the ranges allow.
CONSTRAINTS ?= constraints.txt

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip
INSTALL = $(PIP) install --disable-pip-version-check $(if $(CONSTRAINTS),-c $(CONSTRAINTS))
CHAPTERS := $(wildcard chapters/*.ipynb chapters/deeper/*.ipynb)
START := chapters/README.md
# Pages of Markdown open as pages, and not as their source.
SETTINGS := $(VENV)/share/jupyter/lab/settings
PREVIEW := {"@jupyterlab/docmanager-extension:plugin": {"defaultViewers": {"markdown": "Markdown Preview"}}}
# Cell ids, outputs, counts and the widgets' state stay; what depends on the machine goes.
STRIP := $(BIN)/nbstripout --keep-id --keep-output --keep-count --keep-metadata-keys metadata.widgets \
	--extra-keys metadata.language_info.version

.PHONY: help
help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' Makefile

.PHONY: lab
lab: $(VENV)/.course  ## set up what a reader needs and open JupyterLab on the course
	@$(if $(CHAPTERS),$(BIN)/jupyter trust $(CHAPTERS) > /dev/null)
	@$(BIN)/python -m inception_edu.classroom.handout my_exercises
	$(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) \
		--ServerApp.root_dir=. --LabApp.default_url=/lab/tree/$(START) $(LAB_ARGS)

test check chapters oldest: export OMP_NUM_THREADS = 1
# A file, and so a notebook with its kernel and a fixture that is made once, stays in one process. One that crashes ends
# the run: xdist 3.8 would hand out its finished files again and wait forever for an answer. They keep their order, for
# the longest are among the tests and the shortest among the notebooks: neither process is left with much at the end.
PYTEST = $(BIN)/python -m pytest -rs -n $(JOBS) --dist loadfile --no-loadscope-reorder --max-worker-restart 0
without = $(addprefix --ignore=tests/,$(1))

.PHONY: test
test: $(VENV)/.dev  ## set up what the tests need, run them all and every notebook of the course again
	@! command -v npm > /dev/null || $(MAKE) --no-print-directory $(NPM)
	$(PYTEST) --nbval --nbval-current-env --nbval-cell-timeout=600 tests $(CHAPTERS) $(TEST_ARGS)

.PHONY: check
check: $(VENV)/.dev  ## the quick tests, style and types, in two minutes: for each change, before `make test`
	$(PYTEST) tests $(call without,$(SLOW)) $(TEST_ARGS)
	@$(MAKE) --no-print-directory lint

# Chromium, the website, nbgrader and its sandboxes, other implementations, trainings in processes of their own, the wheel
SLOW := explorers/test_browser.py site classroom/test_classroom_grading.py test_peers.py train/test_run.py test_project.py
# What imports nbgrader as it is read
GRADING := classroom/test_collecting.py classroom/test_overview.py

# Without the peers, which want a newer torch, without Chromium, nbgrader and the chapters, whose figures
# another matplotlib draws otherwise.
.PHONY: oldest
oldest:  ## run the unit tests with the oldest versions that the ranges allow, in .venv-oldest
	$(MAKE) VENV=.venv-oldest CONSTRAINTS=constraints-oldest.txt .venv-oldest/.oldest
	.venv-oldest/bin/python -m pytest tests $(call without,$(filter-out train/test_run.py,$(SLOW)) $(GRADING)) $(TEST_ARGS)

.PHONY: lint
lint: $(VENV)/.dev  ## check style, layout and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy inception_edu

.PHONY: chapters
chapters: $(VENV)/.dev  ## run every chapter from the top and keep its outputs and widgets
	$(BIN)/jupyter nbconvert --to notebook --inplace --execute --log-level=WARN \
		--ExecutePreprocessor.record_timing=False --ExecutePreprocessor.timeout=600 $(CHAPTERS)
	$(STRIP) $(CHAPTERS)

.PHONY: strip
strip: $(VENV)/.dev  ## take the noise out of chapters that were saved from JupyterLab
	$(STRIP) $(CHAPTERS)

# What a number of the page is worth depends on what else the machine does meanwhile: leave it alone.
.PHONY: bench
bench: $(VENV)/.dev  ## measure the course's speed and keep it in benchmarks/RESULTS.md, about 15 minutes
	$(BIN)/python benchmarks/course_speed.py --markdown

# A course folder is the teacher's; chapters/exercises/README.md shows the whole way.
CLASSROOM = @$(if $(COURSE),,$(error say which folder: make $@ COURSE=~/course CHAPTER=03))$(BIN)/python -m \
	inception_edu.classroom $(patsubst classroom-%,%,$@) "$(COURSE)" $(CHAPTER) $(if $(FROM),"$(FROM)") $(CLASSROOM_ARGS)
# More arguments for it: make classroom-grade COURSE=~/course CHAPTER=03 CLASSROOM_ARGS="--jobs 4"
CLASSROOM_ARGS ?=

.PHONY: classroom-release
classroom-release: $(VENV)/.teach  ## make the student version of a chapter's exercises: COURSE=~/course CHAPTER=03
	$(CLASSROOM)

.PHONY: classroom-collect
classroom-collect: $(VENV)/.teach  ## sort downloaded notebooks into a course: COURSE= CHAPTER= FROM=folder or zip
	$(CLASSROOM)

.PHONY: classroom-grade
classroom-grade: $(VENV)/.teach  ## grade all that was handed in: COURSE= CHAPTER=
	$(CLASSROOM)

.PHONY: classroom-feedback
classroom-feedback: $(VENV)/.teach  ## write a page for each student: COURSE= CHAPTER=
	$(CLASSROOM)

.PHONY: classroom-export
classroom-export: $(VENV)/.teach  ## write all marks to grades.csv: COURSE=
	$(CLASSROOM)

# What pages bring along comes from npm; everything else is made from the checkout, and no notebook is run.
NPM := build/npm/.installed
.PHONY: site
site: $(VENV)/.site $(NPM)  ## write the course as a website into build/site; look at it: python3 -m http.server -d build/site
	rm -rf build/site
	$(BIN)/python tools/site/stage.py build/site-source build/npm/node_modules
	$(BIN)/python -m sphinx -q -E -W --keep-going -j $(JOBS) -d build/site-source/doctrees build/site-source/pages build/site

$(NPM): tools/site/package-lock.json
	@command -v npm > /dev/null || { echo 'npm is needed: on Debian and Ubuntu, sudo apt install npm' >&2; exit 1; }
	mkdir -p $(@D)
	cp tools/site/package.json tools/site/package-lock.json $(@D)
	npm ci --prefix $(@D) --silent --no-audit --no-fund
	@touch $@

.PHONY: pictures
pictures: $(VENV)/.dev  ## make the pictures of the README and of chapters/exercises again
	$(BIN)/python -m inception_edu draw googlenet inception_3a -o assets/inception_3a.svg
	$(BIN)/python tools/class_pictures.py
	@if [ -d build/site ]; then $(BIN)/python tools/site/picture.py; else echo 'make site, then again: for assets/site.png'; fi

.PHONY: clean
clean:  ## delete the environment and every cache
	rm -rf $(VENV) .venv-oldest build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -o -name .ipynb_checkpoints | xargs rm -rf

# ---- the environment; a stamp file tells when it was last brought up to date -------------------

# pip comes last into an environment, so its presence says that making one went through.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Python 3.11 or newer is needed: make PYTHON=/path/to/it ...' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ echo 'Python has no venv here. On Debian and Ubuntu: sudo apt install python3-venv' >&2; exit 1; }

$(VENV)/.course: pyproject.toml $(wildcard $(CONSTRAINTS)) | $(BIN)/pip
	$(if $(TORCH_INDEX),$(INSTALL) --no-deps --index-url $(TORCH_INDEX) torch)
	$(INSTALL) -e '.[course]'
	@mkdir -p $(SETTINGS) && echo '$(PREVIEW)' > $(SETTINGS)/overrides.json
	@touch $@

$(VENV)/.teach: $(VENV)/.course
	$(INSTALL) -e '.[teach]'
	@touch $@

$(VENV)/.site: $(VENV)/.course
	$(INSTALL) -e '.[site]'
	@touch $@

$(VENV)/.oldest: $(VENV)/.course
	$(INSTALL) pytest hypothesis
	@touch $@

# The peers are other implementations to compare with; without their own requirements, which fight ours.
$(VENV)/.dev: tests/requirements-peers.txt $(VENV)/.course
	$(if $(TORCH_INDEX),$(INSTALL) --no-deps --index-url $(TORCH_INDEX) torchvision)
	$(INSTALL) -e '.[dev]'
	$(PIP) install --disable-pip-version-check --no-deps -r tests/requirements-peers.txt
	@touch $@
