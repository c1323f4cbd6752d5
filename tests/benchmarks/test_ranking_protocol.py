"""The protocol of benchmarks/ranking: who is on which side, what films show by construction, differences of pairs."""

import sys
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from drawn_people import write_album
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_models import ROOT

sys.path.insert(0, str(ROOT))

from benchmarks.ranking.measure import EVERYBODY, MAIN, figures_of
from benchmarks.ranking.people import (
    CHOOSING,
    DRAWS,
    END,
    GAP,
    PHOTOGRAPHS,
    SAME,
    SESSION,
    SIDES,
    Piece,
    Video,
    draw_cast,
    sides_of_videos,
)
from benchmarks.ranking.render import FPS, LEVELS, SIZE, SMALL, TINY, render
from benchmarks.ranking.report import differences, paired, table
from benchmarks.ranking.script import CLIP_SECONDS, LONG_CLIP, Film, Shot, clean_of, cut_clips, write_films
from rcnn.training.people import held_out
from rcnn.video.decoder import FrameDecoder

PHOTOGRAPHED = {f"person{n}": [Path(f"person{n}/{k}-{n}.jpg") for k in range(1 + n % 6)] for n in range(3000)}
VIDEOS = [
    Video(f"{person}/{session}-{take}.mp4", person, session, 5.0 + 3 * take + index)
    for index, person in enumerate(f"actor{n}" for n in range(40))
    for session in (("s1", "s2", "s3") if index % 5 == 0 else ("s1",))
    for take in range(2)
]


@pytest.fixture(scope="module")
def casts():
    return {(side, draw): draw_cast(VIDEOS, PHOTOGRAPHED, side, draw) for side in SIDES for draw in range(DRAWS)}


def pieces_of(cast) -> list[Piece]:
    known = [piece for each in cast.known for piece in (*each.teaching, *each.seen)]
    return [*known, *cast.strangers, *cast.taught_strangers]


def test_no_person_and_no_file_is_on_both_sides(casts):
    people, files = ({side: set() for side in SIDES} for _ in range(2))
    for (side, _), cast in casts.items():
        people[side] |= {piece.person for piece in pieces_of(cast)}
        files[side] |= {piece.path for piece in pieces_of(cast)}
    assert people[END] and not people[CHOOSING] & people[END]
    assert not files[CHOOSING] & files[END]
    # our embedding model has seen photographs of none of them
    assert all(held_out(person) for person in people[END] if person in PHOTOGRAPHED)


@given(st.sets(st.integers(0, 10**6), min_size=2, max_size=40), st.randoms())
@settings(max_examples=50, deadline=None)
def test_people_of_several_sessions_are_halved_between_the_sides_in_whatever_order_they_are_listed(numbers, rng):
    videos = [Video(f"{n}-{s}", f"p{n}", f"s{s}", 5.0) for n in numbers for s in range(1 + n % 2)]
    sides = sides_of_videos(videos)
    for several in (0, 1):
        count = [sum(sides[f"p{n}"] == side for n in numbers if n % 2 == several) for side in SIDES]
        assert abs(count[0] - count[1]) <= 1
    assert sides_of_videos(rng.sample(videos, len(videos))) == sides


def test_draws_share_no_photograph(casts):
    for one, other in combinations(casts.values(), 2):
        photographs = [{piece.path for piece in pieces_of(cast) if piece.is_still} for cast in (one, other)]
        assert not photographs[0] & photographs[1]


def test_what_teaches_is_never_looked_for(casts):
    session_of = {video.path: video.session for video in VIDEOS}
    seconds_of = {video.path: video.seconds for video in VIDEOS}
    for cast in casts.values():
        kinds = [known.kind for known in cast.known]
        assert {SESSION, PHOTOGRAPHS, SAME} == set(kinds)
        assert len(set(cast.labels.values())) == len(cast.known)
        for known in cast.known:
            assert known.teaching and known.seen
            for taught in known.teaching:
                for seen in known.seen:
                    if known.kind == SESSION:
                        assert session_of[str(taught.path)] != session_of[str(seen.path)]
                    elif known.kind == SAME:
                        assert taught.path == seen.path and taught.end + GAP <= seen.start < seen.end
                        assert seen.end <= seconds_of[str(seen.path)]
                    else:
                        assert taught.path != seen.path
        known_people = {known.person for known in cast.known}
        strangers, taught = ({piece.person for piece in part} for part in (cast.strangers, cast.taught_strangers))
        assert not known_people & strangers and not known_people & taught and not strangers & taught


