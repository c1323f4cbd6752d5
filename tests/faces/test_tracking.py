"""Tracks: one person's faces through a clip, whoever else is in the frame, and across cuts."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcnn.config import config
from rcnn.faces.tracking import track_faces

WIDTH = 32


def person(seed: int) -> np.ndarray:
    vector = np.random.default_rng(seed).normal(size=WIDTH)
    return vector / np.linalg.norm(vector)


def seen(who: np.ndarray, turn: int, noise: float = 0.05) -> np.ndarray:
    return (who + np.random.default_rng(turn).normal(size=WIDTH) * noise).astype(np.float32) * 9


def box(x: float, size: float = 50) -> list[float]:
    return [x, 100, x + size, 100 + size]


def test_two_people_side_by_side_are_two_tracks_and_the_central_one_is_0():
    rows = [(frame, box(x + frame), seen(person(who), 10 * frame + who), who == 1)
            for frame in (3, 6, 9, 12) for who, x in ((0, 50), (1, 400))]  # fmt: skip
    frames, boxes, embeddings, central = map(np.array, zip(*rows, strict=True))
    tracks = track_faces(frames, boxes.astype(np.float32), central, embeddings)
    assert tracks.tolist() == [1, 0] * 4
    assert tracks.dtype == np.int32
    place_alone = track_faces(frames, boxes.astype(np.float32), central)
    assert place_alone.tolist() == [1, 0] * 4


def test_at_a_cut_the_likeness_decides_where_there_is_one():
    frames = np.array([3, 6, 9, 12])
    boxes = np.array([box(50), box(52), box(600, 120), box(604, 120)], np.float32)
    same = np.stack([seen(person(1), turn) for turn in range(4)])
    other = np.stack([seen(person(1 if turn < 2 else 2), turn) for turn in range(4)])
    central = np.ones(4, bool)
    assert track_faces(frames, boxes, central, same).tolist() == [0, 0, 0, 0]
    # two people that are central as often: the larger one is the main one
    assert track_faces(frames, boxes, central, other).tolist() == [1, 1, 0, 0]
    assert track_faces(frames, boxes, central).tolist() == [1, 1, 0, 0]


def test_another_person_in_the_same_place_is_another_track():
    frames, boxes = np.array([3, 6]), np.array([box(50), box(50)], np.float32)
    apart = np.stack([np.eye(WIDTH, dtype=np.float32)[0], -np.eye(WIDTH, dtype=np.float32)[0]])
    assert len(set(track_faces(frames, boxes, np.ones(2, bool), apart).tolist())) == 2
    assert len(set(track_faces(frames, boxes, np.ones(2, bool)).tolist())) == 1


def test_a_face_that_was_away_too_long_is_joined_by_its_likeness_at_the_end():
    """Two weak likenesses to the running mean, and a strong one between the pieces."""
    frames = np.array([3, 30])
    boxes = np.array([box(50), box(700)], np.float32)
    half = np.zeros((2, WIDTH), np.float32)
    half[:, 0], half[0, 1], half[1, 2] = 1, 0.8, 0.8  # cosine 0.61
    assert track_faces(frames, boxes, np.ones(2, bool), half).tolist() == [0, 0]
    half[:, 0] = 0.3  # cosine 0.12
    assert sorted(track_faces(frames, boxes, np.ones(2, bool), half).tolist()) == [0, 1]


@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.booleans())
def test_no_frame_has_two_faces_of_a_track_and_numbers_have_no_gaps(seed, count, by_likeness):
    random = np.random.default_rng(seed)
    frames = np.sort(random.integers(1, 8, count)) * 3
    corners = random.uniform(0, 600, (count, 2))
    boxes = np.concatenate([corners, corners + random.uniform(10, 200, (count, 2))], 1).astype(np.float32)
    embeddings = random.normal(size=(count, 4)).astype(np.float32) if by_likeness else None
    central = np.array([index == 0 or frames[index] != frames[index - 1] for index in range(count)])
    tracks = track_faces(frames, boxes, central, embeddings)
    pairs = list(zip(frames.tolist(), tracks.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)
    assert set(tracks.tolist()) == set(range(tracks.max() + 1))
    times = [central[tracks == track].sum() for track in range(tracks.max() + 1)]
    assert times == sorted(times, reverse=True)


def overlap(one: list[float], other: list[float]) -> float:
    """Intersection over union, both ends included."""
    width = min(one[2], other[2]) - max(one[0], other[0]) + 1
    height = min(one[3], other[3]) - max(one[1], other[1]) + 1
    shared = max(width, 0) * max(height, 0)
    areas = [(b[2] - b[0] + 1) * (b[3] - b[1] + 1) for b in (one, other)]
    return shared / (sum(areas) - shared)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    lengths = np.linalg.norm(one) * np.linalg.norm(other)
    return float(one @ other / lengths) if lengths else 0.0


def pair_score(track: dict, turn: int, place: list[float], unit: np.ndarray | None) -> float | None:
    """How well a face suits a track; None where it may not be of it."""
    shared = overlap(place, track["box"])
    near = shared >= config.TRACK.SAME_PLACE and turn - track["turn"] <= config.TRACK.GAP
    if unit is None:
        return shared if near else None
    likeness = cosine(unit, track["total"])
    if likeness >= config.TRACK.ALIKE or (near and likeness >= config.TRACK.UNLIKE):
        return likeness + (shared if near else 0)
    return None


def best_pairs(scores: list[list[float | None]], columns: int) -> dict[int, int]:
    """Row to column, of all ways to pair them the one with the most pairs that may be, then with the highest sum."""
    best, most = {}, (-1, 0.0)
    places = [*range(columns), *[None] * len(scores)]
    for way in set(permutations(places, len(scores))):
        pairs = {row: column for row, column in enumerate(way) if column is not None}
        if any(scores[row][column] is None for row, column in pairs.items()):
            continue
        worth = len(pairs), sum(scores[row][column] for row, column in pairs.items())
        if worth > most:
            best, most = pairs, worth
    return best


def slow_tracks(frames, boxes, central, embeddings) -> list[int]:
    """What `track_faces` says it does, one face and one way after the other."""
    units = None if embeddings is None else [row / (np.linalg.norm(row) or 1) for row in embeddings.astype(float)]
    tracks: list[dict] = []
    for turn, frame in enumerate(sorted(set(frames.tolist()))):
        faces = [index for index in range(len(frames)) if frames[index] == frame]
        scores = [
            [pair_score(track, turn, boxes[face].tolist(), None if units is None else units[face]) for track in tracks]
            for face in faces
        ]
        pairs = best_pairs(scores, len(tracks))
        for row, face in enumerate(faces):
            unit = np.zeros(1) if units is None else units[face]
            if row in pairs:
                track = tracks[pairs[row]]
                track["total"] = track["total"] + unit
                track["members"].append(face)
                track |= {"turn": turn, "box": boxes[face].tolist()}
            else:
                tracks.append({"members": [face], "turn": turn, "box": boxes[face].tolist(), "total": unit})
    while units is not None:
        pieces = [
            (cosine(one["total"], other["total"]), one, other)
            for place, other in enumerate(tracks)
            for one in tracks[:place]
            if not {frames[m] for m in one["members"]} & {frames[m] for m in other["members"]}
        ]
        likeness, one, other = max(pieces, key=lambda piece: piece[0], default=(-1.0, {}, {}))
        if likeness < config.TRACK.JOIN:
            break
        one["members"] = sorted(one["members"] + other["members"])
        one["total"] = one["total"] + other["total"]
        tracks = [track for track in tracks if track is not other]
    areas = [max(x2 - x1, 0) * max(y2 - y1, 0) for x1, y1, x2, y2 in boxes.tolist()]
    tracks.sort(
        key=lambda t: (-sum(central[m] for m in t["members"]), -sum(areas[m] for m in t["members"]), t["members"][0])
    )
    numbers = {member: number for number, track in enumerate(tracks) for member in track["members"]}
    return [numbers[face] for face in range(len(frames))]


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 2**32 - 1), st.integers(1, 14), st.integers(1, 4), st.booleans())
def test_tracks_are_those_of_all_ways_tried_out(seed, count, people, by_likeness):
    """A few people, each near one place and looking about the same, of whom a frame shows at most three."""
    random = np.random.default_rng(seed)
    frames = np.sort(random.integers(1, 9, count)) * 2
    for frame in set(frames.tolist()):
        frames[np.flatnonzero(frames == frame)[3:]] = frame + 1
    frames = np.unique(frames, return_inverse=True)[1] * 5
    who = random.integers(0, people, count)
    places, looks = random.uniform(0, 90, (people, 2)), random.normal(size=(people, 3))
    corners = places[who] + random.normal(size=(count, 2)) * 12
    boxes = np.concatenate([corners, corners + random.uniform(20, 60, (count, 2))], 1).astype(np.float32)
    embeddings = (looks[who] + random.normal(size=(count, 3)) * 0.6).astype(np.float32) if by_likeness else None
    central = np.concatenate([[True], frames[1:] != frames[:-1]])
    assert track_faces(frames, boxes, central, embeddings).tolist() == slow_tracks(frames, boxes, central, embeddings)


def pointing(*degrees: float) -> np.ndarray:
    """Embeddings (n, 2) whose likeness is the cosine of the angle between them."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32) * 3


