"""The log of answers: what it means, what survives, who else may write. 4 s."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from rcnn.errors import InputError
from rcnn.people.answers import ANSWERS_FILE, Answer, Answers, Given, Spot, read_given
from rcnn.people.meaning import Seen

SPOTS = [Spot(clip, track) for clip in ("a.mp4", "b.mp4") for track in (0, 1)]
ROOT = Path(__file__).resolve().parents[2]


def answers() -> some.SearchStrategy[Answer]:
    spots, labels, name = some.sampled_from(SPOTS), some.integers(1, 4), some.sampled_from(("Ada", "Émilie d'X"))
    two = some.lists(labels, min_size=2, max_size=2, unique=True)
    pair = some.lists(spots, min_size=2, max_size=2, unique=True)
    return some.one_of(
        some.builds(
            lambda kind, spot, label: Answer(kind, spot, label), some.sampled_from(("yes", "no")), spots, labels
        ),
        some.builds(lambda kind, spot: Answer(kind, spot), some.sampled_from(("hide", "show")), spots),
        some.builds(lambda two: Answer("merge", label=two[0], other=two[1]), two),
        some.builds(
            lambda kind, label, name: Answer(kind, label=label, name=name),
            some.sampled_from(("rename", "person")),
            labels,
            name,
        ),
        some.builds(
            lambda kind, pair: Answer(kind, pair[0], spot2=pair[1], time=1.5, box=(1.0, 2.0, 3.0, 4.0)),
            some.sampled_from(("together", "apart")),
            pair,
        ),
    )


STEPS = some.lists(
    some.tuples(
        some.sampled_from("abcdefghij"),  # few tokens, so that requests are repeated
        some.sampled_from(("left", "right")),
        some.one_of(some.none(), some.lists(answers(), min_size=1, max_size=3)),  # none: undo
    ),
    max_size=14,
)


class Model:
    """The same by plain means: a list of steps, and one answer after the other said anew each time."""

    def __init__(self) -> None:
        self.tokens: dict[str, tuple[str, int | None]] = {}
        self.steps: list[tuple[str, list[Answer] | None]] = []
        self.undone: set[int] = set()

    def do(self, token: str, window: str, said: list[Answer] | None) -> int | None:
        if token in self.tokens:
            kind, result = self.tokens[token]
            return result if (kind == "undo") == (said is None) else None
        self.steps.append((window, said))
        number = len(self.steps)
        result: int | None = number
        if said is None:
            standing = [
                place
                for place, (whose, own) in enumerate(self.steps, 1)
                if whose == window and own is not None and place not in self.undone
            ]
            result = standing[-1] if standing else None
            self.undone |= {result} if result else set()
        self.tokens[token] = ("undo" if said is None else "add", result)
        return result

    def means(self) -> Given:
        said = [
            answer for place, (_, own) in enumerate(self.steps, 1) if own and place not in self.undone for answer in own
        ]
        group = {label: label for label in range(1, 5)}
        names: dict[int, list[tuple[str, str]]] = {label: [] for label in group}
        for answer in said:
            if answer.kind == "merge":
                goes, stays = group[answer.other], group[answer.label]
                group = {label: stays if now == goes else now for label, now in group.items()}
                if goes != stays:
                    names[goes] = []
            elif answer.kind in ("person", "rename"):
                names[group[answer.label]].append((answer.kind, answer.name))
        people = {label: own[-1][1] for label, own in names.items() if any(kind == "person" for kind, _ in own)}
        renamed = {label: own[-1][1] for label, own in names.items() if own and label not in people}
        shown, denied, hidden, together, apart, seen = {}, {}, set(), set(), set(), {}
        for answer in said:
            spot, label = answer.spot, group.get(answer.label)
            if answer.kind == "yes":
                shown[spot] = label
                denied[spot] = denied.get(spot, frozenset()) - {label}
            elif answer.kind == "no":
                denied[spot] = denied.get(spot, frozenset()) | {label}
                shown = {where: who for where, who in shown.items() if (where, who) != (spot, label)}
            elif answer.kind == "hide":
                hidden.add(spot)
            elif answer.kind == "show":
                hidden.discard(spot)
            elif answer.kind in ("together", "apart"):
                pair = tuple(sorted((spot, answer.spot2)))
                for kind, pairs in (("together", together), ("apart", apart)):
                    (pairs.add if kind == answer.kind else pairs.discard)(pair)
                seen[spot] = Seen(answer.time, answer.box)
        return Given(
            shown,
            {spot: labels for spot, labels in denied.items() if labels},
            people,
            renamed,
            {label: now for label, now in group.items() if label != now},
            frozenset(hidden),
            tuple(sorted(together)),
            tuple(sorted(apart)),
            seen,
        )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_any_sequence_of_answers_undos_and_repeats_means_what_a_plain_model_says(tmp_path, steps):
    path = str(tmp_path / f"{os.urandom(6).hex()}.sqlite")
    model, revision = Model(), 0
    with Answers.open(path) as log, Answers.open(path) as other:
        for token, window, said in steps:
            known = token in model.tokens
            wanted = model.do(token, window, said)
            found = log.undo(token, window) if said is None else other.add(token, said, window)
            if wanted is not None or said is None:
                assert found == wanted
            assert (log.revision() > revision) != known
            revision = other.revision()
        assert log.given() == model.means() == read_given(path)
        assert len(log.steps(1000)) == len(model.steps)
        assert [step.undone for step in log.steps(1000)] == [n + 1 in model.undone for n in range(len(model.steps))]
        assert log.given().digest() == model.means().digest()


def test_meaning_of_the_seed_cases(tmp_path):
    spot, other = SPOTS[0], SPOTS[1]
    with Answers.open(str(tmp_path / ANSWERS_FILE)) as log:
        log.add("1", [Answer("no", spot, 1), Answer("yes", spot, 2)])
        log.add("2", [Answer("person", label=3, name="Ada"), Answer("yes", other, 3)])
        assert log.given().shown == {spot: 2, other: 3}
        assert log.given().denied == {spot: frozenset({1})}
        log.add("3", [Answer("merge", label=3, other=2)])
        assert log.given().shown == {spot: 3, other: 3}
        assert log.given().merged == {2: 3} and log.given().label(2) == 3
        log.add("4", [Answer("merge", label=3, other=1)])
        assert log.given().denied == {}, "what was denied before is the same person now, and the yes came later"
        assert log.given().names == {3: "Ada"}
        assert log.undo("5") == 4 and log.undo("6") == 3 and log.undo("6") == 3
        assert log.given().shown == {spot: 2, other: 3}
        assert [step.undoes for step in log.steps(2)] == [4, 3]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "perhaps"},
        {"kind": "yes", "label": 1},
        {"kind": "yes", "spot": SPOTS[0]},
        {"kind": "yes", "spot": SPOTS[0], "label": 0},
        {"kind": "merge", "label": 1, "other": 1},
        {"kind": "person", "label": 1, "name": " "},
        {"kind": "rename", "label": 1, "name": "Ada\nEve"},
        {"kind": "together", "spot": SPOTS[0], "spot2": SPOTS[0]},
        {"kind": "hide", "spot": SPOTS[0], "label": 1},
        {"kind": "hide", "spot": SPOTS[0], "time": float("nan"), "box": (0.0,) * 4},
        {"kind": "hide", "spot": SPOTS[0], "time": 1.0},
    ],
)
def test_an_answer_that_can_not_be_is_none(wrong):
    with pytest.raises(ValueError):
        Answer(**wrong)


def test_threads_and_processes_write_one_log(tmp_path):
    path = str(tmp_path / ANSWERS_FILE)
    code = (
        "import sys\n"
        "from rcnn.people.answers import Answer, Answers, Spot\n"
        "log = Answers.open(sys.argv[1])\n"
        "for n in range(20): log.add(f'{sys.argv[2]}-{n}', [Answer('yes', Spot(f'{sys.argv[2]}.mp4', n), 1)])\n"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, path, str(number)], env={**os.environ, "PYTHONPATH": str(ROOT)})
        for number in range(2)
    ]
    with Answers.open(path) as log, ThreadPoolExecutor(4) as pool:
        steps = list(pool.map(lambda n: log.add(f"t{n % 30}", [Answer("yes", Spot("t.mp4", n % 30), 2)]), range(60)))
        assert [process.wait() for process in started] == [0, 0]
        assert steps[:30] == steps[30:] and len(set(steps)) == 30
        assert len(log.given().shown) == 70


def test_what_was_said_to_be_written_survives_a_kill(tmp_path):
    path = str(tmp_path / ANSWERS_FILE)
    code = (
        "import sys\n"
        "from rcnn.people.answers import Answer, Answers, Spot\n"
        "log = Answers.open(sys.argv[1])\n"
        "for n in range(10**6):\n"
        "    log.add(f'{n}', [Answer('yes', Spot('a.mp4', n), 1), Answer('no', Spot('a.mp4', n), 2)])\n"
        "    print(n, flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, path],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
    )
    while int(process.stdout.readline()) < 25:
        pass
    os.kill(process.pid, signal.SIGKILL)
    told = 26 + len(process.stdout.readlines())
    process.wait()
    found = read_given(path)
    assert told <= len(found.shown) <= told + 1
    assert {*found.shown} == {*found.denied}, "a step is there as a whole or not at all"


def test_what_is_no_log_is_refused_in_one_line(tmp_path):
    assert read_given(None) == read_given(str(tmp_path / "none.sqlite")) == Given()
    with pytest.raises(InputError, match="does not exist"):
        Answers.open(str(tmp_path / "none.sqlite"), create=False)
    text = tmp_path / "text.sqlite"
    text.write_text("this is not a database" * 100)
    foreign = tmp_path / "foreign.sqlite"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE answers (id)")
    later = tmp_path / "later.sqlite"
    Answers.open(str(later)).close()
    with sqlite3.connect(later) as connection:
        connection.execute("PRAGMA user_version = 99")
    damaged = tmp_path / "damaged.sqlite"
    with Answers.open(str(damaged)) as log:
        for number in range(300):
            log.add(str(number), [Answer("yes", Spot("a long name of a clip.mp4", number), 1)])
    data = bytearray(damaged.read_bytes())
    data[4096:12288] = os.urandom(8192)
    damaged.write_bytes(data)
    nonsense = tmp_path / "nonsense.sqlite"
    with Answers.open(str(nonsense)) as log:
        log.add("1", [Answer("yes", SPOTS[0], 1)])
    with sqlite3.connect(nonsense) as connection:
        connection.execute("UPDATE answers SET kind = 'perhaps'")
    folder = tmp_path / "folder"
    folder.mkdir()
    for path, words in (
        (text, "damaged or is not"),
        (foreign, "another program"),
        (later, "has format 99"),
        (damaged, "damaged or is not"),
        (nonsense, "damaged or is not"),
        (folder, "can't be"),
    ):
        with pytest.raises(InputError, match=words) as error:
            read_given(str(path))
        assert "\n" not in str(error.value) and str(path) in str(error.value)


def test_who_is_forgotten_is_not_in_the_file(tmp_path):
    path = tmp_path / ANSWERS_FILE
    with Answers.open(str(path)) as log:
        log.add("1", [Answer("person", label=7, name="Grace Hopper"), Answer("yes", Spot("grace.mp4", 0), 7)])
        log.add("2", [Answer("merge", label=7, other=8)])
        log.add("3", [Answer("yes", Spot("amazing.mp4", 0), 8), Answer("yes", Spot("other.mp4", 0), 1)])
        log.add("4", [Answer("no", Spot("hers.mp4", 3), 1)])
        before = log.revision()
        assert log.forget(7, [Spot("hers.mp4", 3)]) == 5
        assert log.given() == Given(shown={Spot("other.mp4", 0): 1})
        assert log.revision() > before
        assert log.forget(7) == 0
    left = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"other.mp4" in left
    assert not any(word in left for word in (b"Grace", b"grace.mp4", b"amazing.mp4", b"hers.mp4"))
    assert path.stat().st_mode & 0o077 == 0
