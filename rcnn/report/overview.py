"""The plots of a page: average precision, precision against rank, training and quality of the faces."""

from __future__ import annotations

from collections.abc import Sequence

from .data import Coverage, Epoch, Qualities, Report
from .plots import Axis, Line, Plot, bar_plot, line_plot

AP_BARS = 10  # of the histogram of average precision
QUALITY_BARS = 40
QUALITY_TAIL = 0.001  # share of the faces that the quality plot may leave out at its right end


def overview_plots(report: Report) -> list[Plot]:
    """The plots that there are numbers for."""
    plots = []
    if report.scores:
        plots += [_ap_histogram(list(report.scores.values())), _precision(report.precision, report.best_precision)]
    if report.curve:
        plots += _training(report.curve)
    return plots + [_quality(coverage) for coverage in report.coverage if coverage.qualities.total]


def _ap_histogram(scores: Sequence[float]) -> Plot:
    counts = [0] * AP_BARS
    for ap in scores:
        counts[min(int(ap * AP_BARS), AP_BARS - 1)] += 1
    edges = [number / AP_BARS for number in range(AP_BARS + 1)]
    return bar_plot("Average precision by person", edges, counts, "average precision", "people")


def _precision(precision: Sequence[float], best: Sequence[float]) -> Plot:
    lines = [
        Line("this ranking", list(enumerate(precision, 1))),
        Line("a perfect ranking", list(enumerate(best, 1)), kind=1),
    ]
    return line_plot(
        "Precision against rank", lines, "rank", Axis("mean over people of the share of right clips", 0, 1)
    )


def _training(curve: Sequence[Epoch]) -> list[Plot]:
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
