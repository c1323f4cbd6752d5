"""Video as people have it: every kind of file made with ffmpeg from one plain clip of a drawn person.

The plain clip is 640x360, 30 frames/s, 2 s. At its lower edge is a dark strip on which a white mark moves on by two
pixels a frame, so that each picture tells its time wherever it went.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

RATE = 30
FRAMES = 60
WIDTH, HEIGHT = 640, 360
STRIP = slice(338, 358)  # rows
MARK_ROWS = slice(341, 355)
MARK_START, MARK_STEP, MARK_WIDTH = 140, 2, 8  # pixels; of frame 0, a frame
MODEL = Path(__file__).resolve().parents[2] / "model/people"
PERSON, TAKE = (0, 3), (0, 3, 5)  # a head of 190 pixels around x = 230
BODY = (130, 202)  # x and width of the part that shows the person and every place of the mark
X264 = "-an -c:v libx264 -preset ultrafast -crf 14 -pix_fmt yuv420p -threads 1"
REORDERED = X264.replace("ultrafast", "veryfast")  # with B-frames
FIELDS = "-flags +ilme+ildct"


@dataclass(frozen=True)
class View:
    """Where a picture of `size` shows the plain one: `part` of it (x, y, width, height) lies at `place`."""

    size: tuple[int, int] = (WIDTH, HEIGHT)
    part: tuple[float, float, float, float] = (0, 0, WIDTH, HEIGHT)
    place: tuple[float, float, float, float] | None = None

    @property
    def matrix(self) -> np.ndarray:
        """(2, 3) float64: takes a point of the plain picture, x and y in pixels, to this one."""
        x, y, width, height = self.part
        left, top, wide, high = self.place or (0, 0, *self.size)
        along, down = wide / width, high / height
        # pixels are counted from their middles
        return np.array(
            [[along, 0, left - x * along + (along - 1) / 2], [0, down, top - y * down + (down - 1) / 2]], np.float64
        )

    def of(self, plain: np.ndarray) -> np.ndarray:
        """What this picture shows of a plain one; black around it."""
        if max(self.matrix[0, 0], self.matrix[1, 1]) < 1:
            plain = cv2.GaussianBlur(plain, (0, 0), 0.35 / min(self.matrix[0, 0], self.matrix[1, 1]))
        return cv2.warpAffine(plain, self.matrix, self.size, flags=cv2.INTER_LINEAR)


WHOLE = View()
PORTRAIT = View((404, 720), (BODY[0], 0, BODY[1], HEIGHT))
SQUARE = View((360, 360), (60, 0, 360, HEIGHT))
FOUR_THIRDS = View((480, 360), (0, 0, 480, HEIGHT))
WITHOUT_TOP = View((640, 268), (0, 92, WIDTH, 268))


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    name : also of the file, without its ending
    ending : of the file
    make : writes the file, from the plain clip's path
    frames : how many are decoded
    rate : frames a second; None where the container rounds it
    full : width and height of its pictures before they are reduced, where they are
    view : what its pictures show; `later` from frame `change` on (counted from 0) where their size changes
    start : frame of the plain clip that it begins with
    late : seconds from the start of the file to the first frame
    speed : how many times faster than filmed it is played
    tolerance : plain frames that a picture may be older or younger than its time says
    likeness : least PSNR of a picture to the plain one, decibels
    share : of what the container promises that can be read
    """

    name: str
    ending: str
    make: Callable[[Path, Path], None]
    frames: int = FRAMES
    rate: Fraction | None = Fraction(RATE)
    full: tuple[int, int] | None = None
    view: View = WHOLE
    later: View | None = None
    change: int = FRAMES
    start: int = 0
    late: float = 0.0
    speed: Fraction = Fraction(1)
    tolerance: float = 0.5
    likeness: float = 30.0
    share: float = 1.0

    def plain_index(self, time: float) -> float:
        """Which frame of the plain clip is to be seen at a time, seconds from the start of the file."""
        return self.start + (time - (0.0 if self.start else self.late)) * RATE * float(self.speed)

    def view_of(self, index: int) -> View:
        """What the frame with an index, counted from 0, shows."""
        return self.later if self.later is not None and index >= self.change else self.view


