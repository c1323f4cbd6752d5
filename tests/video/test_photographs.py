"""Photographs of every format, turn, depth and colour; and files that are not what they say."""

from __future__ import annotations

import contextlib
import io
import os
import random
import struct
import subprocess
import sys
import zlib
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pillow_heif
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from rcnn.errors import InputError, UnreadableError
from rcnn.video import colours, photographs
from rcnn.video.photographs import MAX_SIDE, is_animation, is_photograph, read_image, read_photograph

REPO = Path(__file__).parents[2]
ORIENTATION = 0x0112
# How a picture of each format is written, and how far (mean, grey levels) lossy ones may be from what was written.
FORMATS: dict[str, tuple[str, dict, float]] = {
    "jpeg": ("JPEG", {"quality": 95, "subsampling": 0}, 3),
    "progressive": ("JPEG", {"quality": 95, "subsampling": 0, "progressive": True}, 3),
    "mpo": ("MPO", {"quality": 95, "subsampling": 0, "save_all": True}, 3),
    "png": ("PNG", {}, 0),
    "webp": ("WEBP", {"lossless": True}, 0),
    "tiff": ("TIFF", {}, 0),
    "lzw": ("TIFF", {"compression": "tiff_lzw"}, 0),
    "avif": ("AVIF", {"quality": 95, "subsampling": "4:4:4", "speed": 9}, 3),
    "heic": ("HEIF", {"quality": 95, "chroma": 444}, 3),
    "bmp": ("BMP", {}, 0),
    "gif": ("GIF", {}, 0),
    "jp2": ("JPEG2000", {}, 0),
    "j2k": ("JPEG2000", {"no_jp2": True}, 0),
    "ppm": ("PPM", {}, 0),
}
TURNABLE = ("jpeg", "progressive", "mpo", "png", "webp", "tiff", "lzw", "avif", "heic")
# The transposition that a camera's sensor does, so that the one which EXIF names makes the picture upright again.
STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@cache
def upright() -> Image.Image:
    """Four colours in the corners, so that every turn and mirror image looks different; 96 x 64."""
    image = Image.new("RGB", (96, 64), (230, 40, 40))
    image.paste((40, 200, 60), (48, 0, 96, 32))
    image.paste((50, 60, 220), (0, 32, 48, 64))
    image.paste((240, 220, 90), (48, 32, 96, 64))
    return image


def bgr(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB"))[..., ::-1]


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    name, given, _ = FORMATS[kind]
    image.save(file, name, **{**given, **options})
    return file.getvalue()


def turned(kind: str, orientation: int) -> bytes:
    """The upright picture as a camera that was held so stores it."""
    image = upright().transpose(STORED[orientation]) if orientation in STORED else upright()
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return encode(image, kind, exif=exif.tobytes())


def difference(image: np.ndarray, wanted: np.ndarray) -> float:
    assert image.dtype == np.uint8
    assert image.shape == wanted.shape
    assert image.flags.c_contiguous
    return float(np.abs(image.astype(int) - wanted).mean())


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_read_by_its_content(kind: str, tmp_path: Path) -> None:
    data = encode(upright(), kind)
    path = tmp_path / "photograph.txt"
    path.write_bytes(data)
    image = read_photograph(path)
    assert difference(image, bgr(upright())) <= FORMATS[kind][2]
    np.testing.assert_array_equal(read_photograph(data), image)
    assert is_photograph(data[:32])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", TURNABLE)
def test_every_orientation_is_made_upright_once(kind: str, orientation: int) -> None:
    image = read_photograph(turned(kind, orientation))
    assert difference(image, bgr(upright())) <= FORMATS[kind][2]


def with_exif(kind: str, orientation: int, container: bool) -> bytes:
    """A picture that its EXIF turns, and its container, too, if wanted."""
    spare = 0x0106  # a tag that Pillow leaves alone, renamed afterwards
    exif = Image.Exif()
    exif[spare] = orientation
    if container:
        exif[ORIENTATION] = orientation
    data = encode(upright().transpose(STORED[orientation]), kind, exif=exif.tobytes())
    entry = struct.pack(">HHIH", spare, 3, 1, orientation)
    assert data.count(entry) == 1
    assert (b"irot" in data or b"imir" in data) == container
    return data.replace(entry, struct.pack(">HHIH", ORIENTATION, 3, 1, orientation))


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("kind", ["avif", "heic"])
@pytest.mark.parametrize("container", [False, True])
def test_exif_beside_the_container_turns_a_picture_once(kind: str, orientation: int, container: bool) -> None:
    """Phones say it in both; some converters in EXIF alone."""
    image = read_photograph(with_exif(kind, orientation, container))
    assert difference(image, bgr(upright())) <= FORMATS[kind][2]


@settings(deadline=None, max_examples=40)
@given(
    width=st.integers(1, 40), height=st.integers(1, 40), orientation=st.integers(1, 8), strip=st.integers(1, 300),
    mode=st.sampled_from(["RGB", "L", "RGBA", "P", "1"]),
)  # fmt: skip
def test_strips_join_without_a_seam(width: int, height: int, orientation: int, strip: int, mode: str) -> None:
    pixels = np.random.default_rng(width * height).integers(0, 256, (height, width, 3), np.uint8)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, "PNG", exif=exif)
    whole = read_photograph(file.getvalue())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(colours, "STRIP_PIXELS", strip)
        np.testing.assert_array_equal(read_photograph(file.getvalue()), whole)


