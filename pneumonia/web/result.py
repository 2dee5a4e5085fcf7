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
from ..evaluation.published import Report
from ..inference.cam import colour_scale, outline, overlay, resize_map
from ..predictor import Prediction
from .model_page import elsewhere, is_kermany
from .translations import html, say, translate, word

SIDE = 1400  # pixels of a picture's longer side on the page, at most


def card(kind: str, language: str, body: str = "", why: str = "") -> str:
    """The answer, or why there is none, with the notice under it.

    Args:
        kind: a verdict, or `failed`, `refused`, `unfamiliar`; its text is the title.
        body: HTML, what the answer consists of.
        why: HTML, a sentence or two, announced with the title.
    """
    said = f'<div role="status"><h2>{html(kind, language)}</h2><p>{why}</p></div>'
    notice = f'<p class="notice">{html("notice", language)}</p>'
    return f'<section class="own card {escape(kind)}">{said}{body}{notice}</section>'


def failed(message: str, language: str) -> str:
    """The card of a file that cannot be read."""
    return card("failed", language, why=escape(translate(message, language)))


def answer(
    prediction: Prediction,
    config: ModelConfig,
    label: str,
    report: Report | None,
    language: str,
    is_child: bool = True,
) -> str:
    """The card of an image that was read.

    Args:
        config: of the model.
        label: where the model comes from, and its revision.
        report: of the model.
        is_child: False: the visitor says that this is no child of 1 to 5 years.
    """
    if prediction.refusal:
        body = f"<p>{html('refused expected', language)}</p>"
        why = escape(translate(prediction.refusal, language))
        return card("refused", language, body, why=why)
    p = share(prediction.probabilities[PNEUMONIA])
    reasons = [*caveats(prediction, config, language, is_child)]
    reasons.append(elsewhere(report, language))
    rules = _rules(prediction, config, label, language)
    if prediction.unfamiliar or not is_child:
        number = f"<p>{html('number without promise', language, p=p)}</p>"
        body = _doubts(reasons[1:], language) + fold("rules", language, number + rules)
        return card("unfamiliar", language, body, why=reasons[0])
    promise = (
        f"<p>{html('meaning', language, p=p, prior=config.prior[PNEUMONIA])}</p>"
        f"<p>{html(f'{prediction.verdict} why', language)} "
        f"{html('rule', language, coverage=config.coverage)}</p>"
    )
    body = (
        bar(prediction.probabilities[PNEUMONIA], config.thresholds, language)
        + cause(prediction, report, language)
        + _doubts(reasons, language)
        + fold("rules", language, promise + rules)
    )
    figure = f'<span class="figure">{html("probability", language, p=p)}</span>'
    return card(prediction.verdict, language, body, why=figure)


def share(p: float) -> str:
    """A probability in whole percent, never as a certainty; without the sign."""
    return "> 99" if p > 0.99 else "< 1" if p < 0.01 else f"{100 * p:.0f}"


def bar(p: float, thresholds: Mapping[str, float], language: str) -> str:
    """Where a probability of pneumonia lies among the three verdicts.

    Args:
        p: in [0, 1].
        thresholds: of the findings, see `calibration.verdict`.
    """
    edges = 1 - thresholds[NORMAL], thresholds[PNEUMONIA]
    low, high = min(*edges, 0.5), max(*edges, 0.5)
    widths = {NORMAL: low, "UNCERTAIN": high - low, PNEUMONIA: 1 - high}
    zones = "".join(
        f'<span class="{name}" style="flex: {width:.4f}">{html(name, language)}</span>'
        for name, width in widths.items()
    )
    mark = f'<i style="left: {p:.2%}"></i>'
    return f'<div class="bar" aria-hidden="true">{mark}{zones}</div>'


