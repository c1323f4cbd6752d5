"""Data sets made from folders of photographs: gendata.py, rcnn.stages.gendata, rcnn.video.motion."""

from __future__ import annotations

import shutil
import subprocess
import sys
import unicodedata
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from drawn_people import write_album
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from rcnn.clips import folder
from rcnn.clips.dataset import NOBODY_KNOWN, TEST, TRAIN, VAL, list_clips, read_labels
from rcnn.clips.folder import EMPTY, HIDDEN, LOOSE, NEITHER, Item, scan
from rcnn.clips.labels import read_labels_of
from rcnn.clips.names import read_people
from rcnn.clips.sources import SOURCES_FILE, read_sources
from rcnn.errors import InputError, UnreadableError
from rcnn.stages import gendata as generate_module
from rcnn.stages.gendata import FOLDERS, Placed, Summary, choose, plan
from rcnn.stages.settings import GendataSettings
from rcnn.video.motion import KEPT, Motion, draw_motion, frames, make_clip, write_clip
from rcnn.video.photographs import read_photograph

REPO = Path(__file__).parents[2]
SIZE = (128, 72)
SETTINGS = GendataSettings(Path("album"), min_items=4, size=SIZE, workers=1)
STILL = Motion(frames=3, crf=20, zoom=(1, 1), pan_x=(0, 0), pan_y=(0, 0), blur=(0, 0), gain=(1, 1))


def photo(seed: int, width: int = 60, height: int = 80) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)


def add_photos(source: Path, person: str, count: int) -> None:
    (source / person).mkdir(parents=True)
    for number in range(count):
        cv2.imwrite(str(source / person / f"{number:02}.png"), photo(number))


def add_video(path: Path, container: str, codec: str) -> None:
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream(codec, rate=25)
        stream.width, stream.height = 64, 64
        stream.pix_fmt = {"gif": "rgb8", "apng": "rgb24"}.get(codec, "yuv420p")
        for number in range(3):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(photo(number, 64, 64), format="bgr24")))
        file.mux(stream.encode(None))


def album(root: Path) -> Path:
    """Three known people, one with spaces in the name, and eight strangers."""
    source = root / "album"
    for person, count in (("Ann Lee", 4), ("Bo", 5), ("Cy", 9)):
        add_photos(source, person, count)
    (source / "Bo" / "00.png").rename(source / "Bo" / "a b.png")
    for number in range(8):
        add_photos(source, f"stranger{number}", 1 + number % 3)
    return source


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def generate(source: Path, output: Path, settings: GendataSettings) -> Summary:
    return generate_module.generate(replace(settings, input=source, output=output))


