"""A data set that lists its clips: pieces of files that lie anywhere."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcnn.clips.dataset import FOLDERS, TO_THE_END, Clip, list_clips, source_of
from rcnn.clips.listed import CLIPS_FILE, ListedClip, lists_clips, read_listed, write_listed
from rcnn.clips.paths import ClipPaths
from rcnn.clips.sources import find_sources
from rcnn.errors import InputError

HEADER = "name,split,source,start,end\n"


@pytest.fixture
def root(tmp_path) -> Path:
    (tmp_path / "data/gt_v2").mkdir(parents=True)
    film = tmp_path / 'a film, "uncut".mkv'
    film.write_bytes(b"12345")
    clips = [
        ListedClip("film-2", "test", str(film), 30.5, TO_THE_END),
        ListedClip("film-1", "test", str(film), 0.0, 30.5),
        ListedClip("ada", "train", "/somewhere/Ada Lovelace.jpg"),
        ListedClip("far", "test", "s3://bucket/far.mp4", 1.25, 2.5),
    ]
    write_listed(str(tmp_path / "data"), clips)
    return tmp_path / "data"


def test_pieces_of_a_film_are_clips_that_lie_at_the_film(root, tmp_path, monkeypatch):
    monkeypatch.setattr("rcnn.files.reading.info_of", lambda *_: pytest.fail("asked a store"))
    film = str(tmp_path / 'a film, "uncut".mkv')
    (only,) = list_clips(str(root), "trainval")
    assert only == Clip("ada", "/somewhere/Ada Lovelace.jpg", "train")
    found = list_clips(str(root), "test")
    assert [(clip.name, clip.path, clip.start, clip.end) for clip in found] == [
        ("far", "s3://bucket/far.mp4", 1.25, 2.5), ("film-1", film, 0.0, 30.5), ("film-2", film, 30.5, TO_THE_END),
    ]  # fmt: skip
    assert [source_of(clip, str(root)) for clip in found] == [clip.path for clip in found]


def test_files_are_marked_once_and_one_that_is_gone_stays_a_clip(root, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("rcnn.clips.dataset.files.mark", lambda path: asked.append(path) or (5, 6))
    found = list_clips(str(root), "test", marked=True)
    assert [(clip.size, clip.changed) for clip in found] == [(5, 6)] * 3 and len(asked) == 2
    monkeypatch.undo()
    (ada,) = list_clips(str(root), "trainval", marked=True)
    assert (ada.size, ada.changed) == (-1, -1)


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_parts_hold_every_clip_once(root, parts):
    dealt = [clip.name for part in range(parts) for clip in list_clips(str(root), "test", (part, parts))]
    assert sorted(dealt) == ["far", "film-1", "film-2"]


def test_the_list_is_where_sources_stand(root, tmp_path):
    film = str(tmp_path / 'a film, "uncut".mkv')
    (root / "gt_v2/sources.txt").write_text("film-1\t/other\n")  # of the folders, which are not asked
    sources = find_sources(None, str(root))
    assert sources["film-1"] == sources["film-2"] == film and len(sources) == 4
    assert find_sources(None, str(root), clips={"ada"}) == {"ada": "/somewhere/Ada Lovelace.jpg"}
    assert ClipPaths(sources, [str(root)]).of(Clip("film-2", "", "test")) == film


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", r"clips\.csv: its first line is not name,split,source,start,end"),
        ("name,label\n", "its first line is not"),
        (HEADER + "a,test,/a.mp4\n", r"clips\.csv:2: is not name,split,source,start,end; fix the line"),
        (HEADER + "\na b,test,/a.mp4,0,0\n", r"clips\.csv:3: name 'a b' is empty or contains white space"),
        (HEADER + ",test,/a.mp4,0,0\n", "name '' is empty"),
        (HEADER + "../a,test,/a.mp4,0,0\n", r"name '\.\./a' is empty or contains white space or a /"),
        (HEADER + "a,tests,/a.mp4,0,0\n", "split 'tests' is not train, val or test"),
        (HEADER + "a,test,a.mp4,0,0\n", "source 'a.mp4' is not an absolute path or URL"),
        (HEADER + "a,test,/a.mp4,0,x\n", "'x' is not seconds, 0 or more"),
        (HEADER + "a,test,/a.mp4,-1,0\n", "'-1' is not seconds"),
        (HEADER + "a,test,/a.mp4,nan,0\n", "'nan' is not seconds"),
        (HEADER + "a,test,/a.mp4,0,inf\n", "'inf' is not seconds"),
        (HEADER + "a,test,/a.mp4,3,2\n", "ends at 2 s, before it starts at 3 s"),
        (HEADER + 'a,test,"/a.mp4,0,0\n', "is not CSV"),
        (HEADER + "a,test,/a.mp4,0,0\na,test,/b.mp4,0,0\n", "a is listed twice"),
        (HEADER + "a,train,/a.mp4,0,0\n", r"has no clip of test"),
    ],
)
def test_a_bad_list_names_the_line(root, text, words):
    (root / CLIPS_FILE).write_text(text)
    with pytest.raises(InputError, match=words):
        list_clips(str(root), "test")


seconds = st.integers(0, 10**10).map(lambda value: value / 10**6)


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), min_size=1),
    seconds,
    seconds.filter(bool),
)
def test_what_was_written_is_read(tmp_path_factory, source, start, length):
    root = str(tmp_path_factory.mktemp("data"))
    Path(root, "gt_v2").mkdir()
    clip = ListedClip("a", "test", f"/{source}", start, round(start + length, 6))
    write_listed(root, [clip])
    assert lists_clips(root) and list(read_listed(root, FOLDERS)) == [clip]
