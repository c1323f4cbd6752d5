"""Help in groups with an example and defaults; mistyped flags and values say what is allowed."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from rcnn.commands.arguments import WIDTH, Parser, add_gpu, pasteable, read_settings
from rcnn.stages.settings import DetectSettings, PredictSettings, TrainSettings

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ["detect.py", "feature.py", "genfeat.py", "train_mlp.py", "predict.py", "submit.py", "gendata.py"]
MODULES = ["demo", "find", "preview", "search"]
OTHERS = [
    "index",
    "verify",
    "convert",
    "train-detector",
    "train-embedding",
    "train-people",
]


def run(program: str, *arguments: str) -> subprocess.CompletedProcess:
    command = [program] if program.endswith(".py") else ["-m", "rcnn", program]
    return subprocess.run([sys.executable, *command, *arguments], capture_output=True, text=True, cwd=ROOT)


@pytest.mark.parametrize("program", [*SCRIPTS, *MODULES])
def test_help_is_grouped_and_has_an_example_and_defaults(program):
    done = run(program, "--help")
    assert done.returncode == 0, done.stderr
    name = program if program.endswith(".py") else f"-m rcnn {program}"
    assert done.stdout.startswith(f"example:\n  python {name} -") and f"\nusage: python {name}" in done.stdout
    assert "\nfiles:\n" in done.stdout and "default: " in done.stdout
    # every flag is in a group; only --help is in none
    loose = done.stdout.partition("\noptions:\n")[2].partition("\n\n")[0]
    assert [line.split()[0] for line in loose.splitlines() if line.startswith("  -")] == ["-h,"]


def test_the_command_that_is_installed_is_the_module():
    command = Path(sys.executable).with_name("rcnn")
    told, said = (
        subprocess.run([*words, "find"], capture_output=True, text=True, cwd=ROOT)
        for words in ([command], [sys.executable, "-m", "rcnn"])
    )
    assert told.returncode == said.returncode == 2 and told.stderr == said.stderr != ""


@pytest.mark.parametrize("program", OTHERS)
def test_the_other_commands_have_an_example(program):
    text = " ".join(run(program, "--help").stdout.split())
    assert text.startswith(f"example: python -m rcnn {program}")


@pytest.mark.parametrize(
    ("program", "arguments", "words"),
    [
        ("detect.py", ["--stge", "test"], "--stge is not known; did you mean --stage?"),
        ("detect.py", ["--zzzz"], "--zzzz is not known; see --help"),
        ("detect.py", ["--gpu", "first"], "0 or more, or -1 for the CPU"),
        ("detect.py", ["--gpu", "-2"], "0 or more, or -1 for the CPU"),
        ("detect.py", ["--stage", "tst"], "choose from 'trainval', 'test'"),
        ("detect.py", ["--sampling", "0"], "a whole number of 1 or more"),
        ("detect.py", ["--quality-threshold", "nan"], "'nan' is not a number"),
        ("detect.py", ["--split", "3,3"], "I from 0 to N-1"),
        ("detect.py", ["--image-size", "112"], "two whole numbers like 112,112"),
        ("feature.py", ["--aug", "3"], "choose from 0, 1, 2"),
        ("train_mlp.py", ["--lr-step", "30,x"], "a whole number of 1 or more"),
        ("submit.py", ["--report-people", "none"], "a whole number of 1 or more"),
        ("gendata.py", ["--input", "x", "--seed", "1.5"], "is not a whole number"),
        ("preview", ["--every", "0"], "a whole number of 1 or more"),
        ("search", ["--imge", "x", "--image", "y"], "did you mean --image?"),
        ("find", ["--people", "x", "--clip", "y", "--ouput", "z"], "--clip is not known; did you mean --clips?"),
    ],
)
def test_what_is_mistyped_says_what_is_allowed_in_one_line(program, arguments, words):
    done = run(program, *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    name = program if program.endswith(".py") else f"rcnn {program}"
    assert name in done.stderr.partition(": error:")[0]
    assert done.stderr.count("\n") == 1


def test_a_default_of_0_is_shown_and_pairs_as_they_are_typed():
    assert "--begin-epoch E" in (text := " ".join(run("train_mlp.py", "--help").stdout.split()))
    assert "number of completed epochs (default: 0)" in text
    assert "(default: 112,112)" in " ".join(run("detect.py", "--help").stdout.split())


@pytest.mark.parametrize(("words", "gpu"), [([], None), (["--gpu", "-1"], -1), (["--gpu", "1"], 1)])
def test_a_program_without_settings_has_a_device(words, gpu):
    parser = Parser("Measures.", "python -m benchmarks.sums --clips 1000")
    add_gpu(parser)
    assert parser.parse_args(words).gpu == gpu


@pytest.mark.parametrize("width", range(1, 7))
def test_an_example_fits_the_terminal_and_is_the_command_when_it_is_pasted(width):
    command = "python detect.py" + " --dataset ./data/iqiyi_vid" * width + " --gpu -1"
    lines = pasteable(command).splitlines()
    assert all(len(line) <= WIDTH for line in lines)
    assert shlex.split(pasteable(command).replace("\\\n", " ")) == shlex.split(command)


@pytest.mark.parametrize(
    ("kind", "words", "values"),
    [
        (PredictSettings, ["--inputs", "A", "B", "--output", "C"], {"inputs": ("A", "B"), "output": "C"}),
        (PredictSettings, ["--inputs", "A,", "B,C"], {"inputs": ("A", "B", "C")}),
        (TrainSettings, ["--lr-step", "30", "35", "40"], {"lr_step": (30, 35, 40)}),
        (DetectSettings, ["--gpu", "0", "1", "--stage", "test"], {"gpu": (0, 1), "stage": "test"}),
        (DetectSettings, ["--gpu", "-1", "--split", "0", "2"], {"gpu": -1, "split": (0, 2)}),
    ],
)
def test_spaces_do_where_commas_are_meant(kind, words, values, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["x.py", *words])
    settings = read_settings("", "python x.py", kind)
    assert {name: getattr(settings, name) for name in values} == values


def test_models_that_were_not_given_take_one_line(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", ["detect.py"])
    read_settings("", "python detect.py", DetectSettings)
    assert capsys.readouterr().out == (
        "models: those not given are --model model/face-m,0, --detector model/essh-m25,0\n"
    )
