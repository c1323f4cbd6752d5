"""detect.py and feature.py over a data set that changes: the bytes of a fresh run, for the work of what is new."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from drawn_people import framed, portrait, put_clip

from rcnn.errors import InputError, Stopped
from rcnn.stages import detect as detecting
from rcnn.stages import feature as embedding
from rcnn.stages.detect import detect
from rcnn.stages.face_finder import ClipFaceFinder
from rcnn.stages.feature import FeatureStep, feature
from rcnn.stages.growth import failed_for_the_machine
from rcnn.stages.settings import DetectSettings, FeatureSettings
from rcnn.tables import writer

MODEL, DETECTOR = "model/face-m,0", "model/essh-m25,0"
BEGUN = ["b.mp4", "d.mp4", "f.mp4", "h.mp4"]


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> dict[str, bytes]:
    """Clips of three frames: of one person, of another, of both in turns, and of nobody."""
    folder = tmp_path_factory.mktemp("clips")
    one, other, nobody = framed(portrait(0)), framed(portrait(1)), framed(portrait(0)[:40])
    shown = {"b": [one] * 3, "c": [other, one, one], "d": [other] * 3, "e": [nobody] * 3, "f": [one, other, nobody]}
    for name, images in shown.items():
        put_clip(folder / f"{name}.mp4", images)
    made = {path.name: path.read_bytes() for path in folder.iterdir()}
    return {**made, "a.mp4": made["c.mp4"], "h.mp4": b"no video " * 9, "i.mp4": made["b.mp4"]}


@pytest.fixture
def data(tmp_path, clips) -> Path:
    """A data set that is told which of these clips it has."""
    root = tmp_path / "data"
    (root / "IQIYI_VID_TEST").mkdir(parents=True)
    (root / "gt_v2").mkdir()
    (root / "gt_v2/IQIYI_VID.txt").write_text("".join(f"{name}\n" for name in clips))
    for name in BEGUN:
        (root / "IQIYI_VID_TEST" / name).write_bytes(clips[name])
    return root / "IQIYI_VID_TEST"


@pytest.fixture
def looked_at(monkeypatch) -> dict[str, list[str]]:
    """Names of the clips that each step was given."""
    seen: dict[str, list[str]] = {"detect": [], "feature": []}
    find, embed = ClipFaceFinder.__call__, FeatureStep.__call__

    def finding(self, clips):
        seen["detect"] += [clip.name for clip in clips]
        return find(self, clips)

    def embedded(self, clips):
        seen["feature"] += [faces.clip.name for faces in clips]
        return embed(self, clips)

    monkeypatch.setattr(ClipFaceFinder, "__call__", finding)
    monkeypatch.setattr(FeatureStep, "__call__", embedded)
    return seen


def run(data: Path, output: Path, faces: str = "all", sampling: int = 1) -> None:
    found = DetectSettings(
        MODEL, DETECTOR, str(output / "det"), str(data.parent), "test", gpu=-1, max_bad=100.0, faces=faces,
        quality_threshold=12.2, sampling=1,
    )  # fmt: skip
    detect(found)
    feature(FeatureSettings(MODEL, str(output / "det"), str(output / "feat"), gpu=-1, sampling=sampling))


def written(output: Path) -> dict[str, object]:
    """Every Parquet file, and what the manifests count."""
    found: dict[str, object] = {
        str(file.relative_to(output)): file.read_bytes() for file in sorted(output.rglob("*.parquet"))
    }
    for stage in ("det", "feat"):
        found[stage] = json.loads((output / stage / "manifest.json").read_text())["counts"]
        assert sorted(path.name for path in (output / stage).iterdir())[0] == "clips", "before/ is left over"
    return found


def change(data: Path, clips: dict[str, bytes]) -> None:
    """Three clips come, one goes, and one is replaced."""
    for name in ("a.mp4", "e.mp4", "i.mp4"):
        (data / name).write_bytes(clips[name])
    (data / "d.mp4").unlink()
    (data / "f.mp4").write_bytes(clips["c.mp4"])


@pytest.mark.parametrize(("faces", "sampling"), [("central", 1), ("all", 2)])
def test_it_grows_to_what_a_fresh_run_writes(data, clips, tmp_path, looked_at, faces, sampling, capsys):
    run(data, tmp_path / "grown", faces, sampling)
    assert looked_at == {"detect": BEGUN, "feature": ["b.mp4", "f.mp4"]}
    change(data, clips)
    for seen in looked_at.values():
        seen.clear()
    capsys.readouterr()
    run(data, tmp_path / "grown", faces, sampling)
    lines = capsys.readouterr().out
    assert f"detect.py: {tmp_path}/grown/det: 2 clips kept, 3 new, 1 changed, 1 gone\n" in lines
    assert f"feature.py: {tmp_path}/grown/feat: 2 clips kept, 3 new, 1 changed, 1 gone\n" in lines
    assert looked_at["detect"] == ["a.mp4", "e.mp4", "f.mp4", "i.mp4"]
    assert looked_at["feature"] == ["a.mp4", "f.mp4", "i.mp4"]
    run(data, tmp_path / "fresh", faces, sampling)
    found = written(tmp_path / "grown")
    assert found == written(tmp_path / "fresh")
    assert found["det"]["faces_seen"] > found["det"]["rows"], "no face was rejected"
    run(data, tmp_path / "grown", faces, sampling)
    assert capsys.readouterr().out.count("it is kept") == 2


@pytest.mark.parametrize("stage", ["detect", "feature"])
@pytest.mark.parametrize("begun", [[], ["e.mp4"]], ids=["begun", "growing"])
def test_a_run_that_was_stopped_goes_on_over_a_data_set_that_changed(
    data, clips, tmp_path, monkeypatch, looked_at, stage, begun
):
    """Whether it had begun, or was growing: what it had done is not done again."""
    monkeypatch.setattr(detecting, "GROUP_CLIPS", 1)
    monkeypatch.setattr(embedding, "BATCH_CLIPS", 1)
    output = tmp_path / "grown"
    if begun:
        run(data, output)
        (data / "c.mp4").write_bytes(clips["c.mp4"])
        (data / "g.mp4").write_bytes(clips["i.mp4"])
        (data.parent / "gt_v2/IQIYI_VID.txt").write_text("".join(f"{name}\n" for name in [*clips, "g.mp4"]))
    for seen in looked_at.values():
        seen.clear()
    real = writer.StageWriter.save

    def save(self, **state):
        real(self, **state)
        if self.stage == stage and looked_at[stage][:1] and self.last_clip >= looked_at[stage][0]:
            raise Stopped(15)

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(writer.StageWriter, "save", save)
        run(data, output)
    first = looked_at[stage][0]
    change(data, clips)
    looked_at[stage].clear()
    run(data, output)
    assert first not in looked_at[stage]
    run(data, tmp_path / "fresh")
    assert written(output) == written(tmp_path / "fresh")


def test_vectors_of_faces_that_were_found_in_another_way_are_not_copied(data, clips, tmp_path, looked_at):
    run(data, tmp_path)
    change(data, clips)
    shutil.rmtree(tmp_path / "det")
    with pytest.raises(InputError, match=r"feat: is complete and was made with another .*det, which was rebuilt; give"):
        run(data, tmp_path, "central")
    assert looked_at["feature"] == ["b.mp4", "f.mp4"]


@pytest.mark.parametrize(
    ("reason", "again"),
    [
        ("can't be read: Input/output error", True),
        ("can't be fetched: the store says 500; try again", True),
        ("is not a file", True),
        ("decoding takes too long: nothing came for 60 s", True),
        ("the decoder died of it (signal 9)", True),
        ("the decoder broke off", True),
        ("killed its worker 3 times (signal 9)", True),
        ("hung its worker 2 times (no sign of life)", True),
        ("killed its decoder 3 times", True),
        ("is not a video, or its beginning is damaged", False),
        ("is empty", False),
        ("its name contains white space, which separates names", False),
    ],
)
def test_what_may_be_the_fault_of_the_machine_is_looked_at_again(reason, again):
    assert failed_for_the_machine("unreadable", reason) is again
    assert not failed_for_the_machine("no face", reason)
