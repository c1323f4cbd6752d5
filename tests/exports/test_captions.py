"""Who is in the picture as captions, read by FFmpeg; tests/report/test_captions_browser.py has them in a browser."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from appearance_tables import ALL, Seen, write_table
from hypothesis import given, settings
from hypothesis import strategies as st

from rcnn.exports.appearances import write_file

EVIL = "<i>Zoë</i> & Co --> {\\b1}x\n\n00:00:09.000 --> 00:00:10.000\nnobody"


def cues(path: Path) -> list[tuple[float, float, str]]:
    """Start and end in seconds, and the text as it stands in the file."""
    with av.open(str(path)) as container:
        stream = container.streams.subtitles[0]
        return [
            (
                float(packet.pts * stream.time_base), float((packet.pts + packet.duration) * stream.time_base),
                bytes(packet).decode(),
            )
            for packet in container.demux(stream)
            if packet.pts is not None and packet.duration
        ]  # fmt: skip


@pytest.mark.parametrize("ending", [".vtt", ".srt"])
def test_people_at_the_same_time_have_a_caption_each(tmp_path, ending):
    seen = [
        Seen("a.mp4", 1.25, 4.0), Seen("a.mp4", 3.0, 3.5, who=3, person="", verdict="maybe"),
        Seen("a.mp4", 3600.5, 100 * 3600.0), Seen("a.mp4", 3.0, 3.0, who=4, person="Ann"),
    ]  # fmt: skip
    path = tmp_path / f"who{ending}"
    assert write_file(write_table(tmp_path / "table", seen), str(path), ALL).count == 4
    assert cues(path) == [
        (1.25, 4.0, "Zoë Smith"), (3.0, 3.001, "Ann"), (3.0, 3.5, "3 (maybe)"), (3600.5, 360_000.0, "Zoë Smith"),
    ]  # fmt: skip


def test_a_name_is_text_and_no_markup(tmp_path):
    table = write_table(tmp_path / "table", [Seen("a.mp4", 1, 2, person=EVIL, source=f"x/{EVIL}.mp4")])
    for ending in (".vtt", ".srt"):
        write_file(table, str(tmp_path / f"who{ending}"), ALL)
    line = "<i>Zoë</i> & Co --> {\\b1}x 00:00:09.000 --> 00:00:10.000 nobody"
    ((*_, vtt),) = cues(tmp_path / "who.vtt")
    assert vtt == line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    ((*_, srt),) = cues(tmp_path / "who.srt")
    assert srt == "‹i›Zoë‹/i› & Co --› (\\b1)x 00:00:09.000 --› 00:00:10.000 nobody"


@settings(max_examples=8)
@given(
    st.lists(
        st.tuples(st.floats(0, 1e5), st.floats(0, 1e3), st.text(st.characters(codec="utf-8"), max_size=12)),
        min_size=1,
        max_size=30,
    )
)
def test_no_name_and_no_time_breaks_a_file(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("captions")
    seen = [Seen("a.mp4", start, start + length, person=person) for start, length, person in rows]
    table = write_table(folder / "table", seen)
    for ending in (".vtt", ".srt"):
        write_file(table, str(folder / f"who{ending}"), ALL)
        found = cues(folder / f"who{ending}")
        assert len(found) == len(rows)
        wanted = sorted((row.start, row.end) for row in seen)
        for (start, end, text), (first, last) in zip(found, wanted, strict=True):
            assert text.strip() and end > start
            assert abs(start - first) <= 0.0011 and (abs(end - last) <= 0.0011 or end - start < 0.0011)
