"""What answers do to templates and verdicts: at a desk, and in the table. 5 s."""

from __future__ import annotations

from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from made_run import FACES, FILMS, MadeRun, make_run
from test_templates import axis, labels_of, write

from rcnn.errors import InputError
from rcnn.people.answers import ANSWERS_FILE, Answer, Answers, Given, Spot
from rcnn.people.lessons import TaughtGallery
from rcnn.people.meaning import meaning
from rcnn.people.relocation import Faces
from rcnn.people.templates import Gallery
from rcnn.people.track_vectors import read_cohort
from rcnn.stages.appearances import appearances
from rcnn.stages.live import appearances_settings, open_taught
from rcnn.stages.run_folder import RunFolder
from rcnn.tables import StageReader

BOX = (10.0, 20.0, 110.0, 140.0)  # of all faces of the made run


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> MadeRun:
    return make_run(tmp_path_factory.mktemp("taught"))


@pytest.fixture
def run(made, tmp_path) -> RunFolder:
    for name in (ANSWERS_FILE, f"{ANSWERS_FILE}-wal", f"{ANSWERS_FILE}-shm"):
        (made.root / name).unlink(missing_ok=True)
    return RunFolder.read(str(made.root))


def clips(run: RunFolder) -> dict[str, str]:
    """Names of the films' clips by what the films are called."""
    found = {}
    for batch in StageReader(run.path("feat_test"), ("feature",)).clips():
        found |= {name.partition("_")[0]: name for name in batch.column("name").to_pylist()}
    return found


def table(run: RunFolder) -> dict[tuple[str, int], tuple[int, str, str, float]]:
    """Who each track is, by the table that is made with the answers of now."""
    with redirect_stdout(StringIO()) as said:
        appearances(appearances_settings(run, "appearances"))
    rows = {
        (row["name"], row["track"]): (row["who"], row["person"], row["verdict"], row["probability"])
        for batch in StageReader(run.path("appearances"), ("appearances",)).batches()
        for row in batch.to_pylist()
    }
    return rows | {("said", 0): said.getvalue()}


def say(run: RunFolder, *answers: Answer) -> None:
    with Answers.open(run.path(ANSWERS_FILE)) as log:
        log.add(str(log.revision()), answers)


def test_a_yes_and_a_no_decide_and_the_desk_says_what_the_table_says(run):
    names = clips(run)
    first, alone = names["first"], names["alone"]
    before = table(run)
    assert before[first, 0][:3] == (1, "Ada Lovelace", "yes") and before[alone, 0][0] == 1
    say(run, Answer("no", Spot(first, 0), 1), Answer("yes", Spot(first, 1), 3))
    after = table(run)
    assert "answers: 2\n" in after["said", 0]
    assert after[first, 0][0] != 1
    assert after[first, 1] == (3, "Zoë", "yes", 1.0)
    assert after[alone, 0][:3] == (1, "Ada Lovelace", "yes")
    say(
        run,
        Answer("person", label=9, name="Grace"),
        Answer("yes", Spot(first, 0), 9),
        Answer("rename", label=3, name="Z"),
    )
    last = table(run)
    assert last[first, 0] == (9, "Grace", "yes", 1.0) and last[first, 1][:2] == (3, "Z")
    kept = table(run)
    assert "it is kept" in kept["said", 0]


@pytest.mark.parametrize("seed", range(4))
def test_the_desk_judges_as_the_table_does(run, seed):
    random = np.random.default_rng(seed)
    names = list(clips(run).values())
    spots = [Spot(clip, track) for clip in names for track in range(len(FILMS[clip.partition("_")[0]]))]
    taught = open_taught(run, "appearances")
    people = [1, 2, 3, 9]
    for _ in range(2):
        said = []
        for _ in range(3):
            spot = spots[random.integers(len(spots))]
            who = int(random.choice(people))
            said.append(Answer(str(random.choice(["yes", "no"])), spot, who))
        if seed == 3:
            said.append(Answer("merge", label=2, other=3))
        say(run, *said)
        with Answers.open(run.path(ANSWERS_FILE)) as log:
            taught.update(log.standing())
        rows = table(run)
        for spot, row in taught.rows.items():
            if taught.cosines[row] <= -1:
                assert (spot.clip, spot.track) not in rows
                continue
            who, _, verdict, probability = rows[spot.clip, spot.track]
            assert who == taught.labels[taught.people[row]]
            assert probability == pytest.approx(taught.probabilities[row], abs=1e-5)
            if verdict != taught.verdicts[row]:  # two of one moment, of whom the surer is the person
                assert (verdict, taught.verdicts[row]) == ("maybe", "yes")
    fresh = open_taught(run, "appearances")
    with Answers.open(run.path(ANSWERS_FILE)) as log:
        fresh.update(log.standing())
    np.testing.assert_allclose(fresh.scores, taught.scores, atol=1e-5)
    assert fresh.verdicts.tolist() == taught.verdicts.tolist()


