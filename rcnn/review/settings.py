"""Settings of the desk; nothing heavy is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from ..settings import kinds, shared
from ..settings.fields import FILES, REQUIRED, RUN, Settings, setting

LOOPBACK = "127.0.0.1"
LOCALHOST = "localhost"
LARGEST_PORT = 65535


@dataclass(frozen=True)
class ReviewSettings(Settings):
    """What `python -m rcnn review` takes; see its help."""

    found: str = setting(
        REQUIRED, "the folder of a run: the --output of find, or run.sh's", kinds.text, "FOUND", FILES, positional=True
    )
    dataset: str | None = setting(
        None, "data set that the run was made of; left out: the one that the run names", kinds.text, "DIR", FILES
    )
    port: int = setting(0, "port that the page is at; 0: a free one", kinds.between(0, LARGEST_PORT), "N", RUN)
    host: str = setting(
        LOOPBACK,
        "address of this machine that the page is at; any but a loopback address lets others on the network reach it",
        kinds.text,
        "ADDRESS",
        RUN,
    )
    no_browser: bool = setting(False, "print the address and open no browser", kinds.flag, None, RUN)
    gpu: int | None = shared.gpu()

    @property
    def is_local(self) -> bool:
        """Whether this machine alone can reach the page."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether an address, without brackets, is one of this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == LOCALHOST
