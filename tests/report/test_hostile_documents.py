"""Manifests, progress, training records, cards, the zoo, locks and lists from strangers: read, or one line of our own.

The twin of tests/networks/checkpoint/test_hostile.py, for other documents. Hypothesis puts hostile values anywhere
in a good document, or changes its bytes; each is then read by everything in the project that reads such a file.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from appearance_tables import ALL, Seen, write_table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rcnn.clips.dataset import read_ground_truth, read_labels, read_names, read_train_labels
from rcnn.clips.names import read_people
from rcnn.errors import InputError, Stopped
from rcnn.exports.appearances import write_file
from rcnn.faces.card import read_card
from rcnn.files import object_lock
from rcnn.files.schema import from_json
from rcnn.networks.zoo import registry
from rcnn.report import gather_report, trace
from rcnn.report.coverage import read_coverage
from rcnn.report.gather import stage_line
from rcnn.report.sureness import read_sureness
from rcnn.search.query import models_behind
from rcnn.stages.clip_tracks import intervals
from rcnn.stages.int8 import _is_whole
from rcnn.stages.merge import check_alike, find_parts, summed
from rcnn.stages.predict import PredictSettings, _record_of_training
from rcnn.stages.preview import PreviewSettings, preview
from rcnn.stages.recipes import check_recipe
from rcnn.stages.search import describe
from rcnn.tables import StageReader, StageWriter, features_schema
from rcnn.tables.whole import faults

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20),
    st.sampled_from([10**400, -(10**400), 1 << 62, -1, 1e308, "\ud800", "\x00", "\x1b[31m", "s3://b/x", "s3://", "http://h/x"]),
    st.sampled_from(["../../etc/passwd", "/dev/zero", "/proc/self/mem", "a" * 5000, "x,9", ",", "7,7,7"]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
    max_leaves=6,
)


PIECES = ("[" * 3000, '{"a":' * 3000, "NaN", "9" * 5000, "\\ud800", "\ufeff", '"')  # put somewhere into a text


def places(document: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value in a document."""
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    return [here, *(place for key, value in items for place in places(value, (*here, key)))]


@st.composite
def hostile(draw: st.DrawFn, document: Any) -> str:
    """The text of a document in which some values are others, or gone, or some bytes are."""
    document = json.loads(json.dumps(document))
    for _ in range(draw(st.integers(1, 3))):
        way = draw(st.sampled_from(places(document)))
        if not way:
            document = draw(VALUES)
            break
        part = document
        try:
            for key in way[:-1]:
                part = part[key]
            if draw(st.booleans()):
                part[way[-1]] = draw(VALUES)
            else:
                del part[way[-1]]
        except (KeyError, IndexError, TypeError):  # an earlier change took the place away
            continue
    text = json.dumps(document)
    if draw(st.integers(0, 4)) == 0:
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(PIECES)) + text[at:]
    return text


def may_refuse(action: Callable[[], object]) -> None:
    """An error of ours, in one line that can be printed, or none."""
    try:
        action()
    except InputError as error:
        assert len(" ".join(str(error).split())) < 2000


def put(path: Path, text: str) -> None:
    path.write_bytes(text.encode(errors="surrogatepass"))


@pytest.fixture(scope="session")
def copies(run, tmp_path_factory) -> Path:
    """The run once more, whose directories name each other and all that a manifest may name."""
    root = tmp_path_factory.mktemp("copies") / "run"
    shutil.copytree(run.root, root)
    for manifest in root.glob("*/manifest.json"):
        manifest.write_text(manifest.read_text().replace(str(run.root), str(root)))
        document = json.loads(manifest.read_text())
        document["arguments"] |= {"split": [0, 1], "recipe": "seed", "inputs": [str(root / "feat")], "aug": 0}
        if document["stage"] == "detect":
            document["arguments"] |= {
                "stage": "test", "image_size": [112, 112], "detector": "model/essh-m25,0", "model": "model/face-m,0",
                "sampling": 3, "rate": None, "quality": "norm",
            }  # fmt: skip
        if document["stage"] == "feature":
            document["arguments"]["model"] = "model/face-m,0"
        manifest.write_text(json.dumps(document))
    return root


