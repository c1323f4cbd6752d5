"""Whether this program is an installed package or a clone, and the resulting paths and commands.

The repository keeps the models in `model/` and the stages as scripts. A wheel has the models in `rcnn/models/` and the
stages as subcommands: `rcnn detect` is `python detect.py`.
"""

from __future__ import annotations

import re
import shlex
import sys
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

PROGRAM = "rcnn"
VERSION = "1.0.0"  # pyproject.toml reads it
STAGES = ("gendata", "detect", "feature", "genfeat", "train_mlp", "predict", "submit")  # in order
_PACKAGE = Path(__file__).resolve().parent
INSTALLED = (_PACKAGE / "models").is_dir()  # only a wheel has it
NOT_BUILT = f"the compiled parts of the clone in {_PACKAGE.parent} are not built"
MODELS = _PACKAGE / "models" if INSTALLED else _PACKAGE.parent / "model"  # that come with the program

_BY_NAME = INSTALLED or Path(sys.argv[0] if sys.argv else "").stem == PROGRAM
_CALLS = re.compile(rf"\bpython -m {PROGRAM}\b|(?:\bpython )?(?<![\w./-])({'|'.join(STAGES)})\.py\b")


def as_called(text: str) -> str:
    """A text for the user, with its commands as they are called here.

    Parameters
    ----------
    text : names commands as in a clone: `detect.py`, `python detect.py`, `python -m rcnn find`
    """
    if not _BY_NAME:
        return text
    return _CALLS.sub(lambda found: f"{PROGRAM} {found[1]}" if found[1] else PROGRAM, text)


def call_of(script: str) -> str:
    """How a script is called here: `python detect.py` beside the scripts, else `rcnn detect`.

    Parameters
    ----------
    script : like `detect.py`; anything else comes back as it is
    """
    stage = script.removesuffix(".py")
    if stage not in STAGES:
        return script
    return f"{PROGRAM} {stage}" if _BY_NAME or not Path(script).is_file() else f"python {script}"


def how_to_set_up() -> str:
    """The command that installs what the program needs."""
    if INSTALLED:
        return f"pip install {PROGRAM}"
    return f"run make in {_PACKAGE.parent}, then . .venv/bin/activate"


def how_to_install(extra: str) -> str:
    """The command that installs what an extra of the package needs.

    Parameters
    ----------
    extra : as in pyproject.toml, like `train`
    """
    if not INSTALLED:
        return f"pip install -r requirements-{extra}.txt"
    try:
        needs = requires(PROGRAM) or []
    except PackageNotFoundError:
        needs = []
    # by their own names: nothing says that an index has this package
    parts = [need.partition(";") for need in needs]
    names = [need.strip() for need, _, marker in parts if re.search(rf"""extra == ["']{extra}["']""", marker)]
    return f"pip install {shlex.join(names) or extra}"
