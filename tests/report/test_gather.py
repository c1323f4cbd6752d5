"""What a report says: found where the manifests say, counted right, and within its size."""

from __future__ import annotations

import json
import os
import re
import shutil

import cv2
import numpy as np
import pyarrow as pa
import pytest

from rcnn.errors import InputError
from rcnn.report import Lineage, Report, album, gather_report, render, trace, write_page
from rcnn.report.coverage import read_coverage
from rcnn.report.data import Qualities
from rcnn.report.gather import choose_labels
from rcnn.report.overview import overview_plots, quality_bars
from rcnn.report.pictures import KNOWN_FACES, SIDE, best_crops, thumbnail
from rcnn.scores.metrics import precision_by_rank
from rcnn.tables import FACES_SCHEMA, StageReader, StageWriter


def gather(run, scored, truth=None, most=200):
    return gather_report(
        "t", scored, truth, {2: "Bob"}, trace([StageReader(str(run.root / "pred"), ("predict",))]), most
    )


def test_directories_are_found_by_what_manifests_say(run):
    lineage = trace([StageReader(str(run.root / "pred"), ("predict",))])
    assert [reader.path for reader in lineage.detections] == [str(run.root / "det")]
    assert [reader.path for reader in lineage.training] == [str(run.root / "det_train")]
    assert [reader.stage for reader in lineage.stages] == [
        "detect",
        "feature",
        "predict",
        "detect",
        "feature",
        "genfeat",
    ]
    assert [point.epoch for point in lineage.curve] == [1, 2, 3, 4, 5, 6, 7]
    assert lineage.datasets == [str(run.root / "data")]
    assert lineage.notes == []


def test_cards_show_the_files_that_clips_were_made_of(run, tmp_path):
    shown = run.submit(report=str(tmp_path / "plain.html"), output=str(tmp_path / "s.txt")).read_text()
    assert ">1_<wbr>0<wbr>.mp4</p>" in shown
    (tmp_path / "sources.txt").write_text(
        "1_0.mp4\t/films/<b>/Käthe am See.mov\nyy_without_a_face.mp4\t/films/dark.mov\n"
    )
    page = run.submit(
        report=str(tmp_path / "page.html"), output=str(tmp_path / "s.txt"), sources=str(tmp_path / "sources.txt")
    ).read_text()
    assert 'title="/films/&lt;b&gt;/Käthe am See.mov">Käthe am See<wbr>.mov</p>' in page
    assert 'title="/films/dark.mov">dark<wbr>.mov</p>' in page  # of a clip that was missed
    assert ">1_<wbr>0<wbr>.mp4</p>" not in page and ">1_<wbr>1<wbr>.mp4</p>" in page


def test_clips_that_were_trained_on_may_be_ranked_too(run, tmp_path):
    shutil.copytree(run.root / "pred", tmp_path / "pred")
    manifest = json.loads((tmp_path / "pred/manifest.json").read_text())
    manifest["sources"] = [{"path": str(run.root / "feat_train"), "manifest": "other"}]
    (tmp_path / "pred/manifest.json").write_text(json.dumps(manifest))
    reader = StageReader(str(tmp_path / "pred"), ("predict",))
    lineage = trace([reader])
    assert [found.path for found in lineage.detections] == [found.path for found in lineage.training]
    report = gather_report("t", {1: [("t1_0.mp4", 0.5)], 77: []}, None, {}, lineage, 9)
    assert [coverage.where for coverage in report.coverage] == [str(run.root / "det_train")]
    assert len(report.people) == 1 and len(report.people[0].known) == KNOWN_FACES


def test_directories_that_name_each_other_end_the_search(run, tmp_path):
    shutil.copytree(run.root / "feat", tmp_path / "feat")
    manifest = json.loads((tmp_path / "feat/manifest.json").read_text())
    manifest["sources"] = [{"path": str(tmp_path / "feat"), "manifest": ""}]
    (tmp_path / "feat/manifest.json").write_text(json.dumps(manifest))
    assert trace([StageReader(str(tmp_path / "feat"), ("feature",))]).detections == []


def test_a_run_that_was_moved_still_holds_together(run, tmp_path):
    shutil.copytree(run.root, tmp_path / "moved")
    for name in ("feat", "pred"):  # the old place is gone
        manifest = tmp_path / "moved" / name / "manifest.json"
        manifest.write_text(manifest.read_text().replace(str(run.root), "/gone"))
    lineage = trace([StageReader(str(tmp_path / "moved/pred"), ("predict",))])
    assert [reader.path.endswith("moved/det") for reader in lineage.detections] == [True]
    # a manifest that was edited is not the one that was read: that is said
    assert any("feat was rebuilt after" in note for note in lineage.notes)


