"""Kinds of values: what the command line reads and what the library takes is the same, and nothing else passes."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcnn.settings import kinds

COUNTS = st.integers(0, 10**9)
NUMBERS = st.floats(0, 1e9)
NAMES = st.text(st.characters(exclude_characters=",", exclude_categories=("Cs",)), min_size=1)
LAYERS = st.text(st.characters(exclude_characters=",=", exclude_categories=("Cs",)), min_size=1)
VALUES = [
    (kinds.whole, COUNTS),
    (kinds.positive, st.integers(1, 10**9)),
    (kinds.integer, st.integers()),
    (kinds.between(2, 9), st.integers(2, 9)),
    (kinds.at_most_or_all(1), st.just(-1) | st.integers(1, 99)),
    (kinds.number, NUMBERS),
    (kinds.share(low_included=True), st.floats(0, 1, exclude_max=True)),
    (kinds.numbers, st.lists(NUMBERS, min_size=1).map(tuple)),
    (kinds.device, st.integers(-1, 99)),
    (kinds.devices, st.integers(-1, 99) | st.lists(st.integers(0, 99), min_size=2, unique=True).map(tuple)),
    (kinds.pair, st.tuples(COUNTS, COUNTS)),
    (kinds.even_pair(64, 4096, "640,360"), st.tuples(*[st.integers(32, 2048).map(lambda half: 2 * half)] * 2)),
    (kinds.part, COUNTS.flatmap(lambda count: st.tuples(st.integers(0, count), st.just(count + 1)))),
    (kinds.epochs, st.sets(st.integers(1, 999), min_size=1).map(lambda found: tuple(sorted(found)))),
    (kinds.paths, st.lists(NAMES, min_size=1).map(tuple)),
    (kinds.layer_pairs, st.lists(st.tuples(LAYERS, LAYERS), min_size=1).map(tuple)),
    (kinds.choice("a", "b"), st.sampled_from(["a", "b"])),
    (kinds.choice(1, 0, -1), st.sampled_from([1, 0, -1])),
]


@pytest.mark.parametrize(("kind", "values"), VALUES, ids=lambda item: getattr(item, "words", ""))
@given(data=st.data())
def test_what_is_typed_is_read_back_and_the_library_takes_it_too(kind, values, data):
    value = data.draw(values)
    assert kind(kinds.typed(value)) == value == kind.check(value)
    assert type(kind(kinds.typed(value))) is type(kind.check(value))


@pytest.mark.parametrize("kind", [kind for kind, _ in VALUES], ids=lambda kind: kind.words)
@given(text=st.text())
def test_any_text_is_a_value_of_the_kind_or_refused_in_its_words(kind, text):
    try:
        value = kind(text)
    except argparse.ArgumentTypeError as error:
        assert str(error) == f"{text!r} is not {kind.words}"
    else:
        assert kind.check(value) == value


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (kinds.positive, 0), (kinds.positive, True), (kinds.positive, 1.0), (kinds.positive, "3"),
        (kinds.whole, -1), (kinds.between(2, 9), 10), (kinds.at_most_or_all(1), 0), (kinds.at_most_or_all(0), -2),
        (kinds.number, -0.1), (kinds.number, math.nan), (kinds.number, math.inf), (kinds.number, "1"),
        (kinds.number, False), (kinds.share(low_included=False), 0), (kinds.share(low_included=True), 1),
        (kinds.numbers, ()), (kinds.numbers, 1.0), (kinds.numbers, (1.0, -1.0)),
        (kinds.device, -2), (kinds.devices, (0, 0)), (kinds.devices, (0, -1)), (kinds.devices, ()),
        (kinds.pair, (1, 2, 3)), (kinds.pair, 112), (kinds.even_pair(64, 4096, "640,360"), (64, 65)),
        (kinds.even_pair(64, 4096, "640,360"), (62, 64)), (kinds.part, (2, 2)), (kinds.part, (-1, 2)),
        (kinds.epochs, (3, 2)), (kinds.epochs, (0, 1)), (kinds.epochs, ()), (kinds.paths, "a"),
        (kinds.paths, ("a", "")), (kinds.layer_pairs, (("a", ""),)), (kinds.layer_pairs, ("ab",)), (kinds.text, 1),
        (kinds.text, b"a"), (kinds.flag, 1), (kinds.choice(1, 0), True), (kinds.choice("a", "b"), "c"),
        (kinds.choice("a", "b"), ["a"]),
    ],
)  # fmt: skip
def test_what_the_command_line_refuses_the_library_refuses(kind, value):
    with pytest.raises((ValueError, TypeError)):
        kind.check(value)


def test_values_are_kept_in_the_form_that_a_manifest_has():
    """So that a run of the library has the manifest of the same run of a script."""
    assert type(kinds.number.check(10)) is float and type(kinds.number.check(np.float32(0.5))) is float
    assert type(kinds.positive.check(np.int64(3))) is int
    assert kinds.paths.check(["a", Path("b")]) == ("a", "b")
    assert kinds.pair.check([112, 96]) == (112, 96)
    assert kinds.text.check(Path("out/det")) == "out/det"
    assert kinds.folder.check("out") == Path("out")
    assert kinds.devices.check([0, 1]) == (0, 1)
