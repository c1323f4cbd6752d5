"""Appearances as timelines: frames exact at the rate of the source, timecodes as SMPTE ST 12-1 counts them."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from appearance_tables import ALL, SIZE, Seen, write_table
from hypothesis import given, settings
from hypothesis import strategies as st

from rcnn.errors import InputError
from rcnn.exports.appearances import write_file
from rcnn.exports.appearances.edl import day_frames
from rcnn.exports.appearances.rates import (
    DROP_RATES,
    SNAP,
    TIMECODE_RATES,
    frame_range,
    rate_name,
    source_rate,
    timecode_rate,
)

NTSC = {name: Fraction(rate * 1000, 1001) for name, rate in (("23.976", 24), ("29.97", 30), ("59.94", 60))}
EVENT = re.compile(r"^(\d{3,})  (.{8}) V     C        (\S{11}) (\S{11}) (\S{11}) (\S{11})$", re.M)
DAY = 24 * 60 * 60


def frame_of(timecode: str, rate: Fraction) -> int:
    """The frame that a timecode names: the inverse of what the program computes, from the definition in ST 12-1."""
    hours, minutes, seconds, frame = map(int, re.split("[:;]", timecode))
    count, drops = round(rate), rate in DROP_RATES
    dropped = count // 15 if drops else 0
    assert (";" in timecode) == drops and frame < count
    assert not (seconds == 0 and minutes % 10 and frame < dropped), f"{timecode} does not exist"
    total = 60 * hours + minutes
    return (60 * total + seconds) * count + frame - dropped * (total - total // 10)


def events(path: Path, rate: Fraction) -> list[tuple[int, int, int, int]]:
    """Source in and out, record in and out, in frames."""
    return [tuple(frame_of(code, rate) for code in found[2:]) for found in EVENT.findall(path.read_text("utf-8"))]


def spans(timeline: Any) -> list[tuple[int, int]]:
    return [
        (int(clip.source_range.start_time.value), int(clip.source_range.duration.value)) for clip in timeline.tracks[0]
    ]


def time_of(text: str) -> Fraction:
    return Fraction(text.removesuffix("s"))


@pytest.mark.parametrize("rate", TIMECODE_RATES, ids=rate_name)
def test_every_timecode_of_a_day_names_its_frame(rate):
    day = day_frames(rate)
    minute, ten = round(60 * rate), round(600 * rate)
    near = {border + step for border in (0, minute, 2 * minute, 9 * minute, ten, 6 * ten, day) for step in range(-5, 6)}
    for frame in sorted({frame for frame in near | set(range(0, day, 4999)) if 0 <= frame < day}):
        assert frame_of(otio.opentime.RationalTime(frame, float(rate)).to_timecode(), rate) == frame
    last = otio.opentime.RationalTime(day - 1, float(rate)).to_timecode()
    assert re.split("[:;]", last) == ["23", "59", "59", str(round(rate) - 1)]


def test_drop_frame_over_an_hour_is_a_second_of_the_clock_late_at_most():
    for rate in DROP_RATES:
        for second in range(0, DAY, 3600):
            code = otio.opentime.RationalTime(int(second * rate), float(rate)).to_timecode()
            hours, minutes, seconds, frame = map(int, re.split("[:;]", code))
            clock = 3600 * hours + 60 * minutes + seconds + Fraction(frame, round(rate))
            assert abs(clock - second) < Fraction(1, 5)  # 3.6 seconds an hour without


@pytest.mark.parametrize(
    "fps, seconds, rate",
    [
        (30000 / 1001, 600, NTSC["29.97"]), (24000 / 1001, 9000, NTSC["23.976"]), (60000 / 1001, 1, NTSC["59.94"]),
        (29.97, 3600, NTSC["29.97"]), (23.976, 3600, NTSC["23.976"]), (59.94, 600, NTSC["59.94"]),
        (25.0, 9000, 25), (12.5, 10, Fraction(25, 2)), (15000 / 1001, 5, Fraction(15000, 1001)), (10.0, 0, 10),
        (29.93, 10, NTSC["29.97"]),  # a mean that a last frame without length has lowered
        (23.98, 7200, Fraction(1199, 50)),  # two hours of it are 29 frames more than at 23.976
        (17.3, 60, Fraction(173, 10)), (0.0, 0.0, 25),
    ],
)  # fmt: skip
def test_the_fraction_of_a_rate(fps, seconds, rate):
    assert source_rate(fps, seconds) == rate


@pytest.mark.parametrize(
    "rate, timecode",
    [(25, 25), (15, 30), (Fraction(25, 2), 25), (10, 30), (Fraction(15000, 1001), NTSC["29.97"]), (120, 60), (100, 50),
     (Fraction(120000, 1001), NTSC["59.94"]), (Fraction(48000, 1001), NTSC["23.976"]),
     (Fraction(2983, 100), NTSC["29.97"]), (1000, 50), (7, NTSC["23.976"])],
)  # fmt: skip
def test_a_rate_without_a_timecode_has_one_with_its_frames(rate, timecode):
    assert timecode_rate(Fraction(rate)) == timecode


@given(st.floats(0, 1e5), st.floats(0, 1e4), st.sampled_from([*TIMECODE_RATES, Fraction(25, 2), Fraction(173, 10)]))
def test_frames_hold_the_time_and_no_more(start, length, rate):
    first, count = frame_range(start, start + length, rate)
    begin, end = Fraction(start) * rate, Fraction(start + length) * rate
    assert first >= 0 and count >= 1
    assert -SNAP <= begin - first < 1
    assert count == 1 or -SNAP <= first + count - end < 1


@given(st.integers(0, 10**7), st.integers(1, 10**5), st.sampled_from([*TIMECODE_RATES, Fraction(25, 2)]))
def test_times_of_frames_are_these_frames(first, count, rate):
    start, end = float(first / rate), float((first + count) / rate)
    assert frame_range(start, end, rate) == (first, count)
    assert frame_range(round(start, 3), round(end, 3), rate) == (first, count)  # Matroska


@settings(max_examples=5)
@given(
    st.lists(st.tuples(st.floats(0, 8e4), st.floats(0, 60)), min_size=1, max_size=40), st.sampled_from(TIMECODE_RATES)
)
def test_a_list_and_a_timeline_have_the_same_frames(tmp_path_factory, times, rate):
    folder = tmp_path_factory.mktemp("frames")
    seen = [Seen("a.mp4", start, start + length, fps=float(rate), seconds=DAY - 1) for start, length in times]
    table = write_table(folder / "table", seen)
    wanted = [frame_range(row.start, row.end, rate) for row in sorted(seen, key=lambda row: (row.start, row.end))]
    for ending in (".edl", ".otio", ".fcpxml"):
        assert write_file(table, str(folder / f"who{ending}"), ALL).count == len(times)
    timeline = otio.adapters.read_from_file(str(folder / "who.otio"))
    assert spans(timeline) == wanted
    assert {clip.source_range.start_time.rate for clip in timeline.tracks[0]} == {float(rate)}
    record = 0
    for (first, count), found in zip(wanted, events(folder / "who.edl", rate), strict=True):
        assert found == (first, first + count, record, record + count)
        record += count
    again = otio.adapters.read_from_file(str(folder / "who.edl"), rate=float(rate))
    assert spans(again) == wanted
    document = ET.parse(folder / "who.fcpxml")
    record = 0
    for (first, count), clip in zip(wanted, document.iter("asset-clip"), strict=True):
        assert time_of(clip.get("start")) * rate == first and time_of(clip.get("duration")) * rate == count
        assert time_of(clip.get("offset")) * rate == record
        record += count
    assert time_of(document.find(".//sequence").get("duration")) * rate == record
    assert time_of(document.find(".//format").get("frameDuration")) == 1 / rate


def test_a_list_says_who_it_is_and_where(tmp_path):
    seen = [
        Seen("a.mp4", 1, 2, fps=30000 / 1001, source="/films/day one.mp4"),
        Seen("b.mp4", 61, 62, fps=30000 / 1001, source="/films/day two.mov", verdict="maybe"),
    ]
    write_file(write_table(tmp_path / "table", seen), str(tmp_path / "who.edl"), ALL)
    lines = (tmp_path / "who.edl").read_text("utf-8").splitlines()
    assert lines[:3] == ["TITLE: Zoë Smith", "FCM: DROP FRAME", ""]
    assert [found[1] for found in EVENT.findall("\n".join(lines))] == ["DAYONE  ", "DAYTWO  "]
    assert lines[9:] == [
        "* FROM CLIP NAME:  day two.mov", "* FROM CLIP: /films/day two.mov", "* PERSON: Zoë Smith",
        "* APPEARANCE: maybe, probability 0.900, cosine 0.370, best face at 00:01:01;15",
    ]  # fmt: skip


def test_reels_of_like_names_differ(tmp_path):
    seen = [Seen(f"{at}.mp4", 1, 2, source=f"interview_{at}.mp4") for at in range(12)]
    write_file(write_table(tmp_path / "table", seen), str(tmp_path / "who.edl"), ALL)
    reels = [found[1] for found in EVENT.findall((tmp_path / "who.edl").read_text())]
    assert len(set(reels)) == 12 and reels[0] == "INTERVIE" and all(re.fullmatch("[A-Z0-9]{8}", reel) for reel in reels)


def test_a_person_and_a_rate_have_a_timeline_each(tmp_path):
    seen = [
        Seen("a.mp4", 1, 2), Seen("b.mp4", 1, 2, fps=30000 / 1001), Seen("c.mp4", 1, 2, who=3, person="A/B: C"),
        Seen("d.mp4", 1, 2, who=4, person=""),
    ]  # fmt: skip
    table = write_table(tmp_path / "table", seen)
    stems = ["10 Zoë Smith 25", "10 Zoë Smith 29.97", "3 A_B_ C", "4"]
    for ending in (".edl", ".otio"):
        assert write_file(table, str(tmp_path / f"who{ending}"), ALL).count == 4
        assert sorted(file.name for file in (tmp_path / "who").glob(f"*{ending}")) == [f"{s}{ending}" for s in stems]
    write_file(table, str(tmp_path / "who.fcpxml"), ALL)
    projects = ET.parse(tmp_path / "who.fcpxml").findall("./event/project")
    titles = ["A/B: C", "4", "Zoë Smith, 25 fps", "Zoë Smith, 29.97 fps"]
    assert [project.get("name") for project in projects] == titles
    assert [project.find("sequence").get("tcFormat") for project in projects] == ["NDF", "NDF", "NDF", "DF"]


def test_a_list_has_at_most_999_events_of_a_day(tmp_path):
    table = write_table(tmp_path / "many", [Seen("a.mp4", at, at + 0.5) for at in range(1200)])
    assert write_file(table, str(tmp_path / "many.edl"), ALL).count == 1200
    parts = [events(tmp_path / f"many/10 Zoë Smith {part}.edl", Fraction(25)) for part in (1, 2)]
    assert [len(part) for part in parts] == [999, 201] and parts[1][0][0] == 999 * 25
    table = write_table(tmp_path / "days", [Seen(f"{at}.mp4", 0, 50_000, seconds=50_000) for at in range(3)])
    write_file(table, str(tmp_path / "days.edl"), ALL)
    assert len(list((tmp_path / "days").glob("*.edl"))) == 3
    table = write_table(tmp_path / "late", [Seen("a.mp4", DAY, DAY + 1)])
    with pytest.raises(InputError, match=r"films/a\.mp4: an appearance ends after 24 hours"):
        write_file(table, str(tmp_path / "late.edl"), ALL)
    assert not list(tmp_path.glob("late.edl*"))


def test_a_timeline_has_all_that_is_known(tmp_path):
    seen = [Seen("a.mp4", 1, 2, source="/films/day 1 #2.mp4", verdict="maybe"), Seen("b.mp4", 599.5, 601)]
    write_file(write_table(tmp_path / "table", seen), str(tmp_path / "who.otio"), ALL)
    timeline = otio.adapters.read_from_file(str(tmp_path / "who.otio"))
    first, second = timeline.tracks[0]
    assert timeline.name == timeline.tracks[0].name == "Zoë Smith" and timeline.duration().value == 63
    assert first.name == "day 1 #2.mp4" and first.media_reference.target_url == "file:///films/day%201%20%232.mp4"
    assert second.media_reference.target_url == "films/b.mp4"
    assert [clip.media_reference.available_range.duration.value for clip in (first, second)] == [15000, 15025]
    (marker,) = first.markers
    assert (marker.name, marker.color, marker.marked_range.start_time.value) == ("Zoë Smith: maybe", "YELLOW", 37)
    facts = first.metadata["rcnn"]
    assert (facts["label"], facts["verdict"], facts["best"]["cosine"]) == (10, "maybe", 0.37)
    assert list(facts["best"]["box"]) == [10.5, 20.1, 110.0, 220.0]


def test_final_cut_s_document(tmp_path):
    """By the rules of the format: resources before what names them, whole frames, and another program's reader."""
    seen = [
        Seen("a.mp4", 1, 2),
        Seen("b.mp4", 3, 4.5, source="/films/b.mp4"),
        Seen("b.mp4", 9, 9.1, source="/films/b.mp4"),
    ]
    write_file(write_table(tmp_path / "table", seen), str(tmp_path / "who.fcpxml"), ALL)
    document = ET.parse(tmp_path / "who.fcpxml").getroot()
    assert [child.tag for child in document] == ["resources", "event"]
    known = {resource.get("id"): resource for resource in document.find("resources")}
    assert [resource.tag for resource in known.values()] == ["format", "asset", "asset"]
    form = known["r1"]
    assert (form.get("frameDuration"), form.get("width"), form.get("height")) == ("1/25s", *map(str, SIZE))
    clips = list(document.iter("asset-clip"))
    assert [known[clip.get("ref")].get("src") for clip in clips] == [*["file:///films/b.mp4"] * 2, "films/a.mp4"]
    for clip in clips:
        begin, length = time_of(clip.get("start")), time_of(clip.get("duration"))
        assert begin <= time_of(clip.find("marker").get("start")) < begin + length
        assert begin + length <= time_of(known[clip.get("ref")].get("duration"))
    collection = otio.adapters.read_from_file(str(tmp_path / "who.fcpxml"))
    assert [spans(timeline) for timeline in collection] == [[(75, 38), (225, 3), (25, 25)]]


@settings(max_examples=3)
@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=12), min_size=1, max_size=12))
def test_names_of_any_kind_break_no_timeline(tmp_path_factory, people):
    folder = tmp_path_factory.mktemp("names")
    seen = [Seen("a.mp4", at, at + 1, at, person, f"films/{person}") for at, person in enumerate(people)]
    table = write_table(folder / "table", seen)
    for ending in (".edl", ".otio", ".fcpxml"):
        write_file(table, str(folder / f"who{ending}"), ALL)
    found = folder / "who" if len(people) > 1 else folder
    for path in [*found.glob("*.edl"), *found.glob("*.otio")]:
        timeline = otio.adapters.read_from_file(str(path), **({"rate": 25} if path.suffix == ".edl" else {}))
        assert len(spans(timeline)) == 1
    assert len(list(found.glob("*.edl"))) == len(list(found.glob("*.otio"))) == len(people)
    assert len(ET.parse(folder / "who.fcpxml").findall(".//project")) == len(people)
