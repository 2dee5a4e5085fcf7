"""What the page says and wears: texts, style sheet, script, an answer's HTML."""

import base64
import functools
import io
import json
from html import escape

import numpy as np
from PIL import Image

from pneumonia.calibration import UNCERTAIN
from pneumonia.cam import colour_scale
from pneumonia.config import NORMAL, PNEUMONIA

# Every text of the page, so that a translation has one place to go.
TEXT = {
    "title": "Pneumonia in children's chest radiographs",
    "description": "Give a frontal chest radiograph of a child. The model answers with "
    "probabilities, shows where the evidence lies, and says when it cannot tell. "
    "<b>A demonstration, not a medical device.</b>",
    "image": "Chest radiograph",
    "image_alt": "The radiograph that you gave",
    "drop": "Drop a radiograph here, or click to choose one\nImage or DICOM file",
    "file": "Choose a DICOM or TIFF file",
    "privacy": "Deleted within 70 minutes, sent nowhere else, not logged. Even so, "
    "remove names first.",
    "examples": "Sample radiographs, each a composite of several children",
    "waiting": "No radiograph yet",
    "waiting why": "Give one, or choose a sample: the answer appears here.",
    "asked": "No answer yet",
    "asked why": "It appears here when it is this radiograph's turn.",
    "busy": "No answer",
    "busy why": "The server is busy: too many requests wait. Give the radiograph "
    "again in a minute.",
    "failed": "No answer",
    "refused": "Refused",
    "notice": "Not a medical device: not for diagnosis, nor any other medical use.",
    "model": "Answered by {model}, which knows only children of one to five years.",
    NORMAL + " why": "The model sees no signs of pneumonia: at {coverage} coverage it "
    "excludes pneumonia. That does not mean healthy; it knows no other disease.",
    PNEUMONIA + " why": "The model sees signs of pneumonia: at {coverage} coverage it "
    "excludes a normal radiograph.",
    UNCERTAIN + " why": "The model cannot tell: at {coverage} coverage the evidence "
    "settles neither on normal nor on pneumonia. Take it as no answer.",
    "probabilities": "Probability of each finding",
    "subtypes": "If it is pneumonia: bacterial or viral? Weak evidence",
    "heatmap": "Where the evidence lies",
    "heatmap why": "Log-odds at each place: blue speaks for normal, orange and red for "
    "pneumonia, no colour for neither. The scale is the same for every image; this one "
    "has {low} to {high}. Drag the arrow to see the radiograph alone.",
    "article": """
### What the answer means
- **Probability.** Calibrated on radiographs that the network never saw: of 100 like
  them that get 80 %, about 80 have the finding.
- **Verdict.** A finding is named only where the other one is excluded. At 95 %
  coverage, 95 of 100 radiographs like those keep their true finding. What settles on no
  one finding is *uncertain*.
- **Heatmap.** The network's own evidence at each place, before it is averaged into the
  answer. It shows what the network used, not where disease is.

### What the model knows, and what it does not
It learnt from frontal chest radiographs of children of one to five years, all from one
hospital in Guangzhou (Kermany et al. 2018). It knows no other age, view or disease. A
frontal radiograph of an adult is answered as if it were a child's.

What does not look like a frontal chest radiograph is **refused**: side views, other
parts of the body, photographs, documents, negatives, films on their side. The gate errs
towards answering, so a few such images pass, and their answers mean nothing.
""",
}

FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
CSS = """
footer .divider { display: none; }
#radiograph .image-frame img { object-fit: contain; }
#privacy p { font-size: .8rem; margin: 0; }
.answer { border-left: .4rem solid var(--tint); padding-left: 1rem; }
.answer h2 { color: var(--tint); font-size: 1.75rem; line-height: 1.2; margin: 0; }
.answer p, .scale p { margin: .4rem 0 0; }
.answer { --tint: var(--body-text-color); }
.asked h2, .busy h2, .waiting h2, .failed h2, .refused h2 { font-size: 1.25rem; }
.NORMAL { --tint: #1a5ea8; } .dark .NORMAL { --tint: #8ac0f8; }
.PNEUMONIA { --tint: #b5341f; } .dark .PNEUMONIA { --tint: #ff9c7a; }
.UNCERTAIN { --tint: #7a5a00; } .dark .UNCERTAIN { --tint: #f2c94c; }
.scale h3 { margin: 0; font-size: 1rem; }
.scale img { width: 100%; height: .9rem; margin-top: .4rem; }
.scale div { display: flex; justify-content: space-between; }
@media (max-width: 640px) {
  h1 { font-size: 1.4rem !important; }
  #radiograph, #radiograph .image-container { height: 250px !important; }
  #examples .gallery { flex-wrap: nowrap; overflow-x: auto; }
  #examples .gallery-item { flex-shrink: 0; }
}
"""
# The image widget takes what browsers can show. Whatever else is dropped on it or
# chosen in it goes to the file button, by the name's ending where there is no type.
SCRIPT = """<script>
for (const kind of ["drop", "change"]) document.addEventListener(kind, event => {
  const files = event.dataTransfer?.files ?? event.target.files;
  const isShown = /^image\\/(jpeg|png|webp|gif|bmp|svg\\+xml)$/.test(files?.[0]?.type);
  if (!files?.length || isShown || !event.target.closest("#radiograph")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const input = document.querySelector("input[data-testid$='-upload-button']");
  input.files = files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}, true);
document.addEventListener("click", event => event.target.closest("#radiograph")
  ?.querySelector("input[type=file]")?.removeAttribute("accept"), true);
</script>"""
REVEAL = "() => document.querySelector('#verdict').scrollIntoView({block: 'nearest'})"


def card(kind: str, headline: str, why: str, model: str = "") -> str:
    """The verdict, or why there is none, with the notice beside it; escapes all four.

    Args:
        kind: `NORMAL`, `PNEUMONIA`, `UNCERTAIN`, or of what has no answer `waiting`,
            `asked`, `busy`, `failed` or `refused`.
        headline: a few words.
        why: a sentence or two.
        model: who answered, a sentence.
    Returns:
        HTML.
    """
    notice = f"<b>{escape(TEXT['notice'])}</b> {escape(model)}"
    texts = f"<h2>{escape(headline)}</h2><p>{escape(why)}</p><p>{notice}</p>"
    return f'<div class="answer {kind}">{texts}</div>'


def clear(kind: str) -> str:
    """A function of JavaScript: takes the image, returns the page without an answer.

    Args:
        kind: `asked` or `busy`, why there is none; where there is no image, `waiting`.
    """
    cards = [card(word, TEXT[word], TEXT[word + " why"]) for word in (kind, "waiting")]
    hidden = ["{__type__: 'update', visible: false}"] * 4
    return f"image => [{json.dumps(cards)}[image ? 0 : 1], {', '.join(hidden)}]"


def legend(cam: np.ndarray, limit: float) -> str:
    """What the colours of a heatmap mean.

    Args:
        cam: float32 (H, W), log-odds; NaN where the network did not look.
        limit: log-odds at which the colours saturate.
    Returns:
        HTML.
    """
    ends = np.nanmin(cam), np.nanmax(cam)
    low, high = (f"{value:+.1f}".replace("-", "−") for value in ends)
    why = TEXT["heatmap why"].format(low=low, high=high)
    return (
        f'<div class="scale"><h3>{escape(TEXT["heatmap"])}</h3>'
        f'<img src="{_scale()}" alt=""><div>'
        f"<span>≤ −{limit:g}</span><span>0</span><span>≥ +{limit:g}</span></div>"
        f"<p>{escape(why)}</p></div>"
    )


@functools.cache
def _scale() -> str:
    """The colour scale as the URL of an image, a PNG of 512 by 1 pixels."""
    content = io.BytesIO()
    Image.fromarray(colour_scale(512, 1)).save(content, "PNG")
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()
