"""What the page shows of one image: the card, as HTML, and the pictures beside it.

Everything that comes from outside is escaped. The printout has the same card.
"""

import base64
import functools
import io
from collections.abc import Iterator, Mapping
from html import escape

import numpy as np
from PIL import Image

from ..config import NORMAL, PNEUMONIA, ModelConfig
from ..inference.cam import colour_scale, overlay, resize_map
from ..predictor import Prediction
from .model_page import Elsewhere, Report, knows
from .translations import html, say, translate, word

SIDE = 1400  # pixels of a picture's longer side on the page, at most
_SMALL = 224  # pixels; the shorter side of an image that may have lost its detail
_NO_VERDICT = ("adult", "unfamiliar")  # caveats that leave an answer without promise
_HERE_ADULT = "not a child"  # what the visitor said


def card(
    kind: str, language: str, body: str = "", title: str = "", why: str = ""
) -> str:
    """The answer, or why there is none, with the notice under it.

    Args:
        kind: a verdict, or `waiting`, `failed`, `refused`, `unfamiliar`.
        body: HTML, what the answer consists of.
        title: HTML; the text of `kind` where there is none.
        why: HTML, a sentence or two, announced with the title.
    """
    title = title or html(kind, language)
    said = f'<div role="status"><h2>{title}</h2>{why and f"<p>{why}</p>"}</div>'
    notice = f'<p class="notice">{html("notice", language)}</p>'
    return f'<section class="own card {escape(kind)}">{said}{body}{notice}</section>'


def failed(message: str, language: str) -> str:
    """The card of a file that cannot be read."""
    return card("failed", language, why=escape(translate(message, language)))


def refused(prediction: Prediction, language: str) -> str:
    """The card of an image that gets no answer: why, and what would get one."""
    body = f"<p>{html('refused expected', language)}</p>"
    why = escape(translate(prediction.refusal, language))
    return card("refused", language, body, why=why)


def answer(
    prediction: Prediction,
    config: ModelConfig,
    label: str,
    report: Report | None,
    language: str,
    is_child: bool = True,
) -> str:
    """The card of an answer.

    Args:
        prediction: of an image that was read; a refusal gets its own card.
        config: of the model.
        label: where the model comes from, and its revision.
        report: of the model, see `model_page.read_report`.
        is_child: False: the visitor says that this is no child of 1 to 5 years.
    """
    if prediction.refusal:
        return refused(prediction, language)
    p = prediction.probabilities[PNEUMONIA]
    reasons = [*caveats(prediction, config, language, is_child)]
    where = Elsewhere(report).sentence(language)
    listed = "".join(f"<li>{reason}</li>" for reason in (*reasons, where))
    doubts = f"<h3>{html('caveats', language)}</h3><ul>{listed}</ul>"
    figure = html("probability", language, p=share(p))
    rules = _rules(prediction, config, label, language)
    if not is_familiar(prediction, is_child):
        first, *others = reasons
        listed = "".join(f"<li>{reason}</li>" for reason in (*others, where))
        doubts = f"<h3>{html('caveats', language)}</h3><ul>{listed}</ul>"
        number = f"<p>{html('number without promise', language, p=share(p))}</p>"
        body = doubts + _fold("rules", language, number + rules)
        return card("unfamiliar", language, body, why=first)
    body = (
        f"{bar(p, config.thresholds, language)}{cause(prediction, report, language)}"
        f"{doubts}"
        + _fold(
            "rules",
            language,
            f"<p>{meaning(p, config, language)}</p>"
            f"<p>{html(f'{prediction.verdict} why', language)} "
            f"{html('rule', language, coverage=config.coverage)}</p>{rules}",
        )
    )
    figure = f'<span class="figure">{figure}</span>'
    return card(prediction.verdict, language, body, why=figure)


def is_familiar(prediction: Prediction, is_child: bool = True) -> bool:
    """Whether an answer is worth what was measured of the model."""
    codes = {caveat.code for caveat in prediction.caveats}
    return is_child and not prediction.unfamiliar and not codes & {*_NO_VERDICT}


def share(p: float) -> str:
    """A probability in whole percent, never as a certainty; without the sign."""
    return "> 99" if p > 0.99 else "< 1" if p < 0.01 else f"{100 * p:.0f}"


def meaning(p: float, config: ModelConfig, language: str) -> str:
    """What a probability means, and where it does."""
    key = "meaning most" if p > 0.99 else "meaning few" if p < 0.01 else "meaning"
    where = "meaning half" if is_balanced(config) else "meaning shares"
    return f"{html(key, language, hundred=round(100 * p))} {html(where, language)}"


def is_balanced(config: ModelConfig) -> bool:
    """Whether the probabilities are those where half of the images show pneumonia."""
    return config.prior[PNEUMONIA] == 0.5


def bar(p: float, thresholds: Mapping[str, float], language: str) -> str:
    """Where a probability of pneumonia lies among the three verdicts.

    Args:
        p: in [0, 1].
        thresholds: of the findings, see `calibration.verdict`.
    """
    edges = 1 - thresholds[NORMAL], thresholds[PNEUMONIA]
    low, high = min(*edges, 0.5), max(*edges, 0.5)
    zones = "".join(
        f'<span class="{name}" style="flex: {width:.4f}">{html(name, language)}</span>'
        for name, width in (
            (NORMAL, low),
            ("UNCERTAIN", high - low),
            (PNEUMONIA, 1 - high),
        )
    )
    mark = f'<i style="left: {p:.2%}"></i>'
    return f'<div class="bar" aria-hidden="true">{mark}{zones}</div>'


