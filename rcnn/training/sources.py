"""Where the photographs of a detector's training come from."""

from __future__ import annotations

from ..errors import InputError
from ..faces.load import load_detector
from .labels import LabelledPhotograph, label_photographs
from .people import held_out, list_photographs
from .wider import read_wider

UNSEEN_ONE_IN = 50  # pictures of WIDER FACE that are only looked at after each round


def load_photographs(
    faces: str | None, labeller: str | None, wider: str | None, labels: str | None, cache: str, device: int
) -> tuple[list[LabelledPhotograph], list[LabelledPhotograph]]:
    """The photographs to learn from, and those that training never sees.

    Of a folder of people these are the photographs of the people that are held out, of WIDER FACE one in fifty.

    Parameters
    ----------
    faces, labeller : folder of people, and the detector that labels their photographs
    wider, labels : folder of WIDER FACE's pictures, and the file with their faces
    cache : `.npz` file that keeps what the labeller said
    device : that the labeller runs on, number of a CUDA device or `CPU`

    Raises
    ------
    InputError
        If nothing to learn from is named, or what is named can't be read.
    """
    seen: list[LabelledPhotograph] = []
    unseen: list[LabelledPhotograph] = []
    if bool(faces) != bool(labeller):
        raise InputError("--faces and --labeller belong together: photographs, and the detector that labels them")
    if bool(wider) != bool(labels):
        raise InputError("--wider and --labels belong together: the folder of pictures, and the file with their faces")
    if faces and labeller:
        people = list_photographs(faces)
        paths = [path for photos in people.values() for path in photos]
        labelled = label_photographs(paths, load_detector(labeller, device), cache)
        for photo, path in zip(labelled, paths, strict=True):
            (unseen if held_out(path.parent.name) else seen).append(photo)
    if wider and labels:
        photos = read_wider(wider, labels)
        unseen += photos[::UNSEEN_ONE_IN]
        seen += [photo for number, photo in enumerate(photos) if number % UNSEEN_ONE_IN]
    if not seen:
        raise InputError("nothing to learn from: give --faces DIR with --labeller, or --wider DIR with --labels")
    return seen, unseen
