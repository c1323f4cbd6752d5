"""Where the photographs of a detector's training come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import InputError
from ..faces.load import load_detector
from .labels import Photograph, label_photographs
from .people import held_out, list_photographs
from .wider import read_wider

if TYPE_CHECKING:
    from .detection import DetectionSettings

UNSEEN_ONE_IN = 50  # pictures of WIDER FACE that are only looked at after each round


def load_photographs(settings: DetectionSettings) -> tuple[list[Photograph], list[Photograph]]:
    """The photographs to learn from, and those that training never sees.

    Of a folder of people these are the photographs of the people that are held out, of WIDER FACE one in fifty.

    Raises
    ------
    InputError
        If nothing to learn from is named, or what is named can't be read.
    """
    seen: list[Photograph] = []
    unseen: list[Photograph] = []
    if bool(settings.faces) != bool(settings.labeller):
        raise InputError("--faces and --labeller belong together: photographs, and the detector that labels them")
    if bool(settings.wider) != bool(settings.labels):
        raise InputError("--wider and --labels belong together: the folder of pictures, and the file with their faces")
    if settings.faces:
        people = list_photographs(settings.faces)
        detector = load_detector(settings.labeller, settings.gpu)
        paths = [path for photos in people.values() for path in photos]
        labelled = label_photographs(paths, detector, f"{settings.prefix}-labels.npz")
        for photo, path in zip(labelled, paths, strict=True):
            (unseen if held_out(path.parent.name) else seen).append(photo)
    if settings.wider:
        photos = read_wider(settings.wider, settings.labels)
        unseen += photos[::UNSEEN_ONE_IN]
        seen += [photo for number, photo in enumerate(photos) if number % UNSEEN_ONE_IN]
    if not seen:
        raise InputError("nothing to learn from: give --faces DIR with --labeller, or --wider DIR with --labels")
    return seen, unseen
