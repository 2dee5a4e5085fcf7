"""The model card: what the model is for, and how it did on its validation films."""

from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from ..calibration import UNCERTAIN, calibrate, verdict
from ..config import CARD_FILE, FINDINGS, PNEUMONIA, ModelConfig

_CARD = """\
---
license: cc-by-4.0
library_name: keras
pipeline_tag: image-classification
tags: [chest-x-ray, pneumonia, onnx]
---
# {name} {version}

A child's frontal chest radiograph in; calibrated probabilities of NORMAL and PNEUMONIA
out, with bacterial and viral shares, and a heatmap. **Not a medical device: for
demonstration only, not for diagnosis.**

Served by the `pneumonia` package (`--model OWNER/NAME`). These are weights only: there
is no serialised architecture here, and `keras.saving.load_model` does not apply.

## Files
- `config.json`: all that the weights expect: classes, size, value range, calibration,
  and the sha256 of the other files
- `model.onnx`: the compiled network, int8; outputs `logits`, `pre_logits`, `logits_2d`
- `model.weights.h5`: the same network's Keras weights; kernels float16, rest float32

## Data and provenance
{provenance}

Trained on Kermany, Zhang, Goldbaum 2018, *Large Dataset of Labeled Optical Coherence
Tomography (OCT) and Chest X-Ray Images*, Mendeley Data V2, doi 10.17632/rscbjbr9sj.2,
CC BY 4.0: children of 1 to 5 years, one hospital (Guangzhou).

## Figures
On {count} films of patients that the network never saw. Temperature and thresholds
were fitted on the same films, which flatters the share of UNCERTAIN verdicts a little.
{figures}

## Limits
One hospital, one age group, frontal views. Normal films of other sources are often
called pneumonia by networks trained on these data. Nothing yet recognises an image that
is not a chest radiograph: it gets an answer all the same.
"""


def write_card(
    config: ModelConfig, logits: np.ndarray, labels: np.ndarray, folder: Path
) -> None:
    """Writes `README.md` of a model folder.

    Args:
        config: calibrated.
        logits: float32 (N, C), of the served graph on the validation films.
        labels: int (N,), their classes.
        folder: where to.
    """
    figures = validation_figures(config, logits, labels)
    text = _CARD.format(
        name=config.name,
        version=config.version,
        provenance=_table(config.provenance),
        count=len(labels),
        figures=_table({name: f"{value:.3f}" for name, value in figures.items()}),
    )
    (folder / CARD_FILE).write_text(text, encoding="utf-8")


def _table(rows: dict) -> str:
    lines = [f"| {name} | {value} |" for name, value in rows.items()]
    return "\n".join(["| | |", "|---|---|", *lines])


def validation_figures(
    config: ModelConfig, logits: np.ndarray, labels: np.ndarray
) -> dict[str, float]:
    """What the served graph reached; see `write_card` for the arguments."""
    classes = calibrate(logits, config.temperature)
    pneumonia = classes[:, config.classes_of(PNEUMONIA)].sum(axis=1)
    sick = np.isin(labels, config.classes_of(PNEUMONIA))
    called = pneumonia >= 0.5
    verdicts = [
        verdict(dict(zip(FINDINGS, (1 - p, p), strict=True)), config.thresholds)
        for p in pneumonia
    ]
    return {
        "AUROC": float(roc_auc_score(sick, pneumonia)),
        "accuracy at 0.5": float((called == sick).mean()),
        "sensitivity at 0.5": float(called[sick].mean()),
        "specificity at 0.5": float((~called[~sick]).mean()),
        "accuracy of three classes": float((classes.argmax(axis=1) == labels).mean()),
        "share of UNCERTAIN verdicts": verdicts.count(UNCERTAIN) / len(verdicts),
    }
