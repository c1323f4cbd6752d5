"""What is installed is what a clone has: files, commands, versions and words."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import rcnn
from rcnn import installation
from rcnn.__main__ import COMMANDS, overview
from rcnn.networks.zoo import roles
from rcnn.networks.zoo.roles import DETECTOR, EMBEDDING, QUALITY, model_files

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
DATA = PROJECT["tool"]["setuptools"]["package-data"]
CODE = (".py", ".so", ".c", ".pyc")
PIN = re.compile(r"^([\w.-]+(?:\[\w+\])?)==(\S+)$", re.M)
RANGE = re.compile(r"^([\w.-]+)>=([\w.]+)(?:; python_version < '[\d.]+')?$")


def number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def pins(name: str) -> dict[str, str]:
    return dict(PIN.findall((ROOT / f"requirements{name}.txt").read_text()))


def test_every_file_of_a_package_is_in_the_wheel():
    there = {path for path in (ROOT / "rcnn").rglob("*") if path.is_file() and path.suffix not in CODE}
    named = {
        path
        for package, patterns in DATA.items()
        for pattern in patterns
        for path in (ROOT / package.replace(".", "/")).glob(pattern)
        if path.is_file()
    }
    assert len(there) > 30 and there == named


def test_the_models_that_ship_are_in_the_wheel_and_no_others():
    assert PROJECT["tool"]["setuptools"]["package-dir"] == {"rcnn.models": "model"}
    named = {Path(path).name for role in (DETECTOR, QUALITY, EMBEDDING)
             for path in model_files(str(roles.SHIPPED / role.shipped))}  # fmt: skip
    people = {"people-symbol.json", "people-0000.params", "people-space.params"}
    assert set(DATA["rcnn.models"]) == {"zoo.toml", *named, *people}
    assert all((ROOT / "model" / name).is_file() for name in DATA["rcnn.models"])


def test_the_stages_are_commands_and_scripts():
    text = overview()
    for stage in installation.STAGES:
        assert re.search(rf"^  {stage} ", text, re.M) and stage in COMMANDS
        script = (ROOT / f"{stage}.py").read_text()
        assert script.endswith(f'    run_stage("{stage}")\n')
    assert PROJECT["project"]["scripts"] == {"rcnn": "rcnn.__main__:run"}


def test_the_version_has_one_home():
    assert rcnn.__version__ == installation.VERSION
    assert PROJECT["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "rcnn.installation.VERSION"}
    assert f"version: {rcnn.__version__}\n" in (ROOT / "CITATION.cff").read_text()


def test_the_lock_is_of_what_the_package_needs():
    lock = pins("")
    for need in PROJECT["project"]["dependencies"]:
        name, least = RANGE.match(need).groups()
        assert number(lock[name]) >= number(least), need
    for extra, needs in PROJECT["project"]["optional-dependencies"].items():
        known = pins(f"-{extra}")
        for need in needs:
            name, least = RANGE.match(need).groups()
            assert number(known[name]) >= number(least), f"{extra}: {need}"


@pytest.mark.parametrize(
    ("text", "installed"),
    [
        ("run python feature.py --input ./a --output ./b", "run rcnn feature --input ./a --output ./b"),
        ("run feature.py first", "run rcnn feature first"),
        ("python -m rcnn people add NAME", "rcnn people add NAME"),
        ("./films/detect.py: is not a video", "./films/detect.py: is not a video"),
        ("my-detect.py and detect.pyx", "my-detect.py and detect.pyx"),
    ],
)
def test_commands_are_named_as_they_are_called(text, installed, monkeypatch):
    monkeypatch.setattr(installation, "_BY_NAME", False)
    assert installation.as_called(text) == text
    monkeypatch.setattr(installation, "_BY_NAME", True)
    assert installation.as_called(text) == installed


def test_an_extra_is_installed_by_the_names_of_its_packages(monkeypatch):
    assert installation.how_to_install("train") == "pip install -r requirements-train.txt"
    assert (ROOT / "requirements-train.txt").is_file()
    monkeypatch.setattr(installation, "INSTALLED", True)
    listed = [
        "numpy>=2.0",
        'torch>=2.13; extra == "train"',
        "onnx>=1; extra == 'onnx'",
        "onnxruntime>=1; extra == 'onnx'",
    ]
    monkeypatch.setattr(installation, "requires", lambda name: listed)
    assert installation.how_to_install("train") == "pip install 'torch>=2.13'"
    assert installation.how_to_install("onnx") == "pip install 'onnx>=1' 'onnxruntime>=1'"


def test_a_bare_name_is_a_model_that_ships(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert roles.find_model("face-m,0", EMBEDDING) == str(ROOT / "model/face-m,0")
    for ending in ("-symbol.json", "-0000.params"):
        (tmp_path / f"face-m{ending}").touch()
    assert roles.find_model("face-m,0", EMBEDDING) == "face-m,0"


WITHOUT_TORCH = """
import sys

class Refused:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Refused())
import rcnn.api, rcnn.review.app
from rcnn.networks.engine import CPU, choose_device
from rcnn.stages import appearances, detect, feature, find, genfeat, groups, predict, search, submit, train
from rcnn.errors import InputError, run_script

assert choose_device(None) == CPU
try:
    choose_device(0)
except InputError as error:
    print(error)
import rcnn.__main__
sys.argv = ["rcnn", "train-embedding", "--faces", "x", "--prefix", "y"]
rcnn.__main__.run()
"""


def test_finding_needs_no_pytorch_and_what_does_says_how_to_get_it():
    done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH], capture_output=True, text=True, cwd=ROOT)
    told = "PyTorch, which is not installed; pip install -r requirements-"
    assert done.stdout.startswith(f"--gpu 0: needs {told}gpu.txt"), done.stderr
    assert done.returncode == 2
    assert done.stderr == f"rcnn train-embedding: error: needs {told}train.txt\n"