def test_undoing_all_is_as_before(run):
    taught = open_taught(run, "appearances")
    before, people = taught.scores.copy(), taught.people.copy()
    spot = next(iter(taught.rows))
    assert taught.teach(meaning([Answer("yes", spot, 9), Answer("no", spot, 1)])) == {1, 9}
    assert taught.others(spot)[0][0] in (2, 3)
    assert taught.labels[taught.people[0]] == 9 and taught.column(9)[0] == pytest.approx(1)
    with pytest.raises(KeyError):
        taught.column(8)
    assert taught.teach(Given()) == {1, 9}
    np.testing.assert_allclose(taught.scores, before, atol=1e-6)
    assert taught.people.tolist() == people.tolist()


def test_answers_find_their_track_where_detection_was_done_anew():
    faces = Faces(
        np.array([4, 4, 7, 7]),
        np.array([1.0, 1.5, 1.0, 1.5]),
        np.array([[0, 0, 10, 10], [1, 0, 11, 10], [50, 0, 60, 10], [51, 0, 61, 10]], np.float32),
    )
    assert faces.find(1.0, (0, 0, 10, 10)) == 4
    assert faces.find(1.2, (50, 1, 61, 11)) == 7
    assert faces.find(1.2, (30, 1, 39, 11)) is None
    assert faces.find(4.0, (0, 0, 10, 10)) is None


def test_an_answer_whose_track_is_gone_is_counted_and_not_used(run):
    first = clips(run)["first"]
    say(
        run,
        Answer("yes", Spot(first, 1), 3, time=0.0, box=(500.0, 500.0, 600.0, 600.0)),
        Answer("yes", Spot(first, 1), 3, time=100.0, box=BOX),
        Answer("yes", Spot(first, 77), 3),
        Answer("yes", Spot("another.mp4", 0), 3, time=0.0, box=BOX),
        Answer("yes", Spot(first, 55), 3, time=12 / 25, box=BOX),  # another number than then
    )
    rows = table(run)
    assert "answers: 5; 4 are about tracks that no longer exist, and are not used" in rows["said", 0]
    assert sum(row[2:] == ("yes", 1.0) for key, row in rows.items() if key[0] == first) == 1
    assert FACES > 1


def test_a_file_that_is_not_there_is_refused(run):
    settings = replace(appearances_settings(run, "appearances"), answers=run.path("none.sqlite"))
    with pytest.raises(InputError, match=r"none\.sqlite: does not exist"):
        appearances(settings)


def test_known_clips_teach_by_what_was_said_of_their_tracks(tmp_path):
    rows = [
        ("a1", 1, 0, axis(0)), ("a1", 1, 1, axis(5)), ("a2", 1, 0, axis(0)), ("b1", 2, 0, axis(1)),
        ("b1", 2, 1, axis(2)), ("s1", -1, 0, axis(3)), ("s1", -1, 1, axis(1)),
    ]  # fmt: skip
    path = write(tmp_path / "f", rows)
    given = meaning([
        Answer("yes", Spot("a1", 1), 1), Answer("no", Spot("b1", 0), 2), Answer("yes", Spot("s1", 1), 2),
        Answer("no", Spot("a2", 0), 1),
    ])  # fmt: skip
    gallery = Gallery.read([path], labels_of(rows), given)
    assert gallery.known == {"a1": (0, 1), "b1": (1, 1)}
    assert len(gallery.trials().impostor) == 4, "each clip, and of the strangers the one that is left"
    merged = Gallery.read([path], labels_of(rows), meaning([Answer("merge", label=1, other=2)]))
    assert merged.labels.tolist() == [1] and len(merged.known) == 3


def test_others_stay_where_they_were_on_the_scale(tmp_path):
    """A person who learns from dark tracks must not become like all that is dark."""
    random = np.random.default_rng(0)
    width = 16
    dark = np.eye(width)[0]

    def near(direction, darkness):
        found = direction + darkness * dark + 0.5 * random.normal(size=width) / 4
        return (found / np.linalg.norm(found)).astype(np.float32)

    people = np.eye(width)[1:4]
    known = [(f"k{n}", n + 1, 0, near(person, 0)) for n, person in enumerate(people)]
    films = [(f"f{n:03d}", -1, 0, near(np.eye(width)[4 + n % 12], 1.0)) for n in range(200)]
    films += [(f"g{n:03d}", -1, 0, near(people[0], 1.0)) for n in range(6)]
    plain = Gallery.read([write(tmp_path / "k", known)], labels_of(known))
    features = StageReader(write(tmp_path / "f", films, "test"), ("feature",))
    given = meaning([Answer("yes", Spot(f"g{n:03d}", 0), 1) for n in range(3)])
    vectors = {spot: next(row[3] for row in films if row[0] == spot.clip) for spot in given.shown}
    spots, cohort = read_cohort(features)
    assert len(spots) == 206
    taught = TaughtGallery.of(plain, given, vectors, spots, cohort)
    before, after = cohort @ plain.templates[0], taught.cosines(cohort)[:, 0]
    others, hers = slice(0, 200), slice(203, 206)
    assert np.quantile(after[others], 0.9) == pytest.approx(np.quantile(before[others], 0.9), abs=0.05)
    assert after[hers].min() > np.quantile(after[others], 0.9) + 0.2
    assert (
        np.quantile(taught.cosines(cohort)[others, 0] + taught.shifts[0], 0.9) > np.quantile(before[others], 0.9) + 0.2
    )
    assert taught.shifts[0] > 0.2 and not taught.shifts[1:].any()
