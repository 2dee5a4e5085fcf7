"""The page about the model: how good it is, where it fails, what a threshold costs.

Everything is drawn from the model folder's own `config.json` and `report.json`. Both
may be a stranger's, so all of their words are escaped, a report of another version
counts as none, and what is true of ours alone is said of ours alone.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ..config import CARD_FILE, NORMAL, ONNX_FILE, REPORT_FILE, ModelConfig
from ..dataset import KERMANY_2018
from ..errors import ModelError
from .texts import TEXTS
from .translations import html, say, translate_word, word

Report = Mapping[str, Any]

# Radiographic pneumonia among 2,574 radiographs taken for suspected pneumonia in a
# children's emergency department: Neuman 2011, Pediatrics 128:246.
PREVALENCE = 0.16
_CARD_LIMIT = 2**20  # characters
_FIGURES = ("AUROC", "sensitivity", "specificity", "accuracy", "ECE")
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
_STRANGE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def read_report(folder: Path, config: ModelConfig) -> Report | None:
    """The report of a model folder, if it is whole and of the very network."""
    try:
        report = json.loads(config.verified(folder, REPORT_FILE))
        is_ours = report["model"]["sha256"] == config.files[ONNX_FILE]["sha256"]
    except (ModelError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return report if is_ours else None


def card_text(folder: Path) -> str:
    """The model card without its metadata, Markdown; empty where there is none."""
    try:
        with open(folder / CARD_FILE, encoding="utf-8") as file:
            text = file.read(_CARD_LIMIT + 1)
    except (OSError, ValueError):
        return ""
    text = re.sub(r"\A---\n.*?\n---\n", "", text, count=1, flags=re.DOTALL)
    return text if len(text) <= _CARD_LIMIT else ""


def is_kermany(config: ModelConfig) -> bool:
    """Whether the model learnt from the images of Kermany 2018."""
    return config.dataset == KERMANY_2018


def data_of(config: ModelConfig) -> str:
    """Whose images the model learnt from, in its own words; empty where none says."""
    stated = str(config.provenance.get("data") or "")
    return "" if stated == "not stated" else stated  # as the export writes


def knows(config: ModelConfig) -> tuple[str, dict[str, str]]:
    """The key of the text on what the model learnt from, and its values."""
    if is_kermany(config):
        return "caveat children", {}
    if stated := data_of(config):
        return "caveat data", {"data": stated}
    return "caveat unstated", {}


class Elsewhere:
    """What a report measured on images of other hospitals."""

    def __init__(self, report: Report | None):
        self.groups = (report or {}).get("elsewhere") or []

    def sentence(self, language: str) -> str:
        """The first group in a sentence, as HTML; or that none was measured."""
        try:
            group = self.groups[0]
            called, missed = group["normals_called"], group["pneumonias_missed"]
            return html(
                "elsewhere",
                language,
                group=translate_word(str(group["group"]), language),
                images=int(group["images"]),
                called=float(called["value"]),
                low=float(called["low"]),
                high=float(called["high"]),
                missed=float(missed["value"]),
            )
        except _STRANGE:
            return html("elsewhere unmeasured", language)

    def table(self, language: str) -> str:
        """All groups, as HTML; empty where none was measured."""
        try:
            rows = [
                (
                    word(str(group["group"]), language),
                    f"{int(group['images']):,}",
                    *(_percent(group[key], language) for key in _ELSEWHERE[2:4]),
                    _estimate(group["auroc"], language),
                )
                for group in self.groups
            ]
        except _STRANGE:
            return ""
        return _table("elsewhere", _ELSEWHERE, rows, language) if rows else ""


_ELSEWHERE = ("group", "images", "normals_called", "pneumonias_missed", "auroc")


def overview(
    folder: Path, config: ModelConfig, label: str, report: Report | None, language: str
) -> str:
    """What stands first: other hospitals, the figures at home, what it is for."""
    elsewhere = Elsewhere(report)
    try:
        figures = _figures(report, config, language) if report else ""
    except _STRANGE:
        figures = ""
    if not figures:
        is_left = REPORT_FILE in config.files and not (folder / REPORT_FILE).exists()
        figures = f"<p>{html('no copy' if is_left else 'no report', language)}</p>"
    known = "xin" if is_kermany(config) else "hospitals"
    return (
        '<article class="own about">'
        f"<h2>{html('elsewhere title', language)}</h2>"
        f"<p><b>{elsewhere.sentence(language)}</b> {html(known, language)}</p>"
        f"{elsewhere.table(language)}"
        f"<h2>{html('figures title', language)}</h2>{figures}"
        f"</article>"
    )


def background(
    config: ModelConfig, label: str, report: Report | None, language: str
) -> str:
    """What stands last: use, data, altered images, the model's name, sources."""
    key, values = knows(config)
    data = html("data kermany", language) if is_kermany(config) else ""
    facts = (
        ("model name", f"{config.name} {config.version}"),
        ("model source", label),
        (f"{ONNX_FILE}, sha256", config.files[ONNX_FILE]["sha256"]),
    )
    rows = "".join(
        f"<dt>{html(name, language) if name in TEXTS else name}</dt>"
        f"<dd>{word(fact, language)}</dd>"
        for name, fact in facts
    )
    try:
        changes = _changes(report, language) if report else ""
    except _STRANGE:
        changes = ""
    sources = "".join(f"<li>{source}</li>" for source in _SOURCES)
    return (
        '<article class="own about">'
        f"<h2>{html('use title', language)}</h2><p>{html('intended', language)}</p>"
        f"<p>{html('out of scope', language)}</p>"
        f"<h2>{html('data title', language)}</h2>"
        f"<p>{html(key, language, **values)} {data}</p>"
        f"<p>{html('heatmap limits', language)}</p>{changes}"
        f"<dl>{rows}</dl>"
        f"<details><summary>{html('sources', language)}</summary><ul>{sources}</ul>"
        "</details></article>"
    )


