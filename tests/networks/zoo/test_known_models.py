"""The registry of models: what it knows, and fetching from a server on this machine."""

from __future__ import annotations

import hashlib
import http.server
import re
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx_kinds
import pytest

from rcnn.commands import zoo
from rcnn.errors import InputError, run_script
from rcnn.faces.card import Card, parse_card, read_card
from rcnn.faces.load import load_embedder
from rcnn.files import sha256
from rcnn.networks.zoo import fetch, registry
from rcnn.networks.zoo.download import NoNetwork, download
from rcnn.networks.zoo.registry import KnownModel, ModelFile, by_file_name, by_sha256, known_models

ROOT = Path(__file__).resolve().parents[3]
CONTENT = np.random.default_rng(0).bytes(1_000_003)
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Serves files by path; knows ranges, and can hang up early.

    cut : bytes of an answer after which it hangs up, None for never
    ranges : whether it knows them
    requests : path and Range of all
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {"/model.bin": CONTENT}
        self.etags: dict[str, str] = {}
        self.cut: int | None = None
        self.ranges = True
        self.requests: list[tuple[str, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.requests.append((self.path, wanted))
        content = self.server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        etag = self.server.etags.get(self.path)
        start = 0
        if wanted and self.server.ranges and self.headers.get("If-Range", etag) == etag:
            start = int(re.fullmatch(r"bytes=(\d+)-", wanted).group(1))
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        if etag:
            self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = len(content) if self.server.cut is None else start + self.server.cut
        self.wfile.write(content[start:end])
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_a_download_goes_on_where_it_ended(server, tmp_path):
    server.cut = 400_000
    target = tmp_path / "new" / "model.bin"
    for tries, size in ((1, 400_000), (2, 800_000)):
        with pytest.raises(NoNetwork, match=f"ended after {size} of {len(CONTENT)} bytes"):
            download(f"{server.url}/model.bin", str(target), DIGEST)
        assert not target.exists()
        assert target.with_name("model.bin.part").stat().st_size == size
        assert len(server.requests) == tries
    download(f"{server.url}/model.bin", str(target), DIGEST)
    assert target.read_bytes() == CONTENT
    assert [wanted for _, wanted in server.requests] == [None, "bytes=400000-", "bytes=800000-"]
    assert [path.name for path in target.parent.iterdir()] == ["model.bin"]


def test_parts_of_two_versions_are_not_joined(server, tmp_path):
    server.etags["/model.bin"] = '"one"'
    server.cut = 300_000
    with pytest.raises(NoNetwork):
        download(f"{server.url}/model.bin", str(tmp_path / "x"))
    server.files["/model.bin"], server.etags["/model.bin"], server.cut = CONTENT[::-1], '"two"', None
    download(f"{server.url}/model.bin", str(tmp_path / "x"))
    assert (tmp_path / "x").read_bytes() == CONTENT[::-1]
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_server_without_ranges_sends_all_of_it_again(server, tmp_path):
    server.cut, server.ranges = 300_000, False
    with pytest.raises(NoNetwork):
        download(f"{server.url}/model.bin", str(tmp_path / "x"))
    server.cut = None
    download(f"{server.url}/model.bin", str(tmp_path / "x"), DIGEST)
    assert (tmp_path / "x").read_bytes() == CONTENT


def test_what_is_there_as_a_whole_or_too_long(server, tmp_path):
    (tmp_path / "x.part").write_bytes(CONTENT)
    download(f"{server.url}/model.bin", str(tmp_path / "x"), DIGEST)
    assert (tmp_path / "x").read_bytes() == CONTENT
    (tmp_path / "y.part").write_bytes(CONTENT + b"more")
    download(f"{server.url}/model.bin", str(tmp_path / "y"), DIGEST)
    assert (tmp_path / "y").read_bytes() == CONTENT


def test_another_checksum_is_an_error_and_nothing_stays(server, tmp_path):
    with pytest.raises(InputError, match=f"has sha256 {DIGEST}, not {'0' * 64}"):
        download(f"{server.url}/model.bin", str(tmp_path / "x"), "0" * 64)
    assert not list(tmp_path.iterdir())


def test_no_file_and_no_server(server, tmp_path):
    with pytest.raises(NoNetwork, match="Not Found"):
        download(f"{server.url}/none.bin", str(tmp_path / "x"))
    with Server() as gone:
        address = gone.url
    with pytest.raises(NoNetwork, match="refused"):
        download(f"{address}/model.bin", str(tmp_path / "x"))
    with pytest.raises(InputError, match="not a web address"):
        download("file:///etc/hostname", str(tmp_path / "x"))


def entry(*files: ModelFile, **changes) -> KnownModel:
    fields = {"name": "test", "what": "a test", "give": "model.onnx", "licence": "none", "accuracy": "none",
              "page": "https://example.org", "training": "nothing", "files": files, "parameters": {}}  # fmt: skip
    return KnownModel(**{**fields, **changes})


def test_fetching_a_model_with_an_archive_and_a_checksum(server, tmp_path, capsys):
    with zipfile.ZipFile(tmp_path / "pack.zip", "w") as pack:
        pack.writestr("pack/other.onnx", b"other")
        pack.writestr("pack/model.onnx", CONTENT)
    server.files["/pack.zip"] = (tmp_path / "pack.zip").read_bytes()
    folder = tmp_path / "model"
    model = entry(
        ModelFile("model.onnx", "", f"{server.url}/pack.zip", "model.onnx"),
        ModelFile("other.onnx", "", f"{server.url}/pack.zip", "other.onnx"),
        ModelFile("deep/model.bin", DIGEST, f"{server.url}/model.bin"),
    )
    fetch.fetch(model, str(folder))
    assert (folder / "model.onnx").read_bytes() == (folder / "deep/model.bin").read_bytes() == CONTENT
    assert (folder / "other.onnx").read_bytes() == b"other"
    assert not (folder / "pack.zip").exists()
    said = capsys.readouterr().out
    assert "its sha256 is not known" in said
    assert "model.bin: sha256 is right" in said
    assert f"give {folder}/model.onnx" in said
    asked = len(server.requests)
    assert asked == 2  # the archive once
    fetch.fetch(model, str(folder))
    assert len(server.requests) == asked  # all is there
    (folder / "deep/model.bin").write_bytes(b"damaged")
    with pytest.raises(InputError, match="remove it and fetch it again"):
        fetch.fetch(model, str(folder))


def test_a_web_page_is_no_model(server, tmp_path):
    server.files["/page"] = b"\n<!DOCTYPE html>"
    with pytest.raises(InputError, match="is a web page or a pointer, not a model"):
        fetch.fetch(entry(ModelFile("x.onnx", "", f"{server.url}/page")), str(tmp_path))
    server.files["/no.zip"] = b"nothing"
    with pytest.raises(InputError, match=r"is not a .zip, so it was removed"):
        fetch.fetch(entry(ModelFile("y.onnx", "", f"{server.url}/no.zip", "y.onnx")), str(tmp_path))
    assert not (tmp_path / "no.zip").exists()


def test_without_a_network_it_says_what_to_get_and_where_to_put_it(tmp_path):
    with Server() as gone:
        address = gone.url
    model = entry(ModelFile("a.onnx", "", f"{address}/p.zip", "a.onnx"), ModelFile("b.onnx", "", f"{address}/b.onnx"),
                  ModelFile("c.params"), give="a.onnx")  # fmt: skip
    with pytest.raises(InputError) as caught:
        fetch.fetch(model, str(tmp_path))
    for words in (
        f"a.onnx from {address}/p.zip as {tmp_path}/a.onnx",
        f"{address}/b.onnx as {tmp_path}/b.onnx",
        f"it from https://example.org as {tmp_path}/c.params",
        f"then give {tmp_path}/a.onnx",
    ):
        assert words in str(caught.value)


# ---- what the registry says -----------------------------------------------------------------------------------------


def test_every_entry_can_be_used():
    models = known_models()
    assert {"essh-m25", "face-m", "yunet", "sface", "w600k-r50", "glintr100", "mtcnn"} <= set(models)
    for model in models.values():
        parse_card(model.parameters, model.name)
        assert model.licence and model.training and model.accuracy and model.files
        assert not (model.commercial and model.licence in ("not stated", "non-commercial research"))
        for file in model.files:
            assert re.fullmatch(r"[0-9a-f]{64}|", file.sha256)
            assert not file.url or file.url.startswith("https://")


@pytest.mark.parametrize("name", ["essh-m25", "face-m"])
def test_checksums_of_what_ships(name, capsys):
    fetch.fetch(known_models()[name], str(ROOT / "model"))
    assert capsys.readouterr().out.count("sha256 is right") == 2


def test_checksums_of_the_reference_data(shared, capsys):
    for name in ("retinaface-mnet25", "mobilefacenet-y1"):
        fetch.fetch(known_models()[name], str(shared / "checkpoints"))
        assert capsys.readouterr().out.count("sha256 is right") == 2


@pytest.fixture
def own_registry(tmp_path, monkeypatch) -> Path:
    (tmp_path / "known.onnx").write_bytes(b"known")
    path = tmp_path / "zoo.toml"
    head = 'what = ""\ngive = ""\nlicence = ""\naccuracy = ""\npage = ""\ntraining = ""\n'
    digest = sha256(tmp_path / "known.onnx")
    path.write_text(
        f'[[model]]\nname = "a"\n{head}files = [{{ name = "known.onnx", sha256 = "{digest}" }}]\n'
        f'parameters = {{ colour = "bgr", mean = 1, std = 2 }}\n'
        f'[[model]]\nname = "b"\n{head}files = [{{ name = "named.onnx" }}]\n'
        f'parameters = {{ colour = "rgb", nms = 0.2 }}\n'
    )
    monkeypatch.setattr(registry, "ZOO", path)
    return tmp_path


def test_a_known_sha256_needs_no_card_whatever_the_name(own_registry):
    (own_registry / "other.onnx").write_bytes(b"known")
    assert by_sha256(sha256(own_registry / "other.onnx")).name == "a"
    wanted = Card("bgr", (1.0,) * 3, (2.0,) * 3)
    assert read_card(str(own_registry / "other.onnx")) == wanted
    (own_registry / "other.toml").write_text("std = 3")
    assert read_card(str(own_registry / "other.onnx")) == Card(
        "bgr", (1.0,) * 3, (3.0,) * 3
    )  # its own card comes first


def test_a_name_counts_only_where_no_sha256_is_known(own_registry, caplog):
    caplog.set_level("INFO", "rcnn")
    (own_registry / "named.onnx").write_bytes(b"anything")
    assert read_card(str(own_registry / "named.onnx")) == Card("rgb", nms=0.2)
    assert "taken for b by its name" in caplog.text
    (own_registry / "known.onnx").write_bytes(b"not what it was")
    assert by_file_name("known.onnx") is None
    assert read_card(str(own_registry / "known.onnx")) == Card()


@pytest.mark.parametrize("name", ["w600k_r50.onnx", "glintr100.onnx", "w600k_mbf.onnx"])
def test_the_path_of_insightfaces_embeddings_is_enough(name, tmp_path, caplog):
    caplog.set_level("INFO", "rcnn")
    path = onnx_kinds.embedding(tmp_path / name, 512)
    crop = np.full((1, 112, 112, 3), (10, 20, 30), np.uint8)
    found = load_embedder(path).embed(crop)
    np.testing.assert_allclose(found[0, :3], (np.array([30, 20, 10]) - 127.5) / 127.5, rtol=1e-5)
    said = caplog.text
    assert "by its name" in said
    assert f"model {path}: embedding, 512 wide, RGB, (rgb - 127.5) / 127.5" in said


def test_a_damaged_registry_is_said(tmp_path):
    (tmp_path / "zoo.toml").write_text("[[model]]\nname = 'x'")
    with pytest.raises(InputError, match="is damaged"):
        known_models(tmp_path / "zoo.toml")
    assert known_models(tmp_path / "none.toml") == {}


def run_main(monkeypatch, capsys, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["zoo.py", *arguments])
    code = 0
    try:
        run_script(zoo.main)
    except SystemExit as end:
        code = end.code
    said = capsys.readouterr()
    return code, said.out, said.err


def test_the_command(monkeypatch, capsys, tmp_path):
    code, out, _ = run_main(monkeypatch, capsys)
    assert code == 0
    assert all(f"{name}: " in out for name in known_models())
    assert "sha256: not known" in out
    code, _, error = run_main(monkeypatch, capsys, "nothing")
    assert code == 2
    assert "there is no model nothing" in error and "yunet" in error
    code, _, error = run_main(monkeypatch, capsys, "mtcnn", "--to", str(tmp_path))
    assert code == 2
    assert f"as {tmp_path}/mtcnn/det1-symbol.json" in error
    assert len(error.splitlines()) == 1
