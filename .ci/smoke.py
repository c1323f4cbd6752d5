"""Runs an installed `rcnn` in an empty folder, from drawn people to a page, with the models of the package.

    python .ci/smoke.py [NAME ...]     packages that must not be installed, like torch

It takes the `rcnn` beside this Python, and nothing of the repository.
"""

import importlib.util
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

DEMO = ("--people", "3", "--clips", "4", "--strangers", "1", "--nobody", "1", "--workers", "1")
COMMANDS = (
    ("demo", "--output", "data/demo", *DEMO),
    *(
        ("detect", "--dataset", "data/demo", "--stage", part, "--output", f"output/det_{part}", "--recipe", "best")
        for part in ("trainval", "test")
    ),
    *(
        ("feature", "--input", f"output/det_{part}", "--output", f"output/feat_{part}", "--recipe", "best")
        for part in ("trainval", "test")
    ),
    ("genfeat", "--recipe", "best"),
    ("train_mlp", "--head", "templates", "--recipe", "best", "--prefix", "output/mine"),
    ("predict", "--model", "output/mine,40", "--recipe", "best"),
    ("appearances", "--known", "output/feat_trainval"),
    ("submit", "--gt", "data/demo/gt_v2/test_v2.txt", "--recipe", "best", "--report", "output/report.html"),
    ("search", "--image", "face.jpg"),
    ("find", "--people", "people", "--clips", "films", "--output", "found"),
    ("groups", "--run", "found", "--report", "found/groups.html"),
    ("verify", "output/det_test", "found/det_test"),
)
PAGES = ("output/report.html", "found/report.html", "found/groups.html")


def photograph(found: Path) -> bytes:
    """The crop of a face that was found."""
    import pyarrow.parquet as pq

    part = next(iter(sorted((found / "faces").glob("*.parquet"))))
    return pq.read_table(part, columns=["crop"]).column("crop")[0].as_py()


def prepare() -> None:
    """Lay out what `search` and `find` take: a photograph, and a film."""
    from PIL import Image

    clip = next(iter(sorted(Path("data/demo").rglob("*.mp4"))))
    Path("films").mkdir()
    Path("films/film.mp4").write_bytes(clip.read_bytes())
    Path("face.jpg").write_bytes(photograph(Path("output/det_trainval")))
    Path("people/Ada").mkdir(parents=True)
    with Image.open("face.jpg") as face:  # with room around it, as photographs have
        page = Image.new("RGB", (3 * face.width, 3 * face.height), (90, 110, 130))
        page.paste(face, face.size)
        for number in range(3):  # with several a head would be learnt, if there were PyTorch
            page.save(f"people/Ada/{number}.jpg", quality=95 - number)
        page.save("face.jpg", quality=95)


def check_desk(program: Path, environment: dict[str, str]) -> None:
    """Open the desk of the run, load its page and every asset that the page names, and end it."""
    command: list[str | Path] = [program, "review", "found", "--no-browser", "--gpu", "-1"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as desk:
        try:
            said = []
            for line in desk.stdout or ():  # until it prints its address, or ends
                said.append(line)
                if address := re.search(r"http://\S+\?key=\S+", line):
                    break
            else:
                sys.exit(f"smoke: the desk did not start\n{''.join(said)}")
            opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
            page = opener.open(address.group()).read().decode()
            assets = re.findall(r'(?:src|href)="([^"#:]+\.(?:js|css)[^"]*)"', page)
            if "<html" not in page or not assets:
                sys.exit("smoke: the desk serves no page with assets")
            for asset in assets:
                if not opener.open(urllib.parse.urljoin(address.group(), asset)).read():
                    sys.exit(f"smoke: the desk serves an empty {asset}")
        finally:
            desk.send_signal(signal.SIGINT)
            desk.communicate()
    print(f"        rcnn review: its page and {len(assets)} assets", flush=True)


def main() -> None:
    for name in sys.argv[1:]:
        if importlib.util.find_spec(name):
            sys.exit(f"smoke: {name} is installed, and must not be")
    program = Path(sys.executable).with_name("rcnn")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for command in COMMANDS:
            if command[0] == "search":
                prepare()
            started = time.monotonic()
            done = subprocess.run([program, *command], env=environment, capture_output=True, text=True)
            print(f"{time.monotonic() - started:6.1f} s  rcnn {' '.join(command)}", flush=True)
            if done.returncode:
                sys.exit(f"smoke: exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
        check_desk(program, environment)
        for page in PAGES:
            if b"<html" not in Path(page).read_bytes()[:1000]:
                sys.exit(f"smoke: {page} is not a page")


if __name__ == "__main__":
    main()