def _figures(report: Report, config: ModelConfig, language: str) -> str:
    found, data = report["figures"]["answered"], report["data"]
    pathogen = report["classes"]["pathogen accuracy"]
    rows = [
        (_named(name, language), _estimate(found[name], language)) for name in _FIGURES
    ]
    rows.append((_named("pathogen", language), _estimate(pathogen, language)))
    unsure = report["verdicts"]["all"]["UNCERTAIN"]
    rows.append((_named("unsure", language), _estimate(unsure, language)))
    counts = {
        key: int(data[key]) for key in ("films", "patients", "refused", "unreadable")
    }
    told = html("measured on", language, **counts)
    flattered = html("flattered", language) if is_kermany(config) else ""
    return f"<p>{told} {flattered}</p>" + _table(
        "figures", ("figure", "value"), rows, language
    )


def _named(name: str, language: str) -> str:
    why = html(f"why {name}", language)
    return f"{html(f'figure {name}', language)} <small>{why}</small>"


def _estimate(estimate: Mapping[str, float | None], language: str) -> str:
    """A figure and its interval; a dash for what these images cannot tell."""
    return _ranged("number", "range", estimate, language)


def _percent(estimate: Mapping[str, float | None], language: str) -> str:
    return _ranged("percent", "percent range", estimate, language)


def _ranged(number: str, interval: str, estimate: Mapping, language: str) -> str:
    if estimate["value"] is None:
        return "–"
    values = {key: float(value) for key, value in estimate.items()}
    low, high = values["low"], values["high"]
    shown = html(number, language, value=values["value"])
    return f"{shown} <small>{html(interval, language, low=low, high=high)}</small>"


