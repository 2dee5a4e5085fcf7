"""Plots as SVG, in the colours of the page that they stand on (`about.css`).

Every function returns a <figure>; its caption, which everybody sees, is also what the
picture is called for who does not see it. The class `plane` is where points are placed
by percent, so that a script can move them.
"""

import math
from collections.abc import Mapping, Sequence

from .texts import both

_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 12, 44  # around the axes
_SIDE = 270  # of a square plot; units of SVG, near to pixels on a phone
_ROW, _GAP = 74, 34  # heights of a histogram, and of what is between two
_TICKS = (0, 0.25, 0.5, 0.75, 1)


def roc(curve: Sequence[Sequence[float]], point: tuple[float, float], why: str) -> str:
    """The ROC curve, and a point on it that a script may move.

    Args:
        curve: pairs of 1 - specificity and sensitivity, in [0, 1].
        point: such a pair.
        why: HTML, the caption.
    """
    corners = " ".join(f"{_x(false)},{_y(hit)}" for false, hit in curve)
    mark = (
        f'<circle class="point" data-mark="roc" r="6" cx="{point[0]:.2%}" '
        f'cy="{1 - point[1]:.2%}"/>'
    )
    body = f'{_diagonal()}<polyline class="curve" points="{corners}"/>{_plane(mark)}'
    axes = _square("about false alarms", "about sensitivity")
    return _figure("roc", why, axes + body, _SIDE)


def reliability(bins: Sequence[Mapping[str, float]], why: str) -> str:
    """What share has a finding against the probability that was given.

    Args:
        bins: `films`, `probability` and `share` of each bin that has films.
        why: HTML, the caption.
    """
    most = max(row["films"] for row in bins)
    dots = "".join(
        f'<circle class="dot" cx="{_x(row["probability"])}" cy="{_y(row["share"])}" '
        f'r="{3 + 9 * math.sqrt(row["films"] / most):.1f}"/>'
        for row in bins
    )
    axes = _square("about given", "about share")
    return _figure("reliability", why, axes + _diagonal() + dots, _SIDE)


def scores(
    histogram: Mapping[str, Sequence[int]],
    names: Mapping[str, str],
    unsure: tuple[float, float] | None,
    cut: float,
    why: str,
) -> str:
    """Films by probability, a row for each label, and a line that a script may move.

    Args:
        histogram: label -> counts in bins of equal width over [0, 1].
        names: label -> SVG text.
        unsure: between which probabilities the verdict is UNCERTAIN.
        cut: where the line is.
        why: HTML, the caption.
    """
    most = max(max(counts) for counts in histogram.values())
    height = len(histogram) * (_ROW + _GAP)
    rows = "".join(
        _row(_TOP + index * (_ROW + _GAP), names[label], counts, most, unsure)
        for index, (label, counts) in enumerate(histogram.items())
    )
    line = (
        f'<line class="cut" data-mark="cut" x1="{cut:.2%}" x2="{cut:.2%}" '
        'y1="0" y2="100%"/>'
    )
    axis = _across("about probability", height)
    return _figure("scores", why, rows + axis + _plane(line, height), height)


def _row(
    top: int,
    name: str,
    counts: Sequence[int],
    most: int,
    unsure: tuple[float, float] | None,
) -> str:
    """One histogram; heights by log(1 + count), with the counts above."""
    bottom, width = top + _GAP + _ROW, _SIDE / len(counts)
    bars = ""
    for index, count in enumerate(counts):
        if not count:
            continue
        tall = (_ROW - 2) * math.log1p(count) / math.log1p(most)
        left = _LEFT + index * width
        bars += (
            f'<rect class="bar" x="{left + 0.5:.1f}" y="{bottom - tall:.1f}" '
            f'width="{width - 1:.1f}" height="{tall:.1f}"/><text class="count" '
            f'x="{left + width / 2:.1f}" y="{bottom - tall - 3:.1f}">{count}</text>'
        )
    band = ""
    if unsure:
        low, high = unsure
        band = (
            f'<rect class="band" x="{_x(low)}" y="{top + _GAP}" '
            f'width="{_SIDE * (high - low):.1f}" height="{_ROW}"/>'
        )
    title = f'<text class="name" x="{_LEFT}" y="{top + 20}">{name}</text>'
    floor = f'<path class="axis" d="M{_LEFT} {bottom}h{_SIDE}"/>'
    return band + bars + title + floor


def _x(value: float) -> str:
    return f"{_LEFT + _SIDE * value:.1f}"


def _y(value: float) -> str:
    return f"{_TOP + _SIDE * (1 - value):.1f}"


def _diagonal() -> str:
    return f'<path class="grid" d="M{_x(0)} {_y(0)}L{_x(1)} {_y(1)}"/>'


def _plane(marks: str, height: int = _SIDE) -> str:
    return (
        f'<svg class="plane" x="{_LEFT}" y="{_TOP}" width="{_SIDE}" '
        f'height="{height}">{marks}</svg>'
    )


def _square(across: str, up: str) -> str:
    """Both axes of a square plot, from 0 to 100 %, with their names."""
    ticks = "".join(
        f'<path class="grid" d="M{_LEFT} {_y(value)}h{_SIDE}"/><text class="tick up" '
        f'x="{_LEFT - 5}" y="{float(_y(value)) + 4}">{100 * value:.0f}</text>'
        for value in _TICKS
    )
    middle = _TOP + _SIDE / 2
    name = (
        f'<text class="name middle" transform="rotate(-90)" x="{-middle}" y="12">'
        f"{both(up, 'tspan')} (%)</text>"
    )
    return ticks + name + _across(across, _SIDE)


def _across(name: str, height: int) -> str:
    """The lower axis, from 0 to 100 %."""
    bottom = _TOP + height
    ticks = "".join(
        f'<text class="tick" x="{_x(value)}" y="{bottom + 16}">{100 * value:.0f}</text>'
        for value in _TICKS
    )
    return (
        f'<path class="axis" d="M{_LEFT} {bottom}h{_SIDE}"/>{ticks}'
        f'<text class="name middle" x="{_x(0.5)}" y="{bottom + 36}">'
        f"{both(name, 'tspan')} (%)</text>"
    )


def _figure(name: str, why: str, body: str, height: int) -> str:
    box = f"0 0 {_LEFT + _SIDE + _RIGHT} {_TOP + height + _BOTTOM}"
    return (
        f'<figure class="chart"><h3>{both("about " + name)}</h3>'
        f'<svg viewBox="{box}" role="img" aria-labelledby="about-{name}">{body}</svg>'
        f'<figcaption id="about-{name}">{why}</figcaption></figure>'
    )
