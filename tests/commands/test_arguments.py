"""Help in groups with an example and defaults; mistyped flags and values say what is allowed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rcnn.commands.arguments import Parser, add_gpu

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
    assert done.stdout.startswith(f"usage: python {name}")
    assert f"example: python {name} -" in " ".join(done.stdout.split())
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
    assert f"example: python -m rcnn {program}" in text


@pytest.mark.parametrize(
    ("program", "arguments", "words"),
    [
        ("detect.py", ["--stge", "test"], "--stge is not known; do you mean --stage?"),
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
        ("search", ["--imge", "x", "--image", "y"], "do you mean --image?"),
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
    assert "epochs that are done already (default: 0)" in text
    assert "(default: 112,112)" in " ".join(run("detect.py", "--help").stdout.split())


@pytest.mark.parametrize(("words", "gpu"), [([], None), (["--gpu", "-1"], -1), (["--gpu", "1"], 1)])
def test_a_program_without_settings_has_a_device(words, gpu):
    parser = Parser("Measures.", "python -m benchmarks.sums --clips 1000")
    add_gpu(parser)
    assert parser.parse_args(words).gpu == gpu
