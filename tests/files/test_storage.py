"""rcnn.files on the disk, at file:// URLs and on an S3 server."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from rcnn import files
from rcnn.errors import InputError
from rcnn.files import StoreError, fetching, remote

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=["disk", "file", "s3", "gs"])
def place(request, tmp_path) -> str:
    """A directory to work in."""
    if request.param == "s3":
        return request.getfixturevalue("s3").url("some/where")
    if request.param == "gs":
        return files.join(request.getfixturevalue("gs"), "some/where")
    (tmp_path / "wh%ere").mkdir()
    return str(tmp_path / "wh%ere") if request.param == "disk" else f"file://{tmp_path}/wh%25ere"


def put(path: str, data: bytes) -> None:
    files.make_dir(files.parent(path))
    files.write_whole(path, lambda temporary: Path(temporary).write_bytes(data))


def test_what_is_written_is_read_listed_and_removed(place):
    odd = "b ü?x=1&y#z%20.txt"
    put(files.join(place, "a.txt"), b"one\ntwo\n")
    put(files.join(place, odd), b"")
    put(files.join(place, "sub/inner.txt"), b"x" * 100)
    put(files.join(place, "a.txt"), b"three\nfour\n")  # replaced
    assert sorted(files.names(place)) == sorted(["a.txt", odd, "sub"])
    assert files.read_bytes(files.join(place, "a.txt")) == b"three\nfour\n"
    assert files.read_bytes(files.join(place, "a.txt"), 3) == b"thr"
    assert files.read_bytes(files.join(place, odd)) == b""
    with files.open_text(files.join(place, "a.txt")) as file:
        assert list(file) == ["three\n", "four\n"]
    digest = "09ecb6ebc8bcefc733f6f2ec44f791abeed6a99edf0cc31519637898aebd52d8"
    assert files.sha256(files.join(place, "sub", "inner.txt")) == digest
    assert files.is_dir(place) and files.is_dir(files.join(place, "sub"))
    assert files.is_file(files.join(place, odd)) and not files.is_file(place)
    assert not files.exists(files.join(place, "a")) and not files.is_dir(files.join(place, "su"))
    files.remove(files.join(place, "a.txt"))
    files.remove_tree(files.join(place, "sub"))
    files.remove_tree(files.join(place, "never"))
    assert files.names(place) == [odd]
    with pytest.raises(FileNotFoundError):
        files.read_bytes(files.join(place, "a.txt"))


def test_folders_by_a_pattern(place):
    for folder in ("Part1/TRAIN", "Part2/TRAIN", "Other/TRAIN"):
        put(files.join(place, folder, "clip.mp4"), b"1")
    found = files.folders(place, "Part*/TRAIN")
    assert found == [files.join(place, f"Part{number}/TRAIN") for number in (1, 2)]
    assert files.names(found[0]) == ["clip.mp4"]


def test_a_large_object_in_several_requests(s3):
    data = os.urandom(1 << 20) * 25
    put(s3.url("large"), data)
    assert any("uploads" in request for request in s3.requests)
    assert files.read_bytes(s3.url("large")) == data


def test_a_small_object_is_one_put(s3):
    files.make_dir(s3.url("d"))
    s3.requests.clear()
    put(s3.url("d/x"), b"1")
    assert [request.split()[0] for request in s3.requests].count("PUT") == 1
    assert not any(request.startswith("POST") for request in s3.requests)


@pytest.fixture
def impatient(monkeypatch):
    """Fewer tries than in earnest."""
    monkeypatch.setattr(remote, "ATTEMPTS", 1)
    monkeypatch.setattr(fetching, "FETCH_PAUSES", (0.0,))


@pytest.fixture
def silent_briefly(monkeypatch):
    """For pyarrow, which asks once more when it gives an upload up, and hears nothing."""
    monkeypatch.setattr(remote, "SILENT_SECONDS", 5.0)


def test_an_upload_that_fails_shows_nothing(impatient, silent_briefly, s3):
    put(s3.url("x"), b"old")
    s3.fails["/x"] = 500
    with pytest.raises(InputError, match=r"/x: the store says "):
        put(s3.url("x"), b"new" * (9 << 20))
    s3.fails.clear()
    assert files.read_bytes(s3.url("x")) == b"old"


def test_options_in_the_url_stay_behind_the_key(s3, monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    options = f"?endpoint_override={s3.endpoint.removeprefix('http://')}&scheme=http&region=us-east-1"
    root = s3.url("data") + options
    assert files.join(root, "a", "b.txt") == s3.url("data/a/b.txt") + options
    assert files.parent(files.join(root, "a/b.txt")) == s3.url("data/a") + options
    assert files.suffixed(root, ".lock") == s3.url("data.lock") + options
    assert files.base_name(root) == "data"
    assert files.relative(files.join(root, "a/b"), root) == "a/b"
    assert files.below(root)(files.join(root, "a/b")) == "a/b" and files.below(root)(f"/{root}") is None
    assert files.below(files.join(root, "a"))(files.join(root, "ab/c")) is None
    put(files.join(root, "x"), b"1")
    assert files.names(root) == ["x"]


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("s3://b/k/x", "s3://b/k//x/", True),
        ("s3://b/k/x", "s3://b/k/y", False),
        ("s3://b/k?region=a", "s3://b/k?region=b", False),
        ("gs://b/k", "gcs://b/k", True),
        ("gs://b/k", "s3://b/k", False),
        ("s3://b/k", "b/k", False),
        ("file:///tmp/x", "/tmp/./x", True),
    ],
)
def test_sameness(one, other, is_same):
    assert files.same(one, other) == files.same(other, one) == is_same


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("http://host/x", "http:// is not supported; give a path, or s3://, gs:// or file://"),
        ("s3:///x", "names no bucket; give s3://BUCKET/KEY"),
        ("s3://key:secret@bucket/x", "keys must not be in a URL"),
        ("file://host/x", "has three slashes"),
    ],
)
def test_what_is_no_url_of_ours(path, what):
    with pytest.raises(InputError, match=what) as caught:
        files.is_dir(path)
    assert "secret" not in str(caught.value)


def test_a_missing_bucket_is_said(s3):
    with pytest.raises(StoreError, match=r"s3://no-such-bucket/x: there is no bucket no-such-bucket"):
        files.make_dir("s3://no-such-bucket/x")
    with pytest.raises(StoreError, match="no such bucket"):
        put_only("s3://no-such-bucket/x")


def put_only(path: str) -> None:
    files.put(path, b"1")


def test_a_store_that_is_down_or_hangs_is_said(impatient, s3, monkeypatch, dead_port):
    monkeypatch.setattr(remote, "SILENT_SECONDS", 1.0)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(20)
        for port in (dead_port, silent.getsockname()[1]):
            monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
            remote.file_system.cache_clear()
            with pytest.raises(StoreError, match=r"s3://bucket/x: the store does not answer \(NETWORK_CONNECTION"):
                files.is_dir("s3://bucket/x")


def test_an_object_is_fetched_and_leaves_nothing(s3, tmp_path, monkeypatch):
    monkeypatch.setattr(fetching.tempfile, "tempdir", str(tmp_path))
    put(s3.url("clip.mp4"), b"frames" * 1000)
    with files.fetched(s3.url("clip.mp4")) as path:
        assert path.endswith(".mp4")
        assert Path(path).read_bytes() == b"frames" * 1000
        code = f"import sys; sys.exit(len(open({path!r}, 'rb').read()) != 6000)"
        subprocess.run([sys.executable, "-c", code], check=True)
    assert list(tmp_path.iterdir()) == []
    with files.fetched(str(tmp_path)) as path:
        assert path == str(tmp_path)


def test_an_object_that_can_t_be_fetched_and_a_store_that_is_down(impatient, s3):
    put(s3.url("d/bad.mp4"), b"1")
    s3.fails["bad.mp4"] = 500
    with pytest.raises(OSError, match="can't be fetched: the store says"), files.fetched(s3.url("d/bad.mp4")):
        pass
    with pytest.raises(FileNotFoundError), files.fetched(s3.url("d/gone.mp4")):
        pass
    s3.fails[""] = 503
    with pytest.raises(InputError, match="the store"), files.fetched(s3.url("d/bad.mp4")):
        pass
    with pytest.raises(InputError, match="the store"), files.fetched(s3.url("d/gone.mp4")):
        pass


def test_a_fetch_is_tried_again(impatient, s3, monkeypatch):
    """The store is busy at first."""
    put(s3.url("d/clip.mp4"), b"1" * 100)
    s3.fails["clip.mp4"] = 503
    monkeypatch.setattr(fetching, "FETCH_PAUSES", (0.0, 0.0))
    real, tries = fetching._copy, []

    def busy_once(*given):
        tries.append(given[0])
        if len(tries) > 1:
            s3.fails.clear()
        real(*given)

    monkeypatch.setattr(fetching, "_copy", busy_once)
    with files.fetched(s3.url("d/clip.mp4")) as path:
        assert Path(path).read_bytes() == b"1" * 100
    assert len(tries) == 2


def test_who_may_not_ask_for_the_bucket_may_still_use_it(s3, monkeypatch):
    put(s3.url("ours/x"), b"1")
    real = remote.info_of

    def strict(path, url):
        if not url.key:
            raise remote.RefusedError("the store refuses")
        return real(path, url)

    monkeypatch.setattr(remote, "info_of", strict)
    files.make_dir(s3.url("ours/new"))


def test_a_clip_too_large_is_not_fetched(s3, monkeypatch):
    monkeypatch.setattr(fetching, "MAX_CLIP_BYTES", 10)
    put(s3.url("clip.mp4"), b"x" * 11)
    with pytest.raises(OSError, match="is larger than 10 bytes"), files.fetched(s3.url("clip.mp4")):
        pass


def test_no_segfault_at_exit(s3):
    put(s3.url("x"), b"1")
    code = f"from rcnn import files; print(files.read_bytes({s3.url('x')!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "b'1'\n", "")
