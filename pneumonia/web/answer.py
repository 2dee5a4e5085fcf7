"""An answer as HTML, in both languages: the verdict, what it rests on, the viewer.

Everything that comes from outside is escaped. Files are named by their URLs.
"""

import base64
import functools
import io
from collections.abc import Iterator, Mapping
from html import escape

import numpy as np
from PIL import Image

from .. import Prediction
from ..config import NORMAL, PNEUMONIA, ModelConfig
from ..inference.cam import colour_scale
from . import about
from .measured import word
from .texts import LANGUAGES, both, in_both, say, translate

_UNUSUAL = 0.65  # of the limit of the gate; 10 of 472 validation films lie above
_PERCENT = "\u202f%"
_SMALL = 224  # pixels; the shorter side of a film that may have lost its detail


def card(kind: str, why: str = "", body: str = "") -> str:
    """The verdict, or why there is none, with the notice beside it.

    Args:
        kind: a verdict; or of what has no answer `waiting`, `asked`, `unfinished`,
            `failed` or `refused`.
        why: HTML, a sentence or two; the text of `kind` where there is none.
        body: HTML, what the answer consists of.
    Returns:
        HTML.
    """
    why = why or both(f"{kind} why")
    return (
        f'<section class="own answer {kind}"><h2>{both(kind)}</h2>'
        f'<div class="why"><p>{why}</p></div>{body}'
        f'<p class="notice">{both("notice")}</p></section>'
    )


def told(message: str) -> str:
    """A sentence of the package, as HTML in both languages."""
    return in_both(**{code: escape(translate(message, code)) for code in LANGUAGES})


def refusal(message: str) -> str:
    """The card of an image that is refused: why, and what would be answered."""
    body = f'<p class="expected">{both("refused expected")}</p>'
    return card("refused", told(message), body)


def verdict(
    prediction: Prediction, config: ModelConfig, label: str, file: str = ""
) -> str:
    """The card of an answer: verdict, probability, its meaning, and what to doubt.

    Args:
        prediction: one with an answer.
        config: of the model.
        label: what else tells the model, its revision for instance.
        file: name of the file, where there are several.
    """
    p = prediction.probabilities[PNEUMONIA]
    kind = prediction.verdict
    model = both("model", model=f"{config.name} {config.version}", label=label)
    body = (
        (f'<p class="file">{escape(file)}</p>' if file else "")
        + f'<p class="figure">{both("probability", p=share(p))}</p>'
        f"{meter(p, config.thresholds)}"
        f"<p>{both(meaning(p), hundred=round(100 * p))} {both(prevalence(config))}</p>"
        f"{_subtypes(prediction) if p >= 0.5 else ''}"
        f"<details open><summary>{both('doubts')}</summary><ul>"
        + "".join(f"<li>{told(it.sentence)}</li>" for it in prediction.caveats)
        + "".join(
            f"<li>{both(key, **values)}</li>"
            for key, values in doubts(prediction, config)
        )
        + "</ul></details>"
        f'<p class="model">{model}</p>'
    )
    return card(kind, both(f"{kind} why", coverage=config.coverage), body)


def share(p: float) -> str:
    """A probability in whole percent, never as a certainty; without the sign."""
    return "> 99" if p > 0.99 else "< 1" if p < 0.01 else f"{100 * p:.0f}"


def meaning(p: float) -> str:
    """The key of the text that says what a probability means."""
    return "meaning most" if p > 0.99 else "meaning few" if p < 0.01 else "meaning"


def prevalence(config: ModelConfig) -> str:
    """The key of the text that says where such a probability holds."""
    return "meaning half" if about.is_balanced(config) else "meaning shares"


def meter(p: float, thresholds: Mapping[str, float]) -> str:
    """Where a probability of pneumonia lies among the verdicts.

    Args:
        p: in [0, 1].
        thresholds: of the findings, see `calibration.verdict`.
    """
    edges = 1 - thresholds[NORMAL], thresholds[PNEUMONIA]
    low, high = min(*edges, 0.5), max(*edges, 0.5)
    zones = zip(
        (NORMAL, "UNCERTAIN", PNEUMONIA), (low, high - low, 1 - high), strict=True
    )
    bars = "".join(
        f'<span class="{name}" style="flex: {width:.4f}">{both(name)}</span>'
        for name, width in zones
    )
    return (
        f'<div class="meter" aria-hidden="true"><i style="left: {p:.2%}"></i>{bars}'
        '</div><div class="ends" aria-hidden="true"><span>0</span>'
        "<span>100\u202f%</span></div>"
    )


def _subtypes(prediction: Prediction) -> str:
    if len(prediction.subtypes) < 2:  # one has all of the pneumonia, which says nothing
        return ""
    shares = "".join(
        f'<dt>{word(name)}</dt><dd><i style="--share: {value:.1%}"></i>'
        f"{share(value)}\u202f%</dd>"
        for name, value in prediction.subtypes.items()
    )
    return f'<div class="subtypes"><h3>{both("subtypes")}</h3><dl>{shares}</dl></div>'


