"""The truth about who is in which clip, if known, and who is confused with whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..clips.names import show

CONFUSIONS = 5  # people on a card
RIVAL_CLIPS = 10  # of a person, for counting the strongest rivals without truth
RIVAL_SHARE = 0.5  # share of a clip's score from which another person counts as a rival
NOBODY = "nobody known"

Scored = Mapping[int, Sequence[tuple[str, float]]]  # name and score of the ranked clips of each label, best first


@dataclass(frozen=True)
class Truth:
    """Names of labels, and the truth from clips to labels.

    names : of labels
    label_of : label of each clip of the truth; None if there is no truth
    """

    names: Mapping[int, str]
    label_of: Mapping[str, int] | None = None

    def who(self, clip: str) -> str:
        """Whom a clip shows."""
        label = (self.label_of or {}).get(clip)
        return NOBODY if label is None else show(label, self.names)

    def is_right(self, clip: str, label: int) -> bool | None:
        """Whether a clip shows a person; None if there is no truth."""
        return None if self.label_of is None else self.label_of.get(clip) == label


def confusions(ranked: Sequence[str], positives: int, label: int, truth: Truth) -> list[tuple[str, int]]:
    """The people in the wrong clips among the first places, which are as many as there are right clips."""
    wrong = Counter(truth.who(clip) for clip in ranked[:positives] if not truth.is_right(clip, label))
    return wrong.most_common(CONFUSIONS)


def rivals(scored: Scored, chosen: Iterable[int], names: Mapping[int, str]) -> dict[int, list[tuple[str, int]]]:
    """Without truth: who has a score of half or more for a person's best clips, and for how many of them."""
    wanted = {clip for label in chosen for clip, _ in scored.get(label, ())[:RIVAL_CLIPS]}
    by_clip: dict[str, list[tuple[int, float]]] = {}
    for label, entries in scored.items():
        for clip, value in entries:
            if clip in wanted:
                by_clip.setdefault(clip, []).append((label, value))
    result = {}
    for label in chosen:
        counts: Counter[int] = Counter()
        for clip, value in scored.get(label, ())[:RIVAL_CLIPS]:
            counts.update(other for other, theirs in by_clip[clip] if other != label and theirs >= RIVAL_SHARE * value)
        result[label] = [(show(other, names), count) for other, count in counts.most_common(CONFUSIONS)]
    return result
