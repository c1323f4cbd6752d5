"""The accounts of a stage: each clip ends in one state, and the totals match those of the previous stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import InputError


@dataclass(frozen=True)
class Accounts:
    """Numbers of clips by state, as in a manifest under `counts`, and of rows.

    clips : all of them
    rows : of the stage's own table: one per face after detect.py, one per track in features of `detect.py --faces all`,
        else one per clip
    ok, no_face, unreadable : clips in each state
    """

    clips: int
    rows: int
    ok: int
    no_face: int
    unreadable: int

    @staticmethod
    def of(counts: Any, where: str) -> Accounts:
        """Those of a manifest.

        Raises
        ------
        InputError
            If one is missing or not an integer, or if clips are in no state or in two.
        """
        values = counts if isinstance(counts, Mapping) else {}
        for name in Accounts.__dataclass_fields__:
            value = values.get(name)
            if type(value) is not int or not 0 <= value < 1 << 62:
                raise InputError(f"{where}: counts {name} as {str(value)[:40]!r}; make it again")
        result = Accounts(*(values[name] for name in Accounts.__dataclass_fields__))
        states = result.ok + result.no_face + result.unreadable
        if states != result.clips:
            raise InputError(f"{where}: of {result.clips} clips {states} have a state; make it again")
        return result

    def check_rows(self, a_clip: bool, where: str, together: bool = False, bare: bool = False) -> None:
        """Raise InputError unless every clip that is ok has one row (`a_clip`), or at least one, and no other clip has
        any.

        Parameters
        ----------
        together : whether clips may share a row
        bare : whether clips that are ok may have no row
        """
        least = 0 if bare else min(self.ok, 1) if together else self.ok
        if self.rows < least or (self.rows != self.ok and (a_clip or not self.ok)):
            raise InputError(f"{where}: {self.ok} clips are ok and there are {self.rows} rows; make it again")

    def check_from(self, before: Accounts, where: str, lost: int = 0) -> None:
        """Raise InputError unless these are the clips of the previous stage.

        Parameters
        ----------
        lost : clips that were ok there and have no face here
        """
        moved = (before.clips, before.ok - lost, before.no_face + lost, before.unreadable)
        if moved != (self.clips, self.ok, self.no_face, self.unreadable):
            raise InputError(
                f"{where}: has {_short(self)}, and its input has {_short(before)}; make it again with --overwrite"
            )

    def __str__(self) -> str:
        return f"{self.clips} clips = {self.ok} with faces + {self.no_face} without + {self.unreadable} unreadable"


def _short(accounts: Accounts) -> str:
    return ", ".join(f"{value} {name}" for name, value in asdict(accounts).items())
