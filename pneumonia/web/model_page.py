"""The page about the model: how good it is, where it fails, what a threshold costs.

Everything is drawn from the model folder's own `config.json` and `report.json`. Both
may be a stranger's, so all of their words are escaped, and a report of another network
or of another version counts as none.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ..config import CARD_FILE, NORMAL, ONNX_FILE, REPORT_FILE, ModelConfig
from ..dataset import KERMANY_2018
from ..errors import ModelError
from .translations import html, say, word

# Radiographic pneumonia among 2,574 radiographs taken for suspected pneumonia in a
# children's emergency department: Neuman 2011, Pediatrics 128:246.
PREVALENCE = 0.16
_CARD_LIMIT = 2**20  # characters
_FIGURES = ("AUROC", "sensitivity", "specificity", "accuracy", "ECE")
_TOTALS = ("all children", "all adults")  # of the groups of other hospitals
_SHARES = ("normals_called", "pneumonias_missed")
_COUNTS = ("images", "patients", "refused", "unreadable")
_BIN = ("probability", "share", "images")
_STRANGE = (ModelError, AttributeError, LookupError, TypeError, ValueError)


@dataclass(frozen=True)
class Report:
    """What the page shows of a `report.json`.

    Attributes:
        elsewhere: of each group of other hospitals' images its name and count, and the
            shares of the normal ones called pneumonia and of the pneumonias missed.
        figures: name -> `value`, `low` and `high`; None where it cannot be measured.
        counts: `images`, `patients`, `refused` and `unreadable`.
        roc: columns x and y, in [0, 1].
        reliability: columns x, the probability given, y, the share with pneumonia, and
            the count of images.
        positive, negative: probabilities of the images with pneumonia, and without.
    """

    elsewhere: list[dict[str, Any]]
    figures: dict[str, dict[str, float] | None]
    counts: dict[str, int]
    roc: pd.DataFrame
    reliability: pd.DataFrame
    positive: pd.Series
    negative: pd.Series

    @classmethod
    def load(cls, folder: Path, config: ModelConfig) -> "Report | None":
        """Reads the report of a folder, if it is whole and of the very network."""
        try:
            report = json.loads(config.verified(folder, REPORT_FILE))
            is_ours = report["model"]["sha256"] == config.files[ONNX_FILE]["sha256"]
            return cls.of(report, config) if is_ours else None
        except (*_STRANGE, RecursionError):
            return None

    @classmethod
    def of(cls, report: dict[str, Any], config: ModelConfig) -> "Report":
        """Takes what is shown from a report; raises one of `_STRANGE` without it."""
        answered, curves = report["figures"]["answered"], report["curves"]
        figures = {name: _estimate(answered[name]) for name in _FIGURES}
        cause = report["classes"].get("pathogen accuracy", {"value": None})
        unsure = report["verdicts"]["all"]["UNCERTAIN"]
        figures |= {"pathogen": _estimate(cause), "unsure": _estimate(unsure)}
        bins = [[it[key] for key in _BIN] for it in curves["reliability"]]
        rows = [(it["label"], it["probability"]) for it in report["images"]]
        scores = (
            pd.DataFrame(rows, columns=["label", "p"]).dropna().astype({"p": float})
        )
        is_normal = scores.label.map(config.findings) == NORMAL
        return cls(
            elsewhere=[
                {"name": name, "count": int(it["images"])}
                | {key: float(it[key]["value"]) for key in _SHARES}
                for name in _TOTALS
                for it in report.get("elsewhere") or ()
                if it["group"] == name
            ],
            figures=figures,
            counts={key: int(report["data"][key]) for key in _COUNTS},
            roc=pd.DataFrame(curves["roc"], columns=["x", "y"], dtype=float),
            reliability=pd.DataFrame(bins, columns=["x", "y", "count"], dtype=float),
            positive=scores.p[~is_normal],
            negative=scores.p[is_normal],
        )


def _estimate(found: dict[str, float | None]) -> dict[str, float] | None:
    if found["value"] is None:
        return None
    return {key: float(found[key]) for key in ("value", "low", "high")}


def card_text(folder: Path) -> str:
    """The model card without its metadata, Markdown; empty where there is none."""
    try:
        with open(folder / CARD_FILE, encoding="utf-8") as file:
            text = file.read(_CARD_LIMIT)
    except (OSError, ValueError):
        return ""
    return re.sub(r"\A---\n.*?\n---\n", "", text, count=1, flags=re.DOTALL)


def is_kermany(config: ModelConfig) -> bool:
    """Whether the model learned from the images of Kermany 2018."""
    return config.dataset == KERMANY_2018


def elsewhere(report: Report | None, language: str) -> str:
    """What the model does on X-rays of other hospitals, a sentence in HTML."""
    if not report or not report.elsewhere:
        return html("elsewhere unmeasured", language)
    groups = [say(f"elsewhere {it['name']}", language, **it) for it in report.elsewhere]
    return html("elsewhere", language, groups="; ".join(groups))


def overview(
    config: ModelConfig, label: str, report: Report | None, language: str
) -> str:
    """Other hospitals first, then the figures at home, as HTML.

    Args:
        label: where the model comes from, and its revision.
    """
    known = "xin" if is_kermany(config) else "hospitals"
    figures = f"<p>{html('no report', language)}</p>"
    if report:
        flattered = html("flattered", language) if is_kermany(config) else ""
        figures = (
            f"<p>{html('measured on', language, **report.counts)} {flattered}</p>"
            + _table(report.figures, "estimate", language)
        )
    model = f"{config.name} {config.version}"
    return (
        f'<article class="own about"><h2>{html("elsewhere title", language)}</h2>'
        f"<p><b>{elsewhere(report, language)}</b> {html(known, language)}</p>"
        f"<h2>{html('figures title', language)}</h2>{figures}"
        f"<p>{html('model', language, model=model, label=word(label, language))}</p>"
        "</article>"
    )


def _table(
    figures: dict[str, dict[str, float] | None], form: str, language: str
) -> str:
    """Names, values and what they say, in a box that scrolls where it is narrow."""
    rows = [
        (
            say(f"figure {name}", language),
            "–" if values is None else say(form, language, **values),
            say(f"why {name}", language),
        )
        for name, values in figures.items()
    ]
    heads = [say(f"column {name}", language) for name in ("figure", "value", "why")]
    table = pd.DataFrame(rows, columns=heads).to_html(index=False, border=0)
    return f'<div class="wide" tabindex="0">{table}</div>'


# ---- curves, as tables that Gradio's plots draw


def roc(report: Report | None, language: str) -> pd.DataFrame:
    """The ROC curve and the line of chance: columns x, y and line."""
    chance = pd.DataFrame({"x": [0.0, 1.0], "y": [0.0, 1.0]})
    points = report.roc.assign(line=say("line model", language)) if report else None
    return pd.concat([points, chance.assign(line=say("line chance", language))])


def reliability(report: Report | None, language: str) -> pd.DataFrame:
    """What share has pneumonia against the probability given: columns x, y and line.

    The ideal is a row of points; what few images tell is told apart.
    """
    few, many, ideal = (say(f"line {it}", language) for it in ("few", "many", "ideal"))
    places = [place / 20 for place in range(21)]
    line = pd.DataFrame({"x": places, "y": places, "line": ideal})
    if not report:
        return line
    is_many = report.reliability["count"] >= 20
    return pd.concat(
        [report.reliability.assign(line=is_many.map({True: many, False: few})), line]
    )


# ---- what another threshold would cost


def costs(
    report: Report | None, threshold: float, prevalence: float, language: str
) -> str:
    """Counts at a threshold, which itself is called pneumonia, and what follows.

    Args:
        threshold, prevalence: in [0, 1].
    Returns:
        HTML; empty where the report has no such images.
    """
    if not report or report.positive.empty or report.negative.empty:
        return ""
    counts = {
        "missed": int((report.positive < threshold).sum()),
        "alarms": int((report.negative >= threshold).sum()),
        "positive": len(report.positive),
        "negative": len(report.negative),
    }
    sensitivity = 1 - counts["missed"] / counts["positive"]
    specificity = 1 - counts["alarms"] / counts["negative"]
    hits, false = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    clear, silent = specificity * (1 - prevalence), (1 - sensitivity) * prevalence
    figures = {
        "sensitivity": {"value": sensitivity},
        "specificity": {"value": specificity},
        "ppv": {"value": hits / (hits + false)} if hits + false else None,
        "npv": {"value": clear / (clear + silent)} if clear + silent else None,
    }
    return (
        f'<div class="own about"><p><b>{html("costs", language, **counts)}</b></p>'
        f"{_table(figures, 'percent', language)}"
        f"<p>{html('prevalence why', language, share=PREVALENCE)}</p></div>"
    )
