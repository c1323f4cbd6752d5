"""`python -m rcnn COMMAND ...`: everything but the six stages, which are scripts."""

import importlib
import sys

from .errors import InputError, run_script

COMMANDS = {  # module of rcnn.commands, and whether the same command goes on after a stop
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
}
HELP = ("-h", "--help")


def overview() -> str:
    """A line a command: its name and what it does."""
    lines = ["usage: python -m rcnn COMMAND [options]", "", "commands"]
    for name in COMMANDS:
        module = importlib.import_module(f".commands.{name.replace('-', '_')}", __package__)
        lines.append(f"  {name:<17}{(module.__doc__ or '').partition(chr(10))[0]}")
    return "\n".join([*lines, "", "`python -m rcnn COMMAND --help` says what a command takes."])


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else HELP[1]
    if name in HELP:
        print(overview())
        return
    if name not in COMMANDS:
        import difflib

        near = difflib.get_close_matches(name, COMMANDS, 1)
        meant = f"do you mean {near[0]}? " if near else ""
        raise InputError(f"{name!r:.40} is no command; {meant}python -m rcnn --help lists them")
    module = importlib.import_module(f".commands.{name.replace('-', '_')}", __package__)
    sys.argv[:2] = [f"rcnn {name}"]
    module.main()


def run() -> None:
    """The command `rcnn`."""
    run_script(main, resumes=COMMANDS.get(sys.argv[1] if len(sys.argv) > 1 else "", False))


if __name__ == "__main__":
    run()
