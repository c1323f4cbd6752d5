"""submit.py --rerank and --gaps: a graph of clips that are alike, and pieces of films. Costs about 2 s."""

import numpy as np
import pyarrow as pa
import pytest
from test_folds import WHO, WIDTH, write_features

from rcnn.errors import InputError
from rcnn.faces.vectors import normalise
from rcnn.scores.diffusion import KEPT, best_classes, graph_of, smooth
from rcnn.scores.rerankings import DIFFUSION, EXPANSION, RECIPROCAL, RERANKINGS
from rcnn.search import neighbours
from rcnn.search.neighbours import nearest_of_all
from rcnn.stages.settings import SubmitSettings
from rcnn.stages.submit import submit
from rcnn.tables import StageWriter, scores_schema, vector_array


def clustered(people: int, each: int, width: int = 64, spread: float = 0.7) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    who = np.repeat(np.arange(people), each)
    centres = random.normal(size=(people, width))
    return normalise(centres[who] + spread * random.normal(size=(len(who), width))), who


def test_neighbours_are_those_of_all_comparisons(monkeypatch):
    vectors, _ = clustered(60, 10)
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -2)
    best = np.argsort(-cosines, kind="stable")[:, :7]
    rows, found = nearest_of_all(vectors, 7)
    assert (rows == best).mean() > 0.999
    np.testing.assert_allclose(found, np.take_along_axis(cosines, best, 1), atol=1e-5)
    monkeypatch.setattr(neighbours, "EXACT", 100)
    approximate, near = nearest_of_all(vectors, 7)
    missed = [len(set(one) - set(other)) for one, other in zip(best.tolist(), approximate.tolist(), strict=True)]
    assert np.mean(missed) < 0.7 and np.abs(near - found)[approximate == rows].max() < 2e-3


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_vectors_have_few_neighbours(count):
    rows, _ = nearest_of_all(np.eye(3, dtype=np.float32)[:count], 4)
    assert rows.shape == (count, 4) and (rows >= 0).sum() == (2 if count == 2 else 0)


def test_weights_are_those_of_the_formulas():
    clips, others = np.array([0, 0, 1, 2, 0]), np.array([1, 2, 0, 1, 1])
    cosines = np.array([0.9, 0.5, 0.9, 0.7, 0.1], np.float32)
    graph = graph_of(clips, others, cosines, 4, EXPANSION).toarray()
    np.testing.assert_allclose(graph[0], np.array([1, 0.729, 0.125, 0]) / 1.854, rtol=1e-5)
    np.testing.assert_allclose(graph[3], [0, 0, 0, 1])
    mutual = graph_of(clips, others, cosines, 4, DIFFUSION).toarray()
    np.testing.assert_allclose(mutual[0], np.array([1, 0.729, 0, 0]) / 1.729, rtol=1e-5)
    np.testing.assert_allclose(mutual[2], [0, 0, 1, 0])
    shared = graph_of(clips, others, cosines, 4, RECIPROCAL).toarray()
    np.testing.assert_allclose(shared[0], [0.5, 0.5, 0, 0])  # 0 and 1 have {0, 1} in common, of {0, 1}
    for kind in RERANKINGS:
        np.testing.assert_allclose(graph_of(clips, others, cosines, 4, kind).sum(1), 1, rtol=1e-5)


@pytest.mark.parametrize("kind", RERANKINGS)
def test_smoothing_mends_scores_and_holds_no_more_than_the_best(kind):
    vectors, who = clustered(30, 12)
    random = np.random.default_rng(1)
    scores = random.random((len(who), 200)).astype(np.float32)
    scores[np.arange(len(who)), who] += 0.5
    near, cosines = nearest_of_all(vectors, 10)
    graph = graph_of(np.repeat(np.arange(len(who)), 10), near.ravel(), cosines.ravel(), len(who), kind)
    better = smooth(best_classes(scores), graph, kind)
    assert np.diff(better.indptr).max() <= KEPT
    right = (better.toarray().argmax(1) == who).mean()
    assert right > (scores.argmax(1) == who).mean() + 0.3


