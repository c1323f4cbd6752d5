"""Who is on a photograph, and which clips show them: yes, maybe or no, however many people are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from drawn_people import portrait, portrait_landmarks
from labelled import write_labels
from reference_models import OWN

from rcnn.clips.labels import read_labels_of
from rcnn.faces.alignment import align_faces
from rcnn.faces.load import load_detector, load_embedder
from rcnn.faces.vectors import normalise
from rcnn.people.templates import Gallery
from rcnn.scores.calibration import CardThresholds
from rcnn.search import Found, nearest, open_features
from rcnn.search.photographs import look_at
from rcnn.search.verdicts import NOBODY, judge_clips, photograph_trials
from rcnn.stages.search_answer import KnownPerson, who_is
from rcnn.tables import StageWriter, features_schema, vector_array

KNOWN, STRANGER = 10, 20  # people that may be known; number of the first stranger
STRANGERS = 4
CARD = CardThresholds((1e-2, 1e-3, 1e-4), (0.5, 0.6, 0.7))  # drawn people are more alike than real ones


def embedded(crops: list[np.ndarray]) -> np.ndarray:
    return normalise(load_embedder(OWN["face-m"]).embed(np.stack(crops)))


@pytest.fixture(scope="module")
def drawn() -> dict[tuple[int, int], np.ndarray]:
    """Vectors of portraits by person and take."""
    wanted = [(person, take) for person in range(KNOWN) for take in range(2)] + [(0, 2), (0, 3)]
    wanted += [(STRANGER + number, 0) for number in range(STRANGERS)] + [(STRANGER, 1), (STRANGER, 2)]
    crops = [
        align_faces(portrait(*each), portrait_landmarks(*each)[None].astype(np.float32), (112, 112))[0]
        for each in wanted
    ]
    return dict(zip(wanted, embedded(crops), strict=True))


def write(path: Path, clips: list[tuple[str, str, int, np.ndarray]]) -> str:
    """A feature directory of clips: name, split, label, vector."""
    clips = sorted(clips, key=lambda clip: clip[0])
    names, splits, labels, rows = zip(*clips, strict=True)
    schema = features_schema(len(rows[0]))
    with StageWriter(str(path), "feature", schema) as writer:
        columns = [pa.array(names), pa.array(splits), vector_array(np.stack(rows))]
        writer.add_rows(pa.RecordBatch.from_arrays(columns, schema=schema))
        state = {"state": "ok", "reason": "", "frames": 1, "faces": 1}
        writer.add_clips([{"name": n, "split": s, **state} for n, s in zip(names, splits, strict=True)])
    write_labels(path.with_suffix(".labels"), dict(zip(names, labels, strict=True)))
    return str(path)


def ask(path: str, photograph: np.ndarray, card: CardThresholds | None) -> tuple[KnownPerson, dict[str, str]]:
    """Who is on a photograph, and the verdict of each clip."""
    labels = read_labels_of(f"{path}.labels")
    gallery = Gallery.read([path], labels)
    run = gallery.trials()
    person = who_is(gallery, run, photograph, 1.0, card)
    found = nearest(open_features([path]), photograph, 1000, gallery.known, labels)
    own = NOBODY if person.verdict == "no" else person.row
    point = judge_clips(found, own, person.verdict == "yes", run, 1.0, card)
    cosines = np.array([match.similarity for match in found.matches])
    verdicts = point.verdicts(cosines, np.zeros(len(cosines), np.int32))
    return person, {match.clip: str(verdict) for match, verdict in zip(found.matches, verdicts, strict=True)}


def put(path: Path, drawn: dict[tuple[int, int], np.ndarray], known: int, strangers: int = STRANGERS) -> str:
    clips = [
        (f"known{person}_{take}", "train", person + 1, drawn[person, take])
        for person in range(known)
        for take in (0, 1)
    ]
    clips += [(f"stranger{number}", "val", -1, drawn[STRANGER + number, 0]) for number in range(strangers)]
    clips += [("test_own", "test", -1, drawn[0, 2]), ("test_stranger", "test", -1, drawn[STRANGER, 1])]
    return write(path, clips)


@pytest.mark.parametrize(("known", "card"), [(1, CARD), (2, CARD), (5, CARD), (KNOWN, CARD), (KNOWN, None)])
def test_the_right_photograph_is_a_yes_and_a_stranger_is_nobody(tmp_path, drawn, known, card):
    path = put(tmp_path / "feat", drawn, known)
    person, clips = ask(path, drawn[0, 3], card)
    assert (person.label, person.verdict) == (1, "yes")
    assert {clip for clip, verdict in clips.items() if verdict == "yes"} == {"known0_0", "known0_1", "test_own"}
    person, clips = ask(path, drawn[STRANGER, 2], card)
    assert person.verdict == "no"
    # whom nobody knows is found all the same
    assert {clip for clip, verdict in clips.items() if verdict == "yes"} == {"stranger0", "test_stranger"}


@pytest.mark.parametrize("strangers", [0, STRANGERS])
@pytest.mark.parametrize("known", [1, 2])
def test_nothing_is_a_yes_where_nothing_tells_how_much_is_much(tmp_path, drawn, known, strangers):
    path = put(tmp_path / "feat", drawn, known, strangers)
    person, clips = ask(path, drawn[0, 3], None)
    assert person.verdict == "maybe"
    assert set(clips.values()) <= {"maybe", "no"} and clips["test_own"] == "maybe"


def found(known: list[float], people: list[int], strangers: list[float]) -> Found:
    similarities = np.array([*known, *strangers, 0.9], np.float32)
    numbers = np.array(known, np.float32), np.array(people, np.int32), np.array(strangers, np.float32)
    return Found([], similarities, 2 * len(similarities), *numbers, 2 * len(strangers))


def test_whose_clips_are_impostors():
    seen = found([0.7, 0.2, 0.1], [4, 1, 1], [0.3, 0.4])
    sure = photograph_trials(seen, 4, True)
    np.testing.assert_allclose(sure.genuine, [0.7])
    np.testing.assert_allclose(sure.impostor, [0.2, 0.1, 0.3, 0.4], atol=1e-6)
    assert sure.compared == pytest.approx((2 + 4) / 4)  # tracks a clip
    unsure = photograph_trials(seen, 4, False)
    np.testing.assert_allclose(unsure.impostor, [0.2, 0.1], atol=1e-6)  # a stranger may be the one
    assert len(unsure.genuine) == 0 and unsure.compared == 1
    nobody = photograph_trials(seen, NOBODY, False)
    np.testing.assert_allclose(nobody.impostor, [0.7, 0.2, 0.1])
    lone = photograph_trials(found([0.7], [0], []), 0, True)
    assert len(lone.impostor) == 0 and lone.compared is None


@pytest.fixture(scope="module")
def real(shared) -> list[np.ndarray]:
    """Vectors of three photographs each of real people, with the project's own models."""
    detector = load_detector(OWN["essh-m25"])
    folders = [folder for folder in sorted((shared / "faces").iterdir()) if len(list(folder.iterdir())) >= 3]
    crops = []
    for folder in folders[:: len(folders) // 16][:16]:
        for file in sorted(folder.iterdir())[:3]:
            seen = look_at(str(file), detector)
            crops.append(seen.crops()[seen.central])
    return list(embedded(crops).reshape(16, 3, -1))


def test_real_people(real, tmp_path):
    """Twelve known and four strangers: nearly all photographs have the right answer, and hardly one a wrong yes."""
    clips = [(f"k{number}_{take}", "train", number + 1, real[number][take]) for number in range(12) for take in (0, 1)]
    path = write(tmp_path / "feat", clips)
    answers = [ask(path, real[number][2], None)[0] for number in range(16)]
    known, strangers = answers[:12], answers[12:]
    right = [answer for number, answer in enumerate(known) if answer.label == number + 1 and answer.verdict != "no"]
    assert len(right) >= 9
    assert all(answer.label == number + 1 for number, answer in enumerate(known) if answer.verdict == "yes")
    assert [answer.verdict for answer in strangers].count("yes") == 0