def read_all(root: Path) -> None:
    """Everything that commands ask of the directories of a run."""
    pred = StageReader(str(root / "pred"), ("predict",))
    feat = StageReader(str(root / "feat"), ("feature",))
    det = StageReader(str(root / "det"), ("detect",))
    for reader in (pred, feat, det):
        faults(reader.path)
        stage_line(reader)
        check_recipe("seed", [reader])
        check_alike([reader, reader])
        summed([reader.manifest["counts"]] * 2)
        assert sum(batch.num_rows for batch in reader.batches()) == reader.rows
        assert sum(batch.num_rows for batch in reader.clips()) == reader.accounts.clips
    read_coverage(det)
    lineage = trace([pred])
    gather_report("t", {1: [("1_0.mp4", 0.5)]}, None, {}, lineage, 9)
    find_parts([pred])
    behind = lineage.detections[0].arguments if lineage.detections else {}
    may_refuse(lambda: models_behind([feat], None, None, behind))
    seen = SimpleNamespace(path="a.jpg", faces=[0])
    describe(SimpleNamespace(photographs=[seen], chosen=[0], qualities=[5.0]), behind.get("quality_threshold"))


@pytest.mark.parametrize("stage", ["pred", "feat", "det"])
@EXAMPLES
@given(data=st.data())
def test_manifests(copies, stage, data):
    manifest = copies / stage / "manifest.json"
    good = manifest.read_text()
    try:
        put(manifest, data.draw(hostile(json.loads(good))))
        may_refuse(lambda: read_all(copies))
        if stage == "det":  # its arguments say what is done, so nothing may come of it but a line
            may_refuse(lambda: preview(PreviewSettings(str(copies / "det"), str(copies / "sheets"), gpu=-1)))
    finally:
        manifest.write_text(good)


def test_the_good_documents_are_read(copies):
    """Else the mutations would show nothing but that everything is refused."""
    read_all(copies)
    assert len(trace([StageReader(str(copies / "pred"), ("predict",))]).curve) == 7


@EXAMPLES
@given(data=st.data())
def test_manifests_of_appearances(tmp_path, data):
    folder = tmp_path / "seen"
    if not folder.exists():
        write_table(folder, [Seen("1_0.mp4", 1, 2)])
        document = json.loads((folder / "manifest.json").read_text())
        bins = [{"predicted": 0.5, "observed": 0.4, "count": 9}]
        document["counts"]["operating_point"] = {"words": "1 in 1,000", "bins": bins, "yes": {"median": 0.4}}
        document["arguments"] |= {"rate": 8.0, "sampling": None, "known": ["a"], "false_hits": 1.0}
        (tmp_path / "good.json").write_text(json.dumps(document))
    put(folder / "manifest.json", data.draw(hostile(json.loads((tmp_path / "good.json").read_text()))))

    def read() -> None:
        reader = StageReader(str(folder), ("appearances",))
        intervals(reader.arguments.get("sampling"), reader.arguments.get("rate"), 25.0)
        with contextlib.suppress(ValueError):  # the page says it in a line of its own
            read_sureness(reader.manifest)
        assert write_file(str(folder), str(tmp_path / "who.json"), ALL).count == 1

    may_refuse(read)


@EXAMPLES
@given(data=st.data())
def test_records_of_training(copies, data):
    record = copies / "mlp-train.json"
    good = record.read_text()
    document = {**json.loads(good), "labels": [0, 1, 2, 3, 4, 5]}
    try:
        put(record, data.draw(hostile(document)))
        trace([StageReader(str(copies / "pred"), ("predict",))])
        settings = PredictSettings(f"{copies / 'mlp'},7", (str(copies / "feat"),), str(copies / "new"), gpu=-1)
        may_refuse(lambda: _record_of_training(settings, 6))
    finally:
        record.write_text(good)


@EXAMPLES
@given(data=st.data())
def test_progress(tmp_path, data):
    output = tmp_path / "out"
    with (
        contextlib.suppress(Stopped),
        StageWriter(str(output), "feature", features_schema(4), overwrite=True) as writer,
    ):
        writer.save(clips=0, histogram={3: 1})
        raise Stopped(15)
    progress = output / "progress.json"
    put(progress, data.draw(hostile(json.loads(progress.read_text()))))
    may_refuse(lambda: finished(str(output)))


def finished(output: str) -> None:
    with StageWriter(output, "feature", features_schema(4)):
        pass


