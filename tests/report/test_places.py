"""What a manifest names is opened on this disk and where the command itself points to, nowhere else."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import cv2
import numpy as np
import pyarrow as pa
import pytest

from rcnn import files
from rcnn.errors import InputError
from rcnn.files import remote
from rcnn.report import trace
from rcnn.stages.merge import MergeSettings, merge
from rcnn.stages.preview import PreviewSettings, preview
from rcnn.stages.search import SearchSettings, search
from rcnn.stages.submit import SubmitSettings, submit
from rcnn.tables import FACES_SCHEMA, StageReader, StageWriter, features_schema, vector_array


@pytest.mark.parametrize(
    ("path", "given", "may"),
    [
        ("a/b", (), True),
        ("/a/b", ("s3://b/x",), True),
        ("file:///a/b", (), True),
        ("s3://b/x", (), False),
        ("s3://b/x", ("out/put",), False),
        ("s3://b/x", ("s3://b/other/place",), True),
        ("s3://B/x", ("s3://b/x",), False),
        ("s3://b/x", ("s3://c/x",), False),
        ("gs://b/x", ("s3://b/x",), False),
        ("gcs://b/x", ("gs://b/x",), True),
        ("s3://b/x?endpoint_override=h:1", ("s3://b/x",), False),
        ("s3://b/x", ("s3://b/x?endpoint_override=h:1",), False),
        ("s3://b/x?endpoint_override=h:1", ("s3://b/y?endpoint_override=h:1",), True),
        ("s3://b/x?endpoint_override=h:1", ("s3://b/y?endpoint_override=h:2",), False),
        ("s3://b/x?scheme=http", ("s3://b/y?scheme=https",), False),
        ("s3://b/x?anonymous=0", ("s3://b/y?anonymous=1",), False),
        ("http://h/x", ("s3://b/x",), False),
        ("s3://key:secret@b/x", ("s3://b/x",), False),
        ("s3:///x", ("s3://b/x",), False),
    ],
)
def test_the_rule(path, given, may):
    assert files.may_follow(path, given) is may


@pytest.fixture
def stranger(monkeypatch) -> Iterator[tuple[str, list[str]]]:
    """The options of a URL that lead to a server of a stranger's, and what that is asked."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            asked.append(f"{self.command} {self.path} {self.headers.get('Authorization', '')}")
            self.send_error(404)

        do_GET = do_HEAD = do_PUT = do_POST = answer

        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    for name, value in {"ACCESS_KEY_ID": "me", "SECRET_ACCESS_KEY": "secret", "SESSION_TOKEN": "token"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    endpoint = quote(f"http://127.0.0.1:{server.server_address[1]}", safe="")
    yield f"?endpoint_override={endpoint}", asked
    server.shutdown()
    thread.join()
    server.server_close()
    remote.file_system.cache_clear()


def name_everywhere(folder: Path, url: str) -> None:
    """Let a manifest name a URL as whatever it can name."""
    document = json.loads((folder / "manifest.json").read_text())
    document["sources"] = [{"path": url, "manifest": "0" * 64}]
    document["arguments"] |= {
        "model": f"{url},7", "dataset": url, "detector": f"{url},7", "input": url, "inputs": [url], "output": url,
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(document))


def test_the_server_would_be_asked(stranger):
    """The check itself: without the rule the request goes out, with a signature."""
    options, asked = stranger
    with pytest.raises((InputError, OSError)):
        files.read_bytes(f"s3://b/x{options}")
    assert any("AWS4-HMAC-SHA256" in line for line in asked)


@pytest.mark.parametrize("stage", ["pred", "feat", "det", "mlp"])
def test_submit_asks_no_host_that_a_manifest_names(stranger, run, tmp_path, capsys, stage):
    options, asked = stranger
    url = f"s3://b/x{options}"
    shutil.copytree(run.root, tmp_path / "run")
    for name in ("feat", "pred"):  # they name each other by where the run was made
        manifest = tmp_path / "run" / name / "manifest.json"
        manifest.write_text(manifest.read_text().replace(str(run.root), str(tmp_path / "run")))
    if stage == "mlp":
        (tmp_path / "run/mlp-train.json").write_text(json.dumps({"arguments": {"data": url}, "curve": []}))
    else:
        name_everywhere(tmp_path / "run" / stage, url)
    page = tmp_path / "page.html"
    submit(SubmitSettings((str(tmp_path / "run/pred"),), str(tmp_path / "s.txt"), report=str(page)))
    assert asked == []
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("not opened, because a manifest")]
    assert len(lines) == 1 and url in lines[0]
    assert page.is_file()