def doubts(
    prediction: Prediction, config: ModelConfig
) -> Iterator[tuple[str, dict[str, float | str]]]:
    """Why this answer may be wrong: what speaks against it first, then what always.

    Yields keys of texts, each with its values.
    """
    if prediction.ood_score is None:
        yield "doubt no gate", {}
    elif prediction.ood_score > _UNUSUAL:
        yield "doubt unusual", {"score": prediction.ood_score}
    height, width = prediction.image.shape
    size = {"width": width, "height": height}
    if min(height, width) < _SMALL:
        yield "doubt small", size
    if max(height, width) > 2 * min(height, width):
        yield "doubt shape", size
    yield "doubt " + prediction.verdict, {}
    yield about.knows(config, "doubt children")


def viewer(film: str, heat: str, places: np.ndarray, limit: float, name: str) -> str:
    """The radiograph under its heatmap, to compare, zoom, window and invert.

    Args:
        film: URL of the radiograph.
        heat: URL of the heatmap, which is transparent; stretched over the radiograph.
        places: float32 (h, w), log-odds.
        limit: log-odds at which the colours saturate.
        name: tells several viewers of a page apart.
    """
    film, heat = escape(film), escape(heat)
    channels = "".join(
        f'<feFunc{channel} type="linear" slope="1" intercept="0"/>' for channel in "RGB"
    )
    return f"""
<form class="own viewer" id="{name}" autocomplete="off">
<h2>{both("heatmap")}</h2>
<svg width="0" height="0" aria-hidden="true"><filter id="{name}-window"
 color-interpolation-filters="sRGB"><feComponentTransfer>{channels}
</feComponentTransfer></filter></svg>
<div class="frame">
<div class="stage" tabindex="0" role="img" aria-labelledby="{name}-alt">
<div class="layers">
<img class="film" src="{film}" alt="" style="--window: url(#{name}-window)">
<img class="heat" src="{heat}" alt=""></div></div>
<label class="compare"><span class="hidden">{both("compare")}</span><input type="range"
 name="compare" min="0" max="100" value="0"><i></i></label></div>
<p class="hidden" id="{name}-alt">{_told_map(places)}</p>
{legend(places, limit)}
<div class="controls">
{_slider("strength", 100, 0, 100, 5, _PERCENT)}
{_slider("zoom", 100, 100, 600, 25, _PERCENT)}
{_slider("centre", 128, 0, 256, 1)}
{_slider("width", 256, 4, 256, 4)}
<label class="invert"><input type="checkbox" name="invert"> {both("invert")}</label>
<button type="reset">{both("reset")}</button>
</div></form>"""


def _slider(
    name: str, value: float, low: int, high: int, step: float, unit: str = ""
) -> str:
    return (
        # not <output>: a label is for the first element that can have one
        f'<label>{both(name)} <b data-of="{name}" data-unit="{unit}">'
        f'{value:g}{unit}</b><input type="range" name="{name}" min="{low}" '
        f'max="{high}" step="{step}" value="{value}"></label>'
    )


def _told_map(places: np.ndarray) -> str:
    """The heatmap in words, for who does not see it: where the most evidence lies."""
    row, column = np.unravel_index(places.argmax(), places.shape)
    # the left of the picture is the right of the child, as radiographs are shown
    side = ("right", "midline", "left")[np.sign(2 * column + 1 - places.shape[1]) + 1]
    part = ("upper", "middle", "lower")[int(3 * (row + 0.5) / places.shape[0])]
    words = {
        code: escape(
            say(
                "map alt",
                code,
                low=float(places.min()),
                high=float(places.max()),
                part=say(part, code),
                side=say(side, code),
            )
        )
        for code in LANGUAGES
    }
    return in_both(**words)


def legend(places: np.ndarray, limit: float) -> str:
    """What the colours of a heatmap mean: the scale, and this map's ends."""
    low, high = float(places.min()), float(places.max())
    return (
        f'<div class="scale"><img src="{scale()}" alt=""><div class="ends">'
        f"<span>≤ −{limit:g} {both('speaks normal')}</span><span>0</span>"
        f"<span>{both('speaks pneumonia')} ≥ +{limit:g}</span></div>"
        f"<p>{both('heatmap why', low=low, high=high)}</p></div>"
    )


@functools.cache
def scale() -> str:
    """The colour scale of heatmaps, as a URL that holds it."""
    return data_url(Image.fromarray(colour_scale(512, 1)), "PNG")


def thumbnail(image: np.ndarray, side: int) -> str:
    """A small picture of a radiograph, as a URL that holds it.

    Args:
        image: uint8 (H, W).
        side: pixels of the longer side.
    """
    small = Image.fromarray(image)
    small.thumbnail((side, side))
    return data_url(small, "JPEG")


def data_url(image: Image.Image, kind: str, **options: int) -> str:
    """A picture as a URL that holds it, without any metadata."""
    content = io.BytesIO()
    image.save(content, kind, **options)
    code = base64.b64encode(content.getvalue()).decode()
    return f"data:image/{kind.lower()};base64,{code}"
