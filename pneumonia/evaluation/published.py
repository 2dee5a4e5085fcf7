"""A published `report.json`, as the page reads it; it may be a stranger's.

A report of another network or of another version counts as none.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..config import CARD_FILE, NORMAL, ONNX_FILE, REPORT_FILE, ModelConfig
from ..errors import ModelError

_CARD_LIMIT = 2**20  # characters
_FIGURES = ("AUROC", "sensitivity", "specificity", "accuracy", "ECE")
_TOTALS = ("all children", "all adults")  # of the groups of other hospitals
_SHARES = ("normals_called", "pneumonias_missed")
_COUNTS = ("images", "patients", "refused", "unreadable")
_BIN = ("probability", "share", "images")
_STRANGE = (ModelError, AttributeError, LookupError, TypeError, ValueError)


@dataclass(frozen=True)
class Report:
    """What people are shown of a report.

    Attributes:
        elsewhere: of each group of other hospitals' images its name and count, and the
            shares of the normal ones called pneumonia and of the pneumonias missed.
        figures: name -> `value`, `low` and `high`; None where it cannot be measured.
        counts: `images`, `patients`, `refused` and `unreadable`.
        roc: float (N, 2), in [0, 1]: false alarms and sensitivity.
        reliability: float (B, 3): the probability given, the share with pneumonia, and
            the count of images.
        positive, negative: float (N,), the probabilities of the images with pneumonia,
            and without.
    """

    elsewhere: list[dict[str, Any]]
    figures: dict[str, dict[str, float] | None]
    counts: dict[str, int]
    roc: np.ndarray
    reliability: np.ndarray
    positive: np.ndarray
    negative: np.ndarray

    @classmethod
    def load(cls, folder: Path, config: ModelConfig) -> "Report | None":
        """Reads the report of a model folder, if it is whole and of its network."""
        try:
            report = json.loads(config.verified(folder, REPORT_FILE))
            is_ours = report["model"]["sha256"] == config.files[ONNX_FILE]["sha256"]
            return cls.of(report, config) if is_ours else None
        except (*_STRANGE, RecursionError):
            return None

    @classmethod
    def of(cls, report: dict[str, Any], config: ModelConfig) -> "Report":
        """Takes what is shown from a report; raises one of `_STRANGE` without it."""
        answered, curves = report["figures"]["answered"], report["curves"]
        figures = {name: _estimate(answered[name]) for name in _FIGURES}
        cause = report["classes"].get("pathogen accuracy", {"value": None})
        unsure = report["verdicts"]["all"]["UNCERTAIN"]
        figures |= {"pathogen": _estimate(cause), "unsure": _estimate(unsure)}
        bins = [[it[key] for key in _BIN] for it in curves["reliability"]]
        scores = {True: [], False: []}  # by whether the image is normal
        for it in report["images"]:
            if it["probability"] is not None:
                is_normal = config.findings.get(it["label"]) == NORMAL
                scores[is_normal].append(float(it["probability"]))
        return cls(
            elsewhere=[
                {"name": name, "count": int(it["images"])}
                | {key: float(it[key]["value"]) for key in _SHARES}
                for name in _TOTALS
                for it in report.get("elsewhere") or ()
                if it["group"] == name
            ],
            figures=figures,
            counts={key: int(report["data"][key]) for key in _COUNTS},
            roc=np.array(curves["roc"], float).reshape(-1, 2),
            reliability=np.array(bins, float).reshape(-1, 3),
            positive=np.array(scores[False]),
            negative=np.array(scores[True]),
        )


def _estimate(found: dict[str, float | None]) -> dict[str, float] | None:
    if found["value"] is None:
        return None
    return {key: float(found[key]) for key in ("value", "low", "high")}


def card_text(folder: Path) -> str:
    """The model card without its metadata, Markdown; empty where there is none."""
    try:
        with open(folder / CARD_FILE, encoding="utf-8") as file:
            text = file.read(_CARD_LIMIT)
    except (OSError, ValueError):
        return ""
    return re.sub(r"\A---\n.*?\n---\n", "", text, count=1, flags=re.DOTALL)