class Zoo:
    """The plain clip, and the files of the kinds, each made when it is asked for first.

    Processes may share a folder.
    """

    def __init__(self, folder: Path) -> None:
        needs_ffmpeg()
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.images = draw_plain()
        plain = f"{REORDERED} -vf scale=out_color_matrix=bt601:out_range=tv -crf 10"
        self.plain = self._made("plain.mp4", lambda path: write_raw(self.images, "bgr24", plain, path))

    def path(self, kind: Kind) -> Path:
        """The file of a kind."""
        return self._made(f"{kind.name}{kind.ending}", lambda path: kind.make(self.plain, path))

    def _made(self, name: str, make: Callable[[Path], None]) -> Path:
        path = self.folder / name
        if not path.exists():
            scratch = self.folder / uuid.uuid4().hex
            scratch.mkdir()
            make(scratch / name)
            (scratch / name).replace(path)
            shutil.rmtree(scratch)
        return path


def needs_ffmpeg() -> None:
    """Skip the test where ffmpeg is absent; fail where RCNN_NEEDS_FFMPEG says that it must be there."""
    if shutil.which("ffmpeg") is None:
        if os.environ.get("RCNN_NEEDS_FFMPEG"):
            pytest.fail("ffmpeg is not installed")
        pytest.skip("ffmpeg, which makes the files, is not installed (apt-get install ffmpeg)")


def draw_plain() -> np.ndarray:
    """(FRAMES, HEIGHT, WIDTH, 3) uint8, BGR."""
    from rcnn.demo import film
    from rcnn.demo.person import load_people

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(film, "SECONDS", (FRAMES / film.FPS,) * 2)
        take = replace(film.draw_take(*TAKE, size=(WIDTH, HEIGHT)), blur=0.0, noise=0.5)
    images = np.stack(list(film.film_frames(load_people(str(MODEL)).person(*PERSON), take, (WIDTH, HEIGHT))))
    images[:, STRIP] = 16
    for number, image in enumerate(images):
        x = MARK_START + MARK_STEP * number
        image[MARK_ROWS, x : x + MARK_WIDTH] = 235
    return images