@pytest.mark.parametrize("given", ["{}/feat", "{}/feat/", "."])
def test_a_copied_run_reads_its_own_directories_unless_they_changed(run, given, tmp_path, monkeypatch):
    copy = tmp_path / "copy"
    shutil.copytree(run.root, copy)
    monkeypatch.chdir(copy / "feat")

    def detections() -> list[str]:
        reader = StageReader(given.format(copy), ("feature",))
        return [os.path.realpath(found.path) for found in trace([reader]).detections]

    assert detections() == [str(copy / "det")]
    with (copy / "det/manifest.json").open("a") as manifest:  # a rebuilt one is not what the features were made from
        manifest.write("\n")
    assert detections() == [str(run.root / "det")]
    shutil.rmtree(copy / "det")
    assert detections() == [str(run.root / "det")]


def test_what_is_gone_is_said_and_no_error(run, tmp_path):
    shutil.copytree(run.root / "pred", tmp_path / "pred")
    manifest = tmp_path / "pred/manifest.json"
    manifest.write_text(manifest.read_text().replace(str(run.root), "/gone"))
    lineage = trace([StageReader(str(tmp_path / "pred"), ("predict",))])
    assert lineage.detections == [] and lineage.curve == []
    assert any("/gone/feat" in note for note in lineage.notes)
    assert any("training curve" in note for note in lineage.notes)
    page = render(gather_report("t", {1: [("a.mp4", 0.5)]}, None, {}, lineage, 9))
    assert "no picture" in page and "What this report lacks" in page


def test_a_classifier_that_was_trained_anew_has_another_curve(run, tmp_path):
    shutil.copytree(run.root, tmp_path / "run")
    manifest = json.loads((tmp_path / "run/pred/manifest.json").read_text())
    manifest["models"] = {"mlp-0007.params": "0" * 64}
    manifest["arguments"]["model"] = f"{tmp_path / 'run/mlp'},7"
    (tmp_path / "run/pred/manifest.json").write_text(json.dumps(manifest))
    lineage = trace([StageReader(str(tmp_path / "run/pred"), ("predict",))])
    assert lineage.curve == []
    assert any("is not the file any more" in note for note in lineage.notes)


def test_cards_by_hand(run):
    scored = {1: [("2_0.mp4", 0.9), ("1_0.mp4", 0.8), ("zz.mp4", 0.1)], 2: [("2_0.mp4", 0.7)]}
    truth = {1: ["1_0.mp4", "1_1.mp4"], 2: ["2_0.mp4"], 3: ["yy_without_a_face.mp4", "never.mp4"]}
    report = gather(run, scored, truth)
    one, two, three = report.people
    assert [(entry.clip, entry.verdict, entry.note) for entry in one.entries] == [
        ("2_0.mp4", "wrong", "label 2 (Bob)"),
        ("1_0.mp4", "right", ""),
        ("zz.mp4", "wrong", "nobody known"),
    ]
    assert one.confusions == [("label 2 (Bob)", 1)]  # of the first two places, for there are two right clips
    assert (one.ap, one.found, one.positives) == (0.25, 1, 2)
    assert [(entry.clip, entry.note) for entry in one.missed] == [("1_1.mp4", "not among the first 100")]
    assert (two.name, two.ap, two.confusions) == ("Bob", 1.0, [])
    assert three.entries == [] and three.ap == 0
    assert [entry.note for entry in three.missed] == [
        "no face: best quality 9.20 is under the threshold 10",
        "is not among the clips",
    ]
    assert report.mean_precision == pytest.approx(1.25 / 3)
    assert all(entry.picture for entry in one.entries[:2]) and one.entries[2].picture is None
    assert len(one.known) == KNOWN_FACES


def test_without_truth_rivals_stand_for_confusions(run):
    scored = {1: [("a", 0.8), ("b", 0.7)], 2: [("a", 0.5), ("b", 0.1)], 3: [("b", 0.4)]}
    report = gather(run, scored)
    assert report.scores == {} and report.people[0].ap is None
    assert report.people[0].confusions == [("label 2 (Bob)", 1), ("label 3", 1)]
    page = render(report)
    assert "MAP@100" not in page and "without the truth" in page and 'value="worst"' not in page