def _table(
    name: str, columns: Iterable[str], rows: Iterable[Iterable[str]], language: str
) -> str:
    """A table in a box of its own, which scrolls where the page is narrow."""
    head = "".join(
        f'<th scope="col">{html(f"column {key}", language)}</th>' for key in columns
    )
    body = "".join(
        f'<tr><th scope="row">{first}</th>'
        + "".join(f"<td>{cell}</td>" for cell in cells)
        + "</tr>"
        for first, *cells in rows
    )
    title = html(f"table {name}", language)
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{title}"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _changes(report: Report, language: str) -> str:
    """The same images altered: what the network leans on."""
    rows = [
        (
            word(name, language),
            *(_estimate(row[key], language) for key in _FIGURES[:3]),
        )
        for name, row in report["robustness"].items()
    ]
    table = _table("changes", ("condition", *_FIGURES[:3]), rows, language)
    shortcut = report["robustness"].get("lungs blacked out", {}).get("AUROC", {})
    told = ""
    if shortcut.get("value") is not None:
        told = f"<p>{html('shortcut', language, value=float(shortcut['value']))}</p>"
    title = html("changes title", language)
    return f"<details><summary>{title}</summary>{told}{table}</details>"


# ---- curves, as tables that Gradio's plots draw


def roc(report: Report | None, language: str) -> pd.DataFrame:
    """The ROC curve and the line of chance: columns x, y and line."""
    try:
        points = [(float(x), float(y)) for x, y in report["curves"]["roc"]]
    except _STRANGE:
        points = []
    rows = [(*point, say("line model", language)) for point in points]
    rows += [(end, end, say("line chance", language)) for end in (0.0, 1.0)]
    return pd.DataFrame(rows, columns=["x", "y", "line"])


def reliability(report: Report | None, language: str) -> pd.DataFrame:
    """What share has pneumonia against the probability given: columns x, y and line.

    The ideal is a row of points; what few images tell is told apart.
    """
    names = [say(f"line {name}", language) for name in ("few", "many", "ideal")]
    try:
        rows = [
            (float(it["probability"]), float(it["share"]), names[it["films"] >= 20])
            for it in report["curves"]["reliability"]
        ]
    except _STRANGE:
        rows = []
    rows += [(place / 20, place / 20, names[2]) for place in range(21)]
    return pd.DataFrame(rows, columns=["x", "y", "line"])


# ---- what another threshold would cost


def costs(
    report: Report | None,
    config: ModelConfig,
    threshold: float,
    prevalence: float,
    language: str,
) -> str:
    """Counts at a threshold, which itself is called pneumonia, and what follows.

    Args:
        threshold, prevalence: in [0, 1].
    Returns:
        HTML; empty where the report has no such images.
    """
    try:
        sick, healthy = scored(report, config.findings)
    except _STRANGE:
        return ""
    if not sick or not healthy:
        return ""
    missed = sum(p < threshold for p in sick)
    alarms = sum(p >= threshold for p in healthy)
    sensitivity, specificity = 1 - missed / len(sick), 1 - alarms / len(healthy)
    hits, false = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    clear, silent = specificity * (1 - prevalence), (1 - sensitivity) * prevalence
    found = {
        "sensitivity": sensitivity,
        "specificity": specificity,
        "ppv": _ratio(hits, hits + false),
        "npv": _ratio(clear, clear + silent),
    }
    counts = html(
        "costs",
        language,
        missed=missed,
        sick=len(sick),
        alarms=alarms,
        healthy=len(healthy),
    )
    rows = [
        (
            _named(name, language),
            "–" if value is None else html("percent", language, value=value),
        )
        for name, value in found.items()
    ]
    table = _table("costs", ("figure", "value"), rows, language)
    here = html("prevalence why", language, share=PREVALENCE)
    return f'<div class="own about"><p><b>{counts}</b></p>{table}<p>{here}</p></div>'


def scored(
    report: Report, findings: Mapping[str, str]
) -> tuple[list[float], list[float]]:
    """Probabilities of the answered images labelled PNEUMONIA, and NORMAL."""
    rows = [row for row in report["films"] if row["probability"] is not None]
    return tuple(
        [
            float(row["probability"])
            for row in rows
            if (findings.get(row["label"]) == NORMAL) is is_normal
        ]
        for is_normal in (False, True)
    )


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
