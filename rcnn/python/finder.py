"""Images to faces with embeddings, one by one or many together."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ArgumentError
from ..faces.alignment import align_faces
from ..faces.choice import central_faces
from ..faces.embedding import is_normalised
from ..faces.finding import find_in_images
from ..faces.types import Faces
from ..faces.vectors import normalise, norms
from .checks import Path, check_choice, check_count, check_number, kind_of, python_errors
from .face import Face
from .images import as_bgr
from .models import detector_of, device_of, embedder_of, find_detector, find_embedding, match_threshold

if TYPE_CHECKING:
    from ..faces.detectors import Detector
    from ..faces.embedding import Embedder
    from .images import Image

RAISE, WARN = "raise", "warn"  # at an image that can't be read
NORM, SCORE = "norm", "score"  # what a face's quality is
BATCH = 32  # images that are looked at together
BATCH_PIXELS = 1 << 26  # of them: 200 MB
SHARE = "a probability; 50 per cent is 0.5"


class FaceFinder:
    """Finds the faces of images, and embeds each.

    Models are loaded once a process, whoever asks. Threads may share a finder.

    Parameters
    ----------
    detector : `PREFIX,EPOCH` of a checkpoint, `X.onnx`, or the directory of MTCNN; None for the default
    embedding : `PREFIX,EPOCH` or `X.onnx`; None for the default. Embeddings of two models can't be compared.
    threshold : smallest probability of a face, 0..1; None for the detector's own
    min_quality : smallest quality of a face, see `Face`; faces below are left out
    gpu : number of a CUDA device, -1 for the CPU; None for the first device if there is one, else the CPU

    Attributes
    ----------
    detector, embedding : the models that are used, absolute paths
    quality : what `Face.quality` is: "norm" or "score"
    width : numbers of an embedding, D

    Raises
    ------
    ArgumentError
        If a model can't be read, or an argument is out of its range.
    """

    @python_errors(model="embedding")
    def __init__(
        self,
        detector: Path | None = None,
        embedding: Path | None = None,
        *,
        threshold: float | None = None,
        min_quality: float = 0.0,
        gpu: int | None = None,
    ) -> None:
        self.threshold = None if threshold is None else check_number(threshold, "threshold", 0, 1, SHARE)
        self.min_quality = check_number(min_quality, "min_quality", 0, 1e6, "as Face.quality")
        self.detector, self.embedding = find_detector(detector), find_embedding(embedding)
        device = device_of(gpu)
        self._detector, self._embedder = detector_of(self.detector, device), embedder_of(self.embedding, device)
        self.width = self._embedder.width()
        self.quality = SCORE if is_normalised(self._embedder) else NORM

    def __repr__(self) -> str:
        return f"FaceFinder({os.path.basename(self.detector)!r}, {os.path.basename(self.embedding)!r})"

    def get(self, image: Image, colour: str | None = None, *, max_faces: int | None = None) -> list[Face]:
        """The faces of an image, from left to right.

        Parameters
        ----------
        image : path of a photograph, the bytes of one, a PIL image, or an array of uint8: height x width x 3 or x 4
            (alpha last) in the order that `colour` says, or a grey one
        colour : "bgr" (OpenCV) or "rgb", the order of an array; not used for others
        max_faces : give so many at most, those that are large and near the middle; None for all

        Returns
        -------
        A list of `Face`, empty if there is none.

        Raises
        ------
        ArgumentError
            If the image can't be read, or is an array without `colour`.
        """
        with python_errors(model="embedding"):
            most = None if max_faces is None else check_count(max_faces, "max_faces")
            return self._faces([as_bgr(image, colour)], most)[0]

    def get_many(
        self,
        images: Iterable[Image],
        colour: str | None = None,
        *,
        max_faces: int | None = None,
        batch_size: int = BATCH,
        on_error: str = RAISE,
    ) -> Iterator[list[Face]]:
        """The faces of many images, which run through the networks together.

        Images are taken from `images` as they are needed, and few are in memory at a time.

        Parameters
        ----------
        images : any iterable of what `get` takes
        colour, max_faces : as for `get`
        batch_size : images that are looked at together
        on_error : "raise", or "warn" to go on after an image that can't be read, which then has no faces

        Yields
        ------
        A list of `Face` an image, in the order of the images.

        Raises
        ------
        ArgumentError
            As `get`; and at once if `images` is a single image.
        """
        check_choice(on_error, "on_error", (RAISE, WARN))
        size = check_count(batch_size, "batch_size")
        most = None if max_faces is None else check_count(max_faces, "max_faces")
        single = isinstance(images, str | os.PathLike | bytes) or (isinstance(images, np.ndarray) and images.ndim < 4)
        if single or not isinstance(images, Iterable):
            raise ArgumentError(
                f"images: is {kind_of(images)}, not several images; get takes one, and "
                "sorted(Path(FOLDER).glob('*.jpg')) lists those of a folder"
            )
        return self._many(iter(images), colour, most, size, on_error)

    @property
    def networks(self) -> tuple[Detector, Embedder]:
        """The detector and the embedding network."""
        return self._detector, self._embedder

    def match_threshold(self, rate: str | float = "1 in 1,000") -> float:
        """The cosine from which on two faces are taken for one person, with this embedding; see `match_threshold`."""
        return match_threshold(rate, self.embedding)

    def _many(
        self, images: Iterator[Image], colour: str | None, most: int | None, size: int, on_error: str
    ) -> Iterator[list[Face]]:
        number, done = 0, False
        while not done:
            arrays: list[np.ndarray | None] = []
            for image in islice(images, size):
                try:
                    arrays.append(as_bgr(image, colour, f"images[{number}]"))
                except ArgumentError as error:
                    if on_error == RAISE:
                        yield from self._yielded(arrays, most)  # those before it
                        raise
                    warnings.warn(f"{error}; it counts as without faces", stacklevel=3)
                    arrays.append(None)
                number += 1
                if sum(array.shape[0] * array.shape[1] for array in arrays if array is not None) >= BATCH_PIXELS:
                    break
            else:
                done = len(arrays) < size
            yield from self._yielded(arrays, most)

    def _yielded(self, arrays: Sequence[np.ndarray | None], most: int | None) -> Iterator[list[Face]]:
        with python_errors(model="embedding"):
            found = iter(self._faces([array for array in arrays if array is not None], most))
        for array in arrays:
            yield [] if array is None else next(found)

    def _faces(self, images: Sequence[np.ndarray], most: int | None) -> list[list[Face]]:
        """Of images (H, W, 3) uint8, BGR."""
        found = find_in_images(images, self._detector, self.threshold)
        if most is not None:
            found = [_main(faces, image, most) for faces, image in zip(found, images, strict=True)]
        crops = [align_faces(image, faces.landmarks) for image, faces in zip(images, found, strict=True)]
        embeddings = self._embedder.embed(np.concatenate(crops)) if any(map(len, crops)) else np.zeros((0, self.width))
        lengths, unit = norms(embeddings), normalise(embeddings)
        result, row = [], 0
        for faces, cut in zip(found, crops, strict=True):
            mine = []
            for face, crop in zip(faces, cut, strict=True):
                quality = face.score if self.quality == SCORE else float(lengths[row])
                if quality >= self.min_quality:
                    mine.append(Face(face.box, face.landmarks, face.score, quality, unit[row], crop))
                row += 1
            result.append(mine)
        return result


def _main(faces: Faces, image: np.ndarray, most: int) -> Faces:
    """The large ones near the middle, still from left to right."""
    return faces.take(np.sort(central_faces(faces, image.shape[1], image.shape[0], most)))
