"""The report -> a folder to read: `index.html`, plots and the worst errors."""

from collections.abc import Sequence
from pathlib import Path

import jinja2
import numpy as np
from PIL import Image

from ..config import FINDINGS, PNEUMONIA
from ..dataset import Radiograph
from ..inference.cam import outline, overlay
from ..predictor import Predictor
from .metrics import Estimate
from .plots import draw_plots
from .report import Report, save_report

_SIDE = 448  # of a picture in the gallery, in pixels, at most

TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    autoescape=jinja2.select_autoescape(["html"]),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def figure(estimate: Estimate, digits: int = 3) -> str:
    """`0.934`; a dash for what these radiographs cannot tell."""
    value = estimate["value"]
    return "–" if value is None else f"{value:.{digits}f}"


def interval(estimate: Estimate, digits: int = 3) -> str:
    """`0.912 to 0.955`, or nothing."""
    if estimate["value"] is None:
        return ""
    return f"{estimate['low']:.{digits}f} to {estimate['high']:.{digits}f}"


def unmeasured(report: Report) -> str:
    """Which figures these radiographs cannot give, and why, in words; or nothing."""
    missing = [name for name in FINDINGS if not report["verdicts"][name]["images"]]
    figures = report["figures"]["answered"]
    names = [name for name, estimate in figures.items() if estimate["value"] is None]
    if not missing or not names:
        return ""
    if len(missing) == len(FINDINGS):
        return "No image was answered, so nothing can be measured."
    (there,) = set(FINDINGS) - set(missing)
    *others, last = names
    listed = f"{', '.join(others)} and {last}" if others else last
    return (
        f"No image that was answered is labelled {missing[0]}, so {listed} cannot be "
        f"measured, and the accuracy is that of {there} alone."
    )


TEMPLATES.filters |= {"figure": figure, "interval": interval}


def write_report(
    report: Report,
    predictor: Predictor,
    radiographs: Sequence[Radiograph],
    folder: Path,
) -> None:
    """Writes `report.json` and the page that shows it; needs no network to be read.

    The page names the files that it shows or lists; `report.json` does not.

    Args:
        report: from `evaluate`.
        predictor: the one that was measured, to draw its heatmaps.
        radiographs: those that were measured, in the same order.
        folder: to create.
    """
    (folder / "errors").mkdir(parents=True, exist_ok=True)
    save_report(report, folder)
    rows = {row["image"]: row for row in report["images"]}
    errors = {finding: [] for finding in report["worst"]}
    for finding, worst in report["worst"].items():
        for place, index in enumerate(worst, start=1):
            picture = f"errors/{finding}_{place:02}.png"
            _side_by_side(predictor, radiographs[index]).save(folder / picture)
            errors[finding].append(
                {"picture": picture, "file": radiographs[index].path.name} | rows[index]
            )
    text = TEMPLATES.get_template("report.html").render(
        report=report,
        unmeasured=unmeasured(report),
        plots=draw_plots(report, folder),
        errors=errors,
        name_of=lambda index: radiographs[index].path.name,
        pneumonia=PNEUMONIA,
    )
    (folder / "index.html").write_text(text, encoding="utf-8")


def _side_by_side(predictor: Predictor, radiograph: Radiograph) -> Image.Image:
    """The radiograph, and the same under its heatmap and the lungs' outline."""
    prediction = predictor(radiograph.path)
    heatmap = overlay(prediction.image, prediction.cam, predictor.config.cam_limit)
    if prediction.lungs:
        heatmap = outline(heatmap, prediction.lungs.mask)
    plain = np.repeat(prediction.image[..., None], 3, axis=2)
    picture = Image.fromarray(np.hstack([plain, heatmap]))
    picture.thumbnail((2 * _SIDE, _SIDE))
    return picture
