"""What a directory was made of: kept where it is the same, refused or renewed where it is not, and void before it is
made again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rcnn.errors import InputError
from rcnn.tables import NO_FACE, StageReader, StageWriter, features_schema
from rcnn.tables.header import check_unchanged, differences, discard, file_sums, header_of, is_kept
from rcnn.tables.schema import BEFORE, OLD_LISTING, PROGRESS


def write(path, arguments, models, sources=()):
    with StageWriter(
        str(path), "feature", features_schema(4), arguments=arguments, models=models, sources=sources, overwrite=True
    ) as writer:
        row = {"name": "a.mp4", "split": "val", "state": NO_FACE, "reason": "", "frames": 1, "faces": 0}
        writer.add_clips([row])


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.params"
    path.write_bytes(b"one")
    return path


@pytest.fixture
def made(tmp_path, model):
    write(tmp_path / "source", {}, [])
    write(tmp_path / "out", {"aug": 0, "gpu": 1}, [str(model)], [str(tmp_path / "source")])
    return str(tmp_path / "out")


def now(made, model, aug=0, **more):
    return header_of("feature", {"aug": aug, "gpu": 2, **more}, [str(model)], [made.replace("/out", "/source")])


def test_what_was_made_of_the_same_is_kept(made, model, capsys):
    assert is_kept(made, now(made, model), overwrite=False, renew=False)
    assert "is complete and was made from the same inputs; it is kept" in capsys.readouterr().out
    StageReader(made, ("feature",))


def test_what_a_run_that_was_killed_in_its_last_step_left_is_removed(made, model):
    for name in (PROGRESS, OLD_LISTING):
        Path(made, name).write_text("left")
    Path(made, BEFORE, "1").mkdir(parents=True)
    Path(made, BEFORE, "1/manifest.json").write_text("left")
    assert is_kept(made, now(made, model), overwrite=False, renew=False)
    assert sorted(path.name for path in Path(made).iterdir()) == ["clips", "features", "manifest.json"]


def test_other_arguments_are_refused_also_where_other_inputs_are_renewed(made, model):
    for renew in (False, True):
        with pytest.raises(
            InputError, match=r"out: is complete and was made with another aug \(0, now 2\); .*--overwrite"
        ):
            is_kept(made, now(made, model, aug=2), overwrite=False, renew=renew)
    StageReader(made, ("feature",))


def test_an_argument_that_an_earlier_version_lacked_counts(made, model):
    with pytest.raises(InputError, match=r"another rate \(None, now 8\.0\)"):
        is_kept(made, now(made, model, rate=8.0), overwrite=False, renew=False)


def test_another_model_of_the_same_name_is_refused_or_renewed(made, model, capsys):
    model.write_bytes(b"two")
    with pytest.raises(InputError, match=r"another model\.params"):
        is_kept(made, now(made, model), overwrite=False, renew=False)
    assert not is_kept(made, now(made, model), overwrite=False, renew=True)
    said = capsys.readouterr().out
    assert said == f"feature.py: {made} was made with another model.params; it is made again\n"
    with pytest.raises(InputError, match="not complete"):
        StageReader(made, ("feature",))  # from here on it counts no more, whatever happens


def test_a_source_that_was_made_anew_is_refused_or_renewed(made, model, tmp_path):
    write(tmp_path / "source", {"other": 1}, [])
    with pytest.raises(InputError, match="source, which was rebuilt"):
        is_kept(made, now(made, model), overwrite=False, renew=False)
    assert not is_kept(made, now(made, model), overwrite=False, renew=True)


def test_why_it_is_made_again_is_a_sentence(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("rcnn.installation._BY_NAME", True)
    source = {"path": "./found/appearances", "manifest": "1" * 64}
    was = header_of("groups", {}, {"answers": "a" * 64}, []) | {"sources": [source]}
    (tmp_path / "manifest.json").write_text(json.dumps(was))
    then = header_of("groups", {}, {"answers": "b" * 64}, []) | {"sources": [{**source, "manifest": "2" * 64}]}
    assert not is_kept(str(tmp_path), then, overwrite=False, renew=True)
    assert capsys.readouterr().out == (
        f"rcnn groups: {tmp_path} was made with other answers and with ./found/appearances as it was before; "
        "it is made again\n"
    )


def test_a_file_that_moved_is_the_same(made, model, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    moved = model.rename(tmp_path / "elsewhere/model.params")
    assert is_kept(made, now(made, moved), overwrite=False, renew=False)


def test_overwrite_makes_it_count_no_more(made, model):
    assert not is_kept(made, now(made, model), overwrite=True, renew=False)
    with pytest.raises(InputError, match="not complete"):
        StageReader(made, ("feature",))


def test_a_damaged_manifest_is_refused(made, model):
    for text in ("{", "[]", "7", json.dumps({"sources": 3, "models": [], "arguments": "x"})):
        with open(f"{made}/manifest.json", "w") as file:
            file.write(text)
        with pytest.raises(InputError, match=r"--overwrite"):
            is_kept(made, now(made, model), overwrite=False, renew=False)


def test_two_files_of_one_name_have_two_sums(tmp_path):
    for folder, text in (("a", b"1"), ("b", b"2")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "model.params").write_bytes(text)
    sums = file_sums([str(tmp_path / "a/model.params"), str(tmp_path / "b/model.params")])
    assert list(sums) == ["a/model.params", "b/model.params"] and len(set(sums.values())) == 2


def test_a_model_that_is_replaced_during_a_run_is_noticed(model):
    sums = file_sums([str(model)])
    check_unchanged([str(model)], sums)
    model.write_bytes(b"two")
    with pytest.raises(InputError, match=r"model\.params: was replaced during the run"):
        check_unchanged([str(model)], sums)


def test_a_card_that_is_removed_during_a_run_is_noticed(model):
    card = model.with_suffix(".toml")
    card.write_bytes(b"std = 128")
    sums = file_sums([str(model), str(card)])
    with pytest.raises(InputError, match=r"model\.toml: was removed during the run"):
        check_unchanged([str(model)], sums)


def test_differences_of_a_run_that_was_stopped(model, made):
    header = now(made, model)
    assert differences(header, header) == []
    assert differences(None, header) != []
    assert differences({**header, "arguments": {"aug": 1}}, header) == ["aug (1, now 0)"]


def test_a_link_is_not_followed_when_it_is_discarded(tmp_path, made):
    (tmp_path / "link").symlink_to(made)
    (tmp_path / "real").mkdir()
    (tmp_path / "real/manifest.json").symlink_to(f"{made}/manifest.json")
    with pytest.raises(InputError, match="link"):
        discard(str(tmp_path / "real"))
    StageReader(made, ("feature",))
