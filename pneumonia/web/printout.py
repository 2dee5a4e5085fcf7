"""One result on one sheet of A4: a file of HTML that needs nothing else.

Nothing in it comes from the file but its pixels: no name, no metadata. Whoever calls
`printout` hands the text to the browser, which saves it; the server keeps none.
"""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image

from ..config import ModelConfig
from ..predictor import Prediction
from .model_page import data_of
from .result import data_url, legend, pictures, scaled
from .translations import html

_SIDE = 1000  # pixels of a picture's longer side, at most
_QUALITY = 85  # of JPEG
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
STYLE = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")


def printout(
    prediction: Prediction,
    card: str,
    config: ModelConfig,
    language: str,
    when: datetime,
) -> str:
    """Writes the sheet of one result.

    Args:
        prediction: of an image that was read, answered or refused.
        card: its card on the page, HTML.
        config: of the model that answered.
        language: of `translations.LANGUAGES`.
        when: the moment of the answer; with a time zone.
    Returns:
        A whole HTML document, which prints on one page.
    """
    when = when.astimezone(UTC)
    title = html("printout", language)
    date, time = f"{when:%Y-%m-%d}", f"{when:%H:%M:%S}"
    made = html("printout made", language, date=date, time=time)
    cite = html("printout cite", language, data=data_of(config) or "–")
    return f"""<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body class="sheet">
<header><h1>{title}</h1><p>{made}</p></header>
<p><b>{html("notice", language)}</b> {html("printout no report", language)}</p>
<div class="pictures">{_pictures(prediction, config)}</div>
{_open(_legend(prediction, config, language) + card)}
<footer><p>{cite}</p></footer>
</body>
</html>
"""


def _open(content: str) -> str:
    """HTML whose folds are open: paper has none."""
    return content.replace("<details>", "<details open>")


def _pictures(prediction: Prediction, config: ModelConfig) -> str:
    if prediction.cam_grid is None:
        shown = [scaled(prediction.image, _SIDE)]
    else:
        shown = pictures(prediction, config.cam_limit, _SIDE)
    return "".join(map(_picture, shown))


def _picture(pixels: np.ndarray) -> str:
    url = data_url(Image.fromarray(pixels), "JPEG", quality=_QUALITY)
    return f'<img src="{url}" alt="">'


def _legend(prediction: Prediction, config: ModelConfig, language: str) -> str:
    if prediction.cam_grid is None:
        return ""
    return legend(prediction, config.cam_limit, language)
