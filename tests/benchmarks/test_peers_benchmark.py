"""benchmarks/peers.py: what it counts, without running anybody."""

import sys

import numpy as np
import pytest
from reference_models import ROOT

sys.path.insert(0, str(ROOT))

from benchmarks.versus.agreement import FoundFaces, agree, match, right_first
from benchmarks.versus.contenders import CONTENDERS, OURS, chosen
from benchmarks.versus.machine import instruction_sets
from benchmarks.versus.results import Results, Run, row, turns_of
from benchmarks.versus.work import read_videos
from rcnn.errors import InputError

RUN = Run(10.0, 20.0, 400.0, 80, 90, 1.0, 0, 1.0, 12.0, 1.0)


def found(*faces: tuple[int, int, tuple[float, ...], tuple[float, float]]) -> FoundFaces:
    """Of clip, frame, box and vector each."""
    clips, frames, boxes, vectors = zip(*faces, strict=True)
    return FoundFaces(np.array(clips), np.array(frames), np.array(boxes, np.float32), np.array(vectors, np.float32))


def test_agreement_by_hand():
    ours = found(
        (0, 1, (0, 0, 10, 10), (1, 0)),
        (0, 1, (20, 0, 30, 10), (0, 1)),
        (0, 5, (0, 0, 10, 10), (1, 0)),
        (1, 1, (0, 0, 10, 10), (1, 0)),
    )
    theirs = found(
        (0, 1, (20, 0, 30, 9), (0, 5)),
        (0, 1, (0, 0, 10, 8), (3, 4)),
        (0, 5, (8, 0, 18, 10), (1, 0)),  # overlaps too little
        (1, 2, (0, 0, 10, 10), (1, 0)),  # another frame
    )
    agreement = agree(ours, theirs)
    assert agreement.share == pytest.approx(2 / 4)
    assert agreement.more == 2
    assert agreement.cosine == pytest.approx((1 + 0.6) / 2)


def test_nobody_found_agrees_with_nobody():
    ours = found((0, 1, (0, 0, 10, 10), (1, 0)))
    none = FoundFaces(np.zeros(0, int), np.zeros(0, int), np.zeros((0, 4), np.float32), np.zeros((0, 2), np.float32))
    assert (agree(ours, none).share, agree(ours, none).more, agree(none, ours).more) == (0, 0, 1)
    assert np.isnan(agree(ours, none).cosine)


def test_a_box_is_matched_once_with_the_nearest():
    wanted = np.array([[0, 0, 10, 10], [1, 0, 11, 10]], np.float32)
    assert match(wanted, np.array([[1, 0, 11, 10]], np.float32)) == [(1, 0)]
    assert sorted(match(wanted, np.array([[1, 0, 11, 10], [0, 0, 10, 9]], np.float32))) == [(0, 1), (1, 0)]


def test_medians_and_ratios_are_of_the_same_turn():
    base = {0: RUN, 1: Run(20.0, 40.0, 400.0, 80, 90, 1.0, 0, 1.0, 24.0, 1.0)}
    runs = {turn: Run(3 * run.seconds, run.cpu_seconds, 800.0, 80, 88, 0.9, 7, 0.98, None, None)
            for turn, run in base.items()}  # fmt: skip
    line = row("slow", runs, base)
    assert (line["seconds"], line["ratio"], line["CPU ratio"], line["MB ratio"]) == ("45.0", "3.00", "1.00", "2.00")
    assert (line["found too"], line["more"], line["cosine"]) == ("90.0%", "7", "0.9800")
    assert line["to answers"] is None
    assert line["answers ratio"] is None
    assert row("alone", {1: RUN}, {0: RUN})["ratio"] is None


def test_turns_go_forth_and_back_behind_ours():
    assert turns_of(["ours", "a", "b"], 2) == [(0, "ours"), (0, "a"), (0, "b"), (1, "ours"), (1, "b"), (1, "a")]


def test_results_go_on_where_they_ended(tmp_path):
    path = tmp_path / "results.json"
    Results(path).add("640x360/1/ours/0", RUN)
    again = Results(path)
    again.add("640x360/1/ours/1", RUN)
    assert Results(path).runs == {"640x360/1/ours/0": RUN, "640x360/1/ours/1": RUN}
    assert not Results(path, overwrite=True).runs


def test_ours_of_a_group_runs_with_every_contender():
    assert [each.name for each in chosen(["opencv"])] == ["ours, YuNet", "opencv"]
    assert [each.name for each in chosen(["uniface"])] == [OURS, "uniface"]
    assert chosen([]) == list(CONTENDERS)
    with pytest.raises(InputError, match="is not a contender"):
        chosen(["mtcnn"])


def test_the_first_clip_of_a_person_shows_them():
    people = ["ann", "bob", ""]
    assert right_first({"ann": [0, 1], "bob": [2, 1], "cy": []}, people) == pytest.approx(1 / 3)


def test_a_machine_is_named_by_instruction_sets():
    assert instruction_sets("sse avx2 avx512f avx512_vnni amx_int8") == "AVX2, AVX-512, AVX-512 VNNI, AMX int8"
    assert instruction_sets("sse4_2").startswith("none")


def test_a_share_has_the_start_of_several_videos(tmp_path):
    rows = "".join(f"{name}/a b.mkv,{name},9.5\n" for name in ("ann", "bob", "cy", "_several"))
    (tmp_path / "manifest.csv").write_text(f"file,person,seconds\n{rows}", encoding="utf-8")
    part = read_videos(tmp_path, 0.25)
    assert [video.seconds for video in part] == [6.0, 6.0]
    assert part == read_videos(tmp_path, 0.5)[:2]
    whole = read_videos(tmp_path, 1.0)
    assert sorted(video.clip for video in whole) == [f"{name}__a_b.mp4" for name in ("_several", "ann", "bob", "cy")]
    assert part[0].clip == whole[0].clip.replace(".mp4", ".6s.mp4")
    assert sorted(video.person for video in whole) == ["", "ann", "bob", "cy"]
