"""The page about the model: what it is for, how good it is, and where it fails.

Everything is drawn from the model folder's own `config.json` and `report.json`, once,
when the server starts. Both may be a stranger's, so all of their words are escaped.
"""

import json
import re
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

import charts
from pneumonia.config import CARD_FILE, NORMAL, ONNX_FILE, PNEUMONIA, ModelConfig
from pneumonia.errors import ModelError
from texts import LANGUAGES, TEXTS, both, in_both, say
from thresholds import count, explorer, rates

_FOLDER = Path(__file__).parent
CSS = (_FOLDER / "about.css").read_text(encoding="utf-8")
SCRIPT = f"<script>{(_FOLDER / 'about.js').read_text(encoding='utf-8')}</script>"

_REPORT_FILE = "report.json"
_CARD_LIMIT = 2**20  # characters
_HEADLINES = ("AUROC", "sensitivity", "specificity", "accuracy")
_OTHERS = ("average precision", "Brier", "ECE")
_KERMANY = "10.17632/rscbjbr9sj"  # doi of the data that most of this page is about
_SOURCES = (
    "Kermany, Goldbaum, Cai et al. 2018, <cite>Identifying Medical Diagnoses and "
    "Treatable Diseases by Image-Based Deep Learning</cite>, Cell 172:1122, "
    "doi 10.1016/j.cell.2018.02.010",
    "Kermany, Zhang, Goldbaum 2018, <cite>Large Dataset of Labeled Optical Coherence "
    "Tomography (OCT) and Chest X-Ray Images</cite>, Mendeley Data V2, "
    "doi 10.17632/rscbjbr9sj.2, CC BY 4.0",
    "Chollet 2017, <cite>Xception: Deep Learning with Depthwise Separable "
    "Convolutions</cite>, arXiv:1610.02357",
    "Xin, Li, Yi 2021, <cite>Limited generalizability of deep learning algorithm for "
    "pediatric pneumonia classification on external data</cite>, Emergency Radiology "
    "29:107, doi 10.1007/s10140-021-01954-x",
    "Neuman, Monuteaux, Scully, Bachur 2011, <cite>Prediction of Pneumonia in a "
    "Pediatric Emergency Department</cite>, Pediatrics 128:246",
)

Report = Mapping[str, Any]


def about(folder: Path, config: ModelConfig, label: str) -> str:
    """All that is known of the served model, as HTML in both languages.

    Args:
        folder: the model folder.
        config: its `config.json`.
        label: where the model comes from, and its revision: `owner/name@1a2b3c4`.
    Returns:
        HTML; without figures where the folder has no report of this very network.
    """
    return (
        f'<article class="own about">{_model(config, label)}{_use()}'
        f"{_measured(read_report(folder, config), config)}{_data(config)}"
        f"{_elsewhere(config)}{_sources()}</article>"
    )


def card_text(folder: Path) -> str | None:
    """The model card without its metadata, Markdown in English; None: there is none."""
    try:
        with open(folder / CARD_FILE, encoding="utf-8") as file:
            text = file.read(_CARD_LIMIT + 1)
    except (OSError, ValueError):
        return None
    text = re.sub(r"\A---\n.*?\n---\n", "", text, count=1, flags=re.DOTALL)
    return text if 0 < len(text) <= _CARD_LIMIT else None


