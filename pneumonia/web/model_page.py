"""The page about the model: how good it is, where it fails, what a threshold costs.

Everything is drawn from the model folder's own `config.json` and `report.json`. Both
may be a stranger's, so all of their words are escaped.
"""

import pandas as pd

from ..config import ModelConfig
from ..dataset import KERMANY_2018
from ..evaluation.published import Report
from .translations import html, say, word

# Radiographic pneumonia among 2,574 radiographs taken for suspected pneumonia in a
# children's emergency department: Neuman 2011, Pediatrics 128:246.
PREVALENCE = 0.16


def is_kermany(config: ModelConfig) -> bool:
    """Whether the model learned from the images of Kermany 2018."""
    return config.dataset == KERMANY_2018


def elsewhere(report: Report | None, language: str) -> str:
    """What the model does on X-rays of other hospitals, a sentence in HTML."""
    if not report or not report.elsewhere:
        return html("elsewhere unmeasured", language)
    groups = [say(f"elsewhere {it['name']}", language, **it) for it in report.elsewhere]
    groups = say("elsewhere between", language).join(groups)
    return html("elsewhere", language, groups=groups)


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
    chance["line"] = say("line chance", language)
    if not report:
        return chance
    points = pd.DataFrame(report.roc, columns=["x", "y"])
    return pd.concat([points.assign(line=say("line model", language)), chance])


def reliability(report: Report | None, language: str) -> pd.DataFrame:
    """What share has pneumonia against the probability given: columns x, y and line.

    The ideal is a row of points; what few images tell is told apart.
    """
    few, many, ideal = (say(f"line {it}", language) for it in ("few", "many", "ideal"))
    places = [place / 20 for place in range(21)]
    line = pd.DataFrame({"x": places, "y": places, "line": ideal})
    if not report:
        return line
    points = pd.DataFrame(report.reliability, columns=["x", "y", "count"])
    points["line"] = (points["count"] >= 20).map({True: many, False: few})
    return pd.concat([points, line])


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
    if not report or not report.positive.size or not report.negative.size:
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
