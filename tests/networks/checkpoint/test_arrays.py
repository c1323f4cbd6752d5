"""`.params` files: every type and age, and files that are cut, changed, or nothing of the kind."""

import ast
import io
import math
import pickle
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from reference_models import OWN

from rcnn.errors import InputError
from rcnn.networks.checkpoint import load_checkpoint, save_checkpoint
from rcnn.networks.checkpoint.arrays import DTYPES, MAX_DIMENSIONS, MAX_NAME_BYTES, read_arrays, write_arrays

ROOT = Path(__file__).resolve().parents[3]
V1, V2, V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
OLDEST = 0

each_age = pytest.mark.parametrize("age", [OLDEST, V1, V2, V3], ids=["oldest", "V1", "V2", "V3"])

FLAGS = {"<f4": 0, "<f8": 1, "<f2": 2, "u1": 3, "<i4": 4, "i1": 5, "<i8": 6}
NAMES = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


@st.composite
def bits(draw, dtype: np.dtype) -> np.ndarray:
    """An array of any bits: for floats infinities, -0 and every NaN among them."""
    shape = draw(array_shapes(max_dims=5, min_side=0, max_side=4))
    return draw(arrays(f"u{dtype.itemsize}", shape)).view(dtype)


ANY_ARRAY = st.sampled_from(list(FLAGS)).map(np.dtype).flatmap(bits)


def same(first: np.ndarray, second: np.ndarray) -> bool:
    return (first.dtype, first.shape, first.tobytes()) == (second.dtype, second.shape, second.tobytes())


def encode(named: Mapping[str, np.ndarray], age: int = V2) -> bytes:
    """The bytes of a file, put together here from the description of the format."""
    parts = [struct.pack("<QQQ", 0x112, 0, len(named))]
    for array in named.values():
        if age == OLDEST:
            parts.append(struct.pack(f"<I{array.ndim}I", array.ndim, *array.shape))
        else:
            storage = struct.pack("<i", 0) if age != V1 else b""
            parts += [struct.pack("<I", age), storage, struct.pack(f"<I{array.ndim}q", array.ndim, *array.shape)]
        parts += [struct.pack("<iii", 1, 0, FLAGS[array.dtype.str.replace("|", "")]), array.tobytes()]
    parts.append(struct.pack("<Q", len(named)))
    parts += [struct.pack("<Q", len(name.encode())) + name.encode() for name in named]
    return b"".join(parts)


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("arrays") / "model-0000.params"


def read(path: Path, content: bytes) -> dict[str, np.ndarray]:
    path.write_bytes(content)
    return read_arrays(str(path))


SMALL = {
    "arg:weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "aux:mean": np.array([-1, 0, 1], np.int8),
    "arg:half": np.array([[0.5]], np.float16),
}


@given(st.dictionaries(NAMES, ANY_ARRAY, max_size=4))
@settings(deadline=None)
def test_what_is_written_is_read_bit_for_bit(path, named):
    write_arrays(str(path), named)
    assert path.read_bytes() == encode(named)
    found = read_arrays(str(path))
    assert list(found) == list(named)
    assert all(same(found[name], array) for name, array in named.items())


@each_age
@given(named=st.dictionaries(NAMES, ANY_ARRAY, max_size=4))
@settings(deadline=None, max_examples=40)
def test_every_age_is_read_bit_for_bit(path, age, named):
    found = read(path, encode(named, age))
    assert list(found) == list(named)
    assert all(same(found[name], array) for name, array in named.items())


def test_type_flags_are_those_of_the_format(path):
    assert {dtype.str.replace("|", ""): flag for flag, dtype in DTYPES.items()} == FLAGS


def test_ages_may_be_mixed_and_arrays_that_were_never_filled_are_empty(path):
    a, b = np.array([1.5], np.float64), np.array([[7, 8]], np.int64)
    content = struct.pack("<QQQ", 0x112, 0, 4)
    content += encode({"": a}, OLDEST)[24:-16] + struct.pack("<I", 0) + encode({"": b}, V1)[24:-16]
    content += struct.pack("<IiI", V2, 0, 0) + struct.pack("<Q", 4)
    content += b"".join(struct.pack("<Q", 1) + name for name in (b"a", b"b", b"c", b"d"))
    found = read(path, content)
    assert same(found["a"], a)
    assert same(found["c"], b)
    assert found["b"].shape == found["d"].shape == (0,)


def test_arrays_of_other_byte_order_or_layout_are_written_as_they_are_meant(path):
    base = np.arange(24, dtype=np.float32).reshape(4, 6)
    named = {"big": base.astype(">f4"), "turned": base.T, "steps": base[::2, ::-3], "big int": base.astype(">i8")}
    write_arrays(str(path), named)
    for name, array in read_arrays(str(path)).items():
        assert array.dtype.isnative
        np.testing.assert_array_equal(array, named[name])


