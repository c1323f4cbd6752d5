"""Makes outputs of stages count no more, for `run.sh --overwrite`: DIR ... or PREFIX,EPOCH of a classifier.

A run that is stopped at once then leaves nothing behind that could be taken for its result, and the same command
without `--overwrite` does the rest.
"""

from __future__ import annotations

import os
import sys

from .. import files
from ..errors import InputError, run_script
from ..networks.checkpoint import checkpoint_files
from ..tables.header import discard


def main() -> None:
    for name in sys.argv[1:]:
        if "," in name:
            paths = (checkpoint_files(name)[1], f"{name.rpartition(',')[0]}-training.params")
            for path in filter(os.path.exists, paths):
                try:
                    files.remove(path)
                except OSError as error:
                    raise InputError(f"{path}: can't be removed: {error.strerror or error}") from None
        else:
            discard(name)


if __name__ == "__main__":
    run_script(main)
