"""Every benchmark still finds what it imports from the project; what it measures is not run here."""

import importlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path for path in (ROOT / "benchmarks").rglob("*.py") if path.name != "__init__.py")
ELSEWHERE = {"deepface", "insightface", "mutmut", "mxnet", "uniface"}  # in environments of their own


@pytest.fixture(autouse=True)
def forgets():
    """Other tests may have modules of the same names."""
    before = set(sys.modules)
    yield
    for name, module in list(sys.modules.items()):
        path = str(getattr(module, "__file__", ""))
        if name not in before and not name.startswith("benchmarks") and path.startswith(str(ROOT / "benchmarks")):
            del sys.modules[name]


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(ROOT)) for path in FILES])
def test_a_benchmark_imports(path, monkeypatch):
    # as for a script, a script's helper, and a loop that another environment runs
    for folder in (ROOT / "benchmarks/timing", ROOT / "benchmarks", ROOT, path.parent):
        monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))  # some put the project there themselves
    monkeypatch.setattr(sys, "argv", [str(path)])
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] not in ELSEWHERE:
            raise
        pytest.skip(f"needs {error.name}")
