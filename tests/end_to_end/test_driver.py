"""run.sh: which stages run, with what, in which order; with a stand-in for Python, so that each test takes no time."""

from __future__ import annotations

import json
import os
import pty
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STAND_IN = """#!/bin/bash
# Notes its arguments, writes what a stage leaves, and fails where FAIL names the script; tells the real defaults.
if [ "$1 $2" = "-m rcnn" ]; then shift 2; fi
if [ "$1" = -m ]; then exec "$REAL" "$@"; fi
printf '%q ' "$@" >> "$CALLS"; echo >> "$CALLS"
script=${1##*/}
[ -z "$RCNN_TERMINAL" ] || printf '\\rbar, lines to %s' "$RCNN_LOG" >&"$RCNN_TERMINAL"
echo "$script speaks"; echo "$script warns" >&2
if [ "$script" = "$FAIL" ]; then echo "$script: error: broken; fix it" >&2; exit 2; fi
while [ $# -gt 1 ]; do
  case $1 in
    --output) if [ "$script" = submit.py ]; then touch "$2"; else mkdir -p "$2"; touch "$2/manifest.json"; fi ;;
    --prefix) touch "$2-0040.params" ;;
  esac
  shift
done
"""
SCRIPTS = [
    "detect.py",
    "detect.py",
    "feature.py",
    "feature.py",
    "genfeat.py",
    "train_mlp.py",
    "predict.py",
    "appearances",
    "submit.py",
]