def shown_time(image: np.ndarray, view: View) -> float:
    """Which frame of the plain clip an image shows, by the mark, a fraction where it is between two."""
    back = cv2.invertAffineTransform(view.matrix)
    plain = cv2.warpAffine(image, back, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
    light = plain[MARK_ROWS, BODY[0] : BODY[0] + BODY[1]].astype(np.float64).mean((0, 2))
    light = np.maximum(light - 0.4 * light.max(), 0)
    middle = BODY[0] + (light * np.arange(len(light))).sum() / light.sum()
    return (middle - MARK_START - (MARK_WIDTH - 1) / 2) / MARK_STEP


def likeness(image: np.ndarray, plain: np.ndarray) -> float:
    """PSNR in decibels."""
    error = np.mean((image.astype(np.float64) - plain) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def run(*arguments: str | Path) -> None:
    """Run ffmpeg."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "SVT_LOG": "1"})
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stderr}"


def write_raw(images: np.ndarray, layout: str, options: str, path: Path) -> None:
    """Encode images (n, h, w, 3)."""
    size = f"{images.shape[2]}x{images.shape[1]}"
    command = f"ffmpeg -v error -y -f rawvideo -pix_fmt {layout} -s {size} -r {RATE} -i - {options}"
    subprocess.run([*shlex.split(command), path], input=images.tobytes(), check=True, capture_output=True)


def filtered(options: str, before: str = "") -> Callable[[Path, Path], None]:
    """One run of ffmpeg over the plain clip."""

    def make(plain: Path, path: Path) -> None:
        run(*shlex.split(before), "-i", plain, *shlex.split(options), path)

    return make


def copied(options: str = "", before: str = "") -> Callable[[Path, Path], None]:
    """The plain clip's own packets."""

    def make(plain: Path, path: Path) -> None:
        run(*shlex.split(before), "-i", plain, "-c", "copy", *shlex.split(options), path)

    return make


def turned(coded: str, a: int, b: int, c: int, d: int) -> Callable[[Path, Path], None]:
    """Coded through a filter, with a display matrix that turns it back: (x, y) to (a x + c y, b x + d y)."""

    def make(plain: Path, path: Path) -> None:
        run("-i", plain, "-vf", coded, *shlex.split(X264), path)
        data = bytearray(path.read_bytes())
        # ISO/IEC 14496-12, 8.3.2: the matrix stands 40 bytes behind the version of a header of version 0
        place = data.index(b"tkhd") + 4 + 40
        data[place : place + 36] = np.array([a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30], ">i4").tobytes()
        path.write_bytes(data)

    return make


def joined(*filters: str) -> Callable[[Path, Path], None]:
    """A broadcast of two parts of one second, coded through one filter each."""

    def make(plain: Path, path: Path) -> None:
        whole = b""
        for number, name in enumerate(filters):
            part = path.with_name(f"{number}.ts")
            cut = f"trim=start_frame={number * RATE}:end_frame={(number + 1) * RATE},setpts=PTS-STARTPTS,"
            run("-i", plain, "-vf", cut + name, *shlex.split(X264), part)
            whole += part.read_bytes()
        path.write_bytes(whole)

    return make


def with_picture(options: str) -> Callable[[Path, Path], None]:
    """A picture as the first stream."""

    def make(plain: Path, path: Path) -> None:
        picture = path.with_name("picture.png")
        run("-f", "lavfi", "-i", "testsrc=s=640x360", "-frames:v", "1", picture)
        run("-i", picture, "-i", plain, "-map", "0:v", "-map", "1:v", "-c", "copy", *shlex.split(options), path)

    return make


def with_test_card(plain: Path, path: Path) -> None:
    """A test card as the first stream, the plain clip as the second and default one."""
    card = shlex.split(f"-f lavfi -i testsrc=s=320x180:r={RATE}:d=2")
    streams = "-map 0:v -map 1:v -c:v:0 libx264 -c:v:1 copy -disposition:v:0 0 -disposition:v:1 default"
    run(*card, "-i", plain, *shlex.split(streams), path)


def with_late_video(plain: Path, path: Path) -> None:
    """Sound from the start, the video half a second later."""
    sound = shlex.split("-f lavfi -i sine=d=2.5 -itsoffset 0.5")
    run(*sound, "-i", plain, *shlex.split("-map 1:v -map 0:a -c:v copy -c:a aac"), path)


def without_beginning(options: str) -> Callable[[Path, Path], None]:
    """Key frames at 0, 24 and 48, the first six packets lost."""

    def make(plain: Path, path: Path) -> None:
        whole = path.with_name(f"whole{path.suffix}")
        run("-i", plain, *shlex.split(options), whole)
        run("-i", whole, "-c", "copy", "-bsf:v", "noise=drop=lt(n\\,6)", path)

    return make


def truncated(share: float) -> Callable[[Path, Path], None]:
    """Index first, and the end of the file missing, so that about `share` of the frames are whole."""

    def make(plain: Path, path: Path) -> None:
        # frames of one size: each is coded alone
        run("-i", plain, *shlex.split("-an -c:v mjpeg -q:v 3 -movflags +faststart"), path)
        data = path.read_bytes()
        body = data.index(b"mdat") + 4
        path.write_bytes(data[: body + round((len(data) - body) * share)])

    return make


def through_pipe(plain: Path, path: Path) -> None:
    """Without a duration, which is written to the header at the end."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-i", plain, "-c", "copy", "-f", "matroska", "-"]
    path.write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)


def dynamic(transfer: str) -> Callable[[Path, Path], None]:
    """The plain clip as a camera with high dynamic range has it: its white at 203 cd/m2 (ITU-R BT.2408)."""
    curve, name = {"pq": (_pq, "smpte2084"), "hlg": (_hlg, "arib-std-b67")}[transfer]

    def make(plain: Path, path: Path) -> None:
        def coded(image: np.ndarray) -> np.ndarray:
            light = _power(image[..., ::-1].astype(np.float32) / 255, 2.4)
            light = np.clip(light @ (np.linalg.inv(XYZ_2020) @ XYZ_709).T.astype(np.float32), 0, None) * 203
            return np.rint(np.clip(curve(light), 0, 1) * 65535).astype("<u2")

        tags = f"-color_primaries bt2020 -color_trc {name} -colorspace bt2020nc -color_range tv"
        said = f"log-level=none:colorprim=bt2020:transfer={name}:colormatrix=bt2020nc:range=limited"
        options = "-vf scale=out_color_matrix=bt2020:out_range=tv,format=yuv420p10le -c:v libx265 -preset ultrafast"
        samples = np.stack([coded(image) for image in draw_plain()[:RATE]])
        write_raw(samples, "rgb48le", f"{options} -x265-params {said} -crf 12 {tags} -tag:v hvc1", path)

    return make


# linear R, G, B to X, Y, Z (ITU-R BT.709, BT.2020, white D65)
XYZ_709 = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
XYZ_2020 = np.array([[0.6370, 0.1446, 0.1689], [0.2627, 0.6780, 0.0593], [0.0, 0.0281, 1.0610]])


def _pq(light: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084, inverse EOTF."""
    power = _power(light / 10_000, 2610 / 16384)
    return _power((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power), 2523 / 32)


def _hlg(light: np.ndarray) -> np.ndarray:
    """ITU-R BT.2100, inverse OOTF for 1,000 cd/m2 and OETF."""
    light = np.clip(light / 1000, 0, 1)
    luma = np.maximum(light @ np.float32([0.2627, 0.6780, 0.0593]), 1e-6)
    scene = light * _power(luma, 1 / 1.2 - 1)[..., None]
    logarithm = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-6)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), logarithm)


