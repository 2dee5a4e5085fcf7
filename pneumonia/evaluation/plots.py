"""The report's figures, as SVG: labels beside what they name, readable in grey."""

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from ..config import NORMAL, PNEUMONIA
from ..inference.calibration import UNCERTAIN, verdict
from .perturbations import LUNGS_BLACK
from .predictions import HEADLINES
from .report import Report

_DARK, _GREY, _PALE, _WARM = "#1f3b57", "#7a7a7a", "#d9d9d9", "#c4501b"
_STYLE = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _GREY,
    "axes.labelcolor": "#222222",
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "xtick.color": _GREY,
    "ytick.color": _GREY,
    "xtick.labelcolor": "#222222",
    "ytick.labelcolor": "#222222",
    "svg.hashsalt": "pneumonia",  # equal reports give equal files
}


def draw_plots(report: Report, folder: Path) -> dict[str, str]:
    """Writes the plots that these radiographs allow.

    Returns:
        File name -> what it shows, a sentence for those who cannot see it.
    """
    written = {}
    with matplotlib.rc_context(_STYLE):
        for draw in (_curves, _scores, _reliability, _robustness):
            if drawn := draw(report):
                name, figure, words = drawn
                figure.savefig(folder / name, metadata={"Date": None})
                written[name] = words
    return written


def _panels(width: float, height: float, count: int, **options: Any):
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(1, count, squeeze=False, **options)[0]


def _curves(report: Report):
    curves = report["curves"]
    if not curves["roc"]:
        return None
    found = report["figures"]["answered"]
    figure, (roc, recall) = _panels(7, 3.4, 2)
    roc.plot([0, 1], [0, 1], color=_PALE, lw=1)
    roc.plot(*zip(*curves["roc"], strict=True), color=_DARK)
    point = 1 - found["specificity"]["value"], found["sensitivity"]["value"]
    roc.plot(*point, "o", color=_WARM)
    roc.annotate("called at 0.5", point, (10, -12), textcoords="offset points")
    roc.text(0.97, 0.05, f"AUROC {_words(found['AUROC'])}", ha="right")
    roc.set(xlabel="1 - specificity", ylabel="sensitivity", title="ROC")
    recall.plot(*zip(*curves["precision_recall"], strict=True), color=_DARK)
    precision = f"average precision\n{_words(found['average precision'])}"
    recall.text(0.03, 0.05, precision)
    recall.set(xlabel="recall", ylabel="precision", title="Precision and recall")
    for axes in (roc, recall):
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    return (
        "curves.svg",
        figure,
        f"ROC curve with AUROC {_words(found['AUROC'])}, and precision-recall curve "
        f"with average precision {_words(found['average precision'])}.",
    )


def _scores(report: Report):
    histogram, thresholds = report["curves"]["histogram"], report["model"]["thresholds"]
    if not histogram:
        return None
    count = len(histogram)
    figure = Figure(figsize=(7, 0.6 + 1.1 * count), layout="constrained")
    rows = figure.subplots(count, 1, squeeze=False, sharex=True)[:, 0]
    unsure = [
        p
        for p in np.linspace(0, 1, 501)
        if verdict({PNEUMONIA: p, NORMAL: 1 - p}, thresholds) == UNCERTAIN
    ]
    for axes, (label, bins) in zip(rows, histogram.items(), strict=True):
        if unsure:
            axes.axvspan(unsure[0], unsure[-1], color=_PALE, lw=0)
        axes.bar(
            [(index + 0.5) / len(bins) for index in range(len(bins))],
            bins,
            width=0.9 / len(bins),
            color=_GREY if label == NORMAL else _DARK,
        )
        axes.axvline(0.5, color=_WARM, lw=1)
        axes.set_yscale("symlog", linthresh=1)
        axes.yaxis.set_major_formatter(ScalarFormatter())
        axes.set(xlim=(0, 1), ylim=(0, None), title=f"{label}, {sum(bins)} X-rays")
        axes.set_ylabel("X-rays")
    rows[-1].set_xlabel(
        "probability of PNEUMONIA (line: operating point; band: verdict UNCERTAIN)"
    )
    return (
        "scores.svg",
        figure,
        "Histograms of the probability of PNEUMONIA, one for each label; counts on a "
        "logarithmic scale.",
    )


def _reliability(report: Report):
    bins = report["curves"]["reliability"]
    if not bins:
        return None
    error = report["calibration"]["after"]["ECE"]
    figure, (axes,) = _panels(3.8, 3.6, 1)
    axes.plot([0, 1], [0, 1], color=_PALE, lw=1)
    most = max(row["images"] for row in bins)
    for row in bins:
        size = 4 + 14 * (row["images"] / most) ** 0.5
        axes.plot(
            row["probability"], row["share"], "o", ms=size, color=_DARK, mec="white"
        )
    axes.text(0.98, 0.03, f"ECE {_words(error)}", ha="right")
    axes.text(
        0.5,
        0.53,
        "as probable as said",
        rotation=45,
        ha="center",
        color=_GREY,
        rotation_mode="anchor",
    )
    axes.set(
        xlim=(-0.04, 1.04),
        ylim=(-0.04, 1.04),
        aspect="equal",
        xlabel="probability of PNEUMONIA that was given",
        ylabel="share that has PNEUMONIA",
        title="Reliability (area: X-rays in the bin)",
    )
    return (
        "reliability.svg",
        figure,
        "Reliability diagram: the share of X-rays with pneumonia against the "
        f"probability that was given; ECE {_words(error)}.",
    )


def _robustness(report: Report):
    # without the one condition that should be far off, and would squeeze the others
    table = {
        name: row for name, row in report["robustness"].items() if name != LUNGS_BLACK
    }
    names = [name for name in HEADLINES if table["as it is"][name]["value"] is not None]
    figure, panels = _panels(8, 3.6, len(names), sharey=True)
    for axes, name in zip(panels, names, strict=True):
        axes.axvline(table["as it is"][name]["value"], color=_PALE, lw=1)
        for place, row in enumerate(table.values()):
            value, low, high = (row[name][key] for key in ("value", "low", "high"))
            axes.plot([low, high], [place, place], color=_DARK, lw=1.2)
            axes.plot(value, place, "o", ms=4, color=_DARK)
        axes.set_title(name)
        axes.margins(x=0.08)
    panels[0].set_yticks(range(len(table)), list(table))
    panels[0].invert_yaxis()
    return (
        "robustness.svg",
        figure,
        "AUROC, accuracy, sensitivity and specificity with their intervals in each "
        "condition of the robustness table but the lungs blacked out.",
    )


def _words(estimate: dict) -> str:
    return "{value:.3f} ({low:.3f} to {high:.3f})".format(**estimate)
