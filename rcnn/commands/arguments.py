"""Parsers of arguments that more than one script takes."""

from __future__ import annotations

import argparse
import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import InputError
from ..stages.recipes import BEST, OPTIONS, SEED

if TYPE_CHECKING:
    from ..networks.zoo.roles import Role

COMMAND = "python -m rcnn "
FILES, MODELS, METHOD, RUN = "files", "models", "method", "the run"  # groups of the help, in this order


class _Formatter(argparse.ArgumentDefaultsHelpFormatter):
    def _get_help_string(self, action: argparse.Action) -> str | None:
        # a flag whose text says what happens without it has no default worth printing
        silent = action.default is None or action.default is False or action.default == ()
        return action.help if silent else super()._get_help_string(action)


class Parser(argparse.ArgumentParser):
    """Shows defaults in the help and reports what is wrong in one line, exit code 2."""

    def __init__(self, description: str, example: str) -> None:
        program = " ".join(example.split()[: 4 if example.startswith(COMMAND) else 2])
        super().__init__(
            prog=program,
            description=description,
            epilog=f"example: {example}",
            formatter_class=_Formatter,
            allow_abbrev=False,
        )
        self._recipe: Mapping[str, Any] = {}  # defaults of --recipe best
        self._groups = {title: self.add_argument_group(title) for title in (FILES, MODELS, METHOD, RUN)}

    def group(self, title: str) -> Callable[..., argparse.Action]:
        """`add_argument` of a part of the help: FILES, MODELS, METHOD or RUN."""
        return self._groups[title].add_argument

    def use_recipe(self, defaults: Mapping[str, Any]) -> None:
        """Other defaults, for `--recipe best`."""
        self._recipe = defaults

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """As argparse does, but a flag that is not known is named with the one that may be meant."""
        found, unknown = self.parse_known_args(args, namespace)
        if getattr(found, "recipe", SEED) == BEST and self._recipe:
            self.set_defaults(**self._recipe)
            found, unknown = self.parse_known_args(args, namespace)
        if unknown:
            near = difflib.get_close_matches(unknown[0].partition("=")[0], self._option_string_actions, 1)
            self.error(f"{unknown[0]} is not known{f'; do you mean {near[0]}?' if near else ''}")
        return found

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message.rstrip('.')}; see --help")


def add_recipe(parser: Parser, stage: str, *others: str) -> None:
    """Add `--recipe` to the script of a stage, a key of `rcnn.stages.recipes.OPTIONS`; with `others` to choose from."""
    parser.use_recipe(OPTIONS[stage])
    changed = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in OPTIONS[stage].items())
    parser.group(METHOD)(
        "--recipe",
        default=SEED,
        choices=(SEED, BEST, *others),
        help=f"seed: the defaults shown here; best: {changed or 'the same, of inputs that best made'}"
        f"{'; any: inputs of both' if others else ''}. The inputs must be of the same",
    )


def add_gpu(parser: Parser) -> None:
    """Add `--gpu`."""
    parser.group(RUN)(
        "--gpu",
        type=device,
        metavar="N",
        help="CUDA device, -1 for the CPU; left out: device 0 if there is one, else the CPU",
    )


def add_workers(parser: Parser, decoders: bool = False) -> None:
    """Add `--gpu` for one or several devices, `--workers`, `--ray` and, where clips are decoded, `--decoders`."""
    add = parser.group(RUN)
    add(
        "--gpu",
        type=devices,
        metavar="N[,N...]",
        help="CUDA device, -1 for the CPU; several for a worker process on each; left out: device 0 if there is one, "
        "else the CPU",
    )
    add(
        "--workers",
        type=positive,
        metavar="N",
        help="worker processes on this machine, or actors of Ray; left out: one for each of several GPUs, what fits a "
        "Ray cluster, or threads of this process",
    )
    add("--ray", metavar="ADDRESS", help="work on a Ray cluster: auto, HOST:PORT, or local for one on this machine")
    if decoders:
        add("--decoders", default=0, type=whole, metavar="N", help="actors of Ray that decode clips for the workers")


def add_precision(parser: Parser) -> None:
    """Add `--precision`."""
    parser.group(RUN)(
        "--precision",
        default="fp32",
        choices=("fp32", "fp16", "int8"),
        help="fp32: exact; fp16: faster, with CUDA only; int8: faster, on the CPU only, calibrated on the run's first "
        "images",
    )


def add_model(parser: Parser, role: Role, what: str, *aliases: str) -> None:
    """Add the flag of a model, which `find_model` then looks for."""
    parser.group(MODELS)(
        role.flag,
        *aliases,
        metavar="MODEL",
        help=f"{what}, PREFIX,EPOCH or X.onnx; left out: {role.seed} where it exists, else the project's own "
        f"{role.shipped}",
    )


def add_overwrite(parser: Parser) -> None:
    """Add `--overwrite`."""
    parser.group(RUN)("--overwrite", action="store_true", help="replace an output that is complete")


def add_split(parser: Parser) -> None:
    """Add `--split`."""
    parser.group(RUN)("--split", default="0,1", type=part, metavar="I,N", help="only part I (0 to N-1) of N")


def device(text: str) -> int:
    """Number of a CUDA device, or -1 for the CPU."""
    if text != "-1" and not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not the number of a device, 0 or more, nor -1 for the CPU")
    return int(text)


def devices(text: str) -> int | tuple[int, ...]:
    """One device as `device`, or several CUDA devices, `A,B,...`."""
    if "," not in text:
        return device(text)
    listed = tuple(device(item) for item in text.split(","))
    if -1 in listed or len(set(listed)) < len(listed):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of different CUDA devices like 0,1,2,3")
    return listed


def integer(text: str) -> int:
    """A whole number, also below 0."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


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
    """Directories or names, `A,B,...`."""
    values = tuple(text.split(","))
    if not all(values):
        raise argparse.ArgumentTypeError(f"{text!r} holds an empty name")
    return values


def layer_pairs(text: str) -> tuple[tuple[str, str], ...]:
    """`OURS=THEIRS,...`: layers of two networks whose maps are to agree."""
    pairs = tuple((ours, theirs) for ours, _, theirs in (item.partition("=") for item in text.split(",")))
    if not all(ours and theirs and "=" not in theirs for ours, theirs in pairs):
        raise argparse.ArgumentTypeError(f"{text!r} is not OURS=THEIRS,... like stage2=_plus9")
    return pairs