def test_coverage_counts_clips_reasons_and_faces(run):
    coverage, why = read_coverage(StageReader(str(run.root / "det"), ("detect",)), {"yy_without_a_face.mp4", "1_0.mp4"})
    assert coverage.states == {"ok": 16, "no face": 1}
    assert coverage.reasons == [("no face", "best quality … is under the threshold …", 1)]
    assert (coverage.faces_seen, coverage.faces_kept) == (35, 32)
    assert (coverage.qualities.threshold, coverage.qualities.total) == (10.0, 52)
    assert why == {"yy_without_a_face.mp4": "no face: best quality 9.20 is under the threshold 10", "1_0.mp4": ""}


def test_qualities_of_an_older_directory_come_from_the_faces_that_were_kept(run, tmp_path):
    shutil.copytree(run.root / "det", tmp_path / "det")
    manifest = json.loads((tmp_path / "det/manifest.json").read_text())
    del manifest["counts"]["quality_histogram"]
    (tmp_path / "det/manifest.json").write_text(json.dumps(manifest))
    coverage, _ = read_coverage(StageReader(str(tmp_path / "det"), ("detect",)))
    assert coverage.qualities.kept_only
    assert coverage.qualities.counts == {220: 16, 240: 16}


@pytest.mark.parametrize(
    ("quality", "name"),
    [
        ({"quality": "norm"}, "norm of the embedding"),
        ({"quality": "score"}, "score of the detector"),
        ({}, "norm of the embedding"),  # older than the argument
        ({"quality": ["?"]}, "quality"),
    ],
)
def test_the_quality_plot_says_what_the_quality_is(run, tmp_path, quality, name):
    shutil.copytree(run.root / "det", tmp_path / "det")
    manifest = json.loads((tmp_path / "det/manifest.json").read_text())
    manifest["arguments"].update(quality_threshold=0.5, **quality)
    manifest["counts"]["quality_histogram"] = {"0": 3, "1": 40}
    (tmp_path / "det/manifest.json").write_text(json.dumps(manifest))
    coverage, _ = read_coverage(StageReader(str(tmp_path / "det"), ("detect",)))
    report = Report("t", coverage=[coverage])
    page = render(report)
    assert [plot.horizontal for plot in overview_plots(report).run] == [name]
    assert f">{name}<" in page and "threshold 0.5" in page
    assert ("norm" in re.sub("(?s)<(style|script)>.*?</", "", page)) == name.startswith("norm")


@pytest.mark.parametrize(
    ("counts", "threshold"),
    [({5: 1}, None), ({5: 1}, 40.0), ({200: 7, 201: 5}, 0.0), (dict.fromkeys(range(50, 900), 3), 10.0)],
)
def test_quality_bars_hold_every_face_and_the_threshold(counts, threshold):
    edges, bars = quality_bars(Qualities("norm", counts, 0.05, threshold))
    assert len(edges) == len(bars) + 1
    assert sum(bars) >= 0.999 * sum(counts.values())
    assert len(bars) <= 40
    assert threshold is None or edges[0] <= threshold <= edges[-1]
    assert edges == sorted(set(edges))


def test_one_outlier_does_not_flatten_the_qualities():
    edges, _ = quality_bars(Qualities("norm", {**dict.fromkeys(range(100, 200), 100), 9000: 1}, 0.05))
    assert edges[-1] < 15


def test_precision_by_rank():
    ranking, truth = {1: ["a", "x", "b"], 2: ["y"]}, {1: ["a", "b"], 2: ["c"], 3: []}
    precision, best = precision_by_rank(ranking, truth)
    np.testing.assert_allclose(precision[:4], np.array([1, 1 / 2, 2 / 3, 2 / 4]) / 2)
    np.testing.assert_allclose(best[:3], np.array([2, 3 / 2, 1]) / 2)
    assert len(precision) == 100


def test_the_worst_are_shown_where_not_all_can_be():
    labels = [1, 2, 3, 4]
    assert choose_labels(labels, {}, 4) == (labels, "")
    assert choose_labels(labels, {1: 0.9, 2: 0.1, 3: 0.9, 4: 0.0}, 2)[0] == [2, 4]
    assert choose_labels(labels, {}, 2)[0] == [1, 2]


def test_classes_that_are_nobody_have_no_card(run):
    scored = {label: [("1_0.mp4", 0.1)] for label in range(1, 100)}
    # names (2), training clips (1 to 5) and truth (7) say who there is
    assert [person.label for person in gather(run, scored, {7: ["1_0.mp4"]}).people] == [1, 2, 3, 4, 5, 7]
    assert gather(run, scored).all_people == 5
    nothing_known = gather_report("t", scored, None, {}, Lineage(), 200)
    assert nothing_known.all_people == 99


