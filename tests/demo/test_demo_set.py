"""The data set of drawn people: its files agree with each other, it is the same from the same seed."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcnn.clips import dataset
from rcnn.clips.dataset import (
    NOBODY_KNOWN,
    TEST,
    TRAIN,
    VAL,
    list_clips,
    read_ground_truth,
    read_names,
    read_train_labels,
)
from rcnn.clips.labels import read_labels_of
from rcnn.clips.layout import FOLDERS, PEOPLE_FILE, TEST_FILE
from rcnn.demo.demo_set import DemoOptions, plan_demo, write_demo
from rcnn.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
MODEL = str(ROOT / "model" / "people")


def options(output: Path, **more: object) -> DemoOptions:
    return DemoOptions(
        **{"output": output, "model": MODEL, "people": 2, "clips": 3, "strangers": 1, "nobody": 1, "workers": 1} | more
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("demo") / "set"
    summary = write_demo(options(output))
    assert summary.clips == {TRAIN: 2, VAL: 4, TEST: 3}
    assert "2 people, 1 strangers, 1 clips of nobody; 9 clips (train 2, val 4, test 3)" in str(summary)
    return output


def test_every_clip_is_named_once_and_there(made: Path) -> None:
    names = (made / dataset.NAMES_FILE).read_text().split()
    on_disk = sorted(path.name for folder in FOLDERS.values() for path in (made / folder).iterdir())
    assert sorted(names) == on_disk and len(set(names)) == len(names) == 9
    assert read_names(str(made / dataset.NAMES_FILE)) == set(names)


def test_labels_are_complete_and_strangers_have_none(made: Path) -> None:
    train = read_train_labels(str(made / dataset.TRAIN_FILE))
    truth = {split: read_ground_truth(str(made / file)) for split, file in ((VAL, dataset.VAL_FILE), (TEST, TEST_FILE))}
    assert Counter(train.values()) == {1: 1, 2: 1}
    assert {label: len(names) for label, names in truth[VAL].items()} == {1: 1, 2: 1}
    assert {label: len(names) for label, names in truth[TEST].items()} == {1: 1, 2: 1}
    assert (made / PEOPLE_FILE).read_text() == "1 person001\n2 person002\n"
    known = read_labels_of(str(made))
    labels = Counter(known.get(clip.name, NOBODY_KNOWN) for clip in list_clips(str(made), "trainval"))
    assert labels == {1: 2, 2: 2, NOBODY_KNOWN: 2}


def test_same_seed_gives_the_same_bytes_with_other_workers(made: Path, tmp_path: Path) -> None:
    write_demo(options(tmp_path, workers=2))
    files = [path.relative_to(made) for path in made.rglob("*") if path.is_file()]
    assert len(files) == 9 + 5
    for file in files:
        assert (tmp_path / file).read_bytes() == (made / file).read_bytes()


@given(st.integers(1, 40), st.integers(2, 20), st.integers(0, 10), st.integers(0, 10))
def test_plan_gives_every_person_all_splits(people: int, clips: int, strangers: int, nobody: int) -> None:
    plan = plan_demo(DemoOptions(Path("x"), "m", 0, people, clips, strangers, nobody))
    assert len(plan) == people * clips + 2 * strangers + nobody
    assert len({clip.name for clip in plan}) == len(plan)
    splits = Counter((clip.label, clip.split) for clip in plan if clip.label != NOBODY_KNOWN)
    assert all(splits[label, TRAIN] >= 1 and splits[label, TEST] >= 1 for label in range(1, people + 1))
    assert {clip.split for clip in plan if clip.label == NOBODY_KNOWN} <= {VAL, TEST}


def test_thirty_people_of_eight_clips_are_split_in_half_and_quarters() -> None:
    plan = plan_demo(DemoOptions(Path("x"), "m"))
    assert Counter(clip.split for clip in plan if clip.label == 7) == {TRAIN: 4, VAL: 2, TEST: 2}
    assert {clip.name for clip in plan}.isdisjoint(clip.name for clip in plan_demo(DemoOptions(Path("x"), "m", 1)))


def test_only_a_data_set_of_ours_is_replaced(made: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is not empty.*--overwrite"):
        write_demo(options(made))
    (tmp_path / "holiday.txt").write_text("mine")
    with pytest.raises(InputError, match=r"rcnn demo did not make"):
        write_demo(options(tmp_path, overwrite=True))
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.txt"]
    with pytest.raises(InputError, match="is a file"):
        write_demo(options(tmp_path / "holiday.txt"))


def test_failed_run_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "clip.mp4")

    monkeypatch.setattr("rcnn.demo.demo_set.write_video", full)
    with pytest.raises(InputError, match=r"No space left on device; the data set in .* is not complete"):
        write_demo(options(tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("flag", "value"), [("people", 0), ("clips", 1), ("strangers", -1), ("nobody", -1), ("workers", 0), ("seed", -1)]
)
def test_what_makes_no_sense_is_an_error(flag: str, value: int) -> None:
    with pytest.raises(InputError, match=f"^--{flag} {value}: must be"):
        options(Path("x"), **{flag: value})


def test_script_says_in_one_line_what_is_wrong(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rcnn", "demo", "--output", str(tmp_path / "a"), "--model", str(tmp_path / "none")]
    run = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert run.returncode == 2 and not run.stdout
    assert run.stderr.count("\n") == 1 and "none-space.params" in run.stderr
    assert not (tmp_path / "a").exists()
