"""The checkpoint that stands in for one that was not named."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rcnn.errors import InputError
from rcnn.networks.zoo import roles
from rcnn.networks.zoo.roles import DETECTOR, EMBEDDING, QUALITY, find_model

ROOT = Path(__file__).resolve().parents[3]
ROLES = (DETECTOR, QUALITY, EMBEDDING)


def put(prefix: Path) -> None:
    prefix.parent.mkdir(parents=True, exist_ok=True)
    for end in ("-symbol.json", "-0000.params"):
        Path(f"{prefix}{end}").write_bytes(b"")


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> Path:
    """An empty directory to work in, and a project that ships models of no content."""
    shipped = tmp_path / "project/model"
    for role in ROLES:
        put(shipped / role.shipped.partition(",")[0])
    monkeypatch.setattr(roles, "SHIPPED", shipped)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.seed)
def test_what_ships_is_used_until_the_seeds_own_is_there(role, elsewhere, capsys):
    ours = find_model(None, role)
    assert Path(ours).resolve() == (elsewhere.parent / "project/model" / role.shipped).resolve()
    said = role.used(ours)
    assert role.seed in said and ours in said

    put(elsewhere / role.seed.partition(",")[0])
    assert find_model(None, role) == role.seed
    said = role.used(role.seed)
    assert role.seed in said and ours not in said
    assert capsys.readouterr().out == ""  # the command line says it, and the library nothing


@pytest.mark.parametrize("end", ["-symbol.json", "-0000.params"])
def test_half_a_checkpoint_is_none(end, elsewhere, capsys):
    put(elsewhere / "model/ssh-model/essh")
    (elsewhere / f"model/ssh-model/essh{end}").unlink()
    assert "essh-m25" in find_model(None, DETECTOR)
    with pytest.raises(InputError, match=end):
        find_model("./model/ssh-model/essh,0", DETECTOR)


def test_a_named_model_is_used_without_a_word(elsewhere, capsys):
    put(elsewhere / "own")
    assert find_model("own,0", EMBEDDING) == "own,0"
    assert capsys.readouterr().out == ""


def test_nothing_at_all_is_an_error(elsewhere, monkeypatch):
    monkeypatch.setattr(roles, "SHIPPED", elsewhere)
    with pytest.raises(InputError, match=r"--detector: not given.*train-detector"):
        find_model(None, DETECTOR)


@pytest.mark.parametrize(
    ("command", "maker"),
    [
        (("detect.py", "--detector", "nowhere/essh,0"), "train-detector"),
        (("detect.py", "--model", "nowhere/model,0"), "train-embedding"),
        (("feature.py", "--model", "nowhere/model,0"), "train-embedding"),
    ],
)
def test_a_missing_file_says_where_to_get_or_make_one(command, maker, tmp_path):
    script, *arguments = command
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, ROOT / script, *arguments], capture_output=True, text=True, cwd=tmp_path, env=environment
    )
    assert done.returncode == 2
    line = done.stderr.strip()
    assert line.startswith(f"{script}: error: {arguments[0]} {arguments[1]}: there is no nowhere/")
    assert "rcnn zoo" in line and maker in line
    assert "\n" not in line


def test_what_ships_is_there():
    assert [roles.missing_file(str(roles.SHIPPED / role.shipped)) for role in ROLES] == [None] * len(ROLES)