def test_the_page_says_that_not_all_are_shown(run):
    scored = {label: [(f"{label}_0.mp4", 0.9)] for label in range(1, 6)}
    page = render(gather(run, scored, {label: [f"{label}_1.mp4"] for label in range(1, 6)}, most=2))
    assert "2 of 5 people" in page and "Shown are those with the lowest average precision" in page
    assert "Nobody here has such a name" in page
    everyone = render(gather(run, scored))
    assert "5 people" in everyone and "Shown are" not in everyone


def test_best_crops_keeps_the_best_face_of_each_clip(run):
    reader = StageReader(str(run.root / "det_train"), ("detect",))
    crops = best_crops([reader], {"t1_0.mp4"}, {f"t2_{take}.mp4": 2 for take in range(4)})
    assert list(crops.by_clip) == ["t1_0.mp4"]
    assert crops.by_clip["t1_0.mp4"][0] == 12.0  # the second face; the first has 11
    assert [quality for quality, _ in crops.by_label[2]] == [12.0] * KNOWN_FACES


@pytest.mark.parametrize("data", [b"", b"no picture", b"\xff\xd8\xff\xe0", b"x" * (1 << 21)])
def test_a_crop_that_is_no_picture_has_no_thumbnail(data):
    assert thumbnail(data) is None


@pytest.mark.parametrize("size", [(112, 112), (112, 96), (1, 1)])
def test_thumbnails_keep_their_shape(size):
    data = cv2.imencode(".jpg", np.zeros((*size, 3), np.uint8))[1].tobytes()
    height, width = cv2.imdecode(np.frombuffer(thumbnail(data), np.uint8), cv2.IMREAD_COLOR).shape[:2]
    assert height == SIDE and abs(width - SIDE * size[1] / size[0]) <= 1


def test_two_hundred_people_fit_into_20_mb(tmp_path):
    """With crops of noise, the largest that there can be."""
    generator = np.random.default_rng(0)
    crops = [
        cv2.imencode(".jpg", generator.integers(0, 255, (112, 112, 3), np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
        for _ in range(50)
    ]
    names = [f"IQIYI_VID_TEST_{number:07d}.mp4" for number in range(4000)]
    with StageWriter(str(tmp_path / "det"), "detect", FACES_SCHEMA) as writer:
        for number, name in enumerate(names):
            who = {"name": name, "split": "test"}
            row = {
                **who,
                "frame": 3,
                "score": 1.0,
                "quality": 12.0,
                "time": 0.1,
                "box": [0.0] * 4,
                "landmarks": [0.0] * 10,
            }
            row["crop"] = crops[number % 50].tobytes()
            writer.add_rows(pa.RecordBatch.from_pylist([row], FACES_SCHEMA))
            writer.add_clips([{**who, "state": "ok", "reason": "", "frames": 3, "faces": 1}])
    lineage = Lineage(detections=[StageReader(str(tmp_path / "det"), ("detect",))])
    scored = {
        label: [(names[(label * 20 + rank) % 4000], 1 - rank / 100) for rank in range(100)] for label in range(1, 201)
    }
    truth = {label: [names[(label * 20 + 1) % 4000], names[label]] for label in range(1, 201)}
    report = gather_report("t", scored, truth, dict.fromkeys(range(1, 201), "N" * 60), lineage, 200)
    size = write_page(str(tmp_path / "r.html"), report)
    assert len(report.people) == 200
    assert 5e6 < size < 20e6
    # the page fills rank by rank, so everyone has the first clips
    assert all(person.entries[0].picture and person.entries[4].picture for person in report.people)


def test_the_page_names_no_other_place(report):
    page = report.read_text()
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", page)
    assert "http" not in re.sub(r'http-equiv="Content-Security-Policy"', "", page)
    assert "@import" not in page and "url(" not in page


def test_the_same_input_gives_the_same_bytes(run, report, tmp_path):
    again = run.submit(report=str(tmp_path / "again.html"))
    assert again.read_bytes() == report.read_bytes()


def test_a_report_that_can_not_be_written_is_said(run, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="--report"):
        run.submit(report=str(tmp_path / "file/report.html"))


def test_pictures_end_where_the_page_is_full(run, monkeypatch):
    monkeypatch.setattr(album, "PICTURE_BYTES", 6000)
    scored = {label: [(f"{label}_{take}.mp4", 0.9) for take in range(3)] for label in range(1, 6)}
    people = gather(run, scored).people
    sizes = [len(entry.picture) for person in people for entry in person.entries if entry.picture]
    sizes += [len(face) for person in people for face in person.known]
    assert 0 < sum(sizes) <= 6000
    assert any(entry.picture is None for person in people for entry in person.entries)
