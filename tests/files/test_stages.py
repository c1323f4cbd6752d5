"""The stages with data set and outputs in an S3 store: the bytes of the disk, whatever happens in between."""

import contextlib
import dataclasses
import io
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from drawn_people import framed, portrait, put_clip
from patience import PATIENCE, held, wait_for

from rcnn import files
from rcnn.clips.dataset import list_clips
from rcnn.errors import InputError
from rcnn.files import fetching, object_lock, remote
from rcnn.files.object_lock import ObjectLock
from rcnn.stages import int8
from rcnn.stages.detect import DetectSettings, detect
from rcnn.stages.feature import FeatureSettings, feature
from rcnn.stages.genfeat import GenfeatSettings, genfeat
from rcnn.stages.merge import MergeSettings, merge
from rcnn.stages.predict import PredictSettings, predict
from rcnn.stages.preview import PreviewSettings, preview
from rcnn.stages.search import SearchSettings, search
from rcnn.stages.submit import SubmitSettings, submit
from rcnn.stages.train import TrainSettings, train_mlp
from rcnn.tables import StageReader, StageWriter, features_schema, table
from rcnn.tables.whole import faults

ROOT = Path(__file__).resolve().parents[2]
PEOPLE = 4
PART_BYTES = 30_000


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(table, "PART_BYTES", PART_BYTES)


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    """Clips of three frames of four people for train, val and test, one clip of nobody and one that is none."""
    root = tmp_path_factory.mktemp("data")
    folders = {
        "train": "IQIYI_VID_DATA_Part1/IQIYI_VID_TRAIN", "val": "IQIYI_VID_DATA_Part2/IQIYI_VID_VAL",
        "test": "IQIYI_VID_TEST",
    }  # fmt: skip
    truth: dict[str, dict[int, list[str]]] = {split: {} for split in folders}
    for label in range(1, PEOPLE + 1):
        for number, split in enumerate(("train", "val", "test", "test", "test")):
            name = f"clip_{number}{label}.mp4"
            put_clip(root / folders[split] / name, [framed(portrait(label, number))] * 3)
            truth[split].setdefault(label, []).append(name)
    put_clip(root / folders["test"] / "nobody.mp4", [np.full((480, 888, 3), 90, np.uint8)] * 3)
    (root / folders["test"] / "broken.mp4").write_text("no video")
    (root / "gt_v2").mkdir()
    names = sorted(path.name for path in root.glob("**/*.mp4"))
    (root / "gt_v2/IQIYI_VID.txt").write_text("\n".join(names))
    train = [f"{name} {label}" for label, clips in truth["train"].items() for name in clips]
    (root / "gt_v2/train_v2.txt").write_text("\n".join(train))
    for split in ("val", "test"):
        lines = [f"{label} {' '.join(clips)}" for label, clips in truth[split].items()]
        (root / f"gt_v2/{split}_v2.txt").write_text("\n".join(lines))
    (root / "gt_v2/names.txt").write_text("1 Ada Lovelace\n")
    return root


def detect_settings(models, dataset: str, output: str, stage: str = "test", **changes) -> DetectSettings:
    return DetectSettings(
        **models, dataset=dataset, output=output, stage=stage, gpu=-1, quality_threshold=2.0, max_bad=50.0, **changes
    )


def six_stages(models: dict[str, str], data: str, output: str, prefix: str) -> None:
    def out(name: str) -> str:
        return files.join(output, name)

    for stage in ("trainval", "test"):
        detect(detect_settings(models, data, out(f"det_{stage}"), stage))
        feature(FeatureSettings(models["model"], out(f"det_{stage}"), out(f"feat_{stage}"), gpu=-1))
    genfeat(GenfeatSettings((out("feat_trainval"),), out("train")))
    train_mlp(
        TrainSettings(
            out("train"), prefix, num_classes=PEOPLE + 1, num_filter=32, lr=0.5, lr_step=(8, 12), gpu=-1,
            per_batch_size=8,
        )
    )  # fmt: skip
    predict(PredictSettings(f"{files.plain(prefix)},12", (out("feat_test"),), out("pred"), gpu=-1))
    truth = files.join(data, "gt_v2/test_v2.txt")
    submit(SubmitSettings((out("pred"),), out("submission.txt"), gt=truth, report=out("report.html")))