def cause(prediction: Prediction, report: Report | None, language: str) -> str:
    """One line on the likelier kind of pneumonia, and how often that is right."""
    if prediction.probabilities[PNEUMONIA] < 0.5 or len(prediction.subtypes) != 2:
        return ""
    more, less = sorted(prediction.subtypes, key=prediction.subtypes.get, reverse=True)
    words = {"more": word(more, language), "less": word(less, language)}
    right = (report or {}).get("classes", {}).get("pathogen accuracy", {}).get("value")
    if right is None:
        return f"<p>{say('cause unmeasured', language, **words)}</p>"
    return f"<p>{say('cause', language, times=round(10 * right), **words)}</p>"


def caveats(
    prediction: Prediction, config: ModelConfig, language: str, is_child: bool = True
) -> Iterator[str]:
    """Why this answer may be wrong, as HTML: what speaks against it first."""
    if not is_child:
        yield html(_HERE_ADULT, language)
    order = {code: place for place, code in enumerate(_NO_VERDICT)}
    for caveat in sorted(prediction.caveats, key=lambda it: order.get(it.code, 9)):
        yield escape(translate(caveat.sentence, language))
    if prediction.ood_score is None:
        yield html("caveat no gate", language)
    height, width = prediction.image.shape
    size = {"width": width, "height": height}
    if min(height, width) < _SMALL:
        yield html("caveat small", language, **size)
    if max(height, width) > 2 * min(height, width):
        yield html("caveat shape", language, **size)
    yield html("caveat " + prediction.verdict, language)
    if is_child:
        key, values = knows(config)
        yield html(key, language, **values)


def _fold(key: str, language: str, body: str) -> str:
    return f"<details><summary>{html(key, language)}</summary>{body}</details>"


def _rules(
    prediction: Prediction, config: ModelConfig, label: str, language: str
) -> str:
    """Numbers for who asks: shares of the kinds, the gate's score, the model."""
    parts = []
    if len(prediction.subtypes) > 1:
        shares = ", ".join(
            f"{word(name, language)} {share(value)}\u202f%"
            for name, value in prediction.subtypes.items()
        )
        parts.append(f"{html('shares', language)} {shares}.")
    if prediction.ood_score is not None:
        parts.append(html("score", language, score=prediction.ood_score))
    model = f"{config.name} {config.version}"
    parts.append(html("model", language, model=model, label=label))
    return "".join(f"<p>{part}</p>" for part in parts)


def pictures(
    prediction: Prediction, limit: float, side: int = SIDE
) -> tuple[np.ndarray, np.ndarray]:
    """The radiograph and the same under its heatmap, at the size of the page.

    Returns:
        uint8 (h, w) and (h, w, 3), the longer side at most `side`.
    """
    image = scaled(prediction.image, side)
    cam = resize_map(prediction.cam_grid, image.shape)
    return image, overlay(image, cam, limit)


def scaled(image: np.ndarray, side: int) -> np.ndarray:
    """An image, uint8 (H, W), whose longer side has at most so many pixels."""
    if max(image.shape) <= side:
        return image
    picture = Image.fromarray(image)
    picture.thumbnail((side, side), Image.Resampling.BILINEAR, reducing_gap=2)
    return np.asarray(picture)


def legend(prediction: Prediction, limit: float, language: str) -> str:
    """What the colours of the heatmap mean, and the map in words."""
    low, high = float(prediction.cam_grid.min()), float(prediction.cam_grid.max())
    rules = html("heatmap rules", language, low=low, high=high, limit=limit)
    return (
        f'<div class="own legend"><p>{told_map(prediction.cam_grid, language)}</p>'
        f'<img src="{scale()}" alt=""><div class="ends">'
        f"<span>{html('speaks normal', language)}</span>"
        f"<span>{html('speaks pneumonia', language)}</span></div>"
        + _fold("heatmap why", language, f"<p>{rules}</p>")
        + "</div>"
    )


def told_map(grid: np.ndarray, language: str) -> str:
    """The heatmap in words, for who does not see it: where the most evidence lies."""
    row, column = np.unravel_index(grid.argmax(), grid.shape)
    # the left of the picture is the right of the child, as radiographs are shown
    side = ("right", "midline", "left")[np.sign(2 * column + 1 - grid.shape[1]) + 1]
    part = ("upper", "middle", "lower")[int(3 * (row + 0.5) / grid.shape[0])]
    key = "map" if grid.max() > 0 else "map cold"
    return html(key, language, part=say(part, language), side=say(side, language))


@functools.cache
def scale() -> str:
    """The colour scale of heatmaps over grey, as a URL that holds it."""
    return data_url(Image.fromarray(colour_scale(512, 1)), "PNG")


def thumbnail(image: np.ndarray, side: int) -> str:
    """A small picture of a radiograph, as a URL that holds it."""
    return data_url(Image.fromarray(scaled(image, side)), "JPEG")


def data_url(image: Image.Image, kind: str, **options: int) -> str:
    """A picture as a URL that holds it, without any metadata."""
    content = io.BytesIO()
    image.save(content, kind, **options)
    code = base64.b64encode(content.getvalue()).decode()
    return f"data:image/{kind.lower()};base64,{code}"
