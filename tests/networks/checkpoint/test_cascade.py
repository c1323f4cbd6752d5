"""MTCNN's three checkpoints, and what is wrong with them."""

from pathlib import Path

import pytest

from rcnn.errors import InputError
from rcnn.networks.checkpoint.cascade import cascade_checkpoints, is_cascade
from rcnn.networks.zoo.roles import model_files


def put(folder: Path, prefix: str, *epochs: int) -> None:
    for stage in (1, 2, 3):
        (folder / f"{prefix}{stage}-symbol.json").write_text("{}")
        for epoch in epochs:
            (folder / f"{prefix}{stage}-{epoch:04d}.params").write_text("")


def test_a_directory_or_a_prefix_with_or_without_an_epoch(tmp_path):
    put(tmp_path, "det", 1)
    put(tmp_path, "net", 3, 12)
    wanted = tuple(f"{tmp_path}/det{stage},1" for stage in (1, 2, 3))
    for model in (f"{tmp_path}", f"{tmp_path},1", f"{tmp_path}/det", f"{tmp_path}/det,1"):
        assert is_cascade(model)
        assert cascade_checkpoints(model) == wanted
    assert model_files(str(tmp_path))[:2] == (f"{tmp_path}/det1-symbol.json", f"{tmp_path}/det1-0001.params")
    assert cascade_checkpoints(f"{tmp_path}/net,12")[2] == f"{tmp_path}/net3,12"
    with pytest.raises(InputError, match=r"net1 has the epochs 3, 12; name one, as in .*net,1"):
        cascade_checkpoints(f"{tmp_path}/net")


def test_one_checkpoint_is_no_cascade(tmp_path):
    put(tmp_path, "det", 1)
    (tmp_path / "det-symbol.json").write_text("{}")
    (tmp_path / "det").mkdir()
    assert not is_cascade(f"{tmp_path}/det,1")
    assert not is_cascade(f"{tmp_path}/other,0")


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(InputError, match=r"there is no .*det1-symbol.json; MTCNN's three checkpoints belong there"):
        cascade_checkpoints(str(tmp_path))
    put(tmp_path, "det")
    with pytest.raises(InputError, match=r"det1 has no .params file; get it, as in"):
        cascade_checkpoints(str(tmp_path))
