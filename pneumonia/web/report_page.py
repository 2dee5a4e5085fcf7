"""One result on one sheet of A4: a file of HTML that needs nothing else.

Nothing in it comes from the file but its pixels: no name, no metadata. Whoever calls
`render` hands the text to the browser, which saves it; the server keeps none.
"""

from datetime import UTC, datetime
from html import escape
from importlib import metadata
from pathlib import Path

import numpy as np
from PIL import Image

from .. import Prediction
from ..config import FINDINGS, ONNX_FILE, PNEUMONIA, ModelConfig
from ..inference.cam import overlay, resize_map
from . import about
from .answer import data_url, doubts, meaning, prevalence, scale, share
from .texts import say, translate

SIDE = 1200  # pixels of a picture's longer side, at most: 300 in each inch of the sheet
_QUALITY = 85  # of JPEG
_CITE = (
    "Kermany, Zhang, Goldbaum 2018, Mendeley Data V2, doi 10.17632/rscbjbr9sj.2, "
    "CC BY 4.0"
)
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")


def render(
    prediction: Prediction,
    config: ModelConfig,
    label: str,
    language: str,
    moment: datetime,
) -> str:
    """Writes the sheet of one result.

    Args:
        prediction: of a radiograph that was read, answered or refused. Refused, it is
            shown with the reason, and without any figure but its strangeness.
        config: of the model that answered.
        label: where that model comes from, and its revision.
        language: of `texts.LANGUAGES`.
        moment: when it answered; with a time zone.
    Returns:
        A whole HTML document, which prints on one page.
    """
    moment = moment.astimezone(UTC)
    title = say("report title", language)
    made = say(
        "report made", language, date=f"{moment:%Y-%m-%d}", time=f"{moment:%H:%M:%S}"
    )
    answer = _refused if prediction.refusal else _answered
    return f"""<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<header><h1>{escape(title)}</h1><p class="quiet">{escape(made)}</p></header>
<p class="notice"><b>{_say("notice", language)}</b>
{_say("report not a report", language)}</p>
<main>
{answer(prediction, config, language)}
</main>
<footer>{_facts(config, label, language)}
<p>{_say("report private", language)}</p></footer>
</body>
</html>
"""


def _say(key: str, language: str, **values: object) -> str:
    return escape(say(key, language, **values))


def _refused(prediction: Prediction, config: ModelConfig, language: str) -> str:
    """The image, and why it got no answer."""
    reason = escape(translate(prediction.refusal, language))
    film = _figure(_picture(prediction.image), "report radiograph", language)
    return (
        f'<div class="pictures">{film}<div class="beside"><section class="verdict">'
        f"<h2>{_say('report refused', language)}</h2><p>{reason}</p></section>"
        f"<p>{_say('refused expected', language)}</p>"
        f"{_strangeness(prediction, language)}</div></div>"
    )


def _answered(prediction: Prediction, config: ModelConfig, language: str) -> str:
    p, kind = prediction.probabilities[PNEUMONIA], prediction.verdict
    reasons = "".join(
        f"<li>{escape(translate(caveat.sentence, language))}</li>"
        for caveat in prediction.caveats
    )
    reasons += "".join(
        f"<li>{_say(key, language, **values)}</li>"
        for key, values in doubts(prediction, config)
    )
    return (
        f"{_pictures(prediction, config.cam_limit, language)}"
        f'<section class="verdict {kind}"><h2>{_say(kind, language)}</h2>'
        f"<p>{_say(f'{kind} why', language, coverage=config.coverage)}</p></section>"
        f'<div class="columns"><div>{_probabilities(prediction, language)}</div>'
        f"<div><h2>{_say('report meaning', language)}</h2>"
        f"<p>{_say(meaning(p), language, hundred=round(100 * p))} "
        f"{_say(prevalence(config), language)}</p>"
        f"{_strangeness(prediction, language)}</div></div>"
        f"<section><h2>{_say('doubts', language)}</h2><ul>{reasons}</ul></section>"
    )


def _probabilities(prediction: Prediction, language: str) -> str:
    found = {name: prediction.probabilities[name] for name in reversed(FINDINGS)}
    text = _shares("report probabilities", found, language)
    if found[PNEUMONIA] >= 0.5 and len(prediction.subtypes) > 1:
        text += _shares("subtypes", prediction.subtypes, language)
    return text


def _shares(heading: str, shares: dict[str, float], language: str) -> str:
    rows = "".join(
        f'<tr><th scope="row">{_name(name, language)}</th>'
        f"<td>{_say('report percent', language, value=share(p))}</td></tr>"
        for name, p in shares.items()
    )
    return f"<h2>{_say(heading, language)}</h2><table>{rows}</table>"


def _name(word: str, language: str) -> str:
    """A class in words; a stranger's model may have others than ours."""
    try:
        return _say(word, language)
    except KeyError:
        return escape(word)


def _strangeness(prediction: Prediction, language: str) -> str:
    if prediction.ood_score is None:
        return ""  # which stands among the doubts
    return f"<p>{_say('report strangeness', language, score=prediction.ood_score)}</p>"


def _pictures(prediction: Prediction, limit: float, language: str) -> str:
    """The radiograph, the same under its heatmap, and what the colours mean."""
    image = _picture(prediction.image)
    heat = overlay(image, resize_map(prediction.cam_grid, image.shape), limit)
    low, high = float(prediction.cam_grid.min()), float(prediction.cam_grid.max())
    why = _say("heatmap why", language, low=low, high=high)
    return (
        f'<div class="pictures">{_figure(image, "report radiograph", language)}'
        f"{_figure(heat, 'report heatmap', language)}</div>"
        f'<div class="scale"><img src="{scale()}" alt=""><div>'
        f"<span>≤ −{limit:g} {_say('speaks normal', language)}</span><span>0</span>"
        f"<span>{_say('speaks pneumonia', language)} ≥ +{limit:g}</span></div>"
        f'<p class="quiet">{why}</p></div>'
    )


def _picture(image: np.ndarray) -> np.ndarray:
    """A radiograph, uint8 (H, W), at the size of the sheet."""
    picture = Image.fromarray(image)
    picture.thumbnail((SIDE, SIDE))
    return np.asarray(picture)


def _figure(pixels: np.ndarray, caption: str, language: str) -> str:
    url = data_url(Image.fromarray(pixels), "JPEG", quality=_QUALITY)
    text = _say(caption, language)
    return f'<figure><img src="{url}" alt=""><figcaption>{text}</figcaption></figure>'


def _facts(config: ModelConfig, label: str, language: str) -> str:
    """Which model, of which revision, and which software."""
    digest = config.files[ONNX_FILE]["sha256"]
    facts = [
        (_say("about name", language), f"{config.name} {config.version} ({label})"),
        (f"{ONNX_FILE}, sha256", digest),
        (_say("report software", language), _software(language)),
    ]
    if data := _CITE if about.is_kermany(config) else about.films_of(config):
        facts.append((_say("report cite", language), data))
    rows = "".join(f"<dt>{name}</dt><dd>{escape(fact)}</dd>" for name, fact in facts)
    return f"<dl>{rows}</dl>"


def _software(language: str) -> str:
    try:
        version = metadata.version("pneumonia")
    except metadata.PackageNotFoundError:  # a Space runs the source as it is
        version = say("report unknown", language)
    return say("report version", language, version=version)