def test_pieces_that_grew_alike_are_joined_at_the_end():
    """The second face is too unlike the first to be joined to it; the third makes its track look like the first."""
    boxes = np.array([box(50), box(600), box(600)], np.float32)
    frames, central = np.array([3, 6, 9]), np.ones(3, bool)
    assert track_faces(frames[:2], boxes[:2], central[:2], pointing(0, 70)).tolist() == [0, 1]
    assert track_faces(frames, boxes, central, pointing(0, 70, 0)).tolist() == [0, 0, 0]
    assert track_faces(frames, boxes, central).tolist() == [1, 0, 0]  # by the place alone nothing is joined


def test_joined_pieces_look_like_their_sum(monkeypatch):
    """The third is too unlike each of the first two, and like enough to both together."""
    for name in ("ALIKE", "SAME_PLACE"):
        monkeypatch.setitem(config.TRACK, name, 2.0)  # no face is put into a track before the end
    frames, boxes, central = np.array([3, 6, 9]), np.array([box(50)] * 3, np.float32), np.ones(3, bool)
    side, up = np.sin(np.radians([25, 58]))
    looks = np.array([[0.906, side, 0], [0.906, -side, 0], [0.53, 0, up]], np.float32)
    assert track_faces(frames, boxes, central, looks).tolist() == [0, 0, 0]
    assert track_faces(frames[1:], boxes[1:], central[1:], looks[1:]).tolist() == [0, 1]
    assert track_faces(frames[1:], boxes[1:], central[1:], looks[[0, 2]]).tolist() == [0, 1]


