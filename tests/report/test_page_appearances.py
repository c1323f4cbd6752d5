"""What a page takes from a table of appearances: who, when, with whose face, in which file."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from pathlib import Path
from urllib.parse import unquote

import cv2
import numpy as np
import pyarrow as pa
import pytest
from dated_run import GONE, GREEN, OLD, RED, SOURCES, TWO, appearance, crop, write_appearances
from hypothesis import given
from hypothesis import strategies as st

from rcnn.errors import InputError
from rcnn.report import gather_report, render, trace, write_page
from rcnn.report.appearances import CLIPS, LEAST, MOST, SPANS, read_appearances
from rcnn.report.found import Span, clock
from rcnn.report.media import Finder, container
from rcnn.report.overview import overview_plots
from rcnn.report.pictures import best_crops
from rcnn.stages.submit import SubmitSettings
from rcnn.tables import FACES_SCHEMA, TRACKED_FACES_SCHEMA, StageReader, StageWriter, vector_array
from rcnn.tables.schema import APPEARANCES_SCHEMA

PEOPLE = 4934  # of the challenge


def open_table(path: Path | str) -> StageReader:
    return StageReader(str(path), ("appearances",))


def gather(path: Path, truth=None, most=5000, scored=None):
    reader = open_table(path)
    lineage = trace([reader])
    page = str(path / "../report.html")
    return gather_report("t", scored or {}, truth, {1: "Zoë", 4: "Absent"}, lineage, most, reader, page)


def colour(picture: bytes) -> str:
    """Green or red, whichever a picture has more of."""
    blue, green, red = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR).mean((0, 1))
    assert blue < max(green, red)
    return "green" if green > red else "red"


def test_cards_by_hand(dated):
    report = gather(dated)
    one, two = report.people
    assert (one.title, two.title, report.absent) == ("Zoë", "label 2", ["label 3", "label 4 (Absent)"])
    first, second = one.sightings.of("yes")
    assert (first.clip, first.times, first.verdict, first.share) == (TWO, "0:01-0:02, 0:03-0:04", "yes", "99%")
    assert first.file == "IMG_0042_which_has_a_very_long_name_indeed.MOV"
    assert first.way == "Summer 2024/with the family & <b>friends</b>/"
    assert (second.clip, second.times) == (OLD, "0:00-0:01")
    assert (one.sightings.words, two.sightings.words) == ("2 yes", "1 maybe")
    assert [sighting.times for sighting in two.sightings.of("maybe")] == ["0:00-0:03"]
    assert report.facts[0] == "2 people in 2 of 3 clips"


def test_the_face_is_that_of_the_track_that_won_and_not_of_who_stands_beside(dated):
    one, two = gather(dated).people
    assert [colour(sighting.picture) for sighting in one.sightings.of("yes")] == ["green", "green"]
    assert colour(two.sightings.of("maybe")[0].picture) == "red"


def test_no_picture_stands_for_a_face_that_is_not_there(dated, tmp_path):
    rows = [appearance(TWO, 1, 1.0, 2.0, track=7, time=1.2), appearance(OLD, 1, 1.0, 2.0, time=9.0)]
    write_appearances(tmp_path / "table", rows, [dated.parent / "det"])
    assert [sighting.picture for sighting in gather(tmp_path / "table").people[0].sightings.of("yes")] == [None, None]


def test_the_view_by_clip_has_everybody_with_bars_over_its_length(dated):
    report = gather(dated)
    assert [(seen.clip, seen.seconds) for seen in report.clips] == [(TWO, 4.0), (OLD, 4.0)]
    two = report.clips[0]
    assert [(one.who, one.verdict) for one in two.sightings] == [(2, "maybe"), (1, "yes")]
    span = two.sightings[1].spans[0]
    assert (two.left(span), two.width(span), two.text) == (25.0, 25.0, "0:04")
    assert report.all_clips == 2


def test_bars_end_where_the_clip_does(tmp_path):
    write_appearances(tmp_path / "table", [appearance("a", 1, 3.0, 9.0), appearance("b", 1, 0.0, 0.0)], seconds=0.0)
    first, second = read_appearances(open_table(tmp_path / "table"), 9).clips
    assert first.left(Span(3.0, 9.0)) + first.width(Span(3.0, 9.0)) == pytest.approx(100)
    assert (second.length, second.width(Span(0.0, 0.0))) == (1.0, 0.0)


def test_right_and_wrong_stand_beside_the_verdict_where_there_is_a_truth(dated):
    report = gather(dated, {1: [OLD], 3: [TWO, GONE]}, scored={1: [(OLD, 0.9)]})
    one, two = report.people
    assert [(sighting.mark, sighting.note) for sighting in one.sightings.of("yes")] == [
        ("wrong", "label 3"),
        ("right", ""),
    ]
    assert two.sightings.of("maybe")[0].mark == "wrong"
    assert one.ap == 1.0 and report.scores == {1: 1.0, 3: 0.0}
    page = render(report)
    assert page.index('id="cards"') < page.index("Measures against the truth") < page.index("What it was made with")


def test_a_no_is_folded_away_and_has_no_mark(tmp_path):
    rows = [appearance("a", 1, 0, 1), appearance("b", 1, 0, 1, verdict="no", probability=0.01)]
    write_appearances(tmp_path / "table", rows)
    report = gather(tmp_path / "table", {1: ["a", "b"]})
    no = report.people[0].sightings.of("no")[0]
    assert (no.mark, no.note) == ("", "by the truth it is this person")
    page = render(report)
    assert page.index('<details class="no">') < page.index('data-clip="b"')
    assert gather(tmp_path / "table", {2: ["b"]}).people[0].sightings.of("no")[0].note == ""


def test_the_sentence_and_the_diagram_of_the_operating_point(dated):
    report = gather(dated)
    assert "Yes means at most 1 false hit per 1,000 clips" in render(report)
    plot = overview_plots(report).sure[0]
    assert plot.rows == [("0.050", "0.000", "90"), ("0.500", "0.400", "10"), ("0.980", "1.000", "20")]
    left, top = plot.lines[0].points[-1]
    assert top > plot.area.top and left < plot.area.right


@pytest.mark.parametrize(
    "record", [7, [], {"words": 3}, {"bins": [{}]}, {"bins": [{"predicted": 2.0, "observed": 0.0, "count": 1}]}]
)
def test_a_damaged_record_of_the_operating_point_is_a_note(tmp_path, record):
    write_appearances(tmp_path / "table", [appearance("a", 1, 0, 1)], record=record)
    report = gather(tmp_path / "table")
    assert any("the record of its verdicts can't be read" in note for note in report.notes)
    assert report.sureness.bins == ()


@pytest.mark.parametrize("record", [None, {}])
def test_without_an_operating_point_there_is_no_diagram(tmp_path, record):
    write_appearances(tmp_path / "table", [appearance("a", 1, 0, 1)], record=record)
    page = render(gather(tmp_path / "table"))
    assert "How sure" not in page and "can&#39;t be read" not in page


def test_a_perfect_ranking_looks_perfect():
    from rcnn.report import Report

    best = [1.0, 1.0, 2 / 3, 0.5]
    plot = overview_plots(Report("t", scores={1: 1.0}, precision=best, best_precision=best)).measures[1]
    assert [row[1:] for row in plot.rows] == [("1", "1")] * 4
    heights = {height for _, height in plot.lines[0].points}
    assert len(heights) == 1 and heights.pop() > plot.area.top  # level, and not in the frame
    half = overview_plots(Report("t", scores={1: 0.5}, precision=[0.0, 0.5], best_precision=[1.0, 1.0])).measures[1]
    assert [row[1] for row in half.rows] == ["0", "0.5"]


def test_what_it_was_made_with(run, dated):
    lineage = trace([StageReader(str(run.root / "pred"), ("predict",)), open_table(dated)])
    made = gather_report("t", {1: [("a", 0.5)]}, None, {}, lineage, 9, open_table(dated)).made
    assert made.recipes == ["best"]
    models = {model.file: model for model in made.models}
    assert models["mlp-0007.params"].stages == ["predict"] and len(models["mlp-0007.params"].digest) == 12
    assert made.facts[0].startswith("rcnn") and made.date[:2] == "20"


def test_times_and_files_are_found_again(dated):
    report = gather(dated)
    one = report.people[0].sightings.of("yes")
    assert one[0].media.href == f"./data/IQIYI_VID_TEST/{TWO}"
    assert one[0].media.path == str(dated.parent / "data/IQIYI_VID_TEST" / TWO)
    assert one[1].media.href == "" and one[1].media.path.endswith(OLD)  # mpeg4 in avi
    page = render(report)
    assert f'href="./data/IQIYI_VID_TEST/{TWO}#t=1,2"' in page and "#t=3,3.6" in page


def test_a_file_that_the_user_owns_comes_before_the_clip(dated, tmp_path):
    data = dated.parent / "data"
    own = tmp_path / "own name.mov"
    shutil.copy(data / "IQIYI_VID_TEST" / TWO, own)
    photograph = tmp_path / "a.jpg"
    photograph.write_bytes(b"\xff\xd8\xff\xe0" + b"\0" * 99)
    finder = Finder([str(data)], str(tmp_path / "page.html"))
    assert finder.find(TWO, "test", str(own), "h264").href == "./own%20name.mov"
    for source in (str(photograph), str(tmp_path), "/dev/zero", str(tmp_path / "none"), "own name.mov"):
        assert finder.find(TWO, "test", source, "h264").path == str(data / "IQIYI_VID_TEST" / TWO)


@pytest.mark.parametrize("clip", ["../det/manifest.json", "/etc/passwd", "..", "", "a\0b"])
def test_a_clip_lies_in_its_folder_and_nowhere_else(dated, clip):
    finder = Finder([str(dated.parent / "data")], str(dated / "page.html"))
    assert finder.find(clip, "test", "", "h264").path == ""
    assert finder.find(TWO, "../data", "", "h264").path == ""


def test_a_page_in_an_object_store_has_commands_only(dated):
    finder = Finder([str(dated.parent / "data"), "s3://bucket/data"], "s3://bucket/page.html")
    found = finder.find(TWO, "test", "", "h264")
    assert found.href == "" and found.path.endswith(TWO)


@given(st.text(min_size=1, max_size=20).filter(lambda name: "/" not in name and "\0" not in name))
def test_addresses_lead_to_the_file_and_are_never_a_scheme(name):
    finder = Finder([], "/pages/page.html")
    for folder in ("/pages", "/other place"):
        address = finder._address(os.path.join(folder, name.encode(errors="surrogateescape").decode(errors="replace")))
        assert address.startswith("./") or address.startswith("../")
        assert not set(address) & set("\"'<>#? :")
        assert os.path.normpath(os.path.join("/pages", unquote(address))).startswith(folder)


def test_commands_are_quoted_for_a_shell(dated, tmp_path):
    folder = tmp_path / "data/IQIYI_VID_TEST"
    folder.mkdir(parents=True)
    name = "it's $(touch x); two.mp4"
    shutil.copy(dated.parent / "data/IQIYI_VID_TEST" / TWO, folder / name)
    found = Finder([str(tmp_path / "data")], str(tmp_path / "p.html")).find(name, "test", "", "h264")
    assert shlex.split(found.path) == [str(folder / name)]


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\0\0\0\x20ftypisom", "mp4"),
        (b"\0\0\0\x14ftypqt  ", "mp4"),
        (b"\x1a\x45\xdf\xa3\1", "matroska"),
        (b"OggS\0", "ogg"),
        (b"RIFF\0\0\0\0AVI ", ""),
        (b"", ""),
    ],
)
def test_containers_are_told_by_their_first_bytes(head, kind):
    assert container(head) == kind


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        (12.2, 15.1, "0:12-0:15"),
        (64, 69.4, "1:04-1:09"),
        (7.1, 7.3, "0:07"),
        (3599.6, 3661, "1:00:00-1:01:01"),
        (5, 2, "0:05"),
        (-1, 2, "0:00-0:02"),
    ],
)
def test_times_as_people_write_them(start, end, text):
    assert Span(start, end).text == text


@given(st.integers(0, 10**6))
def test_a_clock_counts_every_second(seconds):
    total = 0
    for part in clock(seconds).split(":"):
        total = 60 * total + int(part)
    assert total == seconds


def test_what_is_left_out_is_counted(tmp_path):
    rows = [appearance(f"{number:04}.mp4", 1, 0, 1, probability=number / 2000) for number in range(CLIPS + 50)]
    rows += [appearance("0007.mp4", 1, 2.0 * at, 2 * at + 1, probability=1.0) for at in range(1, SPANS + 5)]
    write_appearances(tmp_path / "table", rows)
    found = read_appearances(open_table(tmp_path / "table"), 5000)
    mine = found.people[1]
    assert mine.of("yes")[0].clip == "0007.mp4" and len(mine.of("yes")) == MOST
    assert (len(mine.of("yes")[0].spans), mine.of("yes")[0].more_spans) == (SPANS, 5)
    assert mine.more("yes") == CLIPS + 50 - MOST
    assert (len(found.clips), found.all_clips) == (CLIPS, CLIPS + 50)
    page = render(gather(tmp_path / "table"))
    assert f"and {CLIPS + 50 - MOST} more</p>" in page and "and 5 more" in page
    assert f"{CLIPS} of {CLIPS + 50} clips with somebody known" in page


def test_of_equals_the_first_by_name_are_shown_whatever_the_batches(tmp_path):
    rows = [appearance(f"{number:04}.mp4", 1, 0, 1) for number in range(MOST * 3)]
    write_appearances(tmp_path / "table", rows)
    shown = read_appearances(open_table(tmp_path / "table"), 9).people[1].of("yes")
    assert [sighting.clip for sighting in shown] == [f"{number:04}.mp4" for number in range(MOST)]


def test_4934_people_fit_into_20_mb(tmp_path):
    """Each in 20 clips of three files with long names, with crops of noise, the largest that there can be."""
    generator = np.random.default_rng(0)
    noise = generator.integers(0, 255, (112, 112, 3), np.uint8)
    data = cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    each, count = 3, PEOPLE * 3
    names = [f"IQIYI_VID_TEST_{number:07d}.mp4" for number in range(count)]
    same = {"split": ["test"] * count, "name": names}
    with StageWriter(str(tmp_path / "det"), "detect", FACES_SCHEMA) as writer:
        columns = same | {
            "frame": np.ones(count, np.int32), "time": np.zeros(count), "score": np.ones(count, np.float32),
            "quality": np.full(count, 12, np.float32), "box": vector_array(np.zeros((count, 4))),
            "landmarks": vector_array(np.zeros((count, 10))), "crop": [data] * count,
        }  # fmt: skip
        writer.add_rows(pa.RecordBatch.from_pydict(columns, FACES_SCHEMA))
        fixed = {"split": "test", "state": "ok", "reason": "", "frames": 3, "faces": 1}
        writer.add_clips([{"name": name, **fixed} for name in names])
    with StageWriter(
        str(tmp_path / "table"), "appearances", APPEARANCES_SCHEMA, sources=[str(tmp_path / "det")]
    ) as out:
        columns = same | {
            "who": np.arange(count, dtype=np.int32) // each + 1, "person": ["N" * 60] * count,
            "source": [f"{'a long folder/' * 6}{name}" for name in names], "start": np.ones(count),
            "end": np.full(count, 9.0), "seen": np.ones(count), "time": np.zeros(count),
            "box": vector_array(np.zeros((count, 4))), "track": np.zeros(count, np.int32),
            "cosine": np.ones(count, np.float32), "probability": np.ones(count, np.float32), "verdict": ["yes"] * count,
        }  # fmt: skip
        out.add_rows(pa.RecordBatch.from_pydict(columns, APPEARANCES_SCHEMA))
        out.add_clips([{"name": name, **fixed} for name in names])
    report = gather(tmp_path / "table")
    size = write_page(str(tmp_path / "r.html"), report)
    assert len(report.people) == PEOPLE
    assert 10e6 < size < 20e6
    pictures = [person.sightings.of("yes")[0].picture for person in report.people]
    assert sum(picture is not None for picture in pictures) > PEOPLE / 2
    assert all(len(person.sightings.of("yes")) == LEAST for person in report.people)


def test_without_a_probability_the_cosine_is_shown_and_the_clip_counts(tmp_path):
    rows = [appearance(f"{number}", 1, 0, 1, probability=-1.0, cosine=number / 10) for number in range(3)]
    write_appearances(tmp_path / "table", rows)
    report = gather(tmp_path / "table")
    assert report.all_clips == 3
    assert [(one.clip, one.share) for one in report.people[0].sightings.of("yes")] == [("2", ""), ("1", ""), ("0", "")]
    assert "cosine 0.200" in render(report) and "likely" not in render(report)


def test_another_verdict_is_refused(tmp_path):
    write_appearances(tmp_path / "table", [appearance("a", 1, 0, 1, verdict="\x1b[31mperhaps")])
    with pytest.raises(InputError, match=r"has a verdict '\ufffd\[31mperhaps', known are yes, maybe, no"):
        gather(tmp_path / "table")


def test_submit_takes_the_table(run, dated, tmp_path):
    page = run.submit(appearances=str(dated), report=str(tmp_path / "page.html"), output=str(tmp_path / "s.txt"))
    text = page.read_text()
    assert "By clip" in text and "0:01-0:02" in text and "MAP@100" in text
    assert "<b>friends</b>" not in text
    again = run.submit(appearances=str(dated), report=str(tmp_path / "again.html"), output=str(tmp_path / "s.txt"))
    assert again.read_bytes() == page.read_bytes()


def test_a_table_without_a_page_is_refused(dated):
    with pytest.raises(InputError, match="give --report FILE"):
        SubmitSettings(appearances=str(dated))


def test_another_directory_is_no_table(run):
    with pytest.raises(InputError, match="was written by stage 'detect'"):
        run.submit(appearances=str(run.root / "det"))


def test_a_data_set_of_a_host_that_only_a_manifest_names_is_not_opened(dated, tmp_path):
    shutil.copytree(dated.parent, tmp_path / "moved")
    for name in ("det", "appearances"):
        manifest = tmp_path / "moved" / name / "manifest.json"
        document = json.loads(manifest.read_text())
        if name == "det":
            document["arguments"]["dataset"] = "s3://stranger/data"
        else:
            document["sources"][0]["path"] = str(tmp_path / "moved/det")
        manifest.write_text(json.dumps(document))
    lineage = trace([open_table(tmp_path / "moved/appearances")])
    assert lineage.datasets == [] and list(lineage.closed) == ["s3://stranger/data"]
    assert SOURCES[TWO].rpartition("/")[2] in render(gather(tmp_path / "moved/appearances"))


def test_known_faces_are_of_main_tracks(dated, tmp_path):
    faces = [
        {"track": 0, "quality": 11.0, "crop": crop(GREEN)},
        {"track": 1, "quality": 19.0, "crop": crop(RED)},  # stands beside them, with a better picture
    ]
    who = {"name": "a.mp4", "split": "train"}
    fixed = {"frame": 1, "time": 0.0, "score": 0.9, "box": [1.0] * 4, "landmarks": [1.0] * 10}
    with StageWriter(str(tmp_path / "det"), "detect", TRACKED_FACES_SCHEMA) as writer:
        writer.add_clips([{**who, "state": "ok", "reason": "", "frames": 1, "faces": 2}])
        writer.add_rows(pa.RecordBatch.from_pylist([{**who, **fixed, **face} for face in faces], TRACKED_FACES_SCHEMA))
    found = best_crops([StageReader(str(tmp_path / "det"), ("detect",))], (), {"a.mp4": 1}).by_label[1]
    assert [colour(data) for _, data in found] == ["green"]