def test_films_show_every_piece_once_and_nobody_in_two_shots_running(casts):
    for (side, draw), cast in casts.items():
        films = write_films(cast, side, draw)
        shots = [shot for film in films for shot in film.shots]
        shown = [piece for shot in shots if not shot.insert for piece in shot.pieces]
        wanted = [piece for each in cast.known for piece in each.seen] + list(cast.strangers)
        assert sorted(map(str, shown)) == sorted(map(str, wanted))
        for film in films:
            assert sum(shot.insert for shot in film.shots) == 1
            assert not any(one.people & other.people for one, other in pairwise(film.shots))
        beside = [shot for shot in shots if len(shot.pieces) == 2]
        assert beside and all(shot.people & cast.labels.keys() and len(shot.people) == 2 for shot in beside)
        for shot in shots:
            moving = [piece for piece in shot.pieces if not piece.is_still]
            assert all(shot.seconds <= piece.end - piece.start + 1e-9 for piece in moving) or shot.insert


def test_clips_cover_a_film_and_the_truth_is_who_is_in_their_seconds(casts):
    for (side, draw), cast in casts.items():
        for film in write_films(cast, side, draw):
            clips = cut_clips(film)
            assert [clip.start for clip in clips] == [0.0, *(clip.end for clip in clips[:-1])]
            assert clips[-1].end == film.seconds
            for clip in clips:
                assert CLIP_SECONDS[0] <= clip.end - clip.start <= LONG_CLIP
                times = np.arange(round(clip.start * FPS), round(clip.end * FPS)) / FPS
                shown, begin = {}, 0.0
                for shot in film.shots:
                    count = int(((times >= begin) & (times < begin + shot.seconds)).sum())
                    for person in shot.people if count else ():
                        shown[person] = shown.get(person, 0) + count
                    begin += shot.seconds
                assert clip.people == shown.keys()
                assert all(count >= FPS for count in shown.values())  # a second: nobody is in a clip for a blink


def test_clips_of_other_draws_count_where_nobody_known_is_in_them(casts):
    mine, other = casts[END, 0], casts[END, 1]
    clips = [clip for film in write_films(other, END, 1) for clip in cut_clips(film)]
    clean = list(clean_of(clips, frozenset(mine.labels)))
    assert 0 < len(clean) < len(clips)
    assert not any(clip.people & mine.labels.keys() for clip in clean)


def test_films_are_cut_where_the_script_says_at_every_level(tmp_path):
    album = write_album(tmp_path / "people", [1, 1, 1])
    one, two, three = (Piece(next(person.iterdir()), person.name) for person in sorted(album.iterdir()))
    film = Film("film", (Shot((one,), 0.5), Shot((two, three), 0.5)))
    targets = {level: tmp_path / f"{level}.mp4" for level in LEVELS}
    render(film, targets, lambda piece: 0.5)
    change = {}
    for level, path in targets.items():
        frames = [frame.image.astype(int) for frame in FrameDecoder().read_frames(str(path))]
        assert len(frames) == FPS
        assert {image.shape[1::-1] for image in frames} == {SMALL if level == "240 lines" else SIZE}
        steps = [np.abs(after - before).mean() for before, after in pairwise(frames)]
        assert int(np.argmax(steps)) == FPS // 2 - 1
        change[level] = frames[2].mean()
    assert change["dark"] < change["as is"] / 2
    assert TINY in change and not list(tmp_path.glob("*.part"))


def test_figures_are_of_each_kind_and_of_all_but_the_same_recording():
    ranking = {1: ["a", "x"], 2: ["x", "b"], 3: ["c"]}
    truth = {1: ["a"], 2: ["b"], 3: ["d"]}
    found = figures_of(ranking, truth, {1: SESSION, 2: PHOTOGRAPHS, 3: SAME})
    assert found == {SESSION: 100.0, PHOTOGRAPHS: 50.0, SAME: 0.0, MAIN: 75.0, EVERYBODY: 50.0}


def test_differences_are_taken_draw_by_draw():
    figures = {"best": [90.0, 70.0], "centroids": [80.0, 69.0]}
    values = {method: dict.fromkeys(LEVELS, of) for method, of in figures.items()}
    assert differences([3.0, 1.0], [1.0, 2.0]) == [2.0, -1.0]
    with pytest.raises(ValueError):
        differences([1.0], [1.0, 2.0])
    assert list(table(values))[2] == "| best |" + " 80.0 ± 14.1 |" * len(LEVELS)
    line = "| best less centroids |" + " +5.5 ± 6.4, least +1.0 |" * len(LEVELS)
    assert list(paired(values, [("best", "centroids"), ("best", "not measured")]))[2:] == [line]