def test_pieces_that_a_frame_shows_side_by_side_are_two_people():
    boxes = np.array([box(50), box(600), box(600), box(50)], np.float32)
    central = np.array([True, True, True, False])
    twins = pointing(0, 70, 0, 0)
    assert track_faces(np.array([3, 6, 9, 9]), boxes, central, twins).tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize(("away", "tracks"), [(1, [0, 0]), (3, [0, 0]), (4, [0, 1])])
def test_a_face_may_be_away_from_its_place_for_so_many_frames(away, tracks):
    """Others, elsewhere, are in the frames between."""
    others = [(3 * turn, box(600 + 200 * turn), False) for turn in range(2, away + 1)]
    rows = [(3, box(50), True), *others, (3 * (away + 1), box(50), True)]
    frames, boxes, central = map(np.array, zip(*rows, strict=True))
    found = track_faces(frames, boxes.astype(np.float32), central).tolist()
    assert [found[0], found[-1]] == tracks
    unlike = pointing(0, *[180] * len(others), 70)  # less than ALIKE, more than UNLIKE
    found = track_faces(frames, boxes.astype(np.float32), central, unlike).tolist()
    assert (found[0] == found[-1]) == (tracks[1] == 0)


LEAST = {"SAME_PLACE": 0.5, "ALIKE": 0.6, "UNLIKE": 0.6, "JOIN": 0.6}  # fractions that are met exactly


