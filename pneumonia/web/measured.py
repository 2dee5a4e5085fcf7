"""What a model's report measured, as HTML in both languages: tables, plots, sliders.

Everything in a report may be a stranger's, so all of its words are escaped, and its
numbers are numbers or the report is refused.
"""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from ..config import NORMAL, PNEUMONIA, ModelConfig
from . import charts
from .texts import TEXTS, both
from .thresholds import count, explorer, rates

_HEADLINES = ("AUROC", "sensitivity", "specificity", "accuracy")
_OTHERS = ("average precision", "Brier", "ECE")

Report = Mapping[str, Any]


def measured(report: Report, config: ModelConfig) -> str:
    """All the sections that show figures.

    Args:
        report: `report.json` of a model folder, see `pneumonia.evaluation.report`.
        config: of the same folder.
    Raises:
        ArithmeticError, AttributeError, LookupError, TypeError, ValueError: it is no
            such report, or of another version.
    """
    parts = (_figures, _threshold, _confusion, _plots, _changes)
    return "".join(part(report, config) for part in parts)


def section(key: str, body: str) -> str:
    """A part of the page under its heading, `about KEY`."""
    return f"<section><h2>{both('about ' + key)}</h2>{body}</section>"


def word(text: str, tag: str = "span") -> str:
    """A word of a report in both languages, if it is known in them."""
    key = f"about word {text}"
    return both(key, tag) if key in TEXTS else escape(text)


def words(found: Iterable[str]) -> str:
    """Several of them, see `word`."""
    return ", ".join(map(word, found))


def _figures(report: Report, config: ModelConfig) -> str:
    found, classes = report["figures"]["answered"], report["classes"]
    names = f"{both('about three')} <small>{words(config.class_names)}</small>"
    verdicts = report["verdicts"]["all"]
    rows = [(_named(name), found[name]) for name in (*_HEADLINES, *_OTHERS)]
    rows += [
        (
            both("about strict"),
            report["figures"]["refused counted as wrong"]["accuracy"],
        ),
        (names, classes["accuracy"]),
        *(
            [(_named("pathogen"), classes["pathogen accuracy"])]
            if classes["pathogen recall"]
            else []
        ),
        (both("about unsure"), verdicts["UNCERTAIN"]),
        (_named("covered", coverage=config.coverage), verdicts["covered"]),
    ]
    body = "".join(
        f'<tr><th scope="row">{name}</th><td>{_estimate(estimate)}</td></tr>'
        for name, estimate in rows
    )
    data, method = report["data"], report["method"]
    films = both(
        "about films",
        **{
            key: int(data[key])
            for key in ("films", "patients", "refused", "unreadable")
        },
        point=float(method["operating_point"]),
        level=float(method["interval"]),
        draws=int(method["bootstrap_draws"]),
    )
    head = _head("figure", "value")
    told = f"<p>{word(data['about'])}</p><p class='quiet'>{films}</p>"
    return section("figures", told + _table(f"{head}<tbody>{body}</tbody>", "figures"))


def _named(name: str, **values: float) -> str:
    """A figure's name, and what it is."""
    return (
        f"{both(f'about {name}')} <small>{both(f'about why {name}', **values)}</small>"
    )


def _estimate(estimate: Mapping[str, float | None]) -> str:
    """A figure and its interval; a dash for what these films cannot tell."""
    if estimate["value"] is None:
        return "–"
    values = _floats(estimate)
    interval = both("about range", low=values["low"], high=values["high"])
    return f"{both('about number', value=values['value'])} <small>{interval}</small>"


def _head(*keys: str) -> str:
    cells = "".join(f'<th scope="col">{both("about " + key)}</th>' for key in keys)
    return f"<thead><tr>{cells}</tr></thead>"


def _table(rows: str, kind: str, name: str = "") -> str:
    """A table in a box of its own, which scrolls where the page is narrow."""
    name = name or both("about " + kind)
    return (
        '<div class="wide" role="region" tabindex="0" '
        f'aria-labelledby="about-of-{kind}"><table class="{kind}">'
        f'<caption id="about-of-{kind}">{name}</caption>'
        f"{rows}</table></div>"
    )


