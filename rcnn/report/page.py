"""A report as one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Sequence
from importlib import resources
from string import Template

from .. import files
from ..errors import InputError
from ..tables import OK
from .data import RIGHT, WRONG, Coverage, Entry, Epoch, Person, Qualities, Report
from .markup import Markup, element, join, picture, text
from .plots import Axis, Line, bar_plot, line_plot

AP_BARS = 10  # of the histogram of average precision
QUALITY_BARS = 40
QUALITY_TAIL = 0.001  # share of the faces that the quality plot may leave out at its right end
SYMBOLS = {RIGHT: "✓", WRONG: "✗"}
MISSED = "?"


def write_page(path: str, report: Report) -> int:
    """Write the page; gives its size in bytes.

    Raises
    ------
    InputError
        If the file can't be written.
    """
    data = render(report).encode("utf-8", "replace")

    def write(temporary: str) -> None:
        with open(temporary, "wb") as file:
            file.write(data)

    try:
        files.make_dir(files.parent(path))
        files.write_whole(path, write)
    except OSError as error:
        raise InputError(f"{path}: can't be written: {error.strerror or error}; give --report another file") from None
    return len(data)


def render(report: Report) -> str:
    """The page as text."""
    folder = resources.files(__package__)
    script = (folder / "script.js").read_text("utf-8")
    overview = _overview(report)
    lone = len(report.people) == 1  # such as the answer to a search: it comes first
    return Template((folder / "page.html").read_text("utf-8")).substitute(
        title=text(report.title),
        style=(folder / "style.css").read_text("utf-8"),
        script=script,
        # the browser runs no other script, should a name ever get past the escaping
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        facts=element("ul", *(element("li", fact) for fact in report.facts), class_="facts"),
        notes=_notes(report.notes),
        overview=Markup() if lone else overview,
        overview_after=overview if lone else Markup(),
        people_title=text(_people_title(report)),
        chosen=element("p", f"Shown are {report.chosen}.") if report.chosen else Markup(),
        nobody=text(f"Nobody {'here ' if report.chosen else ''}has such a name or label."),
        toolbar=_toolbar(report),
        cards=join(*(_card(person, report.score_name) for person in report.people)),
        stages=_stages(report.stages),
    )


def _people_title(report: Report) -> str:
    shown, everyone = len(report.people), report.all_people
    title = f"{everyone} {'person' if everyone == 1 else 'people'}"
    return f"{shown} of {title}" if shown < everyone else title


def _notes(notes: Sequence[str]) -> Markup:
    if not notes:
        return Markup()
    items = element("ul", *(element("li", note) for note in notes))
    return element("section", element("p", "What this report lacks:"), items, class_="notes", aria_label="Notes")


def _overview(report: Report) -> Markup:
    plots = []
    if report.scores:
        plots += [_ap_histogram(list(report.scores.values())), _precision(report.precision, report.best_precision)]
    plots += _training(report.curve)
    plots += [_quality(coverage) for coverage in report.coverage if coverage.qualities.total]
    panels = [_coverage(coverage) for coverage in report.coverage]
    if not plots and not panels:
        return Markup()
    heading = element("h2", "At a glance", id="overview-title", class_="unseen")
    return element(
        "section", heading, _tiles(report), element("div", *plots, *panels, class_="plots"),
        aria_labelledby="overview-title",
    )  # fmt: skip


def _tiles(report: Report) -> Markup:
    tiles: list[tuple[str, str, str]] = []
    if report.scores:
        perfect = sum(ap >= 1 for ap in report.scores.values())
        nothing = sum(ap <= 0 for ap in report.scores.values())
        tiles.append(("MAP@100", f"{report.mean_precision:.4f}", f"over {len(report.scores)} people of the truth"))
        tiles.append(("Every clip found first", f"{perfect}", "people with an average precision of 1"))
        tiles.append(("Never found", f"{nothing}", "people with an average precision of 0"))
    for coverage in report.coverage:
        clips = sum(coverage.states.values())
        kept = f"{coverage.faces_kept} of {coverage.faces_seen} faces good enough"
        found = coverage.states.get("ok", 0)
        tiles.append((f"Clips with a face, {os.path.basename(coverage.where)}", _percent(found, clips), kept))
    return element("dl", *(
        element("div", element("dt", name), element("dd", value, " ", element("small", about)), class_="tile")
        for name, value, about in tiles
    ), class_="tiles")  # fmt: skip


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}%" if whole else "none"


def _ap_histogram(scores: Sequence[float]) -> Markup:
    counts = [0] * AP_BARS
    for ap in scores:
        counts[min(int(ap * AP_BARS), AP_BARS - 1)] += 1
    edges = [number / AP_BARS for number in range(AP_BARS + 1)]
    return bar_plot("Average precision by person", edges, counts, "average precision", "people")


def _precision(precision: Sequence[float], best: Sequence[float]) -> Markup:
    lines = [
        Line("this ranking", list(enumerate(precision, 1))),
        Line("a perfect ranking", list(enumerate(best, 1)), kind=1),
    ]
    return line_plot(
        "Precision against rank", lines, "rank", Axis("mean over people of the share of right clips", 0, 1)
    )


def _training(curve: Sequence[Epoch]) -> list[Markup]:
    if not curve:
        return []
    accuracy = [Line("train", [(point.epoch, point.accuracy) for point in curve])]
    val = [(point.epoch, point.val_accuracy) for point in curve if point.val_accuracy is not None]
    if val:
        accuracy.append(Line("val", val, kind=1))
    loss = [(point.epoch, point.loss) for point in curve]
    highest = max(value for _, value in loss) or 1.0
    return [
        line_plot("Training of the classifier: accuracy", accuracy, "epoch", Axis("share of clips", 0, 1)),
        line_plot("Training of the classifier: loss", [Line("train", loss)], "epoch", Axis("nats", 0, highest)),
    ]


def _quality(coverage: Coverage) -> Markup:
    qualities = coverage.qualities
    edges, counts = quality_bars(qualities)
    title = f"Quality of the faces, {os.path.basename(coverage.where)}"
    if qualities.kept_only:
        title += " (kept ones only)"
    mark = None if qualities.threshold is None else (f"threshold {qualities.threshold:g}", qualities.threshold)
    return bar_plot(title, edges, counts, "norm of the embedding", "faces", mark)


def quality_bars(qualities: Qualities) -> tuple[list[float], list[int]]:
    """Edges and counts of the bars; the threshold is always in the picture, a few outliers are not."""
    steps = sorted(qualities.counts)
    left_out, last = 0, steps[-1]
    for step in reversed(steps):
        left_out += qualities.counts[step]
        if left_out > QUALITY_TAIL * qualities.total:
            last = step
            break
    first = steps[0]
    if qualities.threshold is not None:
        mark = int(qualities.threshold / qualities.step)
        first, last = min(first, mark - 1), max(last, mark + 1)
    first = max(first, 0)
    width = max(1, -(-(last + 1 - first) // QUALITY_BARS))
    counts = [0] * -(-(last + 1 - first) // width)
    for step in steps:
        if step <= last:
            counts[(step - first) // width] += qualities.counts[step]
    edges = [round((first + number * width) * qualities.step, 6) for number in range(len(counts) + 1)]
    return edges, counts


def _coverage(coverage: Coverage) -> Markup:
    clips = sum(coverage.states.values())
    rows: list[tuple[str, int, int, bool]] = [("clips", clips, clips, False)]  # what, number, of, whether a reason
    for state, count in coverage.states.items():
        rows.append(("with a face" if state == OK else state, count, clips, False))
        rows += [(reason, number, clips, True) for which, reason, number in coverage.reasons if which == state]
    seen = coverage.faces_seen
    rows += [("faces looked at", seen, seen, False), ("kept", coverage.faces_kept, seen, False)]
    rows.append(("dropped for quality", seen - coverage.faces_kept, seen, False))
    body = [
        element(
            "tr",
            element("td", what, class_="reason" if is_reason else None),
            element("td", count, class_="count"),
            element("td", _percent(count, whole), class_="count"),
        )
        for what, count, whole, is_reason in rows
    ]
    columns = (("what", None), ("number", "count"), ("share", "count"))
    head = element("tr", *(element("th", name, scope="col", class_=kind) for name, kind in columns))
    table = element("table", element("thead", head), element("tbody", *body), class_="wide")
    return element("div", element("h3", f"Coverage of {coverage.where}"), table, class_="panel")


def _toolbar(report: Report) -> Markup:
    if len(report.people) < 2:
        return element("p", f"{len(report.people)} of {report.all_people} people", id="status", class_="unseen")
    orders = [("label", "label"), ("name", "name")]
    if report.scores:
        orders += [("worst", "average precision, lowest first"), ("best", "average precision, highest first")]
    search = element("div", element("label", "Name or label ", element("kbd", "/"), for_="search"),
                     element("input", id="search", type="search", autocomplete="off", spellcheck="false"))  # fmt: skip
    select = element("select", *(element("option", name, value=value) for value, name in orders), id="order")
    sort = element("div", element("label", "Sort by", for_="order"), select)
    status = element("p", f"{len(report.people)} of {len(report.people)} people", id="status", role="status")
    form = element("form", search, sort, status, class_="toolbar", role="search", aria_label="People")
    return join(form, _key(report))


def _key(report: Report) -> Markup:
    """What the edges and symbols of the pictures mean."""
    if not report.scores:
        return Markup()
    meanings = (
        (RIGHT, SYMBOLS[RIGHT], "solid green edge: right"),
        (WRONG, SYMBOLS[WRONG], "dashed red edge: wrong"),
        ("missed", MISSED, "dotted edge: a clip of this person that was not ranked"),
    )
    items = (
        element("li", element("span", symbol, class_="symbol", aria_hidden="true"), " ", meaning, class_=kind)
        for kind, symbol, meaning in meanings
    )
    return element("ul", *items, class_="key", aria_label="Key")


def _card(person: Person, score_name: str) -> Markup:
    name = title_of(person)
    identity = "query" if person.label is None else f"label-{person.label}"
    # names of any script: none may turn around what stands beside it
    parts = [element("h3", element("bdi", name), id=f"{identity}-name")]
    about = [f"label {person.label}"] if person.label is not None and person.name else []
    if person.ap is not None:
        about.append(f"{person.found} of {person.positives} clips found among {person.ranked} ranked")
    else:
        about.append(f"{person.ranked} {'clips compared' if person.label is None else 'ranked clips'}")
    parts.append(element("p", ", ".join(about)))
    head = element("div", element("div", *parts, class_="who"), _known(person), _ap(person), class_="card-head")
    body: list[Markup] = [head]
    if person.confusions:
        parts = [
            join(element("bdi", other), f": {count} {'clip' if count == 1 else 'clips'}")
            for other, count in person.confusions
        ]
        who = element("span", Markup("; ".join(parts)))
        body.append(element("p", element("strong", "Confused with: "), who, class_="confusions"))
    body.append(element("ol", *(_face(entry, score_name) for entry in person.entries), class_="faces"))
    if not person.entries:
        body.append(element("p", "No clip was ranked for this person.", class_="note"))
    if person.missed:
        body.append(element("h4", "Missed"))
        body.append(element("ul", *(_face(entry, score_name, missed=True) for entry in person.missed), class_="faces"))
    return element(
        "article", *body, class_="card", id=identity, aria_labelledby=f"{identity}-name",
        data_label="" if person.label is None else person.label, data_name=person.name,
        data_ap=None if person.ap is None else f"{person.ap:.6f}",
    )  # fmt: skip


def title_of(person: Person) -> str:
    """What a card is called."""
    return person.name or f"label {person.label}"


def _known(person: Person) -> Markup:
    if not person.known:
        return Markup()
    what = "the photograph" if person.label is None else "in training clips"
    pictures = [picture(face, "") for face in person.known]
    return element("figure", element("figcaption", what), *pictures, class_="known")


def _ap(person: Person) -> Markup:
    if person.ap is None:
        return Markup()
    # no style attribute: the width is a number that this program made
    bar = element("span", element("i", style=f"width:{100 * person.ap:.1f}%"), class_="track", aria_hidden="true")
    return element("div", "AP ", element("b", f"{person.ap:.4f}"), bar, class_="ap")


def _face(entry: Entry, score_name: str, missed: bool = False) -> Markup:
    kind = "missed" if missed else entry.verdict
    symbol = MISSED if missed else SYMBOLS.get(entry.verdict, "")
    image = element("span", "no picture") if entry.picture is None else picture(entry.picture, f"face in {entry.clip}")
    badge = element("span", symbol, class_="badge", aria_hidden="true") if symbol else Markup()
    parts = [element("div", image, badge, class_="frame")]
    first = [] if entry.rank is None else [element("span", f"{entry.rank}.")]
    if entry.score is not None:
        first.append(element("span", element("span", score_name, " ", class_="unseen"), f"{entry.score:.4f}"))
    if first:
        parts.append(element("p", *first, class_="line-one"))
    parts.append(element("p", _breakable(entry.clip), class_="clip"))
    if entry.note or kind:
        said = {RIGHT: "right", WRONG: "wrong: "}.get(entry.verdict, "") if not missed else ""
        kind_of_note = "note" if entry.note else "note unseen"
        parts.append(element("p", said, entry.note, class_=kind_of_note, title=entry.note or None))
    return element("li", *parts, class_=" ".join(filter(None, ("face", kind))))


def _breakable(clip: str) -> Markup:
    """A file name that may be broken into lines after an underscore or a hyphen, and before its ending."""
    stem, dot, ending = text(clip).rpartition(".")
    return Markup(re.sub("([_-])(?=.)", r"\1<wbr>", stem) + (f"<wbr>.{ending}" if dot else ending))


def _stages(stages: Sequence[tuple[str, str, int, int, float]]) -> Markup:
    if not stages:
        return Markup()
    head = ("directory", "stage", "clips", "rows", "seconds")
    numbers = (False, False, True, True, True)
    rows = [(path, stage, clips, rows, f"{seconds:.1f}") for path, stage, clips, rows, seconds in stages]

    def row(cells: Sequence[object], kind: str) -> Markup:
        scope = "col" if kind == "th" else None
        return element("tr", *(
            element(kind, cell, class_="count" if number else None, scope=scope)
            for cell, number in zip(cells, numbers, strict=True)
        ))  # fmt: skip

    table = element("table", element("thead", row(head, "th")), element("tbody", *(row(cells, "td") for cells in rows)))
    where = element("div", table, class_="panel scroll", tabindex=0, role="region", aria_label="Stages")
    return element("section", element("h2", "How it was made"), where)
