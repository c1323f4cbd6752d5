"""Invalidates outputs of stages, for `run.sh --overwrite`: DIR, PREFIX,EPOCH of a classifier, FILE of a result.

A run that is stopped immediately then leaves nothing that could be taken for its result, and the same command
without `--overwrite` does the rest.
"""

from __future__ import annotations

import os
import sys

from .. import files
from ..errors import run_script
from ..networks.checkpoint import checkpoint_files
from ..tables.header import discard

RESULTS = (".txt", ".html")  # of the last stage


def main() -> None:
    for name in sys.argv[1:]:
        if name.endswith(RESULTS):
            files.discard(name)
        elif "," in os.path.basename(name):
            for path in (checkpoint_files(name)[1], f"{name.rpartition(',')[0]}-training.params"):
                files.discard(path)
        else:
            discard(name)


if __name__ == "__main__":
    run_script(main)
