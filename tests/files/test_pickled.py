"""The reader of pickles against the real module, broken files, and files that mean harm. 5 s."""

from __future__ import annotations

import io
import pickle
import random
import resource
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as of_numpy

from rcnn.errors import InputError
from rcnn.files import pickled

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "benchmarks"))

import hostile_pickles  # noqa: E402
import official  # noqa: E402

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
MUTATIONS = 1500
MEMORY_KIB = 200 << 10  # that an item may take, whatever it is


def read(data: bytes) -> list[tuple[str | bytes, object]]:
    """The items of a pickle."""
    with hostile_pickles.in_memory(data) as path:
        return list(pickled.PickledDict(path, pickled.find_far(path)))


def plain(value):
    """What a value is read as: numbers of numpy are Python's."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple):
        return type(value)(map(plain, value))
    return {key: plain(one) for key, one in value.items()} if isinstance(value, dict) else value


def same(one, other) -> bool:
    """Equal in value and type, NaN and the byte order of arrays included."""
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and one.dtype == other.dtype and np.array_equal(one, other, equal_nan=True)
    if type(one) is not type(other):
        return False
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    return one == other or (one != one and other != other)


numbers = of_numpy.integer_dtypes(endianness="?") | of_numpy.floating_dtypes(endianness="?", sizes=(16, 32, 64))
arrays = of_numpy.arrays(
    numbers, of_numpy.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
) | of_numpy.arrays(np.bool_, 3)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.binary(max_size=9)
values = st.recursive(
    scalars | arrays | arrays.map(np.asfortranarray),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.tuples(inner, inner, inner, inner)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=40)
@given(
    st.dictionaries(st.text(max_size=5) | st.binary(max_size=5), st.lists(values, max_size=4), max_size=5),
    st.sampled_from(PROTOCOLS),
)
def test_what_python_writes_is_read_as_it_was(content, protocol):
    assert same(dict(read(pickle.dumps(content, protocol))), plain(content))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_key_that_comes_again_within_its_value(protocol):
    """Text is remembered once; that a value holds its own key is not a value that holds itself."""
    word = "a"
    content = {word: [{word: (None, word, [word])}]}
    assert same(dict(read(pickle.dumps(content, protocol))), content)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_holds_itself_is_refused(protocol):
    inner: dict = {}
    for inside in (inner, (inner,), [inner], (1, 2, 3, inner)):
        inner.clear()
        inner["b"] = inside
        with pytest.raises(InputError, match="contains itself"):
            list(read(pickle.dumps({"a": [inner]}, protocol)))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_numbers_and_arrays_of_numpy(protocol):
    shared = [1, 2, 3, 4]
    content = {
        b"a": [["8", shared, np.float32(0.5), np.float64(51.5), np.arange(5, dtype="<f2")] for _ in range(3)],
        "b": [
            np.asfortranarray(np.arange(6.0).reshape(2, 3)),
            np.arange(4, dtype=">f4"),
            np.arange(8)[::2],
            np.zeros(0),
        ],
        "c": [],
        "d": [np.int64(-3), np.uint8(7), np.bool_(True), 10**30, -(10**30), -1, 255, 256, 70_000, "é\n'\\", b"\x00'\\"],
    }
    assert same(dict(read(pickle.dumps(content, protocol))), plain(content))


@pytest.mark.parametrize("core", ["core", "_core"])
def test_both_names_of_numpys_rooms(core):
    data = pickle.dumps({"a": [np.arange(3.0), np.float64(2)]}, 2)
    other = "core" if b"numpy._core" in data else "_core"
    if core == other:
        data = data.replace(b"numpy._core." if core == "core" else b"numpy.core.", f"numpy.{core}.".encode())
    assert same(dict(read(data)), {"a": [np.arange(3.0), 2.0]})


@pytest.mark.parametrize("protocol", [2, 4])
def test_what_the_benchmark_writes_is_what_python_reads_and_we_read(protocol):
    file = io.BytesIO()
    writer = official.Writer(file, protocol)
    for name, _, faces in official.made_up(1200, "val", 40, "float16", 2, 0):
        writer.add(name, faces[:3])
    writer.close()
    wanted = pickle.loads(file.getvalue(), encoding="bytes")
    assert len(wanted) == 1200
    assert same(dict(read(file.getvalue())), wanted)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_reading_goes_on_at_a_place(protocol, tmp_path):
    path = tmp_path / "a.pickle"
    content = {f"clip{n}": [[str(n % 7), [n, 2], np.arange(3, dtype=np.float16)]] for n in range(3500)}
    path.write_bytes(pickle.dumps(content, protocol))
    far = pickled.find_far(str(path))
    reader = pickled.PickledDict(str(path), far)
    taken, place = {}, None
    for key, value in reader:
        taken[key] = value
        if len(taken) >= 1500 and (place := reader.place) is not None:
            break
    assert place is not None and 1500 <= len(taken) <= 2000
    rest = dict(pickled.PickledDict(str(path), far, pickled.Place(place.offset, place.last, dict(place.values))))
    assert same({**taken, **rest}, content)
    assert not taken.keys() & rest.keys()


def test_what_is_far_behind_is_found_again():
    text = "first" * 3
    content = {f"clip{n}": [[f"{n}-{k}" for k in range(30)], text] for n in range(1000)}
    data = pickle.dumps(content, 2)
    with hostile_pickles.in_memory(data) as path:
        assert len(pickled.find_far(path)) == 1
    assert same(dict(read(data)), content)


def test_an_item_is_handed_on_before_the_next_is_read():
    data = pickle.dumps({"a": [[1, 2], [3, 4]], "b": [[5, 6]], "c": []}, 2)
    with hostile_pickles.in_memory(data) as path:
        reader = iter(pickled.PickledDict(path, frozenset()))
        first, source = next(reader), reader.gi_frame.f_locals["source"]
        assert first == ("a", [[1, 2], [3, 4]])
        assert source.offset < data.index(b"K\x05")


@pytest.mark.parametrize("name", hostile_pickles.NAMED)
def test_what_means_harm_is_refused_and_not_done(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        InputError, match=r"at byte \d+: .*(not read|neither imported|call|not an array|not a name|contains|text)"
    ):
        read(hostile_pickles.NAMED[name])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_object_that_runs_when_it_is_loaded_does_not_run(protocol, tmp_path):
    harm = tmp_path / "harm"
    for content in (hostile_pickles.Harm(str(harm)), {"a": [hostile_pickles.Harm(str(harm))]}):
        data = pickle.dumps(content, protocol)
        with pytest.raises(InputError, match=r"it names posix.mkdir, which is neither imported nor called"):
            read(data)
    assert not harm.exists()
    pickle.loads(data)  # Python's own does it
    assert harm.exists()


def test_no_module_is_imported():
    before = set(sys.modules)
    with pytest.raises(InputError, match=r"it names antigravity\.fly"):
        read(b"\x80\x02}U\x01acantigravity\nfly\ns.")
    assert set(sys.modules) == before


@pytest.mark.parametrize("name", hostile_pickles.BROKEN)
def test_what_is_broken_is_refused_in_one_line(name):
    with pytest.raises(InputError, match=r"at byte \d+: ") as caught:
        read(hostile_pickles.BROKEN[name])
    assert "\n" not in str(caught.value) and "get the file again" in str(caught.value)


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for name, data in hostile_pickles.bombs()])
def test_small_files_take_little_memory(data):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    hostile_pickles.check_pickle(data)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY_KIB


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_file_that_is_cut_off_anywhere_is_refused(protocol):
    data = pickle.dumps({b"a": [["8", [1, 2, 3, 4], 0.5, 51.5, np.arange(3, dtype="<f2")]], "b": []}, protocol)
    for end in range(len(data)):
        with pytest.raises(InputError):
            read(data[:end])
    with pytest.raises(InputError, match="1 bytes follow its end"):
        read(data + b"\x00")


def test_changed_bytes_bring_out_nothing_but_our_own_error():
    rng = random.Random(0)
    seeds = hostile_pickles.pickle_seeds()
    for _ in range(MUTATIONS):
        data = bytearray(rng.choice(seeds))
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(data) + 1)
            choice = rng.randrange(4)
            if choice == 0:
                data[at : at + 1] = bytes([rng.randrange(256)])
            elif choice == 1:
                data[at : at + 4] = rng.choice((b"\xff" * 4, bytes(4), b"\xff\xff\xff\x7f"))
            elif choice == 2:
                del data[at : at + rng.randint(1, 16)]
            else:
                data[at:at] = data[at : at + rng.randint(1, 16)]
        hostile_pickles.check_pickle(bytes(data))


def test_the_memory_does_not_grow_with_the_file(tmp_path):
    path = tmp_path / "a.pickle"
    faces = [official.Face(8, (1, 2, 3, 4), 0.5, 51.5, np.zeros(512, np.float16))] * 10
    with open(path, "wb") as file:
        writer = official.Writer(file, 2)
        for number in range(1500):
            writer.add(f"clip{number}", faces)
        writer.close()
    reader = iter(pickled.PickledDict(str(path), pickled.find_far(str(path))))
    for _ in range(400):
        next(reader)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert sum(1 for _ in reader) == 1100
    assert path.stat().st_size > 15 << 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 5 << 10
