"""The run that the tests of the desk look at: who is in which film, and what became of the films' files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.made_desk import CODECS, Cast, Track, make_run, write_film
from rcnn.clips.in_place import clip_name

ADA, BO, ZOE = range(3)
STRANGER, OTHER = 3, 4
NAMES = ("Ada <script>alert(1)</script>", "Bo", "Zoë")


@dataclass(frozen=True)
class Films:
    """Names of clips: by codec, and of films of whom the file is gone, is another file, or is not a film."""

    by_codec: dict[str, str]
    gone: str
    secret: str
    playlist: str


@dataclass(frozen=True)
class Run:
    """Nobody writes into its folder but desks."""

    found: Path
    films: Films


def write_run(root: Path) -> Run:
    """Two people and a stranger in each film that plays; one film each that is gone, no film, and a playlist."""
    paths = {codec: write_film(root / "films" / f"{codec} #1", codec) for codec in CODECS}
    cast = {
        path: [Track(ADA, 0.9), Track(STRANGER + number % 2, 0.95), Track(BO, 0.55, first=1)]
        for number, path in enumerate(paths.values())
    }
    gone, secret, playlist = (root / "films" / name for name in ("gone.mp4", "secret.mp4", "list.mp4"))
    cast |= {gone: [Track(ZOE, 0.9)], secret: [Track(ZOE, 0.88)], playlist: [Track(ZOE, 0.86)]}
    found = make_run(root, Cast(NAMES, cast))
    gone.unlink()
    secret.write_text("root:x:0:0:root\n")
    playlist.write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n")
    (found / "link.mp4").symlink_to("/etc/passwd")
    names = {codec: clip_name(str(path), 0.0) for codec, path in paths.items()}
    return Run(found, Films(names, *(clip_name(str(path), 0.0) for path in (gone, secret, playlist))))
