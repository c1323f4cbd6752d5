"""Waiting for events, as long as a busy machine may take. No test waits for the clock."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 600.0  # seconds after which something never happens, be the machine ever so busy
# A stage as a user starts it, but with small groups and parts, and with progress saved after each group; after so many
# groups it waits until the test says that it may go on.
START = """
import os, runpy, sys, time
import rcnn.stages.detect
from rcnn.files import remote
from rcnn.tables import StageWriter, table, writer
folder, saves, rcnn.stages.detect.GROUP_CLIPS, table.PART_BYTES = sys.argv[1], *map(int, sys.argv[2:5])
writer.SAVE_SECONDS, remote.SILENT_SECONDS = 0.0, 600.0
real = StageWriter.save
def save(self, **state):
    global saves
    real(self, **state)
    saves -= 1
    if saves == 0:
        open(os.path.join(folder, "held"), "w").close()
        while not os.path.exists(os.path.join(folder, "go")):
            time.sleep(0.01)
StageWriter.save = save
sys.argv = sys.argv[5:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def wait_for(condition: Callable[[], object], what: str = "it") -> None:
    """Return once `condition()` is true."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {PATIENCE:g} s"
        time.sleep(0.01)


class Held:
    """A run that waits where a test wants it; see `held`."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process, self._folder = process, folder

    def wait_until_held(self) -> None:
        """Return once the groups are saved; what ends before that is an error."""
        wait_for(lambda: (self._folder / "held").exists() or self.process.poll() is not None, "the last save")
        assert self.process.poll() is None, self.process.communicate()[1]

    def let_go(self) -> None:
        """Let it go on."""
        (self._folder / "go").touch()

    def end(self) -> tuple[int, str]:
        """Exit code and what it said on stderr."""
        errors = self.process.communicate(timeout=PATIENCE)[1]
        return self.process.returncode, errors


@contextlib.contextmanager
def held(words: Sequence[object], saves: int, *, group: int = 2, part_bytes: int = 64 << 20) -> Iterator[Held]:
    """Start a script of the project that waits after it has saved so many groups; ends it if it has not ended.

    Parameters
    ----------
    words : the script and its arguments
    saves : groups until it waits; 0 for never
    group : clips of a group, where the script is detect.py
    part_bytes : of a part
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", START, folder, saves, group, part_bytes, *words]
        process = subprocess.Popen(
            [str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        try:
            yield Held(process, Path(folder))
        finally:
            process.kill()
            process.communicate()
