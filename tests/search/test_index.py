"""An index finds what comparing with all finds, grows as a fresh one, and is never used where it does not fit."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcnn.errors import InputError
from rcnn.faces.vectors import normalise
from rcnn.files import sha256
from rcnn.search import Found, candidates, codes, nearest, segment
from rcnn.search.building import build_index
from rcnn.search.features import open_indexes
from rcnn.search.index import SearchIndex, index_path, open_index
from rcnn.tables import MANIFEST, StageReader, StageWriter, features_schema, table, vector_array
from rcnn.tables import vectors as vectors_of

WIDTH = 32
PART_ROWS = 500
NEAR = 3e-4  # cosines of float16, 32 wide, differ by less


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Parts and row groups so small that a few thousand rows have several of each."""
    monkeypatch.setattr(table, "PART_BYTES", PART_ROWS * 4 * WIDTH)
    monkeypatch.setattr(segment, "GROUP_ROWS", 50)


def unit(count: int, seed: int = 0, width: int = WIDTH) -> np.ndarray:
    return normalise(np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32))


def write(
    path: Path, clips: Sequence[str], counts: Sequence[int], rows: np.ndarray, split: str = "test", again: bool = False
) -> StageReader:
    """A feature directory whose clips have so many tracks each."""
    names = [name for name, count in zip(clips, counts, strict=True) for _ in range(count)]
    tracks = [track for count in counts for track in range(count)]
    schema = features_schema(rows.shape[1], tracked=True)
    with StageWriter(str(path), "feature", schema, overwrite=again) as writer:
        columns = [
            pa.array(names, pa.string()),
            pa.array([split] * len(names), pa.string()),
            pa.array(tracks, pa.int32()),
        ]
        writer.add_rows(pa.RecordBatch.from_arrays([*columns, vector_array(rows)], schema=schema))
        clip = {"split": split, "state": "ok", "reason": "", "frames": 1, "faces": 1}
        writer.add_clips([{"name": name, **clip} for name in clips])
    return StageReader(str(path), ("feature",))


def made(path: Path, count: int = 1500, seed: int = 0, split: str = "test", again: bool = False) -> StageReader:
    counts = np.random.default_rng(seed).integers(1, 4, count).tolist()
    return write(path, [f"{n:05d}.mp4" for n in range(count)], counts, unit(sum(counts), seed), split, again)


def columns(reader: StageReader) -> tuple[list[tuple[str, int]], np.ndarray]:
    """Clip and track of each row, and the vectors."""
    rows = pa.Table.from_batches(reader.batches())
    return list(zip(*(rows.column(name).to_pylist() for name in ("name", "track")), strict=True)), vectors_of(
        rows.column("feature")
    )


def index_of(reader: StageReader) -> SearchIndex:
    build_index(reader)
    found = open_index(reader)
    assert isinstance(found, SearchIndex)
    return found


def found_by(reader: StageReader, index: SearchIndex | None, wanted: np.ndarray, count: int = 100) -> Found:
    return nearest([reader], wanted, count, indexes={} if index is None else {reader.path: index})


def check_same(by_index: Found, exact: Found, names: Sequence[str]) -> None:
    """The same clips, but that two whose cosines differ by the rounding may stand in the other order."""
    cosines = dict(zip(names, exact.similarities.tolist(), strict=True))
    assert len({match.clip for match in by_index.matches}) == len(exact.matches)
    for mine, best in zip(by_index.matches, exact.matches, strict=True):
        assert mine.similarity == pytest.approx(best.similarity, abs=NEAR)
        assert cosines[mine.clip] == pytest.approx(mine.similarity, abs=NEAR)


def contents(folder: str) -> dict[str, bytes]:
    """The bytes of all files, but for the seconds in the manifest."""
    found = {str(file.relative_to(folder)): file.read_bytes() for file in Path(folder).rglob("*") if file.is_file()}
    manifest = json.loads(found[MANIFEST])
    return {**found, MANIFEST: json.dumps({**manifest, "seconds": 0}).encode()}


def test_with_few_tracks_it_is_the_exact_search(tmp_path):
    reader = made(tmp_path / "feat")
    index = index_of(reader)
    assert len(index.manifest.segments) > 3 and index.manifest.clips == 1500
    vectors = dict(zip(*columns(reader), strict=True))
    for seed in range(2):
        wanted = unit(1, 100 + seed)[0]
        exact, by_index = (found_by(reader, each, wanted, 40) for each in (None, index))
        check_same(by_index, exact, sorted({name for name, _ in vectors}))
        for match in by_index.matches:
            assert vectors[match.clip, match.track] @ wanted == pytest.approx(match.similarity, abs=NEAR)
        np.testing.assert_allclose(np.sort(by_index.similarities), np.sort(exact.similarities), atol=NEAR)
        assert (by_index.clips, by_index.tracks) == (exact.clips, exact.tracks)
        assert by_index.weights is not None and (by_index.weights == 1).all()


