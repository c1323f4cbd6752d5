"""predict.py --propagate faces: a sure track of a film helps its likes there, and nobody elsewhere. Costs about 1 s."""

import numpy as np
import pytest
from test_folds import WIDTH, write_features, write_set

from rcnn.errors import InputError
from rcnn.scores.consensus import competitive_consensus
from rcnn.stages import propagating
from rcnn.stages.predict import predict
from rcnn.stages.settings import PredictSettings, TrainSettings
from rcnn.stages.train import train_mlp
from rcnn.tables import StageReader, StageWriter, vectors

FILM = {"source": "film.mp4", "size": 1, "changed": 1}


def links(cosines: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(np.flatnonzero(line > 0), line[line > 0].astype(np.float32)) for line in cosines]


def test_the_surest_neighbour_counts_and_people_compete():
    own = np.array([[0.05, 0.95, 0.0], [0.6, 0.2, 0.2], [0.5, 0.1, 0.4], [0.1, 0.0, 0.9]], np.float32)
    cosines = np.zeros((4, 4))
    cosines[1, 0] = cosines[0, 1] = 0.9  # 1 is like 0
    found = competitive_consensus(own, links(cosines))
    np.testing.assert_array_equal(found[[0, 2, 3]], own[[0, 2, 3]])  # sure ones, and one without links
    assert found[1].argmax() == 1 and found[1, 1] > 0.85 and found[1, 2] < 0.05
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-5)
    cosines[1, 3] = cosines[3, 1] = 0.5  # a weak link to somebody else changes nothing
    np.testing.assert_allclose(competitive_consensus(own, links(cosines))[1], found[1], atol=1e-3)


def test_it_goes_from_one_to_the_next_but_gets_weaker():
    own = np.tile(np.array([0.55, 0.25, 0.2], np.float32), (4, 1))
    own[0] = [0.01, 0.99, 0]
    own[3] = [0.99, 0, 0.01]
    cosines = np.diag([0.9, 0.9], 1) + np.diag([0.9, 0.9], -1)
    found = competitive_consensus(own, links(np.pad(cosines, ((0, 1), (0, 1)))))
    assert found[1].argmax() == found[2].argmax() == 1 and found[0, 1] > found[1, 1] > found[2, 1] > 0.5


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Person 1 and 2 to learn; a film in three pieces, and a file of its own."""
    eye = np.eye(WIDTH, dtype=np.float32)
    write_set(tmp_path / "set", ["a.mp4", "b.mp4"], np.array([1, 2]), eye[:2])
    sure, vague = eye[0] + 0.3 * eye[2], 0.5 * eye[0] + 0.85 * eye[2]  # alike; the second is hardly person 1
    clips = {"film_0.mp4": sure, "film_1.mp4": vague, "film_2.mp4": eye[5], "other.mp4": vague}
    piece = {"film_0.mp4": (0.0, 10.0), "film_1.mp4": (10.0, 20.0), "film_2.mp4": (20.0, 30.0)}
    rows = [{**FILM, "start": piece[name][0], "end": piece[name][1]} if name in piece else {} for name in clips]
    write_features(tmp_path / "feat", list(clips), np.stack(list(clips.values())), rows)
    train_mlp(TrainSettings(str(tmp_path / "set"), str(tmp_path / "m"), head="templates", gpu=-1))
    monkeypatch.setattr("rcnn.stages.predict.ROWS", 2)
    return tmp_path


def scores(place, name: str, **changes) -> np.ndarray:
    predict(PredictSettings(f"{place / 'm'},40", (str(place / "feat"),), str(place / name), gpu=-1, **changes))
    return np.concatenate([vectors(b.column("scores")) for b in StageReader(str(place / name), ("predict",)).batches()])


def test_a_film_helps_itself(place, capsys):
    plain, helped = scores(place, "plain"), scores(place, "helped", propagate="faces")
    assert "within 1 film of 3 clips" in capsys.readouterr().out
    np.testing.assert_array_equal(helped[[0, 2, 3]], plain[[0, 2, 3]])  # the file is none of the film's
    assert helped[1, 1] > plain[1, 1] + 0.2
    scores(place, "helped", propagate="faces")
    assert "is kept" in capsys.readouterr().out
    with pytest.raises(InputError, match=r"--propagate faces: needs all clips of a film; leave --split out"):
        PredictSettings(propagate="faces", split=(0, 2))


def test_a_stopped_run_goes_on_to_the_same_scores(place, monkeypatch):
    whole = scores(place, "whole", propagate="faces")
    real = StageWriter.save

    def save(writer, **state) -> None:
        real(writer, **state)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(StageWriter, "save", save)
        scores(place, "stopped", propagate="faces")
    np.testing.assert_array_equal(scores(place, "stopped", propagate="faces"), whole)


def test_pieces_that_follow_each_other_need_less_likeness():
    pieces = propagating.Pieces({"a": "f", "b": "f"}, {"a": (0.0, 5.0), "b": (5.0, 9.0), "c": (20.0, 30.0)})
    assert pieces.follow("a", "b") and pieces.follow("b", "a")
    assert not pieces.follow("a", "c") and not pieces.follow("a", "unknown")