def write_scores(path, names, scores, rows, without=()) -> str:
    with StageWriter(str(path), "predict", scores_schema(scores.shape[1])) as writer:
        columns = [pa.array(names), pa.array(["test"] * len(names)), vector_array(scores)]
        writer.add_rows(pa.RecordBatch.from_arrays(columns, schema=writer.schema))
        bare = {"state": "no face", "faces": 0}
        for name in sorted([*names, *without]):
            writer.add_clips(
                [{"name": name, "split": "test", **WHO, **(bare if name in without else {}), **rows[name]}]
            )
    return str(path)


def ranked(settings: SubmitSettings) -> dict[int, list[str]]:
    submit(settings)
    with open(settings.output) as file:
        return {int(label): names for label, *names in map(str.split, file)}


@pytest.mark.parametrize("kind", RERANKINGS)
def test_submissions_are_ranked_anew(kind, tmp_path):
    names = ["a", "b", "c", "d"]
    eye = np.eye(WIDTH, dtype=np.float32)
    write_features(tmp_path / "feat", names, np.stack([eye[0], eye[0] + 0.2 * eye[1], eye[3], eye[0] + 0.2 * eye[2]]))
    scores = np.array([[0.1, 0.9, 0], [0.9, 0.05, 0.05], [0.8, 0.1, 0.1], [0.2, 0.8, 0]], np.float32)
    pred = write_scores(tmp_path / "pred", names, scores, {name: {} for name in names})
    common = {"inputs": (pred,), "output": str(tmp_path / "s.txt")}
    assert ranked(SubmitSettings(**common))[1] == ["a", "d", "c", "b"]
    again = SubmitSettings(**common, rerank=kind, features=(str(tmp_path / "feat"),), neighbours=2)
    assert ranked(again)[1][-1] == "c"  # the only one that is like no other
    assert ranked(SubmitSettings(**common, rerank="none"))[1] == ["a", "d", "c", "b"]


def test_clips_without_a_face_take_from_the_pieces_beside_them(tmp_path, capsys):
    rows = {
        f"f{n}": {"source": source, "size": 1, "changed": 1, "start": 10.0 * n, "end": 10.0 * n + 10}
        for n, source in enumerate(["film", "film", "film", "other"])
    }
    scores = np.array([[0.1, 0.9, 0], [0.3, 0.1, 0.6], [0, 0.7, 0.3]], np.float32)
    pred = write_scores(tmp_path / "pred", ["f0", "f2", "f3"], scores, rows, ("f1",))
    common = {"inputs": (pred,), "output": str(tmp_path / "s.txt")}
    assert ranked(SubmitSettings(**common)) == {1: ["f0", "f3", "f2"], 2: ["f2", "f3"]}
    assert ranked(SubmitSettings(**common, gaps=0.5)) == {1: ["f0", "f3", "f1", "f2"], 2: ["f2", "f1", "f3"]}
    assert "4 clips, 2 labels" in capsys.readouterr().out


def test_what_does_not_fit_is_said(tmp_path):
    with pytest.raises(InputError, match=r"^--rerank diffusion: needs the vectors of the clips; give --features"):
        SubmitSettings(rerank="diffusion")
    with pytest.raises(InputError, match=r"^--features feat: are for --rerank; give it, too$"):
        SubmitSettings(features=("feat",))
    write_features(tmp_path / "feat", ["x"], np.ones((1, WIDTH), np.float32))
    pred = write_scores(tmp_path / "pred", ["a"], np.ones((1, 3), np.float32), {"a": {}})
    settings = SubmitSettings((pred,), str(tmp_path / "s.txt"), rerank="expansion", features=(str(tmp_path / "feat"),))
    with pytest.raises(InputError, match="have none of the clips with scores"):
        submit(settings)
