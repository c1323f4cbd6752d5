"""No command writes over what it reads."""

from __future__ import annotations

import re

import pytest

from rcnn.errors import InputError
from rcnn.exports.settings import ConvertSettings
from rcnn.settings.apart import check_apart
from rcnn.stages.settings import SearchSettings, SubmitSettings


@pytest.mark.parametrize("name", ["gt", "names", "sources"])
@pytest.mark.parametrize("written", ["output", "report"])
def test_a_submission_and_its_page_are_not_written_over_an_input(name, written, tmp_path):
    file = tmp_path / "list.txt"
    file.write_text("1 a.mp4\n")
    (tmp_path / "link.txt").symlink_to(file)
    for path in (file, tmp_path / "x/../list.txt", tmp_path / "link.txt"):
        words = f"--{written} {path}: is also given by --{name}; give --{written} another path"
        with pytest.raises(InputError, match=f"^{re.escape(words)}$"):
            SubmitSettings(**{name: str(file), written: str(path)})
    assert file.read_text() == "1 a.mp4\n"


def test_a_page_is_not_the_submission():
    with pytest.raises(InputError, match=r"^--report \./a\.html: is also given by --output"):
        SubmitSettings(output="a.html", report="./a.html")


def test_a_page_of_a_search_is_none_of_its_photographs():
    with pytest.raises(InputError, match=r"^--report b\.jpg: is also given by --image"):
        SearchSettings(image=("a.jpg", "b.jpg"), report="b.jpg")


def test_a_model_is_not_converted_into_itself():
    with pytest.raises(InputError, match=r"^--output ./x\.onnx: is also given by --model"):
        ConvertSettings(model="x.onnx", output="./x.onnx", precision="fp16", calibration="pictures")


def test_what_is_left_out_is_no_path():
    check_apart({"--output": "a", "--report": None}, {"--gt": None, "--inputs": ("b", "s3://c/a")})