@pytest.mark.parametrize("name", LEAST)
@pytest.mark.parametrize(("more", "joined"), [(0.0, True), (1e-4, False)])
def test_the_least_that_is_enough_is_enough(name, more, joined, monkeypatch):
    never = {"SAME_PLACE": 2.0, "ALIKE": 2.0, "UNLIKE": 2.0, "JOIN": 2.0}
    if name in ("SAME_PLACE", "UNLIKE"):
        never |= {"SAME_PLACE": 0.5, "UNLIKE": 0.0}
    for key, value in {**never, name: LEAST[name] + more}.items():
        monkeypatch.setitem(config.TRACK, key, value)
    boxes = np.array([[0, 0, 15, 15], [0, 8, 15, 15]], np.float32)  # 128 / 256
    embeddings = np.array([[5, 0], [3, 4]], np.float32)  # a cosine of 3/5
    found = track_faces(np.array([3, 6]), boxes, np.ones(2, bool), embeddings).tolist()
    assert found == ([0, 0] if joined else [0, 1])


def test_of_tracks_that_are_central_as_often_the_larger_is_the_first():
    frames, central = np.array([3, 3, 3]), np.zeros(3, bool)
    boxes = np.array([[900, 900, 910, 910], [0, 0, 30, 30], [500, 500, 520, 520]], np.float32)
    assert track_faces(frames, boxes, central).tolist() == [2, 0, 1]
    inside_out = np.array([[100, 100, 0, 0], [300, 300, 300.5, 300.5], [9, 9, 9, 9]], np.float32)  # 0, 1/4, 0
    assert track_faces(frames, inside_out, central).tolist() == [1, 0, 2]
    # 1 pixel of 16 million, which float32 does not tell
    nearly = np.array([[0, 0, 4096, 4098], [9000, 0, 13097, 4097], [0, 9000, 1, 9001]], np.float32)
    assert track_faces(frames, nearly, central).tolist() == [1, 0, 2]


def test_no_faces_are_no_tracks():
    nothing = track_faces(
        np.zeros(0, int), np.zeros((0, 4), np.float32), np.zeros(0, bool), np.zeros((0, 8), np.float32)
    )
    assert nothing.shape == (0,)


@pytest.mark.parametrize("embeddings", [None, np.zeros((2, WIDTH), np.float32)])
def test_embeddings_of_zeros_do_no_harm(embeddings):
    boxes = np.array([box(50), box(51)], np.float32)
    assert len(track_faces(np.array([3, 6]), boxes, np.ones(2, bool), embeddings)) == 2


def test_across_a_cut_the_place_does_not_count():
    """Two people whom a camera shows in one place, with a cosine between `UNLIKE` and `ALIKE`."""
    frames = np.array([3, 6, 9, 12])
    boxes = np.array([box(50)] * 4, np.float32)
    looks = np.zeros((4, WIDTH), np.float32)
    likeness = (config.TRACK.UNLIKE + config.TRACK.ALIKE) / 2
    looks[:, 0], looks[2:, 0], looks[2:, 1] = 1, likeness, np.sqrt(1 - likeness**2)
    central, shots = np.ones(4, bool), np.array([0, 0, 1, 1])
    assert track_faces(frames, boxes, central, looks, shots).tolist() == [0, 0, 1, 1]
    assert track_faces(frames, boxes, central, looks).tolist() == [0, 0, 0, 0]
    assert track_faces(frames, boxes, central, shots=shots).tolist() == [0, 0, 1, 1]
    looks[2:] = looks[0]
    assert track_faces(frames, boxes, central, looks, shots).tolist() == [0, 0, 0, 0]  # the same person
