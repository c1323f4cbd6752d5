"""Files of appearances in an object store."""

from __future__ import annotations

from appearance_tables import ALL, Seen, write_table

from rcnn import files
from rcnn.exports.appearances import write_file


def test_files_of_appearances_go_to_a_store(s3, tmp_path):
    write_table(tmp_path / "table", [Seen("a.mp4", 1, 2), Seen("b.mp4", 3, 4, who=3, verdict="no")])
    table = s3.upload(tmp_path / "table", "out/table")
    path = s3.url("made", "who.srt")
    assert write_file(table, path, frozenset({"yes"})).count == 1
    assert files.read_bytes(path) == "1\n00:00:01,000 --> 00:00:02,000\nZoë Smith\n\n".encode()
    assert write_file(table, s3.url("made", "all.srt"), ALL).count == 2
    assert sorted(files.names(s3.url("made", "all"))) == ["a.srt", "b.srt"]