def test_recall_with_candidates(tmp_path, monkeypatch):
    """Of 6,000 tracks an eighth is compared in truth: hardly one of the best hundred is missing."""
    monkeypatch.setattr(candidates, "CANDIDATES", 750)
    monkeypatch.setattr(candidates, "A_CLIP", 0)
    monkeypatch.setattr("rcnn.search.sample.SAMPLE", 2000)
    reader = made(tmp_path / "feat", 3000)
    index = index_of(reader)
    recalls = []
    for seed in range(4):
        exact, by_index = (found_by(reader, each, unit(1, 200 + seed)[0]) for each in (None, index))
        best = {match.clip for match in exact.matches}
        recalls.append(len(best & {match.clip for match in by_index.matches}) / len(best))
        assert by_index.clips == exact.clips == 3000
        assert by_index.weights is not None and len(by_index.similarities) < 1500
        for least in (0.1, 0.3):  # how many clips reach it, told by the sample and the best ones
            truth = (exact.similarities >= least).sum()
            assert by_index.weights[by_index.similarities >= least].sum() == pytest.approx(truth, rel=0.2)
    assert np.mean(recalls) > 0.98


def test_a_person_in_one_place_is_found_whole(tmp_path, monkeypatch):
    """All tracks of a part may be candidates, though few of each are taken at first."""
    monkeypatch.setattr(candidates, "CANDIDATES", 250)
    monkeypatch.setattr(candidates, "A_CLIP", 1)
    monkeypatch.setattr(candidates, "FIRST", 1)
    monkeypatch.setattr(candidates, "SHARES", 0)
    wanted = unit(1, 1)[0]
    rows = unit(3000)
    rows[600:800] = normalise(wanted + 0.05 * rows[600:800])
    reader = write(tmp_path / "feat", [f"{n:05d}" for n in range(3000)], [1] * 3000, rows)
    found = found_by(reader, index_of(reader), wanted, 200)
    assert sorted(match.clip for match in found.matches) == [f"{n:05d}" for n in range(600, 800)]


def test_equal_clips_stand_by_name(tmp_path):
    reader = write(tmp_path / "feat", [f"{n:05d}" for n in range(900)], [1] * 900, np.ones((900, WIDTH), np.float32))
    found = found_by(reader, index_of(reader), np.ones(WIDTH, np.float32), 7)
    assert [match.clip for match in found.matches] == [f"{n:05d}" for n in range(7)]


@pytest.mark.parametrize("change", ["more", "fewer", "other vectors", "other names"])
def test_what_grows_is_as_a_fresh_one(tmp_path, change):
    feat = tmp_path / "feat"
    names, rows = [f"{n:05d}" for n in range(1200)], unit(1200)
    write(feat, names, [1] * 1200, rows)
    build_index(StageReader(str(feat), ("feature",)))
    if change == "more":
        names, rows = [*names, *(f"9{n:05d}" for n in range(250))], np.concatenate([rows, unit(250, 1)])
    elif change == "fewer":
        names, rows = names[:700] + names[703:], np.delete(rows, range(700, 703), 0)
    elif change == "other vectors":
        rows[900] = -rows[900]
    else:
        names = [*names[:900], *(f"8{n:05d}" for n in range(300))]
    reader = write(feat, names, [1] * len(names), rows, again=True)
    stale = open_index(reader)
    assert isinstance(stale, str) and "older version of the features" in stale and "rcnn index --features" in stale
    built = build_index(reader)
    assert built.kept >= 1 and built.new and built.new_rows < 800
    assert built.gone or change == "more"
    grown = contents(index_path(str(feat)))
    build_index(reader, overwrite=True)
    assert contents(index_path(str(feat))) == grown
    index = open_index(reader)
    assert isinstance(index, SearchIndex)
    check_same(*(found_by(reader, each, unit(1, 5)[0]) for each in (index, None)), names)


def test_complete_is_kept_and_a_stopped_run_goes_on(tmp_path):
    reader = made(tmp_path / "feat")
    built = build_index(reader)
    again = build_index(reader)
    assert (again.new, again.kept, again.gone) == (0, built.new, 0)
    folder = Path(index_path(reader.path))
    whole = contents(str(folder))
    (folder / MANIFEST).unlink()  # as a kill before the end leaves it
    first = sorted(folder.glob("segments-*/*.json"))
    first[0].unlink()
    (folder / "segments-0123456789abcdef").mkdir()  # of another version of faiss
    stopped = open_index(reader)
    assert isinstance(stopped, str) and "not complete" in stopped
    found = open_indexes([reader])
    assert not found[0] and "not used" in found[1][0]
    done = build_index(reader)
    assert (done.new, done.kept) == (1, built.new - 1)
    assert contents(str(folder)) == whole


def damages(folder: Path) -> dict[str, Path]:
    one = sorted(folder.glob("segments-*/*.codes"))[0].with_suffix("")
    return {
        "codes": one.with_suffix(".codes"),
        "rows": one.with_suffix(".rows"),
        "names": Path(f"{one}.names.parquet"),
        "rotation": folder / "rotation.npy",
        "sample": next(folder.glob("sample-*")),
        "manifest": folder / MANIFEST,
    }


