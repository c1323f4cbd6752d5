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
    """Options of `python -m rcnn review`; see its help."""

    found: str = setting(
        REQUIRED, "the folder of a run: the --output of find or run.sh", kinds.text, "FOUND", FILES, positional=True
    )
    dataset: str | None = setting(
        None, "data set of the run; left out: the one that the run names", kinds.text, "DIR", FILES
    )
    port: int = setting(0, "port of the page; 0: a free one", kinds.between(0, LARGEST_PORT), "N", RUN)
    host: str = setting(
        LOOPBACK,
        "address of this machine for the page; any but a loopback address lets others on the network reach it",
        kinds.text,
        "ADDRESS",
        RUN,
    )
    no_browser: bool = setting(False, "print the address without opening a browser", kinds.flag, None, RUN)
    gpu: int | None = shared.gpu()

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the page."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether an address, without brackets, is a loopback address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == LOCALHOST
