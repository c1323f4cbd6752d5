"""MAP@100 of nearest-centroid cosine on the classifier's training features.

    python benchmarks/centroids.py --train ./output/trainval --test ./output/feat_test --gt ./data/gt.txt

A label's centroid is the normalised mean of its normalised vectors; a clip's score for a label is the cosine.
"""

from __future__ import annotations

import numpy as np

from rcnn.clips.dataset import read_ground_truth
from rcnn.commands.arguments import Parser
from rcnn.errors import run_script
from rcnn.faces.vectors import normalise
from rcnn.scores.metrics import mean_average_precision, score
from rcnn.scores.ranking import Ranking
from rcnn.stages.predict import best_of_tracks
from rcnn.tables import StageReader, vectors
from rcnn.tables.join import concatenate

ROWS = 1024  # compared together


def centroids(path: str) -> np.ndarray:
    """Centroids of a training set, (classes, D) float32; zero for class 0 and for labels without a clip."""
    reader = StageReader(path, ("genfeat",))
    sums = np.zeros((1, reader.width))
    for batch in reader.batches():
        labels = batch.column("label").to_numpy()
        if len(labels) and labels.max() >= len(sums):
            sums = np.concatenate([sums, np.zeros((labels.max() + 1 - len(sums), reader.width))])
        np.add.at(sums, labels, normalise(vectors(batch.column("feature"))))
    sums[0] = 0
    return normalise(sums)


def rank_by_centroids(train: str, test: str) -> dict[int, list[str]]:
    """The best clips of each label by cosine to its centroid, given a training set and a feature directory.

    A clip with several tracks gets the score of the best track.
    """
    known = centroids(train)
    ranking = Ranking(len(known))
    there = np.any(known != 0, axis=1)
    for batch in concatenate([StageReader(test, ("feature",))], ROWS):
        cosines = normalise(batch.vectors) @ known.T
        clips = best_of_tracks(batch, (cosines + 1 + 1e-6) * there)  # shifted, so that negative cosines count too
        ranking.add(clips.names, clips.vectors)
    return ranking.result()


def main() -> None:
    parser = Parser(__doc__.splitlines()[0], "python benchmarks/centroids.py --gt ./data/mine/gt_v2/test_v2.txt")
    parser.add_argument("--train", default="./output/trainval", metavar="DIR", help="output of genfeat.py")
    parser.add_argument("--test", default="./output/feat_test", metavar="DIR", help="output of feature.py")
    parser.add_argument("--gt", required=True, metavar="FILE", help="ground truth, lines LABEL NAME NAME ...")
    args = parser.parse_args()
    scores = score(rank_by_centroids(args.train, args.test), read_ground_truth(args.gt, one_label=True))
    print(f"nearest centroid by cosine: MAP@100 {mean_average_precision(scores):.4f} over {len(scores)} labels")


if __name__ == "__main__":
    run_script(main)