@pytest.mark.parametrize("how", ["flipped", "cut off", "gone", "empty"])
@pytest.mark.parametrize("what", ["codes", "rows", "names", "rotation", "sample", "manifest"])
def test_damage_is_named(tmp_path, what, how):
    reader = made(tmp_path / "feat", 300)
    build_index(reader)
    file = damages(Path(index_path(reader.path)))[what]
    data = bytearray(file.read_bytes())
    if how == "flipped":
        for place in range(len(data) // 8, len(data), max(len(data) // 8, 1)):  # wherever a search reads
            data[place] ^= 16
    file.write_bytes(data[: len(data) // 2] if how == "cut off" else b"" if how == "empty" else data)
    if how == "gone":
        file.unlink()
    if (what, how) == ("manifest", "gone"):
        assert isinstance(open_index(reader), str)
        return
    with pytest.raises(InputError, match=r"--overwrite makes it again") as caught:
        index = open_index(reader)
        assert isinstance(index, SearchIndex)
        found_by(reader, index, unit(1)[0])
    assert "\n" not in str(caught.value) and (what == "manifest" or file.name in str(caught.value))


def test_an_index_of_others_is_not_used(tmp_path):
    one, two = made(tmp_path / "one"), made(tmp_path / "two", seed=1)
    build_index(one)
    os.rename(index_path(one.path), index_path(two.path))
    stale = open_index(two)
    assert isinstance(stale, str) and "older version of the features" in stale
    manifest = Path(index_path(two.path)) / MANIFEST
    content = json.loads(manifest.read_text())
    content["features"] = sha256(str(tmp_path / "two" / MANIFEST))
    manifest.write_text(json.dumps(content))
    with pytest.raises(InputError, match="does not fit the features"):
        open_index(two)
    manifest.write_text(json.dumps({**content, "packing": "0" * 64}))
    other = open_index(two)
    assert isinstance(other, str) and "another version of faiss" in other


def test_its_place(tmp_path):
    reader = made(tmp_path / "feat", 10)
    place = Path(index_path(reader.path))
    place.mkdir()
    (place / "photo.jpg").write_text("")
    with pytest.raises(InputError, match=r"photo.jpg.*move it away"):
        build_index(reader)
    (place / "photo.jpg").unlink()
    place.rmdir()
    place.write_text("")
    with pytest.raises(InputError, match="is not a directory"):
        build_index(reader)
    reader.path = "s3://bucket/feat"
    with pytest.raises(InputError, match="object store"):
        build_index(reader)


def test_features_without_tracks(tmp_path):
    reader = write(tmp_path / "feat", [], [], np.zeros((0, WIDTH), np.float32))
    found = found_by(reader, index_of(reader), unit(1)[0])
    assert not found.matches and (found.clips, found.tracks) == (0, 0)


def test_known_people_and_strangers_come_from_the_sample(tmp_path):
    reader = made(tmp_path / "feat", 60, split="train")
    index = index_of(reader)
    assert index.known_splits
    labels = {"00003.mp4": 1, "00007.mp4": 2}
    known = {"00003.mp4": (0, 0), "00007.mp4": (1, 0)}
    wanted = unit(1, 3)[0]
    exact = nearest([reader], wanted, 5, known, labels)
    by_index = nearest([reader], wanted, 5, known, labels, {reader.path: index})
    for name in ("known", "people", "strangers"):
        np.testing.assert_allclose(getattr(by_index, name), getattr(exact, name), atol=1e-3)
    assert by_index.stranger_tracks == exact.stranger_tracks
    assert [match.label for match in by_index.matches] == [match.label for match in exact.matches]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 70), st.integers(1, 40), st.integers(0, 1000))
def test_rough_cosines_are_those_of_the_codes(width, rows, seed):
    """What faiss compares is the sum over the levels that the codes stand for, up to its rounding of look-ups."""
    vectors, wanted = unit(rows, seed, width), unit(1, seed + 1, width)[0]
    turn = codes.rotation(width)
    coded = codes.encode(vectors, turn)
    level = np.stack([coded >> shift & 3 for shift in (0, 2, 4, 6)], 2).reshape(rows, -1)
    expected = codes.LEVELS[level] / np.sqrt(turn.shape[1]) @ (wanted @ turn)
    scanner = codes.Scanner(width, rows)
    packed = codes.pack(coded)
    assert len(packed) == codes.packed_bytes(rows, width)
    scanner.buffer[:] = packed
    cosines, order = scanner.nearest(wanted @ turn, rows, rows)
    assert sorted(order.tolist()) == list(range(rows))
    np.testing.assert_allclose(cosines, expected[order], atol=0.02)
    np.testing.assert_allclose(turn @ turn.T, np.eye(width), atol=1e-5)