def comparable(files: dict[str, bytes]) -> dict[str, object]:
    """But for what tells times and places: manifests, in which the sums of parts are, the report, and a clip's time."""
    found: dict[str, object] = {}
    for name, data in files.items():
        if in_clips(name):
            found[name] = pq.read_table(io.BytesIO(data)).drop(["changed"])
        elif not name.endswith(("manifest.json", "report.html")):
            found[name] = data
    return found


def in_clips(part: str) -> bool:
    """Whether a part is of the table of clips."""
    return Path(part).parent.name == "clips"


@pytest.fixture(scope="session")
def on_disk(data, models, tmp_path_factory) -> Path:
    work = tmp_path_factory.mktemp("disk")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "PART_BYTES", PART_BYTES)
        six_stages(models, str(data), str(work / "out"), str(work / "model/mlp"))
    return work


def store_files(folder: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for name in files.names(folder):
        path = files.join(folder, name)
        if files.is_dir(path):
            found |= {f"{name}/{inner}": content for inner, content in store_files(path).items()}
        else:
            found[name] = files.read_bytes(path)
    return found


def disk_files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_six_stages_give_the_bytes_of_the_disk(s3, data, models, on_disk, tmp_path, capsys):
    root = s3.upload(data, "sets/iqiyi")
    capsys.readouterr()
    six_stages(models, root, s3.url("out"), str(tmp_path / "mlp"))
    ours, theirs = store_files(s3.url("out")), disk_files(on_disk / "out")
    assert ours.keys() == theirs.keys()  # no lock, no progress is left
    assert comparable(ours) == comparable(theirs)
    assert sum(name.startswith("det_test/faces/") for name in ours) > 1  # parts in the plural
    for name in ("mlp-0012.params", "mlp-symbol.json"):
        assert (tmp_path / name).read_bytes() == (on_disk / "model" / name).read_bytes()
    for name in theirs:
        if name.endswith("manifest.json"):
            here, there = json.loads(ours[name]), json.loads(theirs[name])
            sums = [
                {part: each for part, each in told["parts"].items() if not in_clips(part)} for told in (here, there)
            ]
            assert sums[0] == sums[1] and here["counts"] == there["counts"]
    out = capsys.readouterr().out
    assert "Ada Lovelace" in out  # names.txt of the data set in the store
    assert f"{PEOPLE} covered" in out
    page = ours["report.html"].decode()
    assert "Ada Lovelace" in page and "can't be read" not in page
    assert page.count("data:image/jpeg") == theirs["report.html"].decode().count("data:image/jpeg") > PEOPLE
    for stage in ("det_test", "pred"):
        assert faults(s3.url("out", stage)) == []


def test_six_stages_in_gcs(gs, data, models, on_disk, tmp_path):
    root, output = files.join(gs, "data"), files.join(gs, "out")
    for file in filter(Path.is_file, sorted(data.rglob("*"))):
        files.put(files.join(root, str(file.relative_to(data))), file.read_bytes())
    six_stages(models, root, output, str(tmp_path / "mlp"))
    assert comparable(store_files(output)) == comparable(disk_files(on_disk / "out"))
    first = hold(files.join(gs, "feat"))
    with pytest.raises(InputError, match="writes there"):
        hold(files.join(gs, "feat"))
    first.close()
    hold_again = StageWriter(files.join(gs, "feat"), "feature", features_schema(8), overwrite=True)
    hold_again.close()


def test_a_clip_costs_two_requests_and_the_listing_none(s3, data, models):
    root = s3.upload(data, "data")
    s3.requests.clear()
    clips = list_clips(root, "test")
    assert len(s3.requests) < 12 < len(clips)
    s3.requests.clear()
    detect(detect_settings(models, root, s3.url("det")))
    for clip in clips:
        asked = [request for request in s3.requests if clip.name in request]
        again = clip.name == "nobody.mp4"  # is looked at twice
        assert [line.split()[0] for line in asked] == ["HEAD", "GET"] * (1 + again), clip.name


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_that_was_killed_goes_on(number, s3, data, models, on_disk):
    root = s3.upload(data, "data")
    words = [
        ROOT / "detect.py", "--dataset", root, "--output", s3.url("det"), "--stage", "test", "--gpu", "-1",
        "--quality-threshold", "2", "--max-bad", "50", "--model", models["model"], "--detector", models["detector"],
    ]  # fmt: skip
    with held(words, 2, group=4, part_bytes=PART_BYTES) as run:
        run.wait_until_held()
        run.process.send_signal(number)
        run.let_go()
        assert run.end()[0] == (-number if number == signal.SIGKILL else 128 + number)
    assert json.loads(files.read_bytes(s3.url("det/progress.json")))["clips"]["total"] == 8
    assert not files.exists(s3.url("det/manifest.json"))
    left_over = [name for name in files.names(s3.url("det")) if name.startswith("lock")]
    assert len(left_over) == (number == signal.SIGKILL)  # and keeps nobody out, for its process is dead
    with pytest.raises(InputError, match="is not complete"):
        StageReader(s3.url("det"), ("detect",))
    s3.requests.clear()
    with held(words, 0, group=4, part_bytes=PART_BYTES) as run:
        code, errors = run.end()
    assert code == 0, errors
    assert comparable(store_files(s3.url("det"))) == comparable(disk_files(on_disk / "out/det_test"))
    fetched = {request for request in s3.requests if request.startswith("GET") and ".mp4" in request}
    assert len(fetched) == 14 - 8  # those that were done were not fetched again


def test_a_clip_that_fails_is_unreadable_and_says_why(s3, data, models, monkeypatch):
    monkeypatch.setattr(fetching, "FETCH_PAUSES", ())
    monkeypatch.setattr(remote, "ATTEMPTS", 1)
    root = s3.upload(data, "data")
    s3.fails["clip_21.mp4"] = 500
    detect(detect_settings(models, root, s3.url("det")))
    rows = [row for batch in StageReader(s3.url("det"), ("detect",)).clips() for row in batch.to_pylist()]
    reasons = {row["name"]: row["reason"] for row in rows if row["state"] == "unreadable"}
    assert reasons.keys() == {"broken.mp4", "clip_21.mp4"}
    assert reasons["clip_21.mp4"].startswith("can't be fetched: the store says ")


def test_a_store_that_goes_down_stops_the_run_which_then_goes_on(s3, data, models, on_disk, monkeypatch):
    monkeypatch.setattr(fetching, "FETCH_PAUSES", ())
    monkeypatch.setattr(remote, "ATTEMPTS", 1)
    root = s3.upload(data, "data")
    settings = detect_settings(models, root, s3.url("det"))
    real = fetching._copy

    def until_down(path, *rest):
        if "clip_33" in path:
            s3.fails["data/"] = 503
        real(path, *rest)

    monkeypatch.setattr(fetching, "_copy", until_down)
    with pytest.raises(InputError, match="the store"):
        detect(settings)
    monkeypatch.setattr(fetching, "_copy", real)
    assert not files.exists(s3.url("det/manifest.json"))
    s3.fails.clear()
    detect(settings)
    assert comparable(store_files(s3.url("det"))) == comparable(disk_files(on_disk / "out/det_test"))


def test_int8_networks_are_kept_in_the_store(s3, data, models, monkeypatch, capsys):
    pytest.importorskip("nncf")
    monkeypatch.setattr(int8, "FRAME_SAMPLING", 1)  # clips have three frames
    root = s3.upload(data, "data")
    settings = detect_settings(models, root, s3.url("det"), precision="int8")
    detect(settings)
    assert {name for name in store_files(s3.url("det")) if name.startswith("int8/")} == {
        f"int8/{name}{extension}" for name in ("detector", "quality") for extension in (".xml", ".bin", ".json")
    }
    assert capsys.readouterr().out.count("calibrated") == 2


def test_sheets_and_search_read_from_the_store(s3, data, models, tmp_path, capsys):
    detect(detect_settings(models, s3.upload(data, "data"), s3.url("det")))
    feature(FeatureSettings(models["model"], s3.url("det"), s3.url("feat"), gpu=-1))
    preview(PreviewSettings(s3.url("det"), str(tmp_path / "sheets"), every=10, gpu=-1))
    assert {path.parent.name for path in (tmp_path / "sheets").rglob("*.jpg")} == {"ok", "no-face", "unreadable"}
    with pytest.raises(InputError, match="must be on disk"):
        preview(PreviewSettings(s3.url("det"), s3.url("sheets"), gpu=-1))
    photo = str(tmp_path / "photo.png")
    cv2.imwrite(photo, portrait(1, 2))
    capsys.readouterr()
    search(SearchSettings((photo,), (s3.url("feat"),), count=3, gpu=-1))
    assert "clip_21.mp4" in capsys.readouterr().out  # made of that portrait


def test_parts_are_merged_in_the_store(s3, data, models, on_disk):
    root = s3.upload(data, "data")
    for number in range(2):
        detect(detect_settings(models, root, s3.url(f"det{number}"), split=(number, 2)))
    merge(MergeSettings((s3.url("det0"), s3.url("det1")), s3.url("whole")))
    assert comparable(store_files(s3.url("whole"))) == comparable(disk_files(on_disk / "out/det_test"))


def test_file_urls_are_paths(data, models, on_disk, tmp_path):
    output = f"file://{tmp_path}/out"
    six_stages(models, f"file://{data}", output, f"file://{tmp_path}/mlp")
    ours = disk_files(tmp_path / "out")
    assert comparable(ours) == comparable(disk_files(on_disk / "out"))
    assert (tmp_path / "mlp-0012.params").is_file()
    assert not Path("file:").exists()


def test_what_is_there_is_not_overwritten(s3, on_disk):
    s3.upload(on_disk / "out/feat_trainval", "feat")
    with pytest.raises(InputError, match="is also the input"):
        genfeat(GenfeatSettings((s3.url("feat"),), s3.url("feat")))
    with pytest.raises(InputError, match="is also the input"):
        genfeat(GenfeatSettings((s3.url("feat"),), s3.url("/feat/"), overwrite=True))
    files.put(s3.url("other/thesis.txt"), b"years of work")
    with pytest.raises(InputError, match=r"contains 'thesis.txt', which no stage wrote"):
        genfeat(GenfeatSettings((s3.url("feat"),), s3.url("other")))
    genfeat(GenfeatSettings((s3.url("feat"),), s3.url("train")))
    before = store_files(s3.url("train"))
    genfeat(GenfeatSettings((s3.url("feat"),), s3.url("train"), overwrite=True))
    assert comparable(store_files(s3.url("train"))) == comparable(before)


def hold(path: str) -> StageWriter:
    return StageWriter(path, "feature", features_schema(8))


def test_one_run_at_a_time(s3, monkeypatch):
    first = hold(s3.url("feat"))
    with pytest.raises(InputError, match=rf"feat: process {os.getpid()} on .* writes there; wait for its end"):
        hold(s3.url("feat"))
    assert sum(name.startswith("lock-") for name in files.names(s3.url("feat"))) == 1  # the second took its own away
    first.close()
    assert not any(name.startswith("lock") for name in files.names(s3.url("feat")))


def test_a_run_that_was_taken_for_dead_ends(s3, monkeypatch):
    """It slept: its lock is old, and of another machine."""
    sleeper = hold(s3.url("feat"))
    monkeypatch.setattr(object_lock, "_machine", lambda: "another")
    with pytest.raises(InputError, match="writes there"):
        hold(s3.url("feat"))
    monkeypatch.setattr(object_lock, "STALE_SECONDS", 0.0)
    second = hold(s3.url("feat"))
    with pytest.raises(InputError, match=r"this run was suspended for more than .* another has started there"):
        sleeper.close()
    assert not files.exists(s3.url("feat/manifest.json"))
    second.close()
    assert files.exists(s3.url("feat/manifest.json"))


def test_a_lock_is_refreshed_unless_it_is_gone(s3, monkeypatch):
    monkeypatch.setattr(object_lock, "REFRESH_SECONDS", 0.05)
    lock = ObjectLock(s3.url("x/lock"), "x", "--output")
    name = f"x/{lock._name}"
    s3.requests.clear()
    wait_for(lambda: sum(request.startswith("PUT") for request in s3.requests) >= 3, "a third refresh")

    def seen_to_be_gone() -> bool:
        with contextlib.suppress(FileNotFoundError):
            files.remove(s3.url(name))  # again, if it was just about to be put
        return not lock._refresher.is_alive()

    wait_for(seen_to_be_gone, "the end of the refresher")
    assert not files.exists(s3.url(name))
    with pytest.raises(InputError, match="another has started"):
        lock.check()
    lock.release()


def test_a_store_whose_listings_lag_is_refused(s3, monkeypatch):
    monkeypatch.setattr(object_lock.files, "modified", lambda folder: {})
    with pytest.raises(InputError, match="listing lacks an object that was just put"):
        hold(s3.url("feat"))
    assert files.names(s3.url("feat")) == []


def test_two_that_come_at_once_never_both_go_on(s3):
    for _ in range(10):
        barrier, won = threading.Barrier(4), []

        def contend(barrier=barrier, won=won):
            barrier.wait()
            with contextlib.suppress(InputError):
                won.append(ObjectLock(s3.url("race/lock"), "race", "--output"))

        threads = [threading.Thread(target=contend) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) <= 1
        for lock in won:
            lock.release()


def run_line(*command: object) -> str:
    """The one line that a script says before it exits with 2."""
    words = [sys.executable, *map(str, command)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_what_is_wrong_is_one_line(s3, on_disk, monkeypatch, dead_port, models, tmp_path):
    s3.upload(on_disk / "out/feat_trainval", "feat")
    output = ("--output", s3.url("train"))
    assert "there is no such directory" in run_line("genfeat.py", "--inputs", s3.url("none"), *output)
    line = run_line("genfeat.py", "--inputs", s3.url("feat"), "--output", "s3://no-such-bucket/train")
    assert "there is no bucket no-such-bucket; make it" in line
    line = run_line("detect.py", "--dataset", s3.url("none"), *output)
    assert "give --dataset a data set" in line
    line = run_line("detect.py", "--dataset", "ftp://host/data", *output)
    assert "ftp:// is not supported" in line
    line = run_line("train_mlp.py", "--data", s3.url("feat"), "--prefix", s3.url("mlp"))
    assert "--prefix s3://" in line and "must be on disk" in line
    line = run_line("detect.py", "--dataset", s3.url("none"), "--preview", s3.url("sheets"), *output)
    assert "--preview s3://" in line and "must be on disk" in line
    line = run_line("feature.py", "--model", f"{s3.url('model')},0", "--input", s3.url("feat"))
    assert "there is no s3://" in line
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{dead_port}")
    line = run_line("genfeat.py", "--inputs", s3.url("feat"), *output)
    assert "the store does not answer (NETWORK_CONNECTION" in line and "check the network" in line


def test_the_driver_keeps_its_logs_on_the_disk(tmp_path):
    environment = {**os.environ, "PYTHON": sys.executable}
    command = ["bash", str(ROOT / "run.sh"), "--output", "s3://bucket/run"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 2
    assert "give a path on the disk" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_wrong_credentials_are_one_line(s3, on_disk, monkeypatch):
    s3.upload(on_disk / "out/feat_trainval", "feat")
    monkeypatch.setattr("moto.settings.INITIAL_NO_AUTH_ACTION_COUNT", 0.0)  # from now on the server asks who it is
    line = run_line("genfeat.py", "--inputs", s3.url("feat"), "--output", s3.url("train"))
    assert "the store refuses (" in line and "give credentials" in line


def test_the_manifest_names_the_urls(s3, on_disk):
    s3.upload(on_disk / "out/feat_trainval", "feat")
    genfeat(GenfeatSettings((s3.url("feat"),), s3.url("train")))
    manifest = StageReader(s3.url("train"), ("genfeat",)).manifest
    assert manifest["sources"][0]["path"] == s3.url("feat")
    assert manifest["arguments"]["inputs"] == [s3.url("feat")]
    assert dataclasses.asdict(StageReader(s3.url("train"), ("genfeat",)).accounts)["clips"] == 2 * PEOPLE
