# make            creates .venv and builds the Cython extensions
# make demo       also runs all six stages on clips of people who do not exist, and writes a report of the result:
#                 output/demo/report.html; two minutes on 2 cores after the installation
# make test       installs the test requirements and runs the tests; PYTEST="-m shared" runs those that need ../shared
# make lint       checks style and type hints
# make mutation   runs mutation testing and lists the survivors; half an hour on one core
# make model-NAME  downloads a model listed in model/zoo.toml; python -m rcnn zoo lists them
# make parity     compares our engines with MXNet 1.9.1 on every checkpoint found
# make speed      measures speed against MXNet, ONNX Runtime and insightface; a quarter of an hour
# make docs       builds the documentation site, in docs/_build
# make package    builds the wheel and the sdist, in dist/
# make peers      runs other current libraries on the same real videos; a quarter of an hour after the installation
# make clean      removes build products; make distclean also removes the environments
# EXTRAS=gpu      PyTorch for CUDA instead of the CPU; EXTRAS=onnx for rcnn.exports.convert; EXTRAS=dev for the tests
# TORCH_INDEX=https://download.pytorch.org/whl/cpu   index for PyTorch; the default index may have a CUDA build of several GB

PYTHON ?= python3
CC ?= cc
EXTRAS ?=
TORCH_INDEX ?=
PYTEST ?=
VENV := .venv
MXNET_VENV := .venv-mxnet
INSIGHTFACE_VENV := .venv-insightface
PEERS := .venv-peers-deepface .venv-peers-onnx .venv-peers-opencv .venv-peers-uniface $(INSIGHTFACE_VENV) $(MXNET_VENV)
PY := $(VENV)/bin/python
# progress where somebody watches; a log gets neither bars nor a line for each package
PIP_SAYS := says=; test -t 1 || says=--quiet
PIP := $(PIP_SAYS); $(PY) -m pip install $$says --disable-pip-version-check
BUILT := $(VENV)/built
comma := ,
STAMPS := $(patsubst %,$(VENV)/%.installed,$(subst $(comma), ,$(EXTRAS)))

.PHONY: all demo test mutation parity speed peers docs lint package clean distclean
.DELETE_ON_ERROR:

all: $(BUILT) $(STAMPS)

$(VENV)/base.installed: requirements.txt requirements-build.txt requirements-train.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "make: error: $(PYTHON) is missing or older than 3.11; install Python 3.11 or give make PYTHON=..." >&2; exit 2; }
	@test -x $(PY) || $(PYTHON) -m venv $(VENV) || \
	  { echo "make: error: $(PYTHON) -m venv failed; on Debian and Ubuntu install python3-venv" >&2; exit 2; }
	@echo 'make: installing the base into $(VENV); pip downloads about 300 MB'
	@$(PIP) -r requirements.txt -r requirements-build.txt
	@echo 'make: installing PyTorch, which trains the classifier; pip downloads about 200 MB, or gigabytes of the build for CUDA'
	@$(PIP) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) -r requirements-train.txt
	@touch $@

$(VENV)/%.installed: requirements-%.txt $(VENV)/base.installed
	@echo 'make: installing $< into $(VENV)'
	@$(PIP) -r $<
	@touch $@

$(VENV)/dev.installed: requirements-onnx.txt requirements-ray.txt

$(BUILT): $(VENV)/base.installed setup.py pyproject.toml $(wildcard rcnn/cython/*.pyx)
	@command -v $(firstword $(CC)) >/dev/null || \
	  { echo "make: error: no C compiler ($(firstword $(CC))); install gcc, on Debian and Ubuntu build-essential" >&2; exit 2; }
	@$(PIP) --no-deps --no-build-isolation --editable . > $(VENV)/build.log 2>&1 || \
	  { echo "make: error: the Cython extensions did not build; the compiler's output is in $(VENV)/build.log" >&2; exit 2; }
	@touch $@

demo: $(BUILT)
	$(PY) -m rcnn demo --output data/demo --overwrite
	./run.sh --dataset data/demo --output output/demo --prefix output/demo/iqiyi --overwrite

# tests of a file share fixtures, so they run in one process; conftest.py orders files. Some tests wait, so there are
# more processes than two cores; more threads than cores slow training down many times
test: $(BUILT) $(VENV)/dev.installed
	OMP_NUM_THREADS=1 $(PY) -m pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder $(PYTEST)

mutation: $(BUILT) $(VENV)/dev.installed $(VENV)/mutation.installed
	$(PY) benchmarks/mutation.py --survivors

lint: $(VENV)/dev.installed
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" cython-lint --max-line-length 120 rcnn/cython  # cython-lint calls pycodestyle

$(PEERS:=/installed): .venv-%/installed: requirements-%.txt
	@test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	@echo 'make: installing $< into $(@D)'
	@$(PIP_SAYS); $(@D)/bin/python -m pip install $$says --disable-pip-version-check -r $<
	@touch $@

parity: $(BUILT) $(MXNET_VENV)/installed
	$(PY) benchmarks/parity.py --mxnet $(MXNET_VENV)/bin/python

model-%: $(BUILT)
	$(PY) -m rcnn zoo $*

speed: $(BUILT) $(VENV)/onnx.installed $(MXNET_VENV)/installed $(INSIGHTFACE_VENV)/installed
	$(PY) benchmarks/speed.py --json output/speed.json

peers: $(BUILT) $(VENV)/int8.installed $(VENV)/onnx.installed $(PEERS:=/installed)
	$(PY) benchmarks/peers.py

docs: $(BUILT) $(VENV)/docs.installed
	$(PY) -m sphinx --builder html --fail-on-warning --keep-going --quiet docs docs/_build

package: $(BUILT)
	$(PY) -m build --no-isolation --outdir dist .

clean:
	rm -rf build dist docs/_build docs/reference docs/project rcnn/cython/*.c rcnn/cython/*.so $(BUILT) .pytest_cache .hypothesis .ruff_cache mutants
	find . -name __pycache__ -not -path './$(VENV)*' -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV) $(PEERS)