def test_what_lies_beside_is_still_found_when_a_run_came_from_a_store(stranger, run, tmp_path):
    options, asked = stranger
    shutil.copytree(run.root, tmp_path / "run")
    for name in ("feat", "pred", "det"):
        manifest = tmp_path / "run" / name / "manifest.json"
        manifest.write_text(manifest.read_text().replace(f'"{run.root}/{name}"', f'"s3://b/run/{name}{options}"'))
    lineage = trace([StageReader(str(tmp_path / "run/pred"), ("predict",))])
    assert asked == [] and [reader.stage for reader in lineage.detections] == ["detect"]


def write_detections(path: Path, url: str) -> None:
    """Faces of four clips."""
    names = ["a.mp4", "b.mp4", "c.mp4", "d.mp4"]
    arguments = {
        "dataset": url, "stage": "test", "split": [0, 1], "image_size": [112, 112], "detector": f"{url},0",
        "model": f"{url},0", "sampling": 3, "quality_threshold": 10.0,
    }  # fmt: skip
    crop = cv2.imencode(".jpg", np.zeros((112, 112, 3), np.uint8))[1].tobytes()
    with StageWriter(str(path), "detect", FACES_SCHEMA, arguments=arguments) as writer:
        for name in names:
            who = {"name": name, "split": "test"}
            face = {
                "frame": 3,
                "time": 0.1,
                "score": 0.9,
                "quality": 11.0,
                "box": [1.0] * 4,
                "landmarks": [1.0] * 10,
                "crop": crop,
            }
            writer.add_rows(pa.RecordBatch.from_pylist([{**who, **face}], FACES_SCHEMA))
            writer.add_clips([{**who, "state": "ok", "reason": "", "frames": 3, "faces": 1}])
        writer.close(faces_seen=4, quality_step=0.5, quality_histogram={"22": 4})


def test_merge_asks_no_host_that_a_manifest_names(stranger, tmp_path, capsys):
    options, asked = stranger
    url = f"s3://b/x{options}"
    write_detections(tmp_path / "det", url)
    merge(MergeSettings((str(tmp_path / "det"),), str(tmp_path / "merged")))
    with StageWriter(str(tmp_path / "feat"), "feature", features_schema(4)) as writer:
        who = {"name": "a.mp4", "split": "test"}
        columns = [pa.array(["a.mp4"]), pa.array(["test"]), vector_array(np.ones((1, 4)))]
        writer.add_rows(pa.RecordBatch.from_arrays(columns, schema=writer.schema))
        writer.add_clips([{**who, "state": "ok", "reason": "", "frames": 3, "faces": 1}])
    name_everywhere(tmp_path / "feat", url)
    merge(MergeSettings((str(tmp_path / "feat"),), str(tmp_path / "merged-feat")))
    assert asked == []
    text = capsys.readouterr().out
    assert f"{url} is named by the parts and not by this command" in text
    assert f"not opened, because a manifest names it and this command does not: {url}" in text


def test_preview_asks_no_host_that_a_manifest_names(stranger, tmp_path):
    options, asked = stranger
    write_detections(tmp_path / "det", f"s3://b/x{options}")
    with pytest.raises(InputError, match=r"names the data set s3://b/x.*give --dataset DIR"):
        preview(PreviewSettings(str(tmp_path / "det"), str(tmp_path / "sheets"), gpu=-1))
    assert asked == []


def test_search_asks_no_host_that_a_manifest_names(stranger, run, tmp_path):
    options, asked = stranger
    shutil.copytree(run.root / "feat", tmp_path / "feat")
    name_everywhere(tmp_path / "feat", f"s3://b/x{options}")
    with pytest.raises(InputError, match=r"names the model s3://b/x.*give --model"):
        search(SearchSettings((os.devnull,), (str(tmp_path / "feat"),), gpu=-1))
    assert asked == []
