"""Classes of a classifier that are of no known person, above those of the people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from ..config import config

if TYPE_CHECKING:
    import numpy as np


class ExtraClasses(Struct, frozen=True):
    """What a training set and the record of a classifier say of them.

    people : the largest label of a known person
    strangers : how many classes follow; they count as nobody known
    """

    people: Annotated[int, Meta(ge=1, lt=1 << 31)]
    strangers: Annotated[int, Meta(ge=0, lt=1 << 31)]

    @property
    def classes(self) -> int:
        """All there are, with class 0."""
        return 1 + self.people + self.strangers

    def people_only(self, probabilities: np.ndarray) -> np.ndarray:
        """Probabilities (n, classes) as (n, 1 + people): those of strangers are added to class 0's."""
        found = probabilities[:, : self.people + 1].copy()
        found[:, config.SUBMIT.NOBODY] += probabilities[:, self.people + 1 :].sum(1)
        return found
