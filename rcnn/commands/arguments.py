"""The command line, built from settings: flags, groups, units and defaults come from the fields of a dataclass."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Container, Mapping, Sequence
from itertools import takewhile
from typing import Any, NoReturn, TypeVar, overload

from ..errors import InputError
from ..installation import as_called
from ..settings import shared
from ..settings.fields import FILES, METHOD, MODELS, REQUIRED, RUN, Option, Settings, flag_of, options_of
from ..settings.kinds import flag, number, numbers, pair, paths, positive, typed, whole

__all__ = [
    "FILES", "METHOD", "MODELS", "RUN", "Parser", "add_gpu", "number", "numbers", "pair", "paths", "positive",
    "read_settings", "whole",
]  # fmt: skip

COMMAND = "python -m rcnn "
WIDTH = 80  # characters of a line of an example

One = TypeVar("One", bound=Settings)
Other = TypeVar("Other", bound=Settings)


class _Formatter(argparse.ArgumentDefaultsHelpFormatter):
    def _get_help_string(self, action: argparse.Action) -> str | None:
        # if the help text describes the default, it is not printed again
        silent = action.default is None or action.default is False or action.default == ()
        return action.help if silent else super()._get_help_string(action)


def pasteable(command: str) -> str:
    """A command in lines of at most `WIDTH` characters, broken before flags, that the shell reads as one."""
    first, *rest = command.split(" --")
    lines = [f"  {first}"]
    for words in rest:
        joined = f"{lines[-1]} --{words}"
        if len(joined) <= WIDTH - len(" \\"):
            lines[-1] = joined
        else:
            lines += [f"      --{words}"]
    return " \\\n".join(lines)


def _joined(words: Sequence[str], listed: Container[str]) -> list[str]:
    """A command line's words, with the values after each flag of `listed` joined into one word by commas."""
    result: list[str] = []
    flag = ""
    for word in words:
        if flag in listed and not word.startswith("-") and result[-1] != flag:
            result[-1] = f"{result[-1].rstrip(',')},{word.lstrip(',')}"
            continue
        flag = word if word.startswith("-") else flag
        result.append(word)
    return result


class Parser(argparse.ArgumentParser):
    """Shows defaults in the help and reports errors in one line, exit code 2."""

    def __init__(self, description: str | None, example: str) -> None:
        program = " ".join(example.split()[: 4 if example.startswith(COMMAND) else 2])
        super().__init__(
            prog=program,
            description=description,
            formatter_class=_Formatter,
            allow_abbrev=False,
        )
        self._example = example
        self._listed: set[str] = set()  # flags with comma-separated values
        self._groups = {title: self.add_argument_group(title) for title in (FILES, MODELS, METHOD, RUN)}

    def group(self, title: str) -> Callable[..., argparse.Action]:
        """`add_argument` of a section of the help: FILES, MODELS, METHOD or RUN."""
        return self._groups[title].add_argument

    def add_option(self, name: str, option: Option, default: Any) -> None:
        """Add the flag of a settings field. The parsed arguments lack it if it is not given."""
        add, needed = self.group(option.group), default is REQUIRED
        shown = option.usual if default is None else default
        silent = needed or shown is None or shown is False or shown == ()
        text = option.help if silent else f"{option.help} (default: {typed(shown)})"
        words: dict[str, Any] = {"help": text.replace("%", "%%"), "default": argparse.SUPPRESS}
        if option.kind is flag:
            words["action"] = "store_true"
        else:
            words |= {"metavar": option.metavar, "choices": option.kind.choices}
            # argparse lists the choices itself; lists of values are checked in the settings
            read = option.kind.read if option.kind.choices else option.kind
            if option.many:
                words["nargs"] = "+"
            else:
                words["type"] = read
        if option.positional:
            add(name, **(words if needed else {**words, "nargs": "*" if option.many else "?"}))
        else:
            add(flag_of(name), *option.aliases, dest=name, required=needed, **words)
            if option.kind.listed and not option.many:
                self._listed |= {flag_of(name), *option.aliases}

    def add_settings(self, kind: type[Settings]) -> None:
        """Add all fields of settings."""
        for name, option in options_of(kind).items():
            self.add_option(name, option, kind.__dataclass_fields__[name].default)

    def format_help(self) -> str:
        """An example to paste, then argparse's help, with commands as they are called here."""
        return as_called(f"example:\n{pasteable(self._example)}\n\n{super().format_help()}")

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """Like argparse, but suggests a similar flag for an unknown one, and accepts spaces in comma-separated
        values."""
        given = sys.argv[1:] if args is None else list(args)
        if not self._get_positional_actions():
            given = _joined(given, self._listed)
        for word in self._unknown(given):  # before a missing flag, which may be this one misspelt
            near = difflib.get_close_matches(word, self._option_string_actions, 1)
            self.error(f"{word} is not known{f'; did you mean {near[0]}?' if near else ''}")
        found, unknown = self.parse_known_args(given, namespace)
        if unknown:
            self.error(f"{unknown[0]} is not known")
        return found

    def _unknown(self, given: Sequence[str]) -> list[str]:
        """The words that look like a flag and are none. A value that begins with two dashes has to follow a `=`."""
        before = takewhile(lambda word: word != "--", given)  # what comes after it is no flag
        flags = [word.partition("=")[0] for word in before if word.startswith("--")]
        return [flag for flag in flags if flag not in self._option_string_actions]

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message.rstrip('.')}; see --help")


@overload
def read_settings(description: str | None, example: str, kind: type[One], /) -> One: ...


@overload
def read_settings(
    description: str | None, example: str, kind: type[One], other: type[Other], /
) -> tuple[One, Other]: ...


def read_settings(description: str | None, example: str, /, *kinds: type[Settings]) -> Any:
    """The settings from the command line; for two classes, with different field names, one of each.

    Parameters
    ----------
    description : of the program, for its help
    example : a command, starting with the program's name

    Raises
    ------
    InputError
        If a flag is not known, or a value is wrong or missing.
    """
    parser = Parser(description, example)
    for kind in kinds:
        parser.add_settings(kind)
    given = vars(parser.parse_args())
    made = tuple(_make(kind, given) for kind in kinds)
    return made if len(made) > 1 else made[0]


def _make(kind: type[Settings], given: Mapping[str, Any]) -> Settings:
    """The settings, and a line about the models that were not given."""
    options = options_of(kind)
    settings = kind(**{name: value for name, value in given.items() if name in options})
    found = {
        name: value
        for name, option in options.items()
        if option.found is not None and name not in given and (value := getattr(settings, name)) is not None
    }
    if len(found) == 1:
        ((name, value),) = found.items()
        line = options[name].found
        assert line is not None  # like all the others in `found`
        print(f"{flag_of(name)}: {line(value)}", flush=True)
    elif found:
        values = ", ".join(f"{flag_of(name)} {value}" for name, value in found.items())
        print(f"models: those not given are {values}", flush=True)
    return settings


def add_gpu(parser: Parser) -> None:
    """Add `--gpu` to a program without settings."""
    field = shared.gpu()
    parser.add_option("gpu", field.metadata["option"], field.default)
    parser.set_defaults(gpu=field.default)
