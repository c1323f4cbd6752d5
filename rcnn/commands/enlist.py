"""Adds the people who were named at the desk of a run to its data set, for `run.sh`: OUTPUT DATASET."""

from __future__ import annotations

import sys

from ..errors import run_script
from ..stages.answered import enlist


def main() -> None:
    enlist(*sys.argv[1:3])


if __name__ == "__main__":
    run_script(main)
