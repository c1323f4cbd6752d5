"""Which of several people in a clip its label means."""

import numpy as np

from rcnn.people.teaching import agreeing_tracks, one_track
from rcnn.tables.join import Batch

RANDOM = np.random.default_rng(0)


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def batch(clips: list[tuple[str, int, list[np.ndarray]]]) -> Batch:
    rows = [(name, label, vector) for name, label, tracks in clips for vector in tracks]
    names, labels, vectors = zip(*rows, strict=True)
    return Batch(list(names), ["train"] * len(rows), list(labels), np.stack(vectors).astype(np.float32))


def someone() -> np.ndarray:
    return unit(RANDOM.normal(size=64))


def like(who: np.ndarray) -> np.ndarray:
    return unit(who + RANDOM.normal(size=64) * 0.05)


def test_the_person_who_is_in_all_clips_of_a_label_is_meant():
    anna, bert = someone(), someone()
    clips = [
        ("a1", 1, [like(anna)]),
        ("a2", 1, [someone(), like(anna)]),
        ("a3", 1, [like(anna), someone()]),
        ("b1", 2, [someone(), someone(), like(bert)]),
        ("b2", 2, [like(bert)]),
        ("n1", 0, [someone(), someone()]),
        ("n2", -1, [someone(), someone()]),
    ]
    chosen = agreeing_tracks([batch(clips[:3]), batch(clips[3:])])
    assert chosen == {"a2": 1, "a3": 0, "b1": 2}  # nothing of clips of nobody known
    (taken,) = one_track([batch(clips)], chosen)
    assert taken.names == [name for name, *_ in clips]
    np.testing.assert_allclose(taken.vectors[1], clips[1][2][1], rtol=1e-6)
    np.testing.assert_allclose(taken.vectors[5], clips[5][2][0], rtol=1e-6)  # of nobody known the main track


def test_main_tracks_that_are_mostly_wrong_are_mended_by_rounds():
    anna = someone()
    clips = [(f"a{n}", 1, [someone(), like(anna)]) for n in range(4)] + [("a9", 1, [like(anna)])]
    assert agreeing_tracks([batch(clips)]) == {f"a{n}": 1 for n in range(4)}


def test_a_label_with_one_clip_says_nothing():
    assert agreeing_tracks([batch([("a1", 1, [someone(), someone()])])]) == {}
    assert agreeing_tracks([]) == {}