@pytest.mark.parametrize("kind", ["jpeg", "progressive", "png", "bmp"])
def test_pixels_are_those_that_opencv_reads(kind: str) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (21, 34, 3), np.uint8)
    image = Image.fromarray(pixels).resize((250, 187), Image.Resampling.BICUBIC)
    data = encode(image, kind, **({"subsampling": 2, "quality": 70} if kind in ("jpeg", "progressive") else {}))
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(read_photograph(data), decoded)


def test_damaged_exif_is_not_worth_the_picture() -> None:
    for exif in (b"Exif\0\0nonsense", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"Exif\0\0"):
        assert difference(read_photograph(encode(upright(), "jpeg", exif=exif)), bgr(upright())) <= 3
    exif = Image.Exif()
    exif[ORIENTATION] = 9
    assert read_photograph(encode(upright(), "png", exif=exif)).shape == (64, 96, 3)


# Depth and colour


def gradient() -> np.ndarray:
    """(16, 256) uint8, 0 to 255."""
    return np.tile(np.arange(256, dtype=np.uint8), (16, 1))


@pytest.mark.parametrize("kind", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_become_eight(kind: str, channels: int) -> None:
    deep = np.repeat(gradient()[..., None].astype(np.uint16) * 257, channels, 2)
    if channels > 1:
        deep[..., 1] = deep[:, ::-1, 1]
    if channels == 4:
        deep[..., 3] = 65535
    data = cv2.imencode(kind, deep)[1].tobytes()
    wanted = (deep[..., :3] // 257).astype(np.uint8)
    assert difference(read_photograph(data), np.repeat(wanted, 3, 2) if channels == 1 else wanted) <= 0.5


@pytest.mark.parametrize("order", ["<u2", ">u2"])
def test_tiff_of_either_byte_order(order: str) -> None:
    file = io.BytesIO()
    Image.fromarray((gradient().astype(np.uint16) * 257).astype(order)).save(file, "TIFF")
    assert difference(read_photograph(file.getvalue()), np.repeat(gradient()[..., None], 3, 2)) == 0


@pytest.mark.parametrize(
    "values",
    [
        gradient().astype(np.float32) / 255,
        gradient().astype(np.float32),
        np.where(gradient() == 7, np.nan, gradient()).astype(np.float32),
        gradient().astype(np.int32) * 257,
        gradient().astype(np.int32) * (2**23),
    ],
)
def test_floats_and_large_integers_keep_their_shades(values: np.ndarray) -> None:
    file = io.BytesIO()
    Image.fromarray(values).save(file, "TIFF")
    assert difference(read_photograph(file.getvalue()), np.repeat(gradient()[..., None], 3, 2)) < 0.6


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_has_the_colours_that_it_prints(kind: str) -> None:
    file = io.BytesIO()
    upright().convert("CMYK").save(file, kind, **({"quality": 98} if kind == "JPEG" else {}))
    data = file.getvalue()
    assert kind != "JPEG" or b"Adobe" in data, "Adobe's are stored inverted"
    assert difference(read_photograph(data), bgr(upright())) < 8


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_one_bit_grey_and_palette(mode: str) -> None:
    image = upright().convert(mode)
    file = io.BytesIO()
    image.save(file, "PNG")
    assert difference(read_photograph(file.getvalue()), bgr(image)) == 0


def test_white_is_behind_what_can_be_seen_through() -> None:
    def read(image: Image.Image, kind: str = "PNG", **options: object) -> list[int]:
        file = io.BytesIO()
        image.save(file, kind, **options)
        return read_photograph(file.getvalue())[0, 0].tolist()

    assert read(Image.new("RGBA", (4, 4), (10, 20, 30, 0))) == [255, 255, 255]
    assert read(Image.new("RGBA", (4, 4), (10, 20, 30, 255))) == [30, 20, 10]
    assert read(Image.new("RGBA", (4, 4), (0, 0, 0, 51))) == [204, 204, 204]
    assert read(Image.new("RGBA", (4, 4), (10, 20, 30, 0)), "WEBP", lossless=True, exact=True) == [255, 255, 255]
    assert read(Image.new("LA", (4, 4), (10, 0))) == [255, 255, 255]
    palette = Image.new("P", (4, 4), 3)
    palette.putpalette([9, 8, 7] * 256)
    assert read(palette) == [7, 8, 9]
    assert read(palette, transparency=3) == [255, 255, 255]
    assert read(palette, transparency=bytes([255, 255, 255, 51])) == [205, 206, 206]
    assert read(palette, "GIF", transparency=3) == [255, 255, 255]
    assert read(Image.new("RGB", (4, 4), (1, 2, 3)), transparency=(1, 2, 3)) == [255, 255, 255]
    assert read(Image.new("L", (4, 4), 5), transparency=5) == [255, 255, 255]


def swapped_profile() -> bytes:
    """A colour profile that takes red for blue."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = data.replace(b"rXYZ", b"?XYZ").replace(b"bXYZ", b"rXYZ").replace(b"?XYZ", b"bXYZ")
    return data.replace("sRGB".encode("utf-16-be"), "mine".encode("utf-16-be"))


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "tiff", "avif", "heic"])
def test_a_colour_profile_is_followed(kind: str) -> None:
    image = Image.new("RGB", (64, 64), (220, 40, 30))
    seen = read_photograph(encode(image, kind, icc_profile=swapped_profile()))
    assert difference(seen, np.full((64, 64, 3), (220, 40, 30), np.uint8)) < 4


def test_a_profile_of_srgb_changes_nothing_and_a_damaged_one_is_passed_over() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for data in (profile, b"no profile", swapped_profile()[:200]):
        assert difference(read_photograph(encode(upright(), "png", icc_profile=data)), bgr(upright())) == 0


# Several pictures in a file


def frames(kind: str, count: int = 3) -> bytes:
    images = [Image.new("RGB", (64, 64), (60 * number, 120, 200)) for number in range(count)]
    file = io.BytesIO()
    images[0].save(
        file, kind, save_all=True, append_images=images[1:], **({"lossless": True} if kind == "WEBP" else {})
    )
    return file.getvalue()


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF", "TIFF", "MPO", "HEIF"])
def test_the_first_of_several_pictures_is_read(kind: str, tmp_path: Path) -> None:
    (tmp_path / "several").write_bytes(frames(kind))
    assert np.abs(read_photograph(tmp_path / "several").astype(int) - (200, 120, 0)).max() < 12
    moves = kind in ("GIF", "PNG", "WEBP", "AVIF")
    assert is_animation(tmp_path / "several") == moves, "pages and previews are not frames"
    (tmp_path / "one").write_bytes(frames(kind, 1))
    assert not is_animation(tmp_path / "one")


def test_the_picture_that_a_heic_names_is_read() -> None:
    file = io.BytesIO()
    heic = pillow_heif.HeifFile()
    for number in range(3):
        heic.add_from_pillow(Image.new("RGB", (64, 64), (100 * number, 10, 10)))
    heic.save(file, primary_index=1, quality=95)
    assert np.abs(read_photograph(file.getvalue()).astype(int) - (10, 10, 100)).max() < 12


# Files that are not what they say


def chunk(kind: bytes, data: bytes, claimed: int | None = None) -> bytes:
    length = len(data) if claimed is None else claimed
    return struct.pack(">I", length) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, rows: bytes, claimed: int | None = None, depth: int = 8) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9), claimed)
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


def ifd(tags: dict[int, tuple[int, int]]) -> bytes:
    """A TIFF with one folder; a tag has its kind (3 or 4) and its value."""
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, (kind, value) in sorted(tags.items()))
    return b"II*\x00\x08\x00\x00\x00" + struct.pack("<H", len(tags)) + entries + bytes(4) + bytes(64)


def box(data: bytes, kind: bytes, offset: int, values: bytes) -> bytes:
    """`data` with other bytes in its first box of a kind."""
    at = data.index(kind) + 4 + offset
    return data[:at] + values + data[at + len(values) :]


def bombs() -> dict[str, bytes]:
    """Small files that say that they are large."""
    jpeg, webp = encode(upright(), "jpeg"), encode(upright(), "webp")
    at = jpeg.index(b"\xff\xc0") + 5
    tiff = {
        256: (4, 32000),
        257: (4, 32000),
        258: (3, 8),
        259: (3, 1),
        262: (3, 1),
        273: (4, 8),
        278: (4, 32000),
        279: (4, 9),
    }
    tiles = {
        **tiff,
        256: (4, 10),
        257: (4, 10),
        259: (3, 5),
        322: (4, 65520),
        323: (4, 65520),
        324: (4, 8),
        325: (4, 64),
    }
    tiles = {tag: value for tag, value in tiles.items() if tag not in (273, 278, 279)}
    size = struct.pack(">II", 60000, 60000)
    return {
        "png": png(32000, 32000, bytes(32000 * 4001), depth=1),
        "palette.png": png(20000, 20000, bytes(1000)),
        "chunk.png": png(64, 64, bytes(64 * 65), claimed=0x7FFFFFFF),
        "text.png": png(64, 64, bytes(64 * 65))[:33] + chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(300 << 20), 9)),
        "jpg": jpeg[:at] + struct.pack(">HH", 65500, 65500) + jpeg[at + 4 :],
        "gif": b"GIF89a" + struct.pack("<HH", 65535, 65535) + bytes(20),
        "bmp": b"BM" + struct.pack("<IIIIiiHHIIIIII", 54, 0, 54, 40, 60000, 60000, 1, 24, 0, 0, 0, 0, 0, 0),
        "tif": ifd(tiff),
        "tiles.tif": ifd(tiles),
        "webp": webp[:12] + b"VP8X" + struct.pack("<I", 10) + bytes(4) + b"\xff\x3f\x00" * 2 + webp[12:],
        "avif": box(encode(upright(), "avif"), b"ispe", 4, size),
        "heic": box(encode(upright(), "heic"), b"ispe", 4, size),
        "jp2": box(encode(upright(), "jp2"), b"ihdr", 0, size),
        "j2k": box(encode(upright(), "j2k"), b"\xff\x51", 2, size),
        "ppm": b"P6 60000 60000 255\n" + bytes(64),
        "wide.png": png(MAX_SIDE + 1, 1, bytes(MAX_SIDE + 2)),
    }


MEASURE = """
import resource, sys
from rcnn.errors import UnreadableError
from rcnn.video.photographs import read_photograph

read_photograph(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[2:]:
    try:
        print(path.rsplit("/", 1)[1], read_photograph(path).shape)
    except UnreadableError as error:
        print(path.rsplit("/", 1)[1], "-", error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_small_files_that_claim_to_be_large_take_no_memory(tmp_path: Path) -> None:
    (tmp_path / "good.jpg").write_bytes(encode(upright(), "jpeg"))
    paths = []
    for name, data in bombs().items():
        paths.append(str(tmp_path / f"bomb.{name}"))
        Path(paths[-1]).write_bytes(data)
    command = [sys.executable, "-c", MEASURE, str(tmp_path / "good.jpg"), *paths]
    environment = {**os.environ, "PYTHONPATH": str(REPO)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    *lines, grown = done.stdout.splitlines()
    assert done.stderr == ""
    assert [line.split(" ")[0] for line in lines] == [Path(path).name for path in paths], "one line each"
    assert [line for line in lines if " - " not in line] == []
    assert int(grown) < 100 << 10, f"{grown} KiB: {done.stdout}"


def test_the_line_says_how_large_it_is_and_what_is_read() -> None:
    with pytest.raises(UnreadableError, match=r"has 20,000 x 20,000 pixels; the limit for this format is 200 million"):
        read_photograph(png(20000, 20000, b""))
    with pytest.raises(UnreadableError, match=r"has more than 400 million pixels; .* 200 million"):
        read_photograph(png(32000, 32000, b""))


def test_pillows_own_limit_and_warnings_are_left_as_they_were() -> None:
    before = Image.MAX_IMAGE_PIXELS
    with pytest.raises(UnreadableError):
        read_photograph(png(32000, 32000, b""))
    assert before == Image.MAX_IMAGE_PIXELS
    with pytest.warns(Image.DecompressionBombWarning):
        Image.open(io.BytesIO(png(10000, 10000, b"")))


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_picture_that_is_cut_off_is_refused(kind: str, share: float) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (50, 75, 3), np.uint8)
    data = encode(Image.fromarray(pixels).resize((300, 200), Image.Resampling.BICUBIC), kind)
    with pytest.raises(UnreadableError, match=r"cut off|header can't be read|no picture"):
        read_photograph(data[: int(len(data) * share)])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty file"),
        (b"a text\n", r"is not a picture that can be read \(JPEG, PNG, WebP, HEIC, .* can\)"),
        (b"%PDF-1.7\n\x80\x81", "is not a picture"),
        (b"PK\x03\x04" + bytes(40), "is not a picture"),
        (b"\x00\x00\x00\x18ftypmp42" + bytes(40), "is not a picture"),
        (b"\xff\xd8\xff\xe0", "damaged"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
        (bytes(4000), "is not a picture"),
    ],
)
def test_what_is_no_picture_gets_a_line(data: bytes, message: str) -> None:
    with pytest.raises(UnreadableError, match=message):
        read_photograph(data)


def test_what_is_no_file_gets_a_line(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large.jpg").touch()
    os.truncate(tmp_path / "large.jpg", photographs.MAX_BYTES + 1)
    (tmp_path / "loop").symlink_to("loop")
    for path, message in (
        ("pipe", "not an ordinary file"),
        ("", "is a folder"),
        ("missing", "No such file"),
        ("large.jpg", "bytes large"),
        ("loop", "symbolic links"),
        ("a\0b", "null"),
    ):
        with pytest.raises(UnreadableError, match=message):
            read_photograph(str(tmp_path / path))


def test_read_image_says_which_file_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"a text")
    with pytest.raises(InputError, match=r"a\.jpg: is not a picture .*; give another picture"):
        read_image(tmp_path / "a.jpg")


@cache
def small(kind: str) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif[0x010E] = "a picture"
    profile = {"exif": exif, "icc_profile": swapped_profile()} if kind in TURNABLE else {}
    return encode(upright(), kind, **profile)


@pytest.mark.parametrize("kind", FORMATS)
def test_changed_bytes_give_a_picture_or_a_line(kind: str) -> None:
    good, rng = small(kind), random.Random(kind)
    ends = {True: 0, False: 0}
    for number in range(150):
        data = bytearray(good)
        for _ in range(rng.randint(1, 4)):
            # most of them where the header is: in the pixels hardly anything can go wrong
            at = rng.randrange(min(len(data), 400) if number % 2 else len(data))
            data[at] = rng.choice([data[at] ^ 1 << rng.randrange(8), rng.randrange(256), 0, 255])
        try:
            image = read_photograph(bytes(data))
        except UnreadableError as error:
            assert "\n" not in str(error)
            ends[False] += 1
        else:
            assert image.dtype == np.uint8
            assert image.shape[2:] == (3,)
            ends[True] += 1
    assert min(ends.values()) > 0, "neither every change nor none can be noticed"


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    start=st.sampled_from(sorted(FORMATS)), kept=st.integers(0, 400), rest=st.binary(max_size=200),
    skipped=st.integers(0, 60),
)  # fmt: skip
@example(start="png", kept=8, rest=b"\xff" * 40, skipped=0)
def test_any_bytes_give_a_picture_or_a_line(start: str, kept: int, rest: bytes, skipped: int) -> None:
    data = small(start)
    with contextlib.suppress(UnreadableError):
        assert read_photograph(data[:kept] + rest + data[kept + skipped :]).dtype == np.uint8