@pytest.mark.parametrize(
    "array", [np.float32(1), np.zeros(2, bool), np.zeros(2, np.uint16), np.zeros(2, complex), np.array(["a"])]
)
def test_what_the_format_has_no_room_for_is_refused_by_name(path, array):
    with pytest.raises(InputError, match="arg:odd"):
        write_arrays(str(path), {"arg:odd": np.asarray(array)})


def test_a_failed_write_leaves_the_old_file(path):
    write_arrays(str(path), SMALL)
    with pytest.raises(InputError):
        write_arrays(str(path), {"arg:new": np.ones(3, np.float32), "arg:odd": np.zeros(2, bool)})
    assert list(read_arrays(str(path))) == list(SMALL)
    with pytest.raises(InputError, match="can't be written"):
        write_arrays(str(path / "below" / "a-file"), SMALL)


@each_age
def test_a_file_cut_at_any_byte_is_an_input_error(path, age):
    content = encode(SMALL, age)
    assert len(read(path, content)) == 3
    for length in range(len(content)):
        with pytest.raises(InputError, match="get it again"):
            read(path, content[:length])
    with pytest.raises(InputError, match="1 bytes after its end"):
        read(path, content + b"\0")


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_random_bytes_are_an_input_error(path, content):
    with pytest.raises(InputError):
        read(path, content)


@given(st.binary(max_size=100))
@settings(deadline=None)
def test_random_bytes_after_a_header_give_arrays_or_an_input_error(path, content):
    read_or_refuse(path, struct.pack("<QQQ", 0x112, 0, 1) + content)


@each_age
@given(data=st.data())
@settings(deadline=None)
def test_changed_bytes_give_arrays_or_an_input_error(path, age, data):
    content = bytearray(encode(SMALL, age))
    changes = st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255))
    for position, value in data.draw(st.lists(changes, min_size=1, max_size=4)):
        content[position] = value
    read_or_refuse(path, bytes(content))


@each_age
def test_every_single_byte_changed_gives_arrays_or_an_input_error(path, age):
    content = encode(SMALL, age)
    for position in range(len(content)):
        for value in (0, 0x7F, 0xFF):
            read_or_refuse(path, content[:position] + bytes([value]) + content[position + 1 :])


def read_or_refuse(path: Path, content: bytes) -> None:
    """Whatever comes back fits into the file; and nothing but InputError is raised."""
    try:
        found = read(path, content)
    except InputError as error:
        assert str(path) in str(error)
    else:
        assert sum(array.nbytes for array in found.values()) <= len(content)