def cause(prediction: Prediction, report: Report | None, language: str) -> str:
    """One line on the likelier kind of pneumonia, and how often that is right."""
    if prediction.probabilities[PNEUMONIA] < 0.5 or len(prediction.subtypes) != 2:
        return ""
    more, less = sorted(prediction.subtypes, key=prediction.subtypes.get, reverse=True)
    words = {"more": word(more, language), "less": word(less, language)}
    right = report and report.figures["pathogen"]
    if not right:
        return f"<p>{html('cause unmeasured', language, **words)}</p>"
    times = round(10 * right["value"])
    return f"<p>{html('cause', language, times=times, **words)}</p>"


def caveats(
    prediction: Prediction, config: ModelConfig, language: str, is_child: bool = True
) -> Iterator[str]:
    """Why this answer may be wrong, as HTML: what speaks against it first."""
    if not is_child:
        yield html("not a child", language)
    for caveat in prediction.caveats:
        yield escape(translate(caveat.sentence, language))
    if prediction.ood_score is None:
        yield html("caveat no gate", language)
    if is_child and not prediction.unfamiliar:
        yield html(f"caveat {prediction.verdict}", language)
    if is_kermany(config):
        yield html("caveat children", language)
    elif stated := config.provenance.get("data"):
        yield html("caveat data", language, data=stated)
    else:
        yield html("caveat unstated", language)


def _doubts(reasons: list[str], language: str) -> str:
    listed = "".join(f"<li>{reason}</li>" for reason in reasons)
    return f"<h3>{html('caveats', language)}</h3><ul>{listed}</ul>"


def fold(key: str, language: str, body: str) -> str:
    """HTML that is shown when it is asked for."""
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
        parts.append(f"{html('shares', language)} {escape(shares)}.")
    if prediction.ood_score is not None:
        parts.append(html("score", language, score=prediction.ood_score))
    model, label = f"{config.name} {config.version}", word(label, language)
    parts.append(html("model", language, model=model, label=label))
    return "".join(f"<p>{part}</p>" for part in parts)


def pictures(
    prediction: Prediction, limit: float, side: int = SIDE
) -> tuple[np.ndarray, np.ndarray]:
    """The radiograph, and the same under its heatmap and the lungs' outline.

    Returns:
        uint8 (h, w) and (h, w, 3), the longer side at most `side`.
    """
    image = scaled(prediction.image, side)
    cam = resize_map(prediction.cam_grid, image.shape, prediction.crop)
    heated = overlay(image, cam, limit)
    if prediction.lungs and prediction.lungs.found:
        heated = outline(heated, prediction.lungs.mask)
    return image, heated


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
    lungs = prediction.lungs and prediction.lungs.found
    line = f'<p><i class="line"></i> {html("outline", language)}</p>' if lungs else ""
    return (
        f'<div class="own legend"><p>{told_map(prediction, language)}</p>'
        f'<img src="{scale()}" alt=""><div class="ends">'
        f"<span>{html('speaks normal', language)}</span>"
        f"<span>{html('speaks pneumonia', language)}</span></div>{line}"
        f"{fold('heatmap why', language, f'<p>{rules}</p>')}</div>"
    )


def told_map(prediction: Prediction, language: str) -> str:
    """The heatmap in words, for who does not see it: where the most evidence lies."""
    cam = resize_map(prediction.cam_grid, (60, 60), prediction.crop)
    row, column = np.unravel_index(np.nanargmax(cam), cam.shape)
    # the left of the picture is the right of the child, as radiographs are shown
    side = ("right", "midline", "left")[int(column >= 27) + int(column >= 33)]
    part = ("upper", "middle", "lower")[row // 20]
    key = "map" if np.nanmax(cam) > 0 else "map cold"
    return html(key, language, part=say(part, language), side=say(side, language))


@functools.cache
def scale() -> str:
    """The colour scale of heatmaps over grey, as a URL that holds it."""
    return data_url(Image.fromarray(colour_scale(512, 1)), "PNG")


def data_url(image: Image.Image, kind: str, **options: int) -> str:
    """A picture as a URL that holds it, without any metadata."""
    content = io.BytesIO()
    image.save(content, kind, **options)
    code = base64.b64encode(content.getvalue()).decode()
    return f"data:image/{kind.lower()};base64,{code}"
