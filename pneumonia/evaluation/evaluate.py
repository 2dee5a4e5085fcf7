"""The SHIPPED predictor on labelled radiographs -> a report.

What is measured is what a user gets: reader, compiled graph, calibration, verdict and
gate, never the Keras model. 472 images of 224 pixels took 252 s on two busy cores:
every image is answered anew in each of twelve conditions.
"""

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ..config import PNEUMONIA, ModelConfig
from ..dataset import (
    Dataset,
    Radiograph,
    class_among,
    named,
    read_dataset,
    read_names,
)
from ..errors import PneumoniaError
from ..imaging import Source
from ..inference.calibration import calibrate
from ..inference.preprocessing import preprocess
from ..inference.processors import processors
from ..predictor import Prediction, Predictor, load_predictor
from .perturbations import PERTURBATIONS
from .predictions import Answers
from .report import Report, build_report
from .report_html import write_report


def evaluate_folder(
    folder: str | Path | Dataset,
    out: str | Path,
    model: str | None = None,
    names: str | Path | None = None,
    show: Callable[[Report], object] = lambda report: None,
) -> Report:
    """Measures a model on a labelled folder and writes what it finds.

    Args:
        folder: labelled radiographs, or a list of them; see `dataset.read_dataset`.
        out: to create: `report.json`, `index.html`, plots and a gallery of errors.
        model: see `load_predictor`; nothing is written into its folder.
        names: text file of file names: these radiographs and no others.
        show: called with the report before it is written, lest a full disk costs it.
    Returns:
        The report; see `evaluate`.
    Raises:
        PneumoniaError: there is nothing to measure, a name is missing, or `out` is
            in use or cannot be written.
    """
    out = Path(out)
    _require_writable(out)
    dataset = read_dataset(folder)
    radiographs, about = dataset.radiographs, f"All of {dataset.name}"
    if names is not None:
        radiographs = named(radiographs, read_names(names))
        about += f" that {Path(names).name} lists"
    if left_out := sum(left.images or 0 for left in dataset.left_out):
        about += f", without {left_out:,} that could not be counted"
    predictor = load_predictor(model, threads=1)
    report = evaluate(predictor, radiographs, about=about + ".")
    show(report)
    try:
        write_report(report, predictor, radiographs, out)
    except OSError as error:
        raise PneumoniaError(
            f"{out.name} was not written whole: {error.strerror}. What is in it is no "
            "report. Make room, or name another folder, and measure again."
        ) from error
    return report


def _require_writable(out: Path) -> None:
    """Tries to write there, before an hour of measuring; leaves nothing behind."""
    try:
        if out.exists() and not (out.is_dir() and not any(out.iterdir())):
            raise PneumoniaError(
                f"{out.name} is in use. Name a new or an empty folder."
            )
        made = [folder for folder in (out, *out.parents) if not folder.exists()]
        try:
            out.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=out).close()
        finally:
            for folder in made:
                if folder.exists():
                    folder.rmdir()
    except OSError as error:
        raise PneumoniaError(
            f"{out.name} cannot be written: {error.strerror}. Name another folder."
        ) from error


def evaluate(
    predictor: Predictor,
    radiographs: Sequence[Radiograph],
    images: Sequence[np.ndarray] | None = None,
    about: str = "",
) -> Report:
    """Measures a predictor.

    Args:
        predictor: as it is served; load it with `threads=1`, since several images are
            examined at once.
        radiographs: give labels, patients and files.
        images: uint8 (H, W) each, where they have been read already.
        about: what the radiographs are, a sentence for the reader.
    Returns:
        Plain values, as `report.json` holds them; see `report.build_report`.
    Raises:
        PneumoniaError: there is no radiograph, or none can be read.
    """
    sources = [one.path for one in radiographs] if images is None else images
    with ThreadPoolExecutor(processors()) as pool:
        jobs = pool.map(lambda source: _examine(predictor, source), sources)
        # silent where nobody watches
        rows = list(tqdm(jobs, "X-rays", total=len(radiographs), disable=None))
    unreadable = {
        index: row["error"] for index, row in enumerate(rows) if "error" in row
    }
    readable = [index for index in range(len(radiographs)) if index not in unreadable]
    if not readable:
        found = f" The first: {unreadable[0]}" if unreadable else ""
        raise PneumoniaError(
            f"Expected X-rays, found {len(radiographs)} files and could "
            f"read none.{found} Name a folder of labelled PNG, JPEG or DICOM files."
        )
    kept = [radiographs[index] for index in readable]
    answers = Answers(
        index=np.array(readable),
        label=np.array([_label(one, predictor.config) for one in kept]),
        positive=np.array([one.finding == PNEUMONIA for one in kept]),
        # numbers, so that the report can be published
        patient=np.unique([one.patient for one in kept], return_inverse=True)[1],
        name=np.array([one.path.name for one in kept]),
        **{
            key: np.array([rows[index][key] for index in readable])
            for key in rows[readable[0]]
        },
    )
    return build_report(predictor.config, answers, unreadable, about)


def _label(radiograph: Radiograph, config: ModelConfig) -> str:
    """The network's class that a radiograph is of, or else the radiograph's own."""
    return class_among(radiograph, config.class_names) or radiograph.class_name


def _examine(predictor: Predictor, source: Source) -> dict[str, Any]:
    """All that is kept of one image: its answer, and its score in each condition."""
    try:
        prediction = predictor(source)
    except PneumoniaError as error:
        return {"error": str(error)}
    image, config = prediction.image, predictor.config
    conditions = [_under(predictor, change(image)) for change in PERTURBATIONS.values()]
    return {
        "classes": _classes(prediction, config),
        "verdict": prediction.verdict or "",
        "ood_score": np.nan if prediction.ood_score is None else prediction.ood_score,
        "refusal": prediction.refusal or "",
        "uncalibrated": probability(predictor, image, temperature=1.0),
        "width": image.shape[1],
        "digest": hashlib.sha256(
            repr(image.shape).encode() + image.tobytes()
        ).hexdigest(),
        "conditions": [score for score, _ in conditions],
        "conditions_refused": [refused for _, refused in conditions],
    }


def _classes(prediction: Prediction, config: ModelConfig) -> list[float]:
    """Calibrated probabilities in the config's order; NaN where there is no answer."""
    if prediction.refusal:
        return [np.nan] * len(config.class_names)
    return [
        prediction.probabilities[config.findings[name]]
        * prediction.subtypes.get(name, 1.0)
        for name in config.class_names
    ]


def _under(predictor: Predictor, image: np.ndarray) -> tuple[float, bool]:
    """P(PNEUMONIA), the network's own where the gate refuses; and whether it does."""
    prediction = predictor(image)
    if prediction.refusal:
        return probability(predictor, image, predictor.config.temperature), True
    return prediction.probabilities[PNEUMONIA], False


def probability(predictor: Predictor, image: np.ndarray, temperature: float) -> float:
    """P(PNEUMONIA) of an image, uint8 (H, W), with no gate in front."""
    config = predictor.config
    inputs = preprocess(image, config, predictor.finder)
    outputs = predictor.runtime(inputs[None])
    classes = calibrate(outputs.logits[0], temperature)
    return float(classes[config.classes_of(PNEUMONIA)].sum())