@pytest.mark.parametrize(
    "claim",
    [
        struct.pack("<IiI4q", V2, 0, 4, 1 << 10, 1 << 10, 1 << 10, 1 << 8) + struct.pack("<iii", 1, 0, 0),
        struct.pack("<IiI1q", V2, 0, 1, 1 << 38) + struct.pack("<iii", 1, 0, 0),
        struct.pack("<IiI3q", V2, 0, 3, 1 << 62, 1 << 62, 1 << 62) + struct.pack("<iii", 1, 0, 6),
        struct.pack("<IiI3q", V2, 0, 3, 1 << 62, 0, 1 << 62) + struct.pack("<iii", 1, 0, 6),
        struct.pack("<IiI2q", V2, 0, 2, -1, -4) + struct.pack("<iii", 1, 0, 0),
        struct.pack("<II2I", V1, 1, 0xFFFFFFFF, 0x7FFFFFFF) + struct.pack("<iii", 1, 0, 1),
        struct.pack("<I2I", 2, 0xFFFFFFFF, 0xFFFFFFFF) + struct.pack("<iii", 1, 0, 1),
        struct.pack("<II", V1, 0xFFFFFFFF),
        struct.pack("<I", 0xFFFFFFFE),
        struct.pack("<II", V1, MAX_DIMENSIONS + 1),
    ],
)
def test_a_hundred_bytes_that_claim_a_terabyte_are_refused_before_memory_is_taken(path, claim, monkeypatch):
    asked = []

    def empty(shape, dtype):
        asked.append(math.prod(shape) * np.dtype(dtype).itemsize)
        return original(shape, dtype)

    original = np.empty
    monkeypatch.setattr("rcnn.networks.checkpoint.arrays.np.empty", empty)
    content = struct.pack("<QQQ", 0x112, 0, 1) + claim
    with pytest.raises(InputError, match="get it again"):
        read(path, content + bytes(100 - len(content)))
    assert not any(asked)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "ends in the header"),
        (encode({"a": np.zeros((1,) * (MAX_DIMENSIONS + 1), np.float32)}), f"{MAX_DIMENSIONS + 1} dimensions"),
        (struct.pack("<QQQ", 0x113, 0, 0) + bytes(8), "begins with 0x113"),
        (struct.pack("<QQQ", 0x112, 0, 1 << 60) + bytes(76), "claims 1152921504606846976 arrays"),
        (encode({"a": np.zeros(1, np.float32)}).replace(struct.pack("<IiI", V2, 0, 1), struct.pack("<IiI", V2, 1, 1)),
         "storage type 1"),
        (encode({"a": np.zeros(1, np.float32)}).replace(struct.pack("<iii", 1, 0, 0), struct.pack("<iii", 1, 0, 7)),
         "type flag 7"),
        (encode({"a": np.zeros(1, np.float32)})[:-17] + struct.pack("<Q", 2) + bytes(16), "2 names for 1 arrays"),
        (encode({"a": np.zeros(1, np.float32)})[:-9] + struct.pack("<Q", MAX_NAME_BYTES + 1) + bytes(9000),
         f"name 0 is {MAX_NAME_BYTES + 1} bytes long"),
        (encode({"a": np.zeros(1, np.float32)})[:-1] + b"\xff", "name 0 is not UTF-8"),
        (encode({"a": np.zeros(1, np.float32), "b": np.zeros(1, np.float32)})[:-1] + b"a", "a name twice"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_is_wrong(path, content, what):
    with pytest.raises(InputError, match=what) as caught:
        read(path, content)
    assert str(path) in str(caught.value)


def test_a_file_that_can_not_be_opened_is_an_input_error(tmp_path):
    for name in ("none.params", "."):
        with pytest.raises(InputError, match="PREFIX,EPOCH"):
            read_arrays(str(tmp_path / name))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_refused_and_not_run(path, protocol):
    class Mine:
        def __reduce__(self):
            return (run.append, (1,))

    run: list[int] = []
    with pytest.raises(InputError, match="no MXNet"):
        read(path, pickle.dumps({"arg:a": np.zeros(3)}, protocol))
    file = io.BytesIO()
    np.save(file, np.array([None]), allow_pickle=True)
    with pytest.raises(InputError, match="no MXNet"):
        read(path, file.getvalue())
    assert not run


UNPICKLERS = ("pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve")


def unpickling(source: str) -> list[str]:
    """What in a module's text can run code that a file holds."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] in UNPICKLERS]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found += [node.module] if (node.module or "").split(".")[0] in UNPICKLERS else []
            found += ["torch.load"] if node.module == "torch" and any(a.name == "load" for a in node.names) else []
        elif isinstance(node, ast.Attribute):
            found += ["torch.load"] if ast.unparse(node) in ("torch.load", "torch.jit.load") else []
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            found += [] if ast.unparse(node.value) == "False" else ["allow_pickle"]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("eval", "exec"):
            found.append(ast.unparse(node.func))
    return found


def test_no_module_unpickles():
    modules = [*sorted((ROOT / "rcnn").rglob("*.py")), *sorted(ROOT.glob("*.py"))]
    assert len(modules) > 20
    assert {str(m.relative_to(ROOT)): f for m in modules if (f := unpickling(m.read_text(encoding="utf-8")))} == {}
    for text in (
        "import pickle",
        "import numpy, pickle as p",
        "from pickle import loads",
        "def f():\n    from joblib import load",
        "x = torch.load(path, weights_only=True)",
        "from torch import load",
        "np.load(path, allow_pickle=True)",
        "np.load(path, None, allow_pickle=flag)",
        "eval('1')",
    ):
        assert unpickling(text), text
    assert not unpickling("import numpy as np\nnp.load(path, allow_pickle=False)\nmodel.eval()")


@pytest.mark.parametrize("name", OWN)
def test_a_checkpoint_that_ships_written_again_is_the_same(name, tmp_path):
    assert_written_again_is_the_same(OWN[name], tmp_path)


def test_a_published_checkpoint_written_again_is_the_same(checkpoints, tmp_path, subtests):
    for name, model in checkpoints.items():
        with subtests.test(name):
            (tmp_path / name).mkdir()
            assert_written_again_is_the_same(model, tmp_path / name)


def assert_written_again_is_the_same(model: str, folder: Path) -> None:
    before = load_checkpoint(model)
    save_checkpoint(f"{folder / 'copy'},12", before)
    after = load_checkpoint(f"{folder / 'copy'},12")
    assert sorted(p.name for p in folder.iterdir()) == ["copy-0012.params", "copy-symbol.json"]
    assert after.nodes == before.nodes
    assert after.outputs == before.outputs
    assert list(after.params) == list(before.params)
    assert all(same(after.params[key], array) for key, array in before.params.items())
    # arg: and aux: are kept too, which a graph does not have
    prefix = model.rpartition(",")[0]
    first, second = read_arrays(f"{prefix}-0000.params"), read_arrays(str(folder / "copy-0012.params"))
    assert list(first) == list(second)
    assert any(key.startswith("aux:") for key in first) == any(node.op == "BatchNorm" for node in before.nodes)
