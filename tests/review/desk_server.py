"""The desk as people start it: a process of its own, which can be killed and started again."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from reference_models import ROOT

ADDRESS = re.compile(r"http://\S+\?key=\S+")


class DeskServer:
    """Serves a run.

    Attributes
    ----------
    address : with the key, as it was printed
    """

    def __init__(self, run: Path) -> None:
        self.run, self.port = run, 0
        self.address = ""
        self.start()

    @property
    def origin(self) -> str:
        """The address without key."""
        return f"http://{urlsplit(self.address).netloc}"

    def start(self) -> None:
        """Start it, at the port that it had before."""
        command = [sys.executable, "-m", "rcnn", "review", str(self.run), "--no-browser", "--gpu", "-1"]
        if self.port:
            command += ["--port", str(self.port)]
        self._process = subprocess.Popen(
            command,
            cwd=self.run,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        said = []
        for line in self._process.stdout:
            said.append(line)
            if found := ADDRESS.search(line):
                self.address = found.group()
                self.port = urlsplit(self.address).port
                return
        raise AssertionError("".join(said))

    def kill(self) -> None:
        """As kill -9 does."""
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def stop(self) -> None:
        """As Ctrl-C does."""
        self._process.send_signal(signal.SIGINT)
        self._process.communicate(timeout=60)
