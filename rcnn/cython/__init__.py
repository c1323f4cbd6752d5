"""Loops over boxes that numpy can't do without copies; built in place by `make`."""

from importlib.machinery import EXTENSION_SUFFIXES
from importlib.metadata import distributions
from pathlib import Path

from ..installation import NOT_BUILT, PROGRAM


def _is_built(folder: Path) -> bool:
    return any((folder / f"nms{suffix}").is_file() for suffix in EXTENSION_SUFFIXES)


def _installed(here: Path) -> str:
    """The folder of an installed package built from the same sources; `pip install .` in a clone leaves that unbuilt.

    Raises
    ------
    ModuleNotFoundError
        If there is none.
    """
    sources = list(here.glob("*.pyx"))
    for distribution in distributions(name=PROGRAM):
        folder = Path(str(distribution.locate_file(f"{PROGRAM}/cython")))
        same = (folder / each.name for each in sources)
        if _is_built(folder) and all(
            other.is_file() and other.read_bytes() == each.read_bytes()
            for other, each in zip(same, sources, strict=True)
        ):
            return str(folder)
    raise ModuleNotFoundError(f"{NOT_BUILT}; run make there", name=f"{__name__}.nms")


if not _is_built(Path(__file__).parent):
    __path__.append(_installed(Path(__file__).parent))
