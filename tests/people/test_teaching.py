"""Which of several people in a clip its label means."""

import tracemalloc
from collections.abc import Iterator

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rcnn.people.strangers import Clips
from rcnn.people.teaching import agreeing_tracks
from rcnn.tables.join import Batch

RANDOM = np.random.default_rng(0)


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def batch(clips: list[tuple[str, int, list[np.ndarray]]]) -> Batch:
    rows = [(name, label, vector) for name, label, tracks in clips for vector in tracks]
    names, _, vectors = zip(*rows, strict=True)
    return Batch(list(names), ["train"] * len(rows), np.stack(vectors).astype(np.float32))


def labels_of(clips: list[tuple[str, int, list[np.ndarray]]]) -> dict[str, int]:
    return {name: label for name, label, _ in clips}


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
    chosen = agreeing_tracks(lambda: [batch(clips[:3]), batch(clips[3:])], labels_of(clips))
    assert chosen == {"a2": 1, "b1": 2}  # nothing of clips of nobody known
    taken = Clips.of(batch(clips), labels_of(clips), chosen)
    assert [taken.batch.names[row] for row in taken.chosen] == [name for name, *_ in clips]
    np.testing.assert_allclose(taken.batch.vectors[taken.chosen[1]], clips[1][2][1], rtol=1e-6)
    np.testing.assert_allclose(taken.batch.vectors[taken.chosen[5]], clips[5][2][0], rtol=1e-6)  # the main track


def test_main_tracks_that_are_mostly_wrong_are_mended_by_rounds():
    anna = someone()
    clips = [(f"a{n}", 1, [someone(), like(anna)]) for n in range(4)] + [("a9", 1, [like(anna)])]
    assert agreeing_tracks(lambda: [batch(clips)], labels_of(clips)) == {f"a{n}": 1 for n in range(4)}


def test_a_label_with_one_clip_says_nothing():
    assert agreeing_tracks(lambda: [batch([("a1", 1, [someone(), someone()])])], {"a1": 1}) == {}
    assert agreeing_tracks(list, {}) == {}


def test_memory_does_not_grow_with_the_number_of_clips():
    """The sums of the labels and a batch, not all vectors."""
    rows, width, count = 300, 256, 40  # of a batch; batches

    def read() -> Iterator[Batch]:
        for number in range(count):
            names = [f"{number:03}-{row // 3:03}" for row in range(rows)]
            vectors = np.random.default_rng(number).standard_normal((rows, width), np.float32)
            yield Batch(names, ["train"] * rows, vectors)

    labels = {f"{number:03}-{clip:03}": 1 + clip % 20 for number in range(count) for clip in range(rows // 3)}
    tracemalloc.start()
    try:
        chosen = agreeing_tracks(read, labels)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(chosen) > count * rows / 3 / 2  # of three random tracks, two are not the first
    assert peak < rows * width * 4 * count / 3  # bytes of all vectors, 12 MB


@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(1, 4)), min_size=1, max_size=20), st.integers(1, 20))
def test_where_batches_end_changes_nothing(clips, size):
    rng = np.random.default_rng(len(clips))
    all_clips = [
        (f"{number:03}", label, [unit(rng.normal(size=8)) for _ in range(tracks)])
        for number, (label, tracks) in enumerate(clips)
    ]
    parts = [batch(all_clips[at : at + size]) for at in range(0, len(all_clips), size)]
    chosen = agreeing_tracks(lambda: parts, labels_of(all_clips))
    assert chosen == agreeing_tracks(lambda: [batch(all_clips)], labels_of(all_clips))
    tracks_of = {name: len(tracks) for name, label, tracks in all_clips if label > 0}
    assert all(0 < at < tracks_of[name] for name, at in chosen.items())
