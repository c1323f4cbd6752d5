"""`rcnn COMMAND ...` and `python -m rcnn COMMAND ...`: the stages, and everything beside them."""

import importlib
import sys
from types import ModuleType

from .errors import InputError, run_script
from .installation import PROGRAM, STAGES, VERSION, as_called

COMMANDS = {  # module of rcnn.commands, and whether the same command resumes after a stop
    "find": True,
    "people": True,
    "forget": True,
    "search": False,
    "index": True,
    "appearances": True,
    "review": False,
    "groups": True,
    "merge": True,
    "import-features": True,
    "verify": False,
    "preview": False,
    "zoo": False,
    "card": True,
    "convert": False,
    "demo": False,
    "train-detector": True,
    "train-embedding": True,
    "train-people": True,
    **dict.fromkeys(STAGES, True),
    "gendata": False,
}
HELP = ("-h", "--help")


def overview() -> str:
    """One line per command: its name and what it does."""
    parts = {"commands": [name for name in COMMANDS if name not in STAGES], "stages, in their order": STAGES}
    lines = ["usage: python -m rcnn COMMAND [options]"]
    for title, names in parts.items():
        lines += ["", title]
        for name in names:
            lines.append(f"  {name:<17}{(_module(name).__doc__ or '').partition(chr(10))[0]}")
    return as_called("\n".join([*lines, "", "`python -m rcnn COMMAND --help` shows the options of a command."]))


def _module(name: str) -> ModuleType:
    return importlib.import_module(f".commands.{name.replace('-', '_')}", __package__)


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else HELP[1]
    if name in HELP:
        print(overview())
        return
    if name == "--version":
        print(f"{PROGRAM} {VERSION}")
        return
    if name not in COMMANDS:
        import difflib

        near = difflib.get_close_matches(name, COMMANDS, 1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise InputError(f"{name!r:.40} is not a command; {meant}python -m rcnn --help lists them")
    sys.argv[:2] = [f"{PROGRAM} {name}"]
    _module(name).main()


def run_stage(name: str) -> None:
    """A stage as a script in a clone, like `detect.py`."""
    run_script(lambda: _module(name).main(), resumes=COMMANDS[name])


def run() -> None:
    """The command `rcnn`."""
    run_script(main, resumes=COMMANDS.get(sys.argv[1] if len(sys.argv) > 1 else "", False))


if __name__ == "__main__":
    run()
