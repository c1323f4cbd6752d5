"""The plots of a page: average precision, precision against rank, training and quality of the faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .data import Coverage, Epoch, Qualities, Report
from .plots import Axis, Line, Plot, bar_plot, line_plot
from .sureness import Bin

AP_BARS = 10  # of the histogram of average precision
QUALITY_BARS = 40
TOP = 1.05  # end of an axis of shares, so that a line at 1 is not hidden by the frame
QUALITY_TAIL = 0.001  # share of the faces that the quality plot may leave out at its right end


@dataclass(frozen=True)
class Plots:
    """The plots for which there are numbers.

    sure : probabilities against what was true
    measures : of the ranking against the truth
    run : of the training and of the faces
    """

    sure: Sequence[Plot] = ()
    measures: Sequence[Plot] = ()
    run: Sequence[Plot] = ()


def overview_plots(report: Report) -> Plots:
    """The plots of a report."""
    sure = [_reliability(report.sureness.bins)] if report.sureness and report.sureness.bins else []
    measures = []
    if report.scores:
        measures = [_ap_histogram(list(report.scores.values())), _precision(report.precision, report.best_precision)]
    run = _training(report.curve) if report.curve else []
    run += [_quality(coverage) for coverage in report.coverage if coverage.qualities.total]
    return Plots(sure, measures, run)


def _reliability(bins: Sequence[Bin]) -> Plot:
    lines = [
        Line("observed", [(part.predicted, part.observed) for part in bins], marked=True),
        Line("the same", [(0.0, 0.0), (1.0, 1.0)], kind=1),
    ]
    plot = line_plot("How often it was the person", lines, "probability", Axis("share that was the person", 0, TOP))
    rows = [(f"{part.predicted:.3f}", f"{part.observed:.3f}", str(part.count)) for part in bins]
    return replace(plot, columns=("probability", "share that was the person", "comparisons"), rows=rows)


def _ap_histogram(scores: Sequence[float]) -> Plot:
    counts = [0] * AP_BARS
    for ap in scores:
        counts[min(int(ap * AP_BARS), AP_BARS - 1)] += 1
    edges = [number / AP_BARS for number in range(AP_BARS + 1)]
    return bar_plot("Average precision by person", edges, counts, "average precision", "people")


def _precision(precision: Sequence[float], best: Sequence[float]) -> Plot:
    """Right clips among the first places as a share of the possible ones: a perfect ranking has 1 everywhere."""
    shares = [ours / most if most else 0.0 for ours, most in zip(precision, best, strict=True)]
    lines = [
        Line("this ranking", list(enumerate(shares, 1))),
        Line("a perfect ranking", [(place, 1.0) for place in range(1, len(shares) + 1)], kind=1),
    ]
    vertical = Axis("right clips in the first places, of all that could be there", 0, TOP)
    return line_plot("Right clips in the first places", lines, "places", vertical)


def _training(curve: Sequence[Epoch]) -> list[Plot]:
    accuracy = [Line("train", [(point.epoch, point.accuracy) for point in curve])]
    val = [(point.epoch, point.val_accuracy) for point in curve if point.val_accuracy is not None]
    if val:
        accuracy.append(Line("val", val, kind=1))
    loss = [(point.epoch, point.loss) for point in curve]
    highest = max(value for _, value in loss) or 1.0
    return [
        line_plot("Training of the classifier: accuracy", accuracy, "epoch", Axis("share of clips", 0, TOP)),
        line_plot("Training of the classifier: loss", [Line("train", loss)], "epoch", Axis("nats", 0, highest)),
    ]


def _quality(coverage: Coverage) -> Plot:
    qualities = coverage.qualities
    edges, counts = quality_bars(qualities)
    title = f"Quality of the faces, {coverage.name}"
    if qualities.kept_only:
        title += " (kept ones only)"
    mark = None if qualities.threshold is None else (f"threshold {qualities.threshold:g}", qualities.threshold)
    return bar_plot(title, edges, counts, qualities.measure, "faces", mark)


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