def placed(source: Path, settings: GendataSettings = SETTINGS) -> dict[str, Placed]:
    return {clip.item.key: clip for clip in plan(*choose(scan(source)[0], settings), settings)}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder of photographs and the data set made from it."""
    root = tmp_path_factory.mktemp("made")
    source = album(root)
    generate(source, root / "out", SETTINGS)
    return source, root / "out"


def test_pipeline_finds_every_item_once_with_its_label(made: tuple[Path, Path]) -> None:
    source, output = made
    found = {c.name: c for stage in ("trainval", "test") for c in list_clips(str(output), stage)}
    expected = placed(source)
    assert len(expected) == 4 + 5 + 9 + 15
    assert sorted(found) == sorted(clip.name for clip in expected.values())
    assert sorted(found) == sorted(path.name for path in output.rglob("*.mp4"))
    people = dict(line.split(" ", 1) for line in (output / "gt_v2/names.txt").read_text().splitlines())
    assert people == {"1": "Ann Lee", "2": "Bo", "3": "Cy"}
    truth = read_labels(str(output / "gt_v2/test_v2.txt"))
    labels = read_labels_of(str(output))
    for clip in expected.values():
        known = clip.item.person in people.values()
        assert found[clip.name].split == clip.split
        label = truth.get(clip.name, NOBODY_KNOWN) if clip.split == TEST else labels.get(clip.name, NOBODY_KNOWN)
        assert (people[str(label)] == clip.item.person) if known else (label == NOBODY_KNOWN)


def test_every_clip_leads_back_to_its_file(made: tuple[Path, Path]) -> None:
    source, output = made
    sources = read_sources(str(output / SOURCES_FILE))
    assert sources == {clip.name: str(clip.item.path) for clip in placed(source).values()}
    assert all(Path(path).is_file() and Path(path).is_relative_to(source) for path in sources.values())


def test_ground_truth_lists_no_stranger(made: tuple[Path, Path]) -> None:
    source, output = made
    strangers = [clip for clip in placed(source).values() if clip.item.person.startswith("stranger")]
    assert {clip.split for clip in strangers} == {VAL, TEST}
    listed = (output / "gt_v2/IQIYI_VID.txt").read_text().split()
    for clip in strangers:
        assert clip.name in listed
        for file in ("train_v2.txt", "val_v2.txt", "test_v2.txt"):
            assert clip.name not in (output / "gt_v2" / file).read_text()


def test_names_hold_no_space_and_no_person(made: tuple[Path, Path]) -> None:
    names = (made[1] / "gt_v2/IQIYI_VID.txt").read_text().splitlines()
    assert len(set(names)) == len(names) == 33
    for name in names:
        assert name == "".join(name.split())
        assert not any(person in name for person in ("Ann", "Lee", "Bo", "Cy", "stranger"))


def test_clips_are_h264_of_one_to_two_seconds(made: tuple[Path, Path]) -> None:
    lengths = set()
    for path in made[1].rglob("*.mp4"):
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            count = sum(1 for _ in container.decode(video=0))
            assert stream.codec_context.name == "h264"
            assert stream.average_rate == 25
            assert (stream.width, stream.height) == SIZE
        assert 25 <= count <= 50
        lengths.add(count)
    assert len(lengths) > 10


def test_clip_shows_the_frames(tmp_path: Path) -> None:
    motion = replace(draw_motion(3), crf=20)
    image = photo(1, 300, 200)
    write_clip(tmp_path / "a.mp4", image, (320, 180), motion)
    capture = cv2.VideoCapture(str(tmp_path / "a.mp4"))
    assert capture.get(cv2.CAP_PROP_FPS) == 25
    for frame in frames(image, (320, 180), motion):
        good, seen = capture.read()
        assert good
        assert np.abs(seen.astype(int) - frame).mean() < 5
    assert not capture.read()[0]


def test_two_runs_give_the_same_bytes(made: tuple[Path, Path], tmp_path: Path) -> None:
    source, output = made
    generate(source, tmp_path / "again", replace(SETTINGS, workers=2))
    first, second = contents(output), contents(tmp_path / "again")
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_what_joins_moves_nothing_that_is_there(tmp_path: Path) -> None:
    source, output = tmp_path / "album", tmp_path / "out"
    add_photos(source, "Ann", 4)
    generate(source, output, SETTINGS)
    for step in range(1, 5):
        before = {path.name: path.read_bytes() for path in output.rglob("*.mp4")}
        for number in range(4 * step):
            cv2.imwrite(str(source / "Ann" / f"joined{step}-{number}.png"), photo(number))
        add_photos(source, f"Person {step}", 4)
        generate(source, output, replace(SETTINGS, overwrite=True))
        now = {path.name: path.read_bytes() for path in output.rglob("*.mp4")}
        assert len(now) == len(before) + 4 * step + 4
        assert {name: now.get(name) for name in before} == before


def test_people_keep_their_labels_when_others_come_and_go(tmp_path: Path) -> None:
    source, output = tmp_path / "album", tmp_path / "out"
    settings = replace(SETTINGS, overwrite=True)

    def names(*people: str) -> dict[int, str]:
        shutil.rmtree(source, ignore_errors=True)
        for person in people:
            add_photos(source, person, 4)
        generate(source, output, settings)
        return read_people(str(output / "gt_v2/names.txt"))

    assert names("Bo", "Cy") == {1: "Bo", 2: "Cy"}
    assert names("Ann Lee", "Bo", "Cy") == {1: "Bo", 2: "Cy", 3: "Ann Lee"}
    assert names("Ann Lee", "Cy") == {2: "Cy", 3: "Ann Lee"}
    labels = read_labels_of(str(output))
    truth = read_labels(str(output / "gt_v2/test_v2.txt"))
    assert {*labels.values(), *truth.values()} <= {2, 3} and len({**labels, **truth}) == 8
    assert names("Dee", "Bo") == {1: "Bo", 4: "Dee"}  # who comes back, and who never gets the number of one who went
    assert (output / "gt_v2/labels.csv").read_text() == "label,name\n1,Bo\n2,Cy\n3,Ann Lee\n4,Dee\n"


def test_a_data_set_of_an_earlier_version_keeps_its_labels(tmp_path: Path) -> None:
    add_photos(tmp_path / "album", "Bo", 4)
    generate(tmp_path / "album", tmp_path / "out", SETTINGS)
    (tmp_path / "out/gt_v2/labels.csv").unlink()
    add_photos(tmp_path / "album", "Ann", 4)
    generate(tmp_path / "album", tmp_path / "out", replace(SETTINGS, overwrite=True))
    assert read_people(str(tmp_path / "out/gt_v2/names.txt")) == {1: "Bo", 2: "Ann"}


def test_a_name_is_the_same_however_its_letters_are_composed(tmp_path: Path) -> None:
    """A Mac writes the names of files in NFD, others in NFC."""
    composed, parts = (unicodedata.normalize(form, "Zoë Żak") for form in ("NFC", "NFD"))
    add_photos(tmp_path / "album", parts, 4)
    generate(tmp_path / "album", tmp_path / "out", SETTINGS)
    before = sorted((tmp_path / "out/gt_v2/IQIYI_VID.txt").read_text().split())
    assert read_people(str(tmp_path / "out/gt_v2/names.txt")) == {1: composed}
    (tmp_path / "album" / parts).rename(tmp_path / "album" / composed)
    generate(tmp_path / "album", tmp_path / "out", replace(SETTINGS, overwrite=True))
    assert sorted((tmp_path / "out/gt_v2/IQIYI_VID.txt").read_text().split()) == before
    assert read_people(str(tmp_path / "out/gt_v2/names.txt")) == {1: composed}
    add_photos(tmp_path / "album", parts, 1)
    with pytest.raises(
        InputError, match=r"'Zoe\\u0308 Z\\u0307ak' and 'Zo\\xeb \\u017bak' are the same name, written in NFC and"
    ):
        generate(tmp_path / "album", tmp_path / "out", replace(SETTINGS, overwrite=True))


def test_a_clip_that_is_made_again_is_as_old_as_its_photograph(tmp_path: Path) -> None:
    add_photos(tmp_path / "album", "Bo", 4)
    generate(tmp_path / "album", tmp_path / "out", SETTINGS)

    def marks() -> list[tuple[int, int]]:
        clips = [
            clip for stage in ("trainval", "test") for clip in list_clips(str(tmp_path / "out"), stage, marked=True)
        ]
        return [(clip.size, clip.changed) for clip in sorted(clips, key=lambda clip: clip.name)]

    before = marks()
    assert sorted(changed for _, changed in before) == sorted(
        path.stat().st_mtime_ns for path in (tmp_path / "album/Bo").iterdir()
    )
    generate(tmp_path / "album", tmp_path / "out", replace(SETTINGS, overwrite=True))
    assert marks() == before


def test_people_with_nothing_left_to_train_on_are_named(tmp_path: Path) -> None:
    source, output = tmp_path / "album", tmp_path / "out"
    add_photos(source, "Ann", 16)
    add_photos(source, "Bo", 8)
    generate(source, output, SETTINGS)
    for clip in placed(source).values():
        if clip.item.person == "Ann" and clip.split == TRAIN:
            clip.item.path.unlink()
    summary = generate(source, output, replace(SETTINGS, overwrite=True, min_items=2))
    assert summary.untrained == ["Ann"]
    assert "no item in train: Ann." in str(summary)


def test_another_seed_or_share_is_not_held_up_by_the_earlier_splits(tmp_path: Path) -> None:
    source, output = tmp_path / "album", tmp_path / "out"
    add_photos(source, "Ann", 12)
    for change in ({"seed": 1}, {"val_share": 0.0}, {"test_share": 0.5}):
        options = replace(SETTINGS, **change)
        generate(source, output, replace(options, overwrite=True))
        generate(source, tmp_path / f"fresh {change}", options)
        assert contents(output) == contents(tmp_path / f"fresh {change}")


def test_another_person_changes_no_split_and_no_clip(made: tuple[Path, Path], tmp_path: Path) -> None:
    source, output = made
    before = placed(source)
    more = album(tmp_path)
    add_photos(more, "Aaron", 6)
    after = placed(more)
    assert {key: after[key].name for key in before} == {key: clip.name for key, clip in before.items()}
    generate(more, tmp_path / "out", SETTINGS)
    kept, now = contents(output), contents(tmp_path / "out")
    clips = [name for name in kept if name.endswith(".mp4")]
    assert len(clips) == 33
    assert [name for name in clips if kept[name] != now[name]] == []


def test_another_seed_gives_other_clips_and_splits(made: tuple[Path, Path], tmp_path: Path) -> None:
    source, output = made
    generate(source, tmp_path / "out", replace(SETTINGS, seed=1))
    old = {path.name.split("_")[-1]: path for path in output.rglob("*.mp4")}
    new = {path.name.split("_")[-1]: path for path in (tmp_path / "out").rglob("*.mp4")}
    assert old.keys() == new.keys()
    assert all(old[name].read_bytes() != new[name].read_bytes() for name in old)
    assert any(old[name].parent.name != new[name].parent.name for name in old)


def test_choices_are_those_of_every_other_machine() -> None:
    # Written down once: a choice that hangs on Python's hash(), say, differs between processes.
    names = [f"{number}.jpg" for number in range(4)]
    people = {person: [Item(person, name, Path(name)) for name in names] for person in ("Ann", "Bo", "Cy")}
    known, strangers = choose(people, replace(SETTINGS, people=1))
    assert [(clip.item.key, clip.label, clip.name) for clip in plan(known, strangers, SETTINGS)] == [
        ("Cy/2.jpg", 1, "IQIYI_VID_TEST_4b83198e1644.mp4"),
        ("Cy/3.jpg", 1, "IQIYI_VID_TRAIN_fea61810d451.mp4"),
        ("Cy/1.jpg", 1, "IQIYI_VID_VAL_816bf9c2257d.mp4"),
        ("Cy/0.jpg", 1, "IQIYI_VID_VAL_f1bbcce66669.mp4"),
    ]
    motion = draw_motion(7)
    assert (motion.frames, motion.crf) == (33, 22)
    assert motion.zoom == pytest.approx((1.3905606838239124, 1.0434617720005257), rel=1e-12)


def test_limits_choose_the_same_people_again(made: tuple[Path, Path]) -> None:
    people, _ = scan(made[0])
    known, strangers = choose(people, replace(SETTINGS, people=2, strangers=3))
    assert (len(known), len(strangers)) == (2, 3)
    again = choose(dict(reversed(people.items())), replace(SETTINGS, people=2, strangers=3))
    assert (known, strangers) == again
    assert known.keys() < choose(people, SETTINGS)[0].keys()
    assert [len(group) for group in choose(people, replace(SETTINGS, people=-1, strangers=0))] == [3, 0]
    picks = {tuple(sorted(choose(people, replace(SETTINGS, people=2, seed=s))[0])) for s in range(20)}
    assert len(picks) == 3


def skipped(output: Path) -> dict[str, str]:
    return dict(line.split("\t") for line in (output / "skipped.txt").read_text().splitlines())


def test_damaged_items_are_recorded_and_skipped(tmp_path: Path) -> None:
    source = tmp_path / "album"
    add_photos(source, "Ann", 5)
    add_photos(source, "Bo", 4)
    good = (source / "Bo" / "00.png").read_bytes()
    (source / "Bo" / "00.png").write_bytes(good[: len(good) // 8])
    (source / "Ann" / "empty.jpg").touch()
    (source / "Ann" / "text.mp4").write_bytes(b"this is not a video" * 100)
    (source / "Ann" / "noise.mp4").write_bytes(bytes(range(256)) * 9)
    summary = generate(source, tmp_path / "out", SETTINGS)
    lines = skipped(tmp_path / "out")
    assert lines.pop("Bo/00.png").startswith("can't be read: is damaged or cut off (PNG")
    assert lines == {
        "Ann/empty.jpg": "is empty",
        "Ann/text.mp4": "is neither a photograph nor a video",
        "Ann/noise.mp4": "is neither a photograph nor a video",
    }
    assert (summary.people, summary.strangers) == (1, 1), "three of Bo's are left, four are wanted"
    assert sum(summary.clips.values()) == 5 + 3
    assert len((tmp_path / "out/gt_v2/IQIYI_VID.txt").read_text().split()) == 8
    assert "1 person, 1 stranger, 8 clips" in str(summary)
    assert "12 files: 8 used, 4 skipped; skipped.txt" in str(summary)
    assert "  is neither a photograph nor a video: 2 (Ann/noise.mp4, Ann/text.mp4)" in str(summary)
    assert not list((tmp_path / "out").glob(".*"))


PICTURES = {
    "a.jpg": "JPEG", "b.heic": "HEIF", "c.avif": "AVIF", "d.jp2": "JPEG2000", "e.gif": "GIF", "f.tif": "TIFF",
    "g.webp": "WEBP", "h.bmp": "BMP", "i.pgm": "PPM", "no ending": "PNG", "wrong.mp4": "JPEG",
}  # fmt: skip
VIDEOS = {
    "a.3gp": ("3gp", "mpeg4"), "b.ts": ("mpegts", "libx264"), "c.m2ts": ("mpegts", "mpeg2video"),
    "d.mkv": ("matroska", "libx264"), "e.h264": ("h264", "libx264"), "f.gif": ("gif", "gif"), "g.png": ("apng", "apng"),
    "h.flv": ("flv", "flv"), "none": ("avi", "mpeg4"), "wrong.jpg": ("mp4", "libx264"),
}  # fmt: skip


def test_whatever_can_be_read_is_used_and_every_other_file_is_named(tmp_path: Path) -> None:
    ann = tmp_path / "album" / "Ann"
    (ann / "2019 May" / "best").mkdir(parents=True)
    for file, kind in PICTURES.items():
        Image.fromarray(photo(1, 64, 64)).save(ann / file, kind)
    for file, (container, codec) in VIDEOS.items():
        add_video(ann / "2019 May" / file, container, codec)
    Image.fromarray(photo(2)).save(ann / "2019 May" / "a.jpg")  # the name is taken in the folder above
    Image.fromarray(photo(3)).save(ann / "2019 May" / "best" / "a.jpg")
    moving = [Image.fromarray(photo(number, 64, 64)) for number in range(3)]
    moving[0].save(ann / "moves.webp", save_all=True, append_images=moving[1:])
    used = {path.relative_to(ann.parent).as_posix() for path in ann.rglob("*") if path.is_file()}
    left_out = {
        **dict.fromkeys(["loose.jpg", "loose.mp4"], LOOSE),
        **{f"Ann/{file}": NEITHER for file in ("a.txt", "a.json", "a.m3u8", "Thumbs.db", "a.zip", "a.pdf")},
        **dict.fromkeys(["Ann/.hidden.jpg", ".cache/a.jpg", "Ann/.t/a.jpg"], HIDDEN),
        "Ann/empty.jpg": EMPTY,
    }  # fmt: skip
    heads = {
        "Ann/Thumbs.db": bytes.fromhex("d0cf11e0a1b11ae1"),
        "Ann/a.zip": b"PK\x03\x04\0",
        "Ann/a.pdf": b"%PDF-1.7\n\x80\0",
    }
    for file, reason in left_out.items():
        path = ann.parent / file
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"" if reason == EMPTY else heads.get(file, b"text\n") * 200)
    summary = generate(ann.parent, tmp_path / "out", SETTINGS)
    assert skipped(tmp_path / "out") == left_out
    where = {clip.item.key: clip for clip in placed(ann.parent).values() if clip.item.key in used}
    assert where.keys() == used
    assert {path.name for path in (tmp_path / "out").rglob("*.mp4")} == {clip.name for clip in where.values()}
    made = {key for key, clip in where.items() if not (tmp_path / "out" / FOLDERS[clip.split] / clip.name).is_symlink()}
    assert made == used - {f"Ann/2019 May/{file}" for file in VIDEOS}, "photographs, and what FFmpeg can't show moving"
    count = len(used) + len(left_out)
    assert f"{count} files: {len(used)} used, {len(left_out)} skipped" in str(summary)


def test_people_who_are_not_chosen_are_named(tmp_path: Path) -> None:
    for person, count in (("Ann", 4), ("Bo", 4), ("Cy", 1), ("Di", 2)):
        add_photos(tmp_path / "album", person, count)
    generate(tmp_path / "album", tmp_path / "out", replace(SETTINGS, people=1, strangers=0))
    lines = skipped(tmp_path / "out")
    assert len(lines) == 4 + 1 + 2
    reasons = {file.split("/")[0]: reason for file, reason in lines.items()}
    limits = ("--people 1", "--strangers 0", "--strangers 0")
    assert sorted(reasons.values()) == [f"its person was not chosen: {limit}" for limit in limits]


def test_limit_of_strangers_holds_when_a_known_person_becomes_one(tmp_path: Path) -> None:
    source = tmp_path / "album"
    add_photos(source, "Ann", 4)
    add_photos(source, "Bo", 4)
    (source / "Bo" / "00.png").write_bytes(b"")
    summary = generate(source, tmp_path / "out", replace(SETTINGS, strangers=0))
    assert (summary.people, summary.strangers, sum(summary.clips.values())) == (1, 0, 4)
    assert len(list((tmp_path / "out").rglob("*.mp4"))) == 4
    assert set(skipped(tmp_path / "out")) == {f"Bo/{number:02}.png" for number in range(4)}
    assert not list((tmp_path / "out").glob(".*"))


@pytest.mark.parametrize("copy", [False, True])
def test_videos_are_linked_or_copied(tmp_path: Path, copy: bool) -> None:
    source = tmp_path / "album"
    add_photos(source, "Ann", 3)
    for name, container, codec in (("a.mp4", "mp4", "libx264"), ("b.AVI", "avi", "mpeg4")):
        add_video(source / "Ann" / name, container, codec)
    generate(source, tmp_path / "out", replace(SETTINGS, copy=copy))
    where = placed(source)
    for file in ("a.mp4", "b.AVI"):
        clip = where[f"Ann/{file}"]
        path = tmp_path / "out" / FOLDERS[clip.split] / clip.name
        assert path.suffix == ".mp4"
        assert path.is_symlink() != copy
        assert path.read_bytes() == (source / "Ann" / file).read_bytes()
        assert copy or path.resolve() == (source / "Ann" / file).resolve()
        capture = cv2.VideoCapture(str(path))
        assert sum(1 for _ in iter(lambda c=capture: c.read()[0], False)) == 3


def test_other_arguments_are_refused_and_named(tmp_path: Path) -> None:
    source, output = tmp_path / "album", tmp_path / "out"
    add_photos(source, "Ann", 4)
    generate(source, output, SETTINGS)
    before = contents(output)
    with pytest.raises(InputError, match=r"was made with another min_items \(4, now 3\); give the same, --overwrite"):
        generate(source, output, replace(SETTINGS, min_items=3))
    assert contents(output) == before
    assert generate(source, output, replace(SETTINGS, min_items=3, overwrite=True)).people == 1


def test_what_was_made_of_the_same_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, output = tmp_path / "album", tmp_path / "out"
    add_photos(source, "Ann", 4)
    generate(source, output, SETTINGS)
    before = contents(output)
    (output / "mine.txt").write_text("notes")
    assert generate(source, output, replace(SETTINGS, workers=2)) is None
    assert "is complete and was made from the same inputs; it is kept" in capsys.readouterr().out
    assert contents(output) == {**before, "mine.txt": b"notes"}


def test_a_folder_that_grew_costs_what_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = tmp_path / "album", tmp_path / "out"
    for person in ("Ann", "Cy"):
        add_photos(source, person, 6)
    settings = replace(SETTINGS, workers=1)
    generate(source, output, settings)
    times = {path.name: path.stat().st_mtime_ns for path in output.rglob("*.mp4")}
    made = []
    real = generate_module.make_clip
    monkeypatch.setattr(generate_module, "make_clip", lambda path, *rest: (made.append(path), real(path, *rest)))
    add_photos(source, "Bo", 4)
    (source / "Ann/00.png").unlink()
    shutil.copy(source / "Ann/01.png", source / "Cy/02.png")
    next(output.rglob(f"*_{Item('Cy', '04.png', source).identity}.mp4")).unlink()  # by hand
    generate(source, output, settings)
    assert "10 clips kept" not in capsys.readouterr().out
    assert sorted(str(path.relative_to(source)) for path in made) == [
        *(f"Bo/{number:02d}.png" for number in range(4)), "Cy/02.png", "Cy/04.png",
    ]  # fmt: skip
    fresh = tmp_path / "fresh"
    generate(source, fresh, settings)
    lists = {"gt_v2/IQIYI_VID.txt", "gt_v2/made.json", "gt_v2/sources.txt", "skipped.txt"}
    grown, anew = contents(output), contents(fresh)
    assert {name for name in grown if name in lists or name.endswith(".mp4")} == {
        name for name in anew if name in lists or name.endswith(".mp4")
    }
    assert all(grown[name] == anew[name] for name in anew if name in lists or name.endswith(".mp4"))
    stayed = [path for path in output.rglob("*.mp4") if path.name in times]
    assert sum(path.stat().st_mtime_ns == times[path.name] for path in stayed) >= 9
    assert not (output / ".making").exists()


def test_a_run_that_was_ended_while_it_published_is_begun_anew(tmp_path: Path) -> None:
    source, output = tmp_path / "album", tmp_path / "out"
    add_photos(source, "Ann", 4)
    generate(source, output, SETTINGS)
    whole = contents(output)
    (output / ".making").mkdir()
    (output / "gt_v2").rename(output / ".making/gt_v2")
    generate(source, output, SETTINGS)
    assert contents(output) == whole


def test_overwrite_spares_what_it_did_not_make(tmp_path: Path) -> None:
    source, output = tmp_path / "album", tmp_path / "out"
    add_photos(source, "Ann", 4)
    (output / FOLDERS[TRAIN]).mkdir(parents=True)
    (output / FOLDERS[TRAIN] / "IQIYI_VID_TRAIN_0000001.mp4").write_text("the real data set")
    before = contents(output)
    with pytest.raises(InputError, match="did not make"):
        generate(source, output, replace(SETTINGS, overwrite=True))
    assert contents(output) == before


@pytest.mark.parametrize("output", ["album", "."])
def test_output_that_holds_the_input_is_refused(tmp_path: Path, output: str) -> None:
    add_photos(tmp_path / "album", "Ann", 4)
    with pytest.raises(InputError, match="contains the input"):
        generate(tmp_path / "album", tmp_path / output, replace(SETTINGS, overwrite=True))
    assert len(contents(tmp_path)) == 4


def test_failed_run_leaves_the_old_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, output = tmp_path / "album", tmp_path / "out"
    add_photos(source, "Ann", 4)

    def full(source: Path, target: Path, *rest: object) -> None:
        target.write_bytes(b"half a clip")
        if source.name == "02.png":
            raise OSError(28, "No space left on device", str(target))

    with monkeypatch.context() as patch:
        patch.setattr(generate_module, "make_clip", full)
        with pytest.raises(InputError, match="No space left"):
            generate(source, output, SETTINGS)
    assert contents(output) == {}
    generate(source, output, SETTINGS)
    before = contents(output)
    monkeypatch.setattr(generate_module, "make_clip", full)
    with pytest.raises(InputError, match="No space left"):
        generate(source, output, replace(SETTINGS, overwrite=True))
    assert contents(output) == before


def test_two_items_of_one_name_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "ID_DIGITS", 1)
    add_photos(tmp_path / "album", "Ann", 17)
    with pytest.raises(InputError, match="rename one"):
        generate(tmp_path / "album", tmp_path / "out", SETTINGS)


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda source: None, "no such folder"),
        (lambda source: source.mkdir(), "no person has 4"),
        (lambda source: add_photos(source, "Ann", 3), "no person has 4"),
        (lambda source: add_photos(source.parent, source.name, 9), "no folder for each person.*give the one above"),
        (lambda source: add_junk(source), r"4 skipped \(can't be read\)"),
    ],
)
def test_nothing_usable_is_an_error(tmp_path: Path, prepare, message: str) -> None:
    prepare(tmp_path / "album")
    with pytest.raises(InputError, match=message):
        generate(tmp_path / "album", tmp_path / "out", SETTINGS)
    assert not (tmp_path / "out" / "gt_v2").exists()


def add_junk(source: Path) -> None:
    (source / "Ann").mkdir(parents=True)
    for number in range(4):
        (source / "Ann" / f"{number}.jpg").write_bytes(b"\xff\xd8\xff\xe0\0\x10JFIF\0 junk")


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        ({"min_items": 1}, "--min-items 1"),
        ({"people": 0}, "--people 0"),
        ({"strangers": -2}, "--strangers -2"),
        ({"val_share": -0.1}, "--val-share"),
        ({"val_share": float("nan")}, "--val-share nan"),
        ({"test_share": 0.0}, "--test-share"),
        ({"val_share": 0.5, "test_share": 0.5}, "together"),
        ({"size": (641, 360)}, "--size 641,360"),
        ({"size": (0, 0)}, "--size 0,0"),
        ({"workers": 0}, "--workers"),
    ],
)
def test_wrong_options_name_the_flag(change: dict, flag: str) -> None:
    with pytest.raises(InputError, match=flag):
        replace(SETTINGS, **change)


@settings(deadline=None)
@given(seed=st.integers(0, 2**64 - 1))
def test_motion_stays_within_its_bounds(seed: int) -> None:
    motion = draw_motion(seed)
    assert motion == draw_motion(seed)
    assert 25 <= motion.frames <= 50
    assert 20 <= motion.crf <= 34
    assert all(1 <= zoom <= 1.6 for zoom in motion.zoom)
    assert all(0.7 <= gain <= 1.3 for gain in motion.gain)


@pytest.mark.parametrize(("width", "height"), [(200, 600), (600, 200), (333, 250), (3000, 2000)])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_circle_stays_a_circle(width: int, height: int, seed: int) -> None:
    image = np.zeros((height, width, 3), np.uint8)
    cv2.circle(image, (width // 2, height // 2), min(width, height) // 5, (255, 255, 255), -1, cv2.LINE_AA)
    motion = replace(draw_motion(seed), frames=4, blur=(0, 0), gain=(1, 1))
    for frame in frames(image, (640, 360), motion):
        assert frame.shape == (360, 640, 3)
        assert frame.dtype == np.uint8
        # the disc of the photograph is white; the blurred one behind it is not
        rows, columns = np.nonzero(frame[..., 0] > 200)
        across, down = np.ptp(columns) + 1, np.ptp(rows) + 1
        assert abs(across - down) <= 2
        fitted = 2 * (min(width, height) // 5) * min(640 / width, 360 / height)
        assert fitted * 0.95 - 2 < across < fitted * 1.6 * 1.05 + 2


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32), width=st.integers(50, 400), height=st.integers(50, 400),
    corner=st.sampled_from([(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)]),
)  # fmt: skip
def test_middle_of_the_photo_is_in_every_frame(seed: int, width: int, height: int, corner) -> None:
    image = np.full((height, width, 3), 90, np.uint8)
    way = KEPT / 2 * 0.97
    x, y = round(width * (0.5 + way * corner[0])), round(height * (0.5 + way * corner[1]))
    reach = max(width, height) // 40 + 1
    image[max(0, y - reach) : y + reach, max(0, x - reach) : x + reach] = (0, 255, 0)
    motion = replace(draw_motion(seed), frames=3, blur=(0, 0), gain=(1, 1))
    for frame in frames(image, SIZE, motion):
        assert frame[..., 1].max() > 160


def test_still_camera_shows_the_photo_with_a_blurred_copy_beside_it() -> None:
    image = photo(5, 90, 90)
    image[::2, ::2] = 255  # a fine pattern, which blur takes away
    for frame in frames(image, (160, 90), STILL):
        np.testing.assert_allclose(frame[2:-2, 37:123].astype(int), image[2:-2, 2:-2], atol=1)
        assert np.abs(np.diff(frame[:, :33].astype(int), axis=1)).max() < 30
        assert frame[:, :33].mean() == pytest.approx(image[:, :20].mean(), rel=0.3)


def test_gain_and_blur_change_along_the_clip() -> None:
    image = photo(5, 90, 90)
    image[::2, ::2] = 200

    def detail(motion: Motion) -> list[float]:
        return [float(np.abs(np.diff(frame.astype(int), axis=1)).mean()) for frame in frames(image, SIZE, motion)]

    darker = [frame.mean() for frame in frames(image, SIZE, replace(STILL, gain=(1, 0.5)))]
    assert darker[2] == pytest.approx(darker[0] / 2, rel=0.02)
    assert darker[1] == pytest.approx(darker[0] * 0.75, rel=0.02)
    sharp, softer = detail(STILL), detail(replace(STILL, blur=(0, 2)))
    assert sharp[0] == sharp[2] == softer[0]
    assert softer[0] > 1.5 * softer[1] > 1.5 * softer[2]


@pytest.mark.parametrize(("width", "height"), [(1, 1), (2000, 1), (1, 2000), (4, 3)])
def test_odd_photos_become_clips(tmp_path: Path, width: int, height: int) -> None:
    write_clip(tmp_path / "a.mp4", np.full((height, width, 3), 200, np.uint8), SIZE, STILL)
    capture = cv2.VideoCapture(str(tmp_path / "a.mp4"))
    assert capture.read()[1].mean() == pytest.approx(200, abs=4)


def test_clip_that_cannot_be_written_is_an_oserror(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), photo(1))
    with pytest.raises(OSError, match="No such file"):
        make_clip(tmp_path / "a.png", tmp_path / "missing" / "a.mp4", SIZE, seed=0, copy=False)


def test_photo_that_is_missing_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="No such file"):
        read_photograph(tmp_path / "a.png")


def script(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(REPO / "gendata.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=REPO, check=False)


def test_script_writes_a_data_set_and_sums_it_up(tmp_path: Path) -> None:
    add_photos(tmp_path / "album", "Ann", 6)
    add_photos(tmp_path / "album", "Bo", 5)
    flags = ["--input", str(tmp_path / "album"), "--output", str(tmp_path / "out"), "--size", "128,72"]
    done = script(*flags, "--strangers", "0")
    assert done.returncode == 0, done.stderr
    assert all(line.startswith("gendata: ") for line in done.stderr.splitlines())  # how far it is, and nothing else
    assert done.stdout.startswith("1 person, 0 strangers, 6 clips (train 5, val 0, test 1), ")
    again = script(*flags)
    assert again.returncode == 2
    assert again.stderr.count("\n") == 1
    assert again.stderr.startswith("gendata.py: error: --output")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [("--input x --size wide", "--size"), ("--seed 1", "--input"), ("--input x --wide", "--wide")],
)
def test_script_says_in_one_line_what_is_wrong(arguments: str, word: str) -> None:
    done = script(*arguments.split())
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert word in done.stderr


def test_linked_folders_of_portraits_become_clips(tmp_path: Path) -> None:
    counts = (6, 2, 7, 2, 2)
    (tmp_path / "album").mkdir()
    for person in write_album(tmp_path / "elsewhere", counts).iterdir():
        (tmp_path / "album" / person.name).symlink_to(person)
    options = replace(SETTINGS, min_items=6, size=(320, 180))
    summary = generate(tmp_path / "album", tmp_path / "out", options)
    assert (summary.people, summary.strangers, summary.skipped) == (2, 3, [])
    assert sum(summary.clips.values()) == sum(counts)
    for clip in placed(tmp_path / "album", options).values():
        capture = cv2.VideoCapture(str(tmp_path / "out" / FOLDERS[clip.split] / clip.name))
        assert capture.read()[1].shape == (180, 320, 3)
