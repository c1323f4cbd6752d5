"""The `insightface` package as its video search does it: each frame read, FaceAnalysis, search_gallery.

The detector uses two sizes, the package's default. Its video search page needs Qt; the parts that do the work do not,
and run here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from common import THRESHOLD, Found, finish, largest_first, rank_by, read_job
from insightface.app import FaceAnalysis
from insightface.gui.core.recognition import search_gallery
from insightface.gui.core.video import iter_video_frames


class Pipeline:
    """Create the function from an image to its faces and vectors."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.analysis = FaceAnalysis(name=job["pack"], root=job["root"], providers=["CPUExecutionProvider"])
        self.analysis.prepare(ctx_id=-1, det_thresh=THRESHOLD)

    def __call__(self, image: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        faces = self.analysis.get(image)
        boxes = np.array([face.bbox for face in faces]).reshape(-1, 4)
        order = largest_first(boxes)
        return boxes[order], [faces[index].embedding for index in order]


def ranking(found: Found, people: list[str], vectors: np.ndarray) -> dict[str, list[int]]:
    pairs = zip(people, vectors, strict=True)
    gallery = [{"person_id": name, "person_name": name, "embedding": vector} for name, vector in pairs]

    def search(vector: np.ndarray) -> tuple[str | None, float]:
        first = search_gallery(vector, gallery, top_k=1)[0]
        return (first.person_name if first.status == "matched" else None), first.similarity

    return rank_by(found, people, search)


def main() -> None:
    job = read_job()
    pipeline = Pipeline(job)
    found = Found()
    for index, (path, looks) in enumerate(job["clips"]):
        wanted = frozenset(looks)
        for place, _, image in iter_video_frames(path, 1):  # its interval is a whole number of frames
            if place + 1 in wanted:
                found.add(index, place + 1, *pipeline(image))
    finish(job, found, lambda image: pipeline(image)[1], ranking=ranking)


if __name__ == "__main__":
    main()
