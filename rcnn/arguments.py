"""Parsers of arguments that more than one script takes."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, NoReturn

from .errors import InputError

if TYPE_CHECKING:
    from .models import Role


class _Formatter(argparse.ArgumentDefaultsHelpFormatter):
    def _get_help_string(self, action: argparse.Action) -> str | None:
        # a flag whose text says what happens without it has no default worth printing
        return action.help if action.default in (None, False, ()) else super()._get_help_string(action)


class Parser(argparse.ArgumentParser):
    """Shows defaults in the help and reports what is wrong in one line, exit code 2."""

    def __init__(self, description: str, example: str) -> None:
        super().__init__(
            description=description,
            epilog=f"example: {example}",
            formatter_class=_Formatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see --help")


def add_gpu(parser: argparse.ArgumentParser) -> None:
    """Add `--gpu`."""
    parser.add_argument(
        "--gpu",
        type=int,
        metavar="N",
        help="CUDA device, -1 for the CPU; left out: device 0 if there is one, else the CPU",
    )


def add_model(parser: argparse.ArgumentParser, role: Role, what: str) -> None:
    """Add the flag of a checkpoint, which `find_model` then looks for."""
    parser.add_argument(
        role.flag,
        metavar="PREFIX,EPOCH",
        help=f"{what}; left out: {role.seed} where it exists, else the project's own {role.shipped}",
    )


def add_overwrite(parser: argparse.ArgumentParser) -> None:
    """Add `--overwrite`."""
    parser.add_argument("--overwrite", action="store_true", help="replace an output that is complete")


def pair(text: str) -> tuple[int, int]:
    """Two whole numbers, `A,B`."""
    try:
        first, second = (int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not two whole numbers like 112,112") from None
    return first, second


def part(text: str) -> tuple[int, int]:
    """`I,N`: part I, 0 to N-1, of N."""
    index, count = pair(text)
    if not 0 <= index < count:
        raise argparse.ArgumentTypeError(f"{text!r} is not I,N with I from 0 to N-1")
    return index, count


def positive(text: str) -> int:
    """A whole number of 1 or more."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def whole(text: str) -> int:
    """A whole number of 0 or more."""
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 0 or more")
    return int(text)


def finite(text: str) -> float:
    """A number that is neither infinite nor none."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    return value


def number(text: str) -> float:
    """A finite number of 0 or more."""
    value = finite(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 0 or more")
    return value


def numbers(text: str) -> tuple[float, ...]:
    """Numbers of 0 or more, `A,B,...`."""
    return tuple(number(item) for item in text.split(","))


def epochs(text: str) -> tuple[int, ...]:
    """Epochs of 1 or more in rising order, `A,B,...`."""
    values = tuple(positive(item) for item in text.split(","))
    if list(values) != sorted(set(values)):
        raise argparse.ArgumentTypeError(f"{text!r} is not in rising order")
    return values


def paths(text: str) -> tuple[str, ...]:
    """Directories, `A,B,...`."""
    values = tuple(text.split(","))
    if not all(values):
        raise argparse.ArgumentTypeError(f"{text!r} holds an empty name")
    return values


def layer_pairs(text: str) -> tuple[tuple[str, str], ...]:
    """`OURS=THEIRS,...`: layers of two networks whose maps are to agree."""
    pairs = tuple(tuple(item.split("=")) for item in text.split(","))
    if not all(len(item) == 2 and all(item) for item in pairs):
        raise argparse.ArgumentTypeError(f"{text!r} is not OURS=THEIRS,... like stage2=_plus9")
    return pairs
