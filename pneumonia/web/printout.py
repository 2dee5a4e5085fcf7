"""One result on one sheet of A4: a file of HTML that needs nothing else.

Nothing in it comes from the file but its pixels: no name, no metadata. Whoever calls
`printout` hands the text to the browser, which saves it; the server keeps none.
"""

from datetime import UTC, datetime
from pathlib import Path

from PIL import Image

from ..config import ModelConfig
from ..predictor import Prediction
from .result import data_url, legend, pictures, scaled
from .translations import html

_SIDE = 1000  # pixels of a picture's longer side, at most
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
STYLE = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")


def printout(
    prediction: Prediction,
    card: str,
    config: ModelConfig,
    language: str,
    when: datetime,
) -> str:
    """Writes the sheet of one result: a whole HTML document, which prints on one page.

    Args:
        prediction: of an image that was read, answered or refused.
        card: its card on the page, HTML.
        config: of the model that answered.
        language: of `translations.LANGUAGES`.
        when: the moment of the answer; with a time zone.
    """
    when = when.astimezone(UTC)
    title = html("printout", language)
    date, time = f"{when:%Y-%m-%d}", f"{when:%H:%M:%S}"
    made = html("printout made", language, date=date, time=time)
    cite = html("printout cite", language, data=config.provenance.get("data") or "–")
    shown, key = [scaled(prediction.image, _SIDE)], ""
    if prediction.cam_grid is not None:
        shown = pictures(prediction, config.cam_limit, _SIDE)
        key = legend(prediction, config.cam_limit, language)
    urls = (data_url(Image.fromarray(it), "JPEG", quality=85) for it in shown)
    images = "".join(f'<img src="{url}" alt="">' for url in urls)
    opened = (key + card).replace("<details>", "<details open>")  # paper has no folds
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
<div class="pictures">{images}</div>
{opened}
<footer><p>{cite}</p></footer>
</body>
</html>
"""