class Driver:
    """run.sh in a directory of its own."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.calls_file = place / "calls"
        (place / "python").write_text(STAND_IN)
        (place / "python").chmod(0o755)

    def __call__(
        self, *arguments: object, fail: str = "", code: int = 0, stderr: int = subprocess.PIPE
    ) -> subprocess.CompletedProcess:
        self.calls_file.write_text("")
        stand_in = {"PYTHON": str(self.place / "python"), "REAL": sys.executable, "CALLS": str(self.calls_file)}
        environment = {**os.environ, **stand_in, "FAIL": fail}
        done = subprocess.run(
            ["bash", str(ROOT / "run.sh"), *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=stderr, text=True, cwd=self.place, env=environment,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + (done.stderr or "")
        return done

    @property
    def calls(self) -> list[list[str]]:
        return [shlex.split(line) for line in self.calls_file.read_text().splitlines()]

    @property
    def scripts(self) -> list[str]:
        return [Path(call[0]).name for call in self.calls]


@pytest.fixture
def run(tmp_path) -> Driver:
    return Driver(tmp_path)


def value(call: list[str], flag: str) -> str:
    return call[call.index(flag) + 1]


def test_the_seeds_names_are_the_defaults(run):
    done = run()
    assert run.scripts == SCRIPTS
    assert [value(call, "--output") for call in run.calls[:5]] == [
        "./output/det_trainval", "./output/det_test", "./output/feat_trainval", "./output/feat_test",
        "./output/trainval",
    ]  # fmt: skip
    assert value(run.calls[0], "--dataset") == "./data/iqiyi_vid"
    assert value(run.calls[5], "--prefix") == "./model/iqiyi"
    assert value(run.calls[6], "--model") == "./model/iqiyi,40"
    assert value(run.calls[7], "--known") == "./output/feat_trainval"
    assert value(run.calls[7], "--output") == value(run.calls[8], "--appearances") == "./output/appearances"
    assert value(run.calls[8], "--report") == "./output/report.html"
    assert "open ./output/report.html in a browser" in done.stdout


def test_each_stage_says_itself_what_is_kept(run):
    run()
    done = run("--gpu", -1)
    assert run.scripts == SCRIPTS
    assert all("--renew" in call for call in run.calls[:8])
    assert not any("--overwrite" in call for call in run.calls)
    assert "run.sh: done in" in done.stdout


def test_overwrite_first_makes_what_is_there_count_no_more(run):
    """Also when it then fails at once: the same command without --overwrite finds nothing complete."""
    run()
    manifests = [run.place / f"output/{name}/manifest.json" for name in ("det_trainval", "feat_test", "trainval")]
    params = run.place / "model/iqiyi-0040.params"
    assert all(path.exists() for path in (*manifests, params))
    run("--overwrite", "--quality-threshold", 5, fail="detect.py", code=2)
    assert run.scripts == ["detect.py"]
    # the stand-in wrote no file before it failed
    assert not any(path.exists() for path in (*manifests, params))


def test_overwrite_spares_the_stages_that_do_not_run(run):
    run()
    run("--stage", 4, "--stop-stage", 5, "--overwrite")
    assert run.scripts == SCRIPTS[5:7]
    assert (run.place / "output/det_test/manifest.json").exists()


def test_it_stops_at_the_first_failure_and_says_how_to_go_on(run):
    done = run("--name", "a b", "--num-classes", 31, fail="genfeat.py", code=2)
    assert run.scripts == SCRIPTS[:5]
    assert "genfeat.py: error: broken; fix it" in done.stderr
    assert "stage 3, genfeat.py, ended with exit code 2; its words are in ./output/a b/log/3-genfeat.log" in done.stderr
    line = done.stderr.strip().splitlines()[-1]
    again = shlex.split(line.partition("continue with: ")[2])
    assert again[1:] == ["--name", "a b", "--num-classes", "31", "--stage", "3"]
    run(*again[1:])
    assert run.scripts == SCRIPTS[4:]


def test_a_named_run_keeps_to_itself(run):
    run("--name", "mine", "--dataset", "my data")
    assert value(run.calls[5], "--prefix") == "./output/mine/iqiyi"
    assert value(run.calls[0], "--dataset") == "my data"
    assert not (run.place / "output/det_test").exists()


def test_logs_hold_both_streams_which_stay_apart(run):
    done = run("--stage", 1, "--stop-stage", 1)
    assert "detect.py speaks" in done.stdout and "detect.py speaks" not in done.stderr
    assert "detect.py warns" in done.stderr and "detect.py warns" not in done.stdout
    log = (run.place / "output/log/1-detect-test.log").read_text()
    assert sorted(log.splitlines()) == ["detect.py speaks", "detect.py warns"]


def test_models_and_truth_go_where_they_belong(run):
    (run.place / "data/gt_v2").mkdir(parents=True)
    for name in ("test_v2.txt", "names.txt", "sources.txt"):
        (run.place / "data/gt_v2" / name).write_text("")
    run("--dataset", "data", "--detector", "d,0", "--quality", "q,0", "--model", "m,0", "--gpu", 0)
    detect, feature, genfeat, table, submit = (run.calls[index] for index in (0, 2, 4, 7, 8))
    assert (value(detect, "--detector"), value(detect, "--model")) == ("d,0", "q,0")
    assert value(feature, "--model") == "m,0"
    assert "--gpu" in detect and "--gpu" in feature and "--gpu" not in genfeat
    assert value(submit, "--gt") == "data/gt_v2/test_v2.txt"
    assert value(submit, "--names") == value(table, "--names") == "data/gt_v2/names.txt"
    assert value(submit, "--sources") == value(table, "--sources") == "data/gt_v2/sources.txt"
    assert run.scripts[-1] == "centroids.py"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--stage", "7"], "--stage 7: must be a whole number from 1 to 6"),
        (["--stage", "two"], "--stage two: must be a whole number"),
        (["--stage", "4", "--stop-stage", "3"], "--stage 4 comes after --stop-stage 3"),
        (["--name", "../x"], "--name ../x: must be a plain name"),
        (["--bogus", "1"], "--bogus is not known"),
        (["--gpu"], "--gpu needs a value"),
        (["--num-classes", "1"], "--num-classes 1: must be"),
    ],
)
def test_mistyped_values_say_what_is_allowed(run, arguments, words):
    done = run(*arguments, code=2)
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert run.calls == []


def test_help_has_an_example(run):
    text = run("--help").stdout
    assert "--stage 3 --stop-stage 5" in text and "(detect.py's)" in text


def test_a_stage_is_given_what_was_given_and_no_default(run):
    """So that a default has one home."""
    run()
    flags = {word for call in run.calls for word in call if word.startswith("--")}
    assert flags == {
        "--dataset", "--stage", "--input", "--inputs", "--output", "--data", "--prefix", "--model", "--report",
        "--renew", "--features", "--known", "--appearances",
    }  # fmt: skip
    run("--num-classes", 31, "--quality-threshold", 3, "--overwrite")
    assert value(run.calls[0], "--quality-threshold") == "3" and value(run.calls[5], "--num-classes") == "31"


def test_quality_is_a_model_or_the_word_score(run):
    run("--quality", "./q.onnx", "--quality-threshold", "3", "--stop-stage", "1")
    for call in run.calls:
        assert (value(call, "--model"), value(call, "--quality-threshold")) == ("./q.onnx", "3")
        assert "--quality" not in call
    run("--quality", "score", "--stop-stage", "1", "--overwrite")
    for call in run.calls:
        assert value(call, "--quality") == "score"
        assert not {"--model", "--quality-threshold"} & set(
            call
        )  # the threshold that goes with the score is detect.py's


def test_the_recipe_goes_to_every_stage(run):
    run("--name", "a", "--recipe", "best", "--gpu", "0,1")
    assert all(value(call, "--recipe") == "best" for call in run.calls if call[0] != "appearances")
    devices = {Path(call[0]).name: call[call.index("--gpu") + 1] for call in run.calls if "--gpu" in call}
    assert devices == {"detect.py": "0,1", "feature.py": "0,1", "train_mlp.py": "0", "predict.py": "0,1"}
    assert "must be seed, best or fast" in run("--recipe", "other", code=2).stderr


def test_data_of_ones_own_are_ranked_by_best_and_the_challenges_by_the_seeds_way(run):
    assert "run.sh: --recipe seed: the seed's, for the challenge's data" in run("--name", "challenge").stdout
    assert not any("--recipe" in call for call in run.calls)
    (run.place / "mine/gt_v2").mkdir(parents=True)
    (run.place / "mine/gt_v2/names.txt").write_text("1 Ada\n")
    said = run("--name", "mine", "--dataset", "mine").stdout
    assert said.count("run.sh: --recipe best: what ranks best, for data of your own") == 1
    assert all(value(call, "--recipe") == "best" for call in run.calls if call[0] != "appearances")


def test_a_run_that_has_begun_keeps_its_recipe(run):
    """Also where a part of it is asked for, without its data set, and where it was begun before there was a choice."""
    (run.place / "mine/gt_v2").mkdir(parents=True)
    (run.place / "mine/gt_v2/names.txt").write_text("1 Ada\n")
    begun = run.place / "output/mine/det_trainval"
    begun.mkdir(parents=True)
    for arguments, recipe in (({}, "seed"), ({"recipe": "best"}, "best")):
        (begun / "manifest.json").write_text(json.dumps({"arguments": arguments}))
        assert f"--recipe {recipe}: what ./output/mine was begun with" in run("--name", "mine", "--stage", 3).stdout
    (begun / "manifest.json").write_text(json.dumps({"arguments": {}}))
    again = run("--name", "mine", "--dataset", "mine", "--overwrite")
    assert "--recipe best: what ranks best" in again.stdout


@pytest.mark.parametrize("streams", [">/dev/full", ">&-", "2>&-", ">/dev/full 2>/dev/full", "<&- >&- 2>&-"])
def test_full_and_closed_streams_lose_lines_and_no_stage(run, streams):
    environment = {**os.environ, "PYTHON": str(run.place / "python"), "REAL": sys.executable, "FAIL": ""}
    environment["CALLS"] = str(run.calls_file)
    command = f"bash {shlex.quote(str(ROOT / 'run.sh'))} {streams}"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, cwd=run.place, env=environment, timeout=300
    )
    assert run.scripts == SCRIPTS
    assert done.returncode == (0 if streams == "2>&-" else 2), done.stderr
    assert (run.place / "output/log/6-submit.log").read_text().count("\n") == 2
    if streams.startswith(">") and "2>" not in streams:
        assert "could not take every line; the outputs in ./output are whole" in done.stderr.splitlines()[-1]


def test_logs_are_for_the_user_alone(run):
    run("--stage", 1, "--stop-stage", 1)
    modes = {path.stat().st_mode & 0o077 for path in [run.place / "output", *(run.place / "output/log").rglob("*")]}
    assert modes == {0}


def test_results_of_an_earlier_run_never_pass_for_this_ones(run):
    run()
    page = run.place / "output/report.html"
    page.touch()
    done = run("--quality-threshold", 5, fail="detect.py", code=2)
    assert "run.sh: ./output/report.html is of an earlier run" in done.stderr
    run("--overwrite", fail="detect.py", code=2)
    assert not page.exists() and not (run.place / "output/submission.txt").exists()


def test_people_and_clips_go_to_the_one_command(run):
    given = ["--people", "the people", "--clips", "a b.mp4", "films", "--output", "found", "--gpu", "0,1"]
    run(*given)
    assert run.calls == [["find", *given]]
    run("--clips", "films", fail="find", code=2)
    run("--people", "--help")
    assert run.calls == [["find", "--people", "--help"]]


def test_a_bar_gets_past_the_pipes_where_somebody_watches(run):
    """Standard error is a terminal, and the log has no part of the bar."""
    ours, theirs = pty.openpty()
    run("--stage", 5, "--stop-stage", 5, stderr=theirs)
    seen = os.read(ours, 1 << 16).decode()
    log = run.place / "output/log/5-predict.log"
    assert f"\rbar, lines to ./{log.relative_to(run.place)}" in seen and "predict.py warns" in seen
    assert sorted(log.read_text().splitlines()) == ["predict.py speaks", "predict.py warns"]  # by two pipes
    os.close(theirs)
    os.close(ours)