def read_report(folder: Path, config: ModelConfig) -> Report | None:
    """The report of a model folder, if it is whole and of the very network."""
    try:
        report = json.loads(config.verified(folder, _REPORT_FILE))
        if report["model"]["sha256"] != config.files[ONNX_FILE]["sha256"]:
            return None
    except (ModelError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return report


def _measured(report: Report | None, config: ModelConfig) -> str:
    """The parts that show figures, or why there are none."""
    try:
        if report:
            parts = (_figures, _threshold, _confusion, _plots, _changes)
            return "".join(part(report, config) for part in parts)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        pass  # a stranger's report, of another version
    return _section("figures", f"<p>{both('about no report')}</p>")


def _section(key: str, body: str) -> str:
    return f"<section><h2>{both('about ' + key)}</h2>{body}</section>"


def _paragraphs(*keys: str) -> str:
    return "".join(f"<p>{both('about ' + key)}</p>" for key in keys)


def _word(word: str, tag: str = "span") -> str:
    """A word of a report in both languages, if it is known in them."""
    key = f"about {word}"
    return both(key, tag) if key in TEXTS else escape(word)


def _model(config: ModelConfig, label: str) -> str:
    digest = config.files[ONNX_FILE]["sha256"]
    facts = {
        "name": f"<b>{escape(config.name)} {escape(config.version)}</b>",
        "source": escape(label),
        "classes": ", ".join(map(_word, config.class_names)),
        "input": both("about pixels", side=config.image_size),
    }
    rows = "".join(
        f"<dt>{both('about ' + key)}</dt><dd>{fact}</dd>" for key, fact in facts.items()
    )
    code = f"<dt>{ONNX_FILE}, sha256</dt><dd><code>{digest}</code></dd>"
    return _section("model", f'<dl class="facts">{rows}{code}</dl>')


def _use() -> str:
    notice = f"<p><b>{both('notice')}</b></p>"
    return _section("use", notice + _paragraphs("intended", "never", "normal"))


def _figures(report: Report, config: ModelConfig) -> str:
    found, classes = report["figures"]["answered"], report["classes"]
    names = in_both(
        **{
            code: escape(say("about three", code, names=", ".join(config.class_names)))
            for code in LANGUAGES
        }
    )
    verdicts = report["verdicts"]["all"]
    rows = [(_named(name), found[name]) for name in (*_HEADLINES, *_OTHERS)]
    rows += [
        (
            both("about strict"),
            report["figures"]["refused counted as wrong"]["accuracy"],
        ),
        (names, classes["accuracy"]),
        (_named("pathogen"), classes["pathogen accuracy"]),
        (both("about unsure"), verdicts["UNCERTAIN"]),
        (_named("covered", coverage=config.coverage), verdicts["covered"]),
    ]
    body = "".join(
        f'<tr><th scope="row">{name}</th><td>{_number(estimate)}</td>'
        f"<td>{_range(estimate)}</td></tr>"
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
    head = _head("figure", "value", "interval")
    told = f"<p>{_word(data['about'])}</p><p class='quiet'>{films}</p>"
    return _section("figures", told + _table(f"{head}<tbody>{body}</tbody>", "figures"))


def _named(name: str, **values: float) -> str:
    """A figure's name, and what it is."""
    return (
        f"{both(f'about {name}')} <small>{both(f'about {name} why', **values)}</small>"
    )


def _number(estimate: Mapping[str, float | None]) -> str:
    value = estimate["value"]
    return "–" if value is None else both("about number", value=float(value))


def _range(estimate: Mapping[str, float | None]) -> str:
    if estimate["value"] is None:
        return ""
    low, high = float(estimate["low"]), float(estimate["high"])
    return both("about range", low=low, high=high)


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


def _scored(report: Report) -> tuple[list[float], list[float]]:
    """Rising probabilities of the answered films labelled PNEUMONIA, and NORMAL."""
    films = [film for film in report["films"] if film["probability"] is not None]
    return tuple(
        sorted(
            float(film["probability"])
            for film in films
            if (film["label"] == NORMAL) is is_healthy
        )
        for is_healthy in (False, True)
    )


def _threshold(report: Report, config: ModelConfig) -> str:
    sick, healthy = _scored(report)
    if not sick or not healthy or not report["curves"]["roc"]:
        return ""
    start = float(report["method"]["operating_point"])
    now = rates(count(sick, healthy, start), 0.5)
    why = both("about roc why", **_floats(report["figures"]["answered"]["AUROC"]))
    point = 1 - now["specificity"], now["sensitivity"]
    plot = charts.roc(report["curves"]["roc"], point, why)
    box = explorer(sick, healthy, start)
    return _section("threshold", f'<div class="beside">{box}{plot}</div>')


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
    return _section("confusion", f'{why}<div class="beside">{tables}</div>')


def _matrix(confusion: Mapping[str, Any], kind: str, name: str) -> str:
    names = [_word(word) for word in confusion["names"]]
    head = "".join(f'<th scope="col">{word}</th>' for word in names)
    rows = ""
    for place, (word, counts) in enumerate(
        zip(names, confusion["counts"], strict=True)
    ):
        cells = "".join(
            f'<td style="--share: {number / max(sum(counts), 1):.0%}"'
            f"{' class=right' if column == place else ''}>{number:,}</td>"
            for column, number in enumerate(counts)
        )
        rows += f'<tr><th scope="row">{word}</th>{cells}</tr>'
    head = f"<thead><tr><th>{both('about label')}</th>{head}</tr></thead>"
    return _table(f"{head}<tbody>{rows}</tbody>", f"matrix {kind}".split()[1], name)


def _plots(report: Report, config: ModelConfig) -> str:
    curves, plots = report["curves"], ""
    if curves["reliability"]:
        error = _floats(report["calibration"]["after"]["ECE"])
        why = both("about reliability why", **error)
        plots += charts.reliability(curves["reliability"], why)
    if curves["histogram"]:
        labels = curves["histogram"]
        names = {label: _word(label, "tspan") for label in labels}
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
        f'<tr><th scope="row">{_word(name)}</th>'
        + "".join(
            f"<td>{_number(row[key])}<small>{_range(row[key])}</small></td>"
            for key in _HEADLINES
        )
        + f"<td>{both('about percent', value=float(row['refused']))}</td></tr>"
        for name, row in table.items()
    )
    told = f"<p>{both('about changes why')}</p>"
    shortcut = table.get("lungs blacked out", {}).get("AUROC", {}).get("value")
    if shortcut is not None:
        told += f"<p>{both('about shortcut', value=float(shortcut))}</p>"
    head = _head("condition", *_HEADLINES, "refused")
    return _section("changes", told + _table(f"{head}<tbody>{rows}</tbody>", "changes"))


def _is_kermany(config: ModelConfig) -> bool:
    return _KERMANY in str(config.provenance.get("data", ""))


def _data(config: ModelConfig) -> str:
    if _is_kermany(config):
        return _section("data", _paragraphs("data kermany", "labels"))
    data = config.provenance.get("data")
    told = {
        code: escape(
            say("about data other", code, data=data or say("about unstated", code))
        )
        for code in LANGUAGES
    }
    return _section("data", f"<p>{in_both(**told)}</p>")


def _elsewhere(config: ModelConfig) -> str:
    keys = ("hospitals", "surroundings", "weak", "heatmap")
    if _is_kermany(config):
        keys = ("test set", "hospitals", "never seen", *keys[1:])
    return _section(
        "elsewhere", f"<ul>{_items(both('about ' + key) for key in keys)}</ul>"
    )


def _sources() -> str:
    return _section("sources", f"<ul>{_items(_SOURCES)}</ul>")


def _items(texts: Iterable[str]) -> str:
    return "".join(f"<li>{text}</li>" for text in texts)
