"""People who do not exist, each from a number."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..errors import InputError
from ..networks.checkpoint import Graph, load_checkpoint
from ..networks.engine import Network, load_network
from ..networks.graphs.refiner import FACTOR, OUTPUT
from .body import bust
from .canvas import COARSE, PLANES, SIZE, displacement, landmarks, to_image
from .face_space import FaceSpace, load_face_space
from .files import face_space_file, refiner_model

VEIL = (0.4, 0.65)  # blurred alpha from which, and up to which, a pixel may belong to the person


@dataclass(frozen=True)
class DrawnPerson:
    """What a person looks like.

    coefficients : (k,) float32, of the face space
    landmarks : (5, 2) float32, of the face at rest, x, y in pixels of the canvas
    bust : (H, W, 4) uint8, see `body.bust`
    """

    coefficients: np.ndarray
    landmarks: np.ndarray
    bust: np.ndarray


class PeopleModel:
    """Draws people.

    Parameters
    ----------
    space : draws blurred faces
    refiner : makes them sharp, see `networks.refiner`
    """

    def __init__(self, space: FaceSpace, refiner: Network) -> None:
        self.space = space
        self.refiner = refiner

    def person(self, *seed: int) -> DrawnPerson:
        """The person that belongs to some numbers."""
        rng = np.random.default_rng(seed)
        coefficients = self.space.draw(rng)
        shift = self.space.draw_shape(rng)
        planes = shaped(self.faces(coefficients[None])[0], shift)
        return DrawnPerson(coefficients, landmarks() + shift, bust(to_image(planes), rng))

    def faces(self, coefficients: np.ndarray) -> np.ndarray:
        """Faces (n, 4, SIZE, SIZE) float32 of coefficients (n, k), see `canvas.to_planes`."""
        blurred = self.space.planes(coefficients)
        # refined a second time in the mirror: what the refiner makes up on one side only fades
        detail = (self._detail(blurred) + self._detail(np.ascontiguousarray(blurred[..., ::-1]))[..., ::-1]) / 2
        large = [
            [cv2.resize(plane, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR) for plane in face] for face in blurred
        ]
        return _without_veils(np.array(large, np.float32), detail)

    def _detail(self, blurred: np.ndarray) -> np.ndarray:
        """What the refiner adds to blurred faces (n, 4, COARSE, COARSE): (n, 4, SIZE, SIZE) float32."""
        detail = self.refiner(blurred)[0].reshape(len(blurred), PLANES, FACTOR, FACTOR, COARSE, COARSE)
        return detail.transpose(0, 1, 4, 2, 5, 3).reshape(len(blurred), PLANES, SIZE, SIZE)


def _without_veils(blurred: np.ndarray, detail: np.ndarray) -> np.ndarray:
    """The sum of both (n, 4, SIZE, SIZE), transparent where the face space was in doubt whether there is hair."""
    made = blurred + detail
    sure = np.clip((blurred[:, 3:] - VEIL[0]) / (VEIL[1] - VEIL[0]), 0, 1)
    return made * (sure * sure * (3 - 2 * sure))


def load_people(prefix: str) -> PeopleModel:
    """The model that `python -m rcnn train-people` wrote.

    Raises
    ------
    InputError
        If a file is missing, damaged, or not of such a model.
    """
    space = load_face_space(face_space_file(prefix))
    graph = load_checkpoint(refiner_model(prefix))
    if OUTPUT not in graph.internal_names:
        raise InputError(f"{prefix}-symbol.json: is not a refiner of faces: it has no {OUTPUT}; get it again")
    single = {name: np.asarray(array, np.float32) for name, array in graph.params.items()}
    return PeopleModel(space, load_network(Graph(graph.nodes, graph.outputs, single, graph.source), [OUTPUT]))


def shaped(planes: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """A face (4, SIZE, SIZE) float32 of the mean shape, with its landmarks shifted by (5, 2) pixels."""
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    # the shifts are small and smooth, so the way back is the way there with another sign
    at = np.dstack([x, y]) - displacement(landmarks() + shift, shift)
    return np.stack([cv2.remap(plane, at, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE) for plane in planes])
