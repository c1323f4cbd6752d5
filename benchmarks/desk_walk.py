"""Counts the answers at the desk until everybody has a name: with groups, compared with naming single tracks.

Nobody is known at first. A walk simulates a user through the desk's own HTTP interface. The surest group gets a name,
after tracks of other people are split off. Then the desk's own suggestions are confirmed or denied, most uncertain
first. Single tracks come last. The ground truth decides.
"""

from __future__ import annotations

import csv
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rcnn.commands.arguments import Parser, positive, whole
from rcnn.demo.files import PREFIX
from rcnn.demo.film import SIZE, draw_take, film_frames
from rcnn.demo.person import load_people
from rcnn.errors import run_script
from rcnn.video.motion import write_video

ROOT = Path(__file__).resolve().parents[1]
ADDRESS = re.compile(r"http://\S+\?key=\S+")
PAGE = 200  # items per request
CRF = 20  # x264 quality of drawn films
PLACEHOLDER = 1_000_000  # number of a drawn person who is in no film, because a run needs a known person

TOGETHER = 0.3  # seconds of overlap from which two tracks are two people; a shorter overlap may be one broken track

Spot = tuple[str, int]  # clip and track
Who = Callable[[dict[str, Any]], str]  # the true name of an item; empty if unknown


@dataclass
class Walk:
    """A simulated review session.

    seconds : time spent waiting for the desk's replies
    counts : answers by kind
    """

    http: httpx.Client
    who: Who
    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    done: set[Spot] = field(default_factory=set)  # answered

    def get(self, path: str, **query: object) -> dict[str, Any]:
        return self.http.get(path, params=query).raise_for_status().json()

    def say(self, kind: str, spots: list[Spot], **more: object) -> bool:
        """Send an answer; False if the desk refuses."""
        body = {"token": f"walk-{sum(self.counts.values())}", "kind": kind, "spots": spots, "window": "walk", **more}
        start = time.perf_counter()
        found = self.http.post("/api/answer", json=body)
        self.seconds += time.perf_counter() - start
        self.counts[kind if found.is_success else "refused"] += 1
        return found.is_success

    def people(self) -> dict[str, int]:
        return {one["name"]: one["label"] for one in self.get("/api/state")["people"]}

    def name(self, spots: list[Spot], name: str) -> None:
        """Give one answer: a new or a known person."""
        label = self.people().get(name)
        if self.say("name", spots, name=name) if label is None else self.say("yes", spots, label=label):
            self.done.update(spots)
            return
        for spot in spots if len(spots) > 1 else []:  # tracks of one frame are named one by one where possible
            self.name([spot], name)

    def groups(self) -> None:
        """Name the surest group until there is none, after splitting off other people's tracks."""
        seen: set[Spot] = set()
        while True:
            found = self.get("/api/groups", count=PAGE)["items"]
            left = [one for one in found if _spot(one["faces"][0]) not in seen]
            if not left:
                return
            first = _spot(left[0]["faces"][0])
            items = self.get("/api/group", clip=first[0], track=first[1])["items"]
            names = Counter(self.who(item) for item in items)
            most = max(names, key=lambda name: (bool(name), names[name]))
            if not most:  # nobody with a known identity
                self.say("hide", [_spot(item) for item in items])
                seen.update(_spot(item) for item in items)
                continue
            if len(names) > 1:  # the page names only the selected tracks; the others stay unknown
                self.counts["choosing"] += 1
            self.name([_spot(item) for item in items if self.who(item) == most], most)
            seen.add(first)

    def uncertain(self) -> None:
        """Answer the uncertain tracks, one at a time."""
        for name, label in self.people().items():
            while items := self.get(f"/api/person/{label}", show="left", count=1)["items"]:
                self._one(items[0], name, label)

    def wrong(self) -> None:
        """Check the desk's assignments and correct wrong ones."""
        for name, label in self.people().items():
            for item in self._all(label):
                if _spot(item) not in self.done and self.who(item) not in ("", name) and item["verdict"] == "yes":
                    self._one(item, name, label)

    def _one(self, item: dict[str, Any], name: str, label: int) -> None:
        true, spot = self.who(item), _spot(item)
        others = self.people()
        if true == name:
            said = self.say("yes", [spot], label=label)
        elif true in others:
            said = self.say("other", [spot], label=label, other=others[true])
        elif true:
            said = self.say("other", [spot], label=label, name=true)
        else:
            said = self.say("no", [spot], label=label)
        if not said:
            self.say("no", [spot], label=label)
        self.done.add(spot)

    def _all(self, label: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = self.get(f"/api/person/{label}", show="all", offset=len(found), count=PAGE)
            found += page["items"]
            if len(found) >= page["total"] or not page["items"]:
                return found

    def tracks(self) -> list[dict[str, Any]]:
        """All tracks of all films, each with its `source`."""
        films = self.get("/api/films", count=PAGE)["items"]
        found = []
        for one in films:
            film = self.get("/api/film", clip=one["clip"])
            found += [{**track, "source": film["source"]} for track in film["tracks"]]
        return found

    def single(self) -> None:
        """Name the ungrouped tracks one by one, while unknown ones remain."""
        for item in self.tracks():
            known = item["verdict"] != "no" or item["answer"]
            if not known and not item["hidden"] and self.who(item):
                self.name([_spot(item)], self.who(item))
                self.uncertain()


def _spot(item: dict[str, Any]) -> Spot:
    return item["clip"], item["track"]


@contextmanager
def desk(run: Path) -> Iterator[httpx.Client]:
    """Start the desk of a run; yields an authenticated client."""
    command = [sys.executable, "-m", "rcnn", "review", str(run), "--no-browser", "--gpu", "-1"]
    server = subprocess.Popen(command, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert server.stdout is not None
        said = next((found.group() for line in server.stdout if (found := ADDRESS.search(line))), None)
        assert said, "the desk did not start"
        origin = said.partition("/?")[0]
        headers = {"X-Desk": "1", "Origin": origin}
        with httpx.Client(base_url=origin, headers=headers, follow_redirects=True, timeout=60) as http:
            http.get(said).raise_for_status()
            yield http
    finally:
        server.terminate()
        server.wait()


def walk(run: Path, who: Who) -> None:
    """Review a run, and print the cost."""
    with desk(run) as http:
        me = Walk(http, who)
        before = me.tracks()
        beside = _beside(before)
        me.who = lambda item: "" if _spot(item) in beside else who(item)
        named = [item for item in before if me.who(item)]
        people = {me.who(item) for item in named}
        start = time.monotonic()
        for step in (me.groups, me.uncertain, me.wrong, me.single, me.uncertain, me.wrong):
            step()
            right, _ = _standing(me)
            print(f"  after {step.__name__}: {sum(me.counts.values())} answers, {right} of {len(named)} tracks right")
        seconds = time.monotonic() - start
        right, wrong = _standing(me)
        known = len(people & me.people().keys())
        kinds = ", ".join(f"{number} {kind}" for kind, number in me.counts.most_common())
        answers = sum(me.counts.values())
        print(
            f"{len(before)} tracks, {len(named)} of them of {len(people)} people whose names the truth has: "
            f"{answers} answers ({kinds}) against {len(named)} where each track is named alone; "
            f"{known} people named, {right} tracks right, {wrong} wrong; {seconds:.1f} s, "
            f"{1000 * me.seconds / max(answers, 1):.0f} ms an answer"
        )


def _beside(tracks: list[dict[str, Any]]) -> set[Spot]:
    """Tracks that overlap a longer track of their film; the truth names only the person of the longer one."""
    found: set[Spot] = set()
    films: dict[str, list[dict[str, Any]]] = {}
    for item in sorted(tracks, key=lambda item: item["start"] - item["end"]):
        mine = films.setdefault(item["source"], [])
        if any(min(item["end"], one["end"]) - max(item["start"], one["start"]) > TOGETHER for one in mine):
            found.add(_spot(item))
        mine.append(item)
    return found


def _standing(me: Walk) -> tuple[int, int]:
    """Numbers of tracks assigned to the right person, and to a wrong one."""
    stand = [(me.who(item), item["name"]) for item in me.tracks() if me.who(item) and item["verdict"] != "no"]
    right = sum(true == name for true, name in stand)
    return right, len(stand) - right


def drawn(work: Path, people: int, takes: int, frames: int) -> Who:
    """Create films of drawn people; returns the ground truth."""
    model = load_people(str(ROOT / PREFIX))
    (work / "films").mkdir(parents=True)
    for number in range(people):
        person = model.person(0, number)
        for take in range(takes):
            shot = itertools.islice(film_frames(person, draw_take(0, number, take)), frames)
            write_video(work / "films" / f"person{number:03}_{take}.mp4", shot, SIZE, CRF)
    return lambda item: Path(item["source"]).name.partition("_")[0]


def real(work: Path, videos: Path) -> Who:
    """Use films listed in a manifest with columns file and person; returns the ground truth of single-person films."""
    (work / "films.txt").write_text("\n".join(str(path) for path in _films(videos)) + "\n")
    with (videos / "manifest.csv").open() as file:
        rows = {str((videos / row["file"]).resolve()): row for row in csv.DictReader(file)}

    def who(item: dict[str, Any]) -> str:
        row = rows.get(str(Path(item["source"]).resolve()), {})
        # if several people are visible, the truth does not assign tracks
        return row["person"] if row.get("people_visible") == "1" and not row["person"].startswith("_") else ""

    return who


def _films(videos: Path) -> list[Path]:
    with (videos / "manifest.csv").open() as file:
        return [(videos / row["file"]).resolve() for row in csv.DictReader(file)]


def find(work: Path, clips: Path) -> Path:
    """Process films in which nobody is known; returns the folder of the run."""
    stranger = work / "people/nobody who is in a film"
    stranger.mkdir(parents=True)
    person = load_people(str(ROOT / PREFIX)).person(0, PLACEHOLDER)
    write_video(stranger / "1.mp4", film_frames(person, draw_take(0, PLACEHOLDER, 0)), SIZE, CRF)
    command = [sys.executable, "-m", "rcnn", "find", "--people", str(work / "people"), "--clips", str(clips)]
    command += ["--output", str(work / "found"), "--gpu", "-1"]
    subprocess.run(command, check=True, env=_environment(), stdout=subprocess.DEVNULL, cwd=work)
    return work / "found"


def unnamed(work: Path, run: Path) -> Path:
    """Copy a run without its known people."""
    for part in ("dataset", "det_test", "feat_test"):
        shutil.copytree(run / part, work / "found" / part, symlinks=True)
    return work / "found"


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def main() -> None:
    parser = Parser(__doc__, "python benchmarks/desk_walk.py")
    parser.add_argument("--people", type=positive, default=12, metavar="N", help="drawn people (default: %(default)s)")
    parser.add_argument("--takes", type=positive, default=5, metavar="N", help="films of each (default: %(default)s)")
    parser.add_argument("--frames", type=whole, default=14, metavar="N", help="frames per film (default: %(default)s)")
    parser.add_argument("--videos", metavar="DIR", help="real videos with a manifest.csv, such as ../shared/realvideo")
    parser.add_argument("--run", metavar="FOUND", help="a finished run of these videos; a copy is reviewed")
    settings = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        if settings.videos:
            who = real(work, Path(settings.videos))
            run = unnamed(work, Path(settings.run)) if settings.run else find(work, work / "films.txt")
        else:
            who = drawn(work, settings.people, settings.takes, settings.frames)
            run = find(work, work / "films")
        walk(run, who)


if __name__ == "__main__":
    run_script(main)
