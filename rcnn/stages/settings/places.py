"""Default outputs of the stages, where the next stage finds them."""

from __future__ import annotations

import os

from ...errors import InputError

TRAINVAL, TEST = "trainval", "test"  # --stage of detect.py
DATASET = "./data/iqiyi_vid"
DETECTED = "./output/det_"  # followed by the value of --stage
FEATURES, TEST_FEATURES = f"./output/feat_{TRAINVAL}", f"./output/feat_{TEST}"
TRAINING_SET = "./output/trainval"
CLASSIFIER = "./model/iqiyi"
PREDICTIONS = f"./output/pred_{TEST}"
APPEARANCES = "./output/appearances"
GROUPS = "./output/groups"
FOUND = "./found"  # of `python -m rcnn find`


def point_to_found(flag: str, places: tuple[str, ...], command: str) -> None:
    """Name the command for ./found, if none of some default places exists and ./found is a finished run of find.

    Parameters
    ----------
    flag : that was left out
    places : its defaults
    command : for ./found

    Raises
    ------
    InputError
        With the command.
    """
    if any(map(os.path.exists, places)):
        return
    from ...tables.schema import MANIFEST  # loads Arrow, which would slow down --help

    made = (FEATURES, TEST_FEATURES, APPEARANCES)
    if all(os.path.isfile(os.path.join(found_of(place), MANIFEST)) for place in made):
        raise InputError(
            f"{flag}: not given, and {' and '.join(places)} {'does' if len(places) == 1 else 'do'} not exist; "
            f"{FOUND} is a run of find, so give: {command}"
        )


def found_of(place: str) -> str:
    """A default output as it is named in ./found: `found/appearances`."""
    return os.path.join(os.path.basename(FOUND), os.path.basename(place))