def _scored(
    report: Report, findings: Mapping[str, str]
) -> tuple[list[float], list[float]]:
    """Rising probabilities of the answered films labelled PNEUMONIA, and NORMAL."""
    films = [film for film in report["films"] if film["probability"] is not None]
    return tuple(
        sorted(
            float(film["probability"])
            for film in films
            if (findings.get(film["label"]) == NORMAL) is is_healthy
        )
        for is_healthy in (False, True)
    )


def _threshold(report: Report, config: ModelConfig) -> str:
    sick, healthy = _scored(report, config.findings)
    if not sick or not healthy or not report["curves"]["roc"]:
        return ""
    start = float(report["method"]["operating_point"])
    now = rates(count(sick, healthy, start), 0.5)
    why = both("about roc why", **_floats(report["figures"]["answered"]["AUROC"]))
    point = 1 - now["specificity"], now["sensitivity"]
    plot = charts.roc(report["curves"]["roc"], point, why)
    box = explorer(sick, healthy, start)
    return section("threshold", f'<div class="beside">{box}{plot}</div>')


def _floats(estimate: Mapping[str, Any]) -> dict[str, float]:
    return {key: float(value) for key, value in estimate.items()}


def _confusion(report: Report, config: ModelConfig) -> str:
    point = float(report["method"]["operating_point"])
    tables = "".join(
        _matrix(report["confusion"][kind], kind, name)
        for kind, name in (
            ("findings", both("about confusion findings", point=point)),
            ("classes", both("about confusion classes")),
        )
    )
    why = f'<p class="quiet">{both("about confusion why")}</p>'
    return section("confusion", f'{why}<div class="beside">{tables}</div>')


def _matrix(confusion: Mapping[str, Any], kind: str, name: str) -> str:
    labels = [word(label) for label in confusion["names"]]
    head = "".join(f'<th scope="col">{label}</th>' for label in labels)
    rows = ""
    for place, (label, counts) in enumerate(
        zip(labels, confusion["counts"], strict=True)
    ):
        cells = "".join(
            f'<td style="--share: {number / max(sum(counts), 1):.0%}"'
            f"{' class=right' if column == place else ''}>{number:,}</td>"
            for column, number in enumerate(counts)
        )
        rows += f'<tr><th scope="row">{label}</th>{cells}</tr>'
    head = f"<thead><tr><th>{both('about label')}</th>{head}</tr></thead>"
    return _table(f"{head}<tbody>{rows}</tbody>", kind, name)


def _plots(report: Report, config: ModelConfig) -> str:
    curves, plots = report["curves"], ""
    if curves["reliability"]:
        error = _floats(report["calibration"]["after"]["ECE"])
        why = both("about reliability why", **error)
        plots += charts.reliability(curves["reliability"], why)
    if curves["histogram"]:
        labels = curves["histogram"]
        names = {label: word(label, "tspan") for label in labels}
        start = float(report["method"]["operating_point"])
        why = both("about scores why")
        plots += charts.scores(labels, names, _unsure(config), start, why)
    return f'<section class="beside">{plots}</section>'


def _unsure(config: ModelConfig) -> tuple[float, float] | None:
    """Between which probabilities of pneumonia the verdict is UNCERTAIN."""
    edges = 1 - config.thresholds[NORMAL], config.thresholds[PNEUMONIA]
    return min(*edges, 0.5), max(*edges, 0.5)


def _changes(report: Report, config: ModelConfig) -> str:
    table = report["robustness"]
    rows = "".join(
        f'<tr><th scope="row">{word(name)}</th>'
        + "".join(f"<td>{_estimate(row[key])}</td>" for key in _HEADLINES)
        + f"<td>{both('about percent', value=float(row['refused']))}</td></tr>"
        for name, row in table.items()
    )
    told = f"<p>{both('about changes why')}</p>"
    shortcut = table.get("lungs blacked out", {}).get("AUROC", {}).get("value")
    if shortcut is not None:
        told += f"<p>{both('about shortcut', value=float(shortcut))}</p>"
    head = _head("condition", *_HEADLINES, "refused")
    return section("changes", told + _table(f"{head}<tbody>{rows}</tbody>", "changes"))