CARD = {
    "colour": "rgb", "mean": [1.0, 2, 3.5], "std": 128.0, "threshold": 0.5, "nms": 0.4, "strides": [8, 16],
    "min_sizes": [[16, 32], [64]], "output": "fc1",
    "thresholds": {"1e-2": 0.2, "1e-3": 0.3},
}  # fmt: skip


def toml_of(value: Any) -> str:
    """A value as TOML writes it; what TOML has no word for as text that is none."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml_of(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml_of, value)) + "]"
    return json.dumps(value).replace("Infinity", "inf").replace("NaN", "nan")


def toml_text(text: str) -> str:
    """A JSON document as TOML, where it still is one."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(document, dict):
        return toml_of(document)
    return "".join(f"{json.dumps(key)} = {toml_of(value)}\n" for key, value in document.items())


@EXAMPLES
@given(data=st.data())
def test_cards(tmp_path, data):
    (tmp_path / "x.onnx").write_bytes(b"x")
    put(tmp_path / "x.toml", toml_text(data.draw(hostile(CARD))))
    may_refuse(lambda: read_card(str(tmp_path / "x.onnx")))


@EXAMPLES
@given(data=st.data())
def test_the_zoo(tmp_path, data):
    file = {"name": "m.onnx", "sha256": "0" * 64, "url": "http://h/x", "member": "y", "size": 3}
    model = dict.fromkeys(("name", "what", "give", "licence", "accuracy", "page"), "x")
    registry._read.cache_clear()
    put(
        tmp_path / "zoo.toml",
        toml_text(data.draw(hostile({"model": [{**model, "files": [file], "parameters": CARD}]}))),
    )
    may_refuse(lambda: registry.known_models(tmp_path / "zoo.toml"))


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x", "..", "a/..", "x\0"])
def test_a_file_of_the_zoo_does_not_lead_out_of_its_folder(tmp_path, name):
    registry._read.cache_clear()
    (tmp_path / "zoo.toml").write_text(
        '[[model]]\nname="x"\nwhat="x"\ngive="x"\nlicence="x"\naccuracy="x"\npage="x"\n'
        f"files = [{{name = {json.dumps(name)}}}]"
    )
    with pytest.raises(InputError, match="is damaged"):
        registry.known_models(tmp_path / "zoo.toml")


@EXAMPLES
@given(data=st.data())
def test_locks_and_records_of_quantised_networks(tmp_path, data):
    holder = {"process": 7, "host": "h", "machine": "m", "started": "9"}
    with contextlib.suppress(ValueError):
        found = from_json(data.draw(hostile(holder)).encode(errors="surrogatepass"), object_lock._Holder)
        object_lock._is_dead(found)
    for extension in (".xml", ".bin"):
        (tmp_path / f"n{extension}").write_bytes(b"x")
    put(tmp_path / "n.json", data.draw(hostile({"source": {"a": "0"}, "images": 3, "parts": {".xml": "0"}})))
    assert _is_whole(str(tmp_path / "n"), {"a": "1"}) is False


@EXAMPLES
@given(data=st.data())
def test_lists(tmp_path, data):
    lines = [
        "a.mp4 7",
        "7 a.mp4 b.mp4",
        "7 Ada Lovelace",
        "a.mp4",
        "\ufeffa.mp4",
        "9" * 5000,
        "\x00 \x1b[2J",
        "٣ x",
        "",
    ]
    text = "\n".join(data.draw(st.lists(st.one_of(st.sampled_from(lines), st.text(max_size=30)), max_size=6)))
    raw = text.encode(errors="surrogatepass") + data.draw(st.binary(max_size=3))
    (tmp_path / "list.txt").write_bytes(raw)
    for reader in (read_names, read_train_labels, read_ground_truth, read_labels, read_people):
        may_refuse(lambda reader=reader: reader(str(tmp_path / "list.txt")))


def test_a_pipe_in_place_of_a_manifest_is_not_waited_for(copies):
    manifest = copies / "feat/manifest.json"
    good = manifest.read_text()
    manifest.unlink()
    os.mkfifo(manifest)
    try:
        with pytest.raises(InputError, match="is not a file"):
            StageReader(str(copies / "feat"), ("feature",))
    finally:
        manifest.unlink()
        manifest.write_text(good)