def _power(values: np.ndarray, exponent: float) -> np.ndarray:
    """By OpenCV, which is ten times faster than NumPy."""
    return cv2.pow(np.ascontiguousarray(values, np.float32).reshape(1, -1), exponent).reshape(values.shape)


SMALL = View((320, 180))
PAL, NTSC = Fraction(25), Fraction(30000, 1001)
GOP = "-an -g 24 -sc_threshold 0 -b:v 2M -pix_fmt yuv420p"
CROPPED = f"crop={BODY[1]}:{HEIGHT}:{BODY[0]}:0"

KINDS = [
    Kind("plain", ".mp4", copied(), likeness=36),
    # two fields a frame
    Kind("interlaced", ".ts", filtered(
        f"-vf tinterlace=interleave_top {X264} {FIELDS} -x264opts tff=1"), 30, Fraction(15)),
    Kind("interlaced_pal", ".mpg", filtered(
        f"-vf scale=720:576,setsar=64/45,tinterlace=interleave_top -an -c:v mpeg2video {FIELDS} -b:v 8M "
        "-pix_fmt yuv420p -top 1", "-r 50"), 30, PAL, view=View((1024, 576)), speed=2 * PAL / RATE),
    Kind("interlaced_ntsc", ".dv", filtered(
        "-vf scale=720:480,setsar=32/27,tinterlace=interleave_bottom,format=yuv411p -an -c:v dvvideo",
        "-r 60000/1001"), 30, NTSC, view=View((853, 480)), speed=2 * NTSC / RATE),
    Kind("interlaced_1080", ".mts", filtered(
        f"-t 0.6 -vf scale=1920:1080,tinterlace=interleave_top {X264} {FIELDS} -x264opts tff=1", "-r 50"),
        15, PAL, view=View((1920, 1080)), speed=2 * PAL / RATE),
    Kind("interlaced_mpeg4", ".avi", filtered(
        f"-vf tinterlace=interleave_top -an -c:v mpeg4 {FIELDS} -q:v 2"), 30, Fraction(15)),
    Kind("interlaced_prores", ".mov", filtered(
        f"-t 1 -vf tinterlace=interleave_top,setfield=tff -an -c:v prores_ks {FIELDS}"), 15, Fraction(15)),
    # turned
    Kind("turned_90", ".mp4", turned("transpose=cclock", 0, 1, -1, 0)),
    Kind("turned_180", ".mp4", turned("hflip,vflip", -1, 0, 0, -1)),
    Kind("turned_270", ".mp4", turned("transpose=clock", 0, -1, 1, 0)),
    Kind("mirrored", ".mp4", turned("hflip", -1, 0, 0, 1)),
    Kind("transposed", ".mp4", turned("transpose=cclock_flip", 0, 1, 1, 0)),
    Kind("portrait_turned_90", ".mp4", turned(f"{CROPPED},scale=404:720,transpose=cclock", 0, 1, -1, 0), view=PORTRAIT),
    Kind("portrait_turned_180", ".mp4", turned(f"{CROPPED},scale=404:720,hflip,vflip", -1, 0, 0, -1), view=PORTRAIT),
    Kind("portrait_turned_270", ".mp4", turned(f"{CROPPED},scale=404:720,transpose=clock", 0, -1, 1, 0), view=PORTRAIT),
    # shapes
    Kind("portrait", ".mp4", filtered(f"-vf {CROPPED},scale=404:720 {X264}"), view=PORTRAIT),
    Kind("square", ".mp4", filtered(f"-vf crop=360:360:60:0 {X264}"), view=SQUARE),
    Kind("four_thirds", ".mp4", filtered(f"-vf crop=480:360:0:0 {X264}"), view=FOUR_THIRDS),
    Kind("cinema", ".mp4", filtered(f"-vf crop=640:268:0:92 {X264}"), view=WITHOUT_TOP),
    Kind("wide", ".mp4", filtered(f"-vf pad=2560:360:700:0 {X264}"), full=(2560, 360), view=View(
        (1920, 270), place=(525, 0, 480, 270))),
    Kind("high", ".mp4", filtered(f"-vf scale=360:202,pad=360:2000:0:600 {X264}"), full=(360, 2000), view=View(
        (346, 1920), place=(0, 576, 346, 194))),
    # pixels that are not square
    Kind("pixels_16_15", ".mp4", filtered(f"-vf crop=480:360:0:0,scale=720:576,setsar=16/15 {X264}"), view=replace(
        FOUR_THIRDS, size=(768, 576))),
    Kind("pixels_8_9", ".mp4", filtered(f"-vf crop=480:360:0:0,scale=720:480,setsar=8/9 {X264}"), view=replace(
        FOUR_THIRDS, size=(720, 540))),
    Kind("pixels_2_1", ".mp4", filtered(f"-vf scale=320:360,setsar=2 {X264}")),
    Kind("pixels_by_container", ".mkv", copied("-aspect 8:3"), view=View((960, 360))),
    # codecs, layouts and containers
    Kind("hevc", ".mp4", filtered("-an -c:v libx265 -preset ultrafast -x265-params log-level=none -crf 16")),
    Kind("hevc_10", ".mp4", filtered(
        "-an -c:v libx265 -preset ultrafast -x265-params log-level=none -crf 16 -pix_fmt yuv420p10le -tag:v hvc1")),
    Kind("av1", ".mp4", filtered("-an -c:v libsvtav1 -preset 12 -crf 20")),
    Kind("vp8", ".webm", filtered("-an -t 0.5 -c:v libvpx -deadline realtime -cpu-used 16 -b:v 3M"), 15),
    Kind("vp9_alpha", ".webm", filtered(
        "-an -vf format=yuva420p,colorchannelmixer=aa=0.5 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 3M")),
    Kind("prores", ".mov", filtered("-an -t 0.5 -c:v prores_ks -profile:v 3 -pix_fmt yuv422p10le"), 15),
    Kind("prores_alpha", ".mov", filtered(
        "-an -t 0.5 -vf scale=320:180 -c:v prores_ks -profile:v 4 -pix_fmt yuva444p10le"), 15, view=SMALL),
    Kind("mjpeg", ".avi", filtered("-an -c:v mjpeg -q:v 3 -pix_fmt yuvj422p")),
    Kind("mpeg1", ".mpg", filtered("-an -c:v mpeg1video -q:v 2")),
    Kind("mpeg2", ".mpg", filtered("-an -c:v mpeg2video -q:v 2")),
    Kind("mpeg4", ".avi", filtered("-an -c:v mpeg4 -q:v 2")),
    Kind("wmv", ".wmv", filtered("-an -c:v wmv2 -q:v 2")),
    Kind("flv", ".flv", filtered("-an -c:v flv -q:v 2")),
    Kind("3gp", ".3gp", filtered("-an -vf scale=352:288,setsar=12/11 -c:v h263 -q:v 2"), view=View((384, 288))),
    Kind("rgb", ".mkv", filtered("-an -c:v libx264rgb -preset ultrafast -crf 10")),
    Kind("full_range", ".mp4", filtered(f"{X264} -vf scale=out_range=pc -color_range pc")),
    Kind("hd_matrix", ".mp4", filtered(f"-vf scale=out_color_matrix=bt709 {X264} -colorspace bt709")),
    Kind("hd", ".mp4", filtered(f"-t 1 -vf scale=1280:720:out_color_matrix=bt709 {X264}"), 30, view=View((1280, 720))),
    Kind("8k", ".mov", filtered("-an -frames:v 2 -vf scale=7680:4320 -c:v mjpeg -q:v 2"), 2,
        full=(7680, 4320), view=View((1920, 1080))),
    Kind("raw", ".h264", copied()),
    Kind("gif", ".gif", filtered("-vf fps=15,scale=320:180"), 30, None, view=SMALL, likeness=19),  # 256 colours
    Kind("fragmented", ".mp4", copied("-movflags +frag_keyframe+empty_moov+default_base_moof")),
    Kind("no_duration", ".mkv", through_pipe),
    Kind("one_frame", ".mp4", filtered(f"-frames:v 1 {X264}"), 1),
    # times
    Kind("edited", ".mp4", copied(before="-ss 0.5"), 45, start=15),
    Kind("negative_start", ".mp4", copied("-avoid_negative_ts disabled", "-itsoffset -0.5"), 45, start=15),
    Kind("late", ".mp4", with_late_video, late=0.5),
    Kind("variable", ".mp4", filtered(
        f"-vf select='lt(n\\,30)+not(mod(n\\,3))' -fps_mode vfr {REORDERED}"), 40, None),
    Kind("50p", ".mp4", filtered(f"-vf fps=50 {X264}"), 100, Fraction(50), tolerance=1.1),
    Kind("120p", ".mp4", filtered(f"-t 1 -vf fps=120 {X264}"), 120, Fraction(120), tolerance=1.1),
    Kind("240p", ".mp4", filtered(f"-t 1 -vf fps=240 {REORDERED}"), 240, Fraction(240), tolerance=1.1),
    Kind("truncated", ".mp4", truncated(0.6), 36, share=0.6),  # of which one is a part of a frame
    Kind("no_key_h264", ".ts", without_beginning(f"-c:v libx264 -preset veryfast {GOP}"), 36, start=6, late=0.6),
    Kind("no_key_mpeg2", ".ts", without_beginning(f"-c:v mpeg2video {GOP}"), 36, start=6, late=0.6),
    Kind("no_key_mpeg4", ".mkv", without_beginning(f"-c:v mpeg4 {GOP}"), 54, start=6, late=0.6),
    # changes in the middle
    Kind("grows", ".ts", joined("null", "scale=1280:720"), later=View((1280, 720)), change=30),
    Kind("shrinks", ".ts", joined("null", "scale=320:180"), later=SMALL, change=30, likeness=28),
    Kind("becomes_portrait", ".ts", joined("null", f"{CROPPED},scale=404:720"), later=PORTRAIT, change=30),
    Kind("pixels_change", ".ts", joined("null", "scale=480:360,setsar=4/3"), change=30),
    # streams
    Kind("second_is_default", ".mp4", with_test_card),
    Kind("picture_first", ".mp4", with_picture("")),
    Kind("picture_first_matroska", ".mkv", with_picture("")),
    Kind("cover", ".mp4", with_picture("-disposition:v:0 attached_pic")),
    # high dynamic range
    Kind("hlg", ".mp4", dynamic("hlg"), 30),
    Kind("pq", ".mp4", dynamic("pq"), 30),
]  # fmt: skip
