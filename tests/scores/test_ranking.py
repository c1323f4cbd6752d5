"""The ranking with its scores is the ranking without them."""

import numpy as np

from rcnn.scores.ranking import Ranking


def test_scores_stand_beside_the_names_best_first():
    generator = np.random.default_rng(0)
    scores = generator.random((300, 6)).astype(np.float32)
    names = [f"{number:03d}.mp4" for number in range(300)]
    ranking = Ranking(6)
    for start in range(0, 300, 64):
        ranking.add(names[start : start + 64], scores[start : start + 64])
    scored = ranking.scored()
    assert {label: [name for name, _ in entries] for label, entries in scored.items()} == ranking.result()
    assert list(scored) == [1, 2, 3, 4, 5]
    for label, entries in scored.items():
        assert len(entries) == 100
        assert [value for _, value in entries] == sorted(scores[:, label].tolist(), reverse=True)[:100]
        assert all(value == scores[int(name[:3]), label] for name, value in entries)
