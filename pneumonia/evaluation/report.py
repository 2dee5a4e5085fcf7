"""Answers to labelled radiographs -> the report: every figure, as plain values.

The page and the model card are drawn from it alone. It names no file and no patient,
so that it can be published beside the weights.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..config import NORMAL, ONNX_FILE, PNEUMONIA, ModelConfig
from . import metrics
from . import predictions as parts
from .predictions import Answers

REPORT_FILE = "report.json"

Report = dict[str, Any]


def build_report(
    config: ModelConfig, answers: Answers, unreadable: Mapping[int, str], about: str
) -> Report:
    """Adds everything up.

    Args:
        config: of the model that answered.
        answers: of the readable radiographs, one or more.
        unreadable: index of an image -> why it could not be read.
        about: what the images are, a sentence.
    Returns:
        Plain values; {"value", "low", "high"} for a figure, None in it where these
        images cannot tell.
    """
    answered = answers.where(answers.refusal == "")
    first = np.unique(answered.digest, return_index=True)[1]
    report = {
        "model": {
            "name": config.name,
            "version": config.version,
            "sha256": config.files[ONNX_FILE]["sha256"],
            "class_names": config.class_names,
            "image_size": config.image_size,
            "temperature": config.temperature,
            "thresholds": config.thresholds,
            "coverage": config.coverage,
        },
        "method": {
            "operating_point": metrics.OPERATING_POINT,
            "calibration_bins": metrics.BINS,
            "bootstrap_draws": metrics.DRAWS,
            "interval": metrics.LEVEL,
        },
        "data": {
            "about": about,
            "images": len(answers.index) + len(unreadable),
            "patients": len(set(answers.patient)),
            "classes": {
                name: (answers.label == name).sum()
                for name in parts.labels_in(answers, config)
            },
            "widths": [answers.width.min(), answers.width.max()],
            "unreadable": len(unreadable),
            "refused": len(answers.index) - len(answered.index),
            "duplicates": len(answered.index) - len(first),
        },
        "figures": {
            "answered": parts.all_figures(answered, config),
            "refused counted as wrong": parts.strict_rates(answers, config),
            "without duplicates": parts.all_figures(answered.where(first), config),
        },
        "confusion": parts.confusion(answered, config),
        "classes": parts.by_class(answered, config),
        "verdicts": {
            NORMAL: parts.verdicts(answered.where(~answered.positive), config),
            PNEUMONIA: parts.verdicts(answered.where(answered.positive), config),
            "all": parts.verdicts(answered, config),
        },
        "calibration": parts.calibration(answered, config),
        "curves": parts.curves(answered, config),
        "subgroups": parts.subgroups(answered, config),
        "robustness": parts.robustness(answers),
        "worst": parts.worst(answered, config),
        "refused": [
            {"image": index, "reason": reason}
            for index, reason in zip(answers.index, answers.refusal, strict=True)
            if reason
        ],
        "unreadable": [
            {"image": index, "reason": reason} for index, reason in unreadable.items()
        ],
        "images": parts.rows(answers, config),
    }
    return plain(report)


def save_report(report: Report, folder: Path) -> None:
    """Writes `report.json` into an existing folder: a line for each item."""
    text = ",\n".join(
        f"{json.dumps(key)}: {_lines(value)}" for key, value in report.items()
    )
    (folder / REPORT_FILE).write_text("{\n" + text + "\n}\n", encoding="utf-8")


def _lines(value: Any) -> str:
    if isinstance(value, list):
        return "[\n" + ",\n".join(map(json.dumps, value)) + "\n]"
    items = (f"{json.dumps(key)}: {json.dumps(item)}" for key, item in value.items())
    return "{\n" + ",\n".join(items) + "\n}"


def plain(value: Any) -> Any:
    """What JSON can hold: six significant digits, null for NaN."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.6g}") if np.isfinite(value) else None
    return value
