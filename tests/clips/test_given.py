"""Labels that were given once, and stay."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcnn.clips.given import LABELS_FILE, give_labels, names_now, person_name, read_given, write_given
from rcnn.errors import InputError

NAMES = ["Ada Lovelace", "Łukasz Żak", "王 小明", "محمد 👩\u200d👩\u200d👧", 'O"Hara, Ann', " two  spaces "]


@pytest.fixture
def root(tmp_path) -> Path:
    (tmp_path / "gt_v2").mkdir()
    return tmp_path


def test_what_was_given_is_read(root):
    labels = give_labels({}, NAMES)
    assert sorted(labels.values()) == list(range(1, len(NAMES) + 1))
    write_given(str(root), labels)
    assert read_given(str(root)) == labels
    assert (root / LABELS_FILE).read_bytes().startswith(b"label,name\n1,")


def test_labels_stay_and_are_never_given_again():
    first = give_labels({}, ["b", "c"])
    assert first == {"b": 1, "c": 2}
    assert give_labels(first, ["a", "c"]) == {"b": 1, "c": 2, "a": 3}
    assert give_labels({"b": 7, "alias": 7}, ["a"]) == {"b": 7, "alias": 7, "a": 8}
    assert names_now({"b": 7, "alias": 7, "gone": 8}, {"b", "alias"}) == {7: "b"}
    assert names_now({"b": 7, "alias": 7}, {"alias"}) == {7: "alias"}


def test_names_in_nfd_are_those_in_nfc():
    nfc, nfd = (unicodedata.normalize(form, "Zoë") for form in ("NFC", "NFD"))
    assert nfc != nfd and person_name(nfd) == nfc
    assert give_labels({nfc: 4}, [nfd]) == {nfc: 4}
    assert person_name("caf\udce9") == "caf\\udce9"  # a folder whose name is not UTF-8


def test_without_a_list_those_who_have_names_have_their_labels(root):
    assert read_given(str(root)) == {}
    (root / "gt_v2/names.txt").write_text("0 nobody\n3 Bo\n9 Ada Lovelace\n")
    assert read_given(str(root)) == {"Bo": 3, "Ada Lovelace": 9}
    write_given(str(root), {"Bo": 1})
    assert read_given(str(root)) == {"Bo": 1}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "its first line is not label,name"),
        ("label,name\nx,Ann\n", r"labels\.csv:2: label 'x' is not a whole number"),
        ("label,name\n0,Ann\n", "label '0' is not"),
        ("label,name\n1,Ann\n2,Ann\n", r"labels\.csv:3: Ann has the labels 1 and 2"),
        ("label,name\n1\n", r"labels\.csv:2: is not label,name"),
        ("label,name\n2147483647,Ann\n", "the largest possible one"),
    ],
)
def test_a_bad_list_is_one_line(root, text, words):
    (root / LABELS_FILE).write_text(text)
    with pytest.raises(InputError, match=words):
        give_labels(read_given(str(root)), ["Bo"])


@given(st.lists(st.sets(st.sampled_from("abcdefgh")), max_size=8))
def test_whoever_comes_and_goes(rounds):
    labels: dict[str, int] = {}
    for people in rounds:
        before, labels = labels, give_labels(labels, people)
        assert before.items() <= labels.items() and people <= labels.keys()
        assert len(set(labels.values())) == len(labels)
