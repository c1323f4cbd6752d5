"""Sources of photographs for training a detector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import InputError
from ..faces.detectors.single_stage import Detector
from ..faces.load import load_detector
from .labels import LabelledPhotograph, confirmed, label_photographs
from .people import held_out, list_photographs, pictures_in
from .settings import DetectionSettings
from .stills import stills_of_videos
from .wider import read_wider

UNSEEN_ONE_IN = 50  # pictures of WIDER FACE are held out for evaluation
# Repetitions of each source's pictures in the list that scenes are drawn from: pictures of a single close face should
# be rare, and frames of videos are few.
FACES_TIMES, MORE_TIMES, VIDEOS_TIMES = 2, 1, 6

Photographs = list[LabelledPhotograph]


def load_photographs(settings: DetectionSettings, device: int) -> tuple[Photographs, Photographs]:
    """The training photographs, and the held-out ones.

    Held out are the photographs of the held-out people of `faces`, one in fifty of WIDER FACE, and none of additional
    pictures and videos. Labels are cached in `PREFIX-labels*.npz`, frames of videos in the folder `PREFIX-frames`.

    Parameters
    ----------
    device : for the labellers, number of a CUDA device or `CPU`

    Raises
    ------
    InputError
        If no source is named, or one cannot be read.
    """
    seen: Photographs = []
    unseen: Photographs = []
    labelled = bool(settings.faces or settings.more or settings.videos)
    if labelled != bool(settings.labeller):
        raise InputError("--faces and --labeller belong together: photographs, and the detector that labels them")
    if settings.second and not settings.labeller:
        raise InputError("--second confirms what --labeller finds: give --labeller MODEL, too")
    if bool(settings.wider) != bool(settings.labels):
        raise InputError("--wider and --labels belong together: the folder of pictures, and the file with their faces")
    if settings.labeller:
        label = _Labellers(settings, device)
        people = list_photographs(settings.faces) if settings.faces else {}
        paths = [path for photos in people.values() for path in photos]
        for photo, path in zip(label(paths, ""), paths, strict=True):
            (unseen if held_out(path.parent.name) else seen).append(photo)
        seen *= FACES_TIMES
        seen += label(_pictures(settings.more or ()), "-more") * MORE_TIMES
        if settings.videos:
            stills = stills_of_videos(settings.videos, f"{settings.prefix}-frames")
            seen += [replace(photo, is_frame=True) for photo in label(stills, "-frames")] * VIDEOS_TIMES
    if settings.wider and settings.labels:
        photos = read_wider(settings.wider, settings.labels)
        unseen += photos[::UNSEEN_ONE_IN]
        seen += [photo for number, photo in enumerate(photos) if number % UNSEEN_ONE_IN]
    if not seen:
        raise InputError("nothing to learn from: give --faces DIR with --labeller, or --wider DIR with --labels")
    return seen, unseen


class _Labellers:
    """One labelling detector, or two of which the second must confirm each face; loaded on first use."""

    def __init__(self, settings: DetectionSettings, device: int) -> None:
        assert settings.labeller is not None
        self.first, self.second = settings.labeller, settings.second
        self.prefix, self.device = f"{settings.prefix}-labels", device
        self._loaded: dict[str, Detector] = {}

    def __call__(self, paths: Sequence[Path], name: str) -> Photographs:
        """The labels of some pictures; `name` is part of the cache files' names."""
        if not paths:
            return []
        photos = label_photographs(paths, self._detector(self.first), f"{self.prefix}{name}.npz")
        if self.second is None:
            return photos
        others = label_photographs(paths, self._detector(self.second), f"{self.prefix}{name}-second.npz", ())
        return [confirmed(photo, other) for photo, other in zip(photos, others, strict=True)]

    def _detector(self, model: str) -> Detector:
        if model not in self._loaded:
            self._loaded[model] = load_detector(model, self.device)
        return self._loaded[model]


def _pictures(folders: Sequence[str]) -> list[Path]:
    """The pictures directly in some folders, sorted.

    Raises
    ------
    InputError
        If a folder contains none.
    """
    found: list[Path] = []
    for folder in folders:
        own = pictures_in(Path(folder))
        if not own:
            raise InputError(f"--more: {folder} contains no picture; give folders of pictures like ../shared/crops")
        found += own
    return found
