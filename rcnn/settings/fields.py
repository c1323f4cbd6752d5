"""Settings as frozen dataclasses, whose fields say all that the command line and the checks need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from ..errors import InputError
from . import kinds
from .kinds import Kind, typed

FILES, MODELS, METHOD, RUN = "files", "models", "method", "the run"  # groups of the help, in this order
REQUIRED = MISSING  # in place of a default
SHOWN = 80  # characters of a wrong value in a message


@dataclass(frozen=True)
class Option:
    """The properties of a settings field besides its name and default.

    help : what it does; includes the effect of leaving it out, unless a default shows it
    kind : of its values; None is allowed, too, where it is the default
    metavar : stands for the value in the help, with the unit where it has one
    group : of the help
    usual : replaces None unless `Settings._complete` sets another value; shown as the default
    aliases : other flags
    positional : whether the value comes without a flag
    many : whether several values follow the flag, with spaces between them
    found : words that say which value was found, where it was left out; printed after the flag
    """

    help: str
    kind: Kind = kinds.text
    metavar: str | None = None
    group: str = METHOD
    usual: Any = None
    aliases: tuple[str, ...] = ()
    positional: bool = False
    many: bool = False
    found: Callable[[Any], str] | None = None


def setting(default: Any, help: str, *more: Any, **named: Any) -> Any:
    """A field of settings; the arguments after the default are those of `Option`."""
    return field(default=default, metadata={"option": Option(help, *more, **named)})


def options_of(kind: type[Settings]) -> dict[str, Option]:
    """The options of settings by the names of their fields, in order."""
    return {item.name: item.metadata["option"] for item in fields(kind)}


def flag_of(name: str) -> str:
    """The flag of a field."""
    return f"--{name.replace('_', '-')}"


@dataclass(frozen=True)
class Settings:
    """The settings of a program. Once made, they are checked and complete: omitted values have been filled in.

    So `dataclasses.replace` changes what is named and leaves the rest, also what was filled in for the value before.

    Raises
    ------
    InputError
        If a value is not of its kind, or two don't go together; names the flag.
    """

    def __post_init__(self) -> None:
        options = options_of(type(self))
        defaults = {item.name: item.default for item in fields(self)}
        for name, option in options.items():
            value = getattr(self, name)
            if value is None and defaults[name] is None:
                continue
            try:
                object.__setattr__(self, name, option.kind.check(value))
            except (ValueError, TypeError):
                raise InputError(f"{flag_of(name)} {typed(value):.{SHOWN}}: must be {option.kind.words}") from None
        self._complete()
        self._fill(**{name: option.usual for name, option in options.items()})

    def _complete(self) -> None:
        """Fill in what depends on other settings, and check what must go together."""

    def _fill(self, **values: Any) -> None:
        """Set those that were left out, which are None."""
        for name, value in values.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)

    def _put(self, **values: Any) -> None:
        """Set what `_complete` found to take the place of what was given."""
        for name, value in values.items():
            object.__setattr__(self, name, value)
