"""Downloads from servers that lie, never end, change the file, or drip."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import threading
import zipfile
from collections.abc import Callable, Iterator

import pytest

from rcnn.errors import InputError
from rcnn.networks.zoo import download as module
from rcnn.networks.zoo import fetch
from rcnn.networks.zoo.download import NoNetwork, download
from rcnn.networks.zoo.registry import KnownModel, ModelFile

CONTENT = bytes(range(256)) * 400  # 102,400 bytes
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Answers each request with what `answer` does; `over` is set when the test ends."""

    answer: Callable[[http.server.BaseHTTPRequestHandler], None]
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.over = threading.Event()
        self.ranges: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/model.bin"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.ranges.append(self.headers.get("Range"))
        self.close_connection = True
        with contextlib.suppress(OSError):  # the other side has had enough
            self.server.answer(self)

    def begin(self, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        yield running
        running.over.set()
        running.shutdown()
        thread.join()


@pytest.mark.parametrize("length", ["-1", "-99999999999999", "x", "1e9", "0x10", "9" * 400, str(1 << 40), " ", "+5"])
def test_a_length_that_can_not_be_is_refused(server, tmp_path, length):
    def answer(handler):
        handler.begin(Content_Length=length)
        handler.wfile.write(CONTENT)

    server.answer = answer
    with pytest.raises(InputError, match=r"model\.bin: the server claims '.*' bytes, expected at most \d+"):
        download(server.url, str(tmp_path / "x"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize("size", [0, len(CONTENT)])
def test_a_body_without_an_end_is_given_up(server, tmp_path, monkeypatch, chunked, size):
    monkeypatch.setattr(module, "LARGEST", 300_000)

    def answer(handler):
        handler.begin(**({"Transfer_Encoding": "chunked"} if chunked else {"Connection": "close"}))
        while not server.over.is_set():
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(CONTENT), CONTENT) if chunked else CONTENT)

    server.answer = answer
    with pytest.raises(InputError, match=rf"sends more than {size or 300_000} bytes, and was given up"):
        download(server.url, str(tmp_path / "x"), size=size)
    assert not list(tmp_path.iterdir())


def test_the_size_that_is_known_is_the_size(server, tmp_path):
    def answer(handler):
        handler.begin(Content_Length=str(len(CONTENT)))
        handler.wfile.write(CONTENT)

    server.answer = answer
    for size in (len(CONTENT) - 1, len(CONTENT) + 1):
        with pytest.raises(InputError, match=rf"claims '{len(CONTENT)}' bytes, expected {size}"):
            download(server.url, str(tmp_path / "x"), size=size)
    download(server.url, str(tmp_path / "x"), size=len(CONTENT))
    assert (tmp_path / "x").read_bytes() == CONTENT

    def short(handler):
        handler.begin(Connection="close")
        handler.wfile.write(CONTENT[:1000])

    server.answer = short
    with pytest.raises(NoNetwork, match=f"ended after 1000 of {len(CONTENT)} bytes"):
        download(server.url, str(tmp_path / "y"), size=len(CONTENT))
    assert not (tmp_path / "y").exists()


@pytest.mark.parametrize("digest", ["", DIGEST])
@pytest.mark.parametrize("etag", [None, 'W/"weak"', '"one"'])
def test_halves_of_two_versions_are_never_joined(server, tmp_path, etag, digest):
    """The second answer is a range of another file, with the same mark or none: the server does not know better."""
    versions = [CONTENT, CONTENT[::-1]]

    def answer(handler):
        wanted = handler.headers.get("Range")
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        content = versions[min(len(server.ranges), 2) - 1]
        headers = {"ETag": f'"{len(server.ranges)}"' if etag == '"one"' else etag} if etag else {}
        if wanted:
            headers["Content_Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        handler.begin(206 if wanted else 200, Content_Length=str(len(content) - start), **headers)
        handler.wfile.write(content[start:] if len(server.ranges) > 1 else content[:50_000])

    server.answer = answer
    with pytest.raises(NoNetwork, match="ended after 50000"):
        download(server.url, str(tmp_path / "x"), digest)
    if digest:
        with pytest.raises(InputError, match="is damaged or another file, and was removed"):
            download(server.url, str(tmp_path / "x"), digest)
        assert not list(tmp_path.iterdir())
    else:
        download(server.url, str(tmp_path / "x"), digest)
        assert (tmp_path / "x").read_bytes() == versions[1]


@pytest.mark.parametrize("where", ["headers", "body"])
def test_a_server_that_drips_is_given_up(server, tmp_path, monkeypatch, where):
    monkeypatch.setattr(module, "LEAST_SECONDS", 0.5)

    def answer(handler):
        if where == "body":
            handler.begin(Content_Length=str(len(CONTENT)))
        else:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while not server.over.wait(0.02):
            handler.wfile.write(b"x")
            handler.wfile.flush()

    server.answer = answer
    with pytest.raises(NoNetwork, match=r"\d+ bytes came in 0\.5 s"):
        download(server.url, str(tmp_path / "x"))
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("to", ["file:///etc/hostname", "ftp://127.0.0.1/x", "gopher://h/x", "data:,x"])
def test_no_redirect_leads_away_from_the_web(server, tmp_path, to):
    server.answer = lambda handler: handler.begin(302, Location=to, Content_Length="0")
    with pytest.raises(NoNetwork):
        download(server.url, str(tmp_path / "x"))
    assert not (tmp_path / "x").exists()


def test_a_redirect_in_a_circle_ends(server, tmp_path):
    server.answer = lambda handler: handler.begin(302, Location="/again", Content_Length="0")
    with pytest.raises(NoNetwork, match="redirect"):
        download(server.url, str(tmp_path / "x"))
    assert len(server.ranges) < 30


@pytest.mark.parametrize("name", ["x.part", "x.etag"])
def test_links_are_not_written_through(server, tmp_path, name):
    (tmp_path / "thesis.tex").write_bytes(b"work")
    (tmp_path / name).symlink_to(tmp_path / "thesis.tex")

    def answer(handler):
        handler.begin(Content_Length=str(len(CONTENT)), ETag='"one"')
        handler.wfile.write(CONTENT)

    server.answer = answer
    download(server.url, str(tmp_path / "x"), DIGEST)
    assert (tmp_path / "thesis.tex").read_bytes() == b"work" and (tmp_path / "x").read_bytes() == CONTENT


@pytest.mark.parametrize("mark", [b"\xff\xfe", b'"a"\r\nX-Evil: 1', b"x" * 10_000, b""])
def test_a_mark_that_is_none_is_not_sent(server, tmp_path, mark):
    (tmp_path / "x.etag").write_bytes(mark)
    (tmp_path / "x.part").write_bytes(b"old")

    def answer(handler):
        assert handler.headers.get("X-Evil") is None and handler.headers.get("If-Range") is None
        handler.begin(Content_Length=str(len(CONTENT)))
        handler.wfile.write(CONTENT)

    server.answer = answer
    download(server.url, str(tmp_path / "x"))
    assert (tmp_path / "x").read_bytes() == CONTENT and server.ranges == [None]


def test_an_archive_that_unpacks_to_too_much_is_refused(server, tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as pack:
        pack.writestr("m.onnx", bytes(10 << 20))
    data = (tmp_path / "bomb.zip").read_bytes()
    monkeypatch.setattr(fetch, "LARGEST", 1 << 20)

    def answer(handler):
        handler.begin(Content_Length=str(len(data)))
        handler.wfile.write(data)

    server.answer = answer
    file = ModelFile("m.onnx", "", server.url.replace("model.bin", "pack.zip"), "m.onnx")
    model = KnownModel("m", "w", "m.onnx", "l", "a", "p", "t", (file,))
    with pytest.raises(InputError, match=r"m\.onnx in it has more than 1048576 bytes"):
        fetch.fetch(model, str(tmp_path / "model"))
    assert not (tmp_path / "model/m.onnx").exists()
