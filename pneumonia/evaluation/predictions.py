"""Answers to labelled radiographs, and each part of the report about them."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import precision_recall_curve, roc_curve

from ..config import FINDINGS, NORMAL, PNEUMONIA, ModelConfig
from ..inference.calibration import UNCERTAIN
from .metrics import (
    BINS,
    OPERATING_POINT,
    Estimate,
    bin_of,
    ece_at_equal_shares,
    figures,
    rates,
    share,
)
from .perturbations import PERTURBATIONS

HEADLINES = ("AUROC", "accuracy", "sensitivity", "specificity")

_LEAST = 20  # images in a subgroup: fewer say nothing
_WORST = 24  # errors of each finding to show
_PREFIX = re.compile(r"[A-Za-z]+(?:\d+-[A-Za-z]+)*")  # of NORMAL2-IM-0383-0001, person1


@dataclass(frozen=True)
class Answers:
    """The labels of N readable images, and the answers to them; arrays of length N.

    Attributes:
        index: int, in the list that was given.
        name: str, the file's name, which the report does not repeat.
        label: str, the class that the image is labelled with.
        positive: bool, labelled PNEUMONIA.
        patient: int, a pseudonym.
        classes: float (N, C), calibrated probabilities; NaN where refused.
        verdict: str, empty where refused.
        refusal: str, the reason; empty where answered.
        ood_score: float, higher = further from the training data; NaN without a gate.
        uncalibrated: float, the network's P(PNEUMONIA) at temperature 1.
        width: int, of the image, in pixels.
        digest: str, equal for images of equal pixels.
        conditions: float (N, K), P(PNEUMONIA) under each perturbation, refused or not.
        conditions_refused: bool (N, K).
    """

    index: np.ndarray
    name: np.ndarray
    label: np.ndarray
    positive: np.ndarray
    patient: np.ndarray
    classes: np.ndarray
    verdict: np.ndarray
    refusal: np.ndarray
    ood_score: np.ndarray
    uncalibrated: np.ndarray
    width: np.ndarray
    digest: np.ndarray
    conditions: np.ndarray
    conditions_refused: np.ndarray

    def where(self, mask: np.ndarray) -> "Answers":
        """Those of a mask, bool (N,)."""
        fields = dataclasses.fields(self)
        return Answers(*(getattr(self, field.name)[mask] for field in fields))

    def scores(self, config: ModelConfig) -> np.ndarray:
        """Calibrated P(PNEUMONIA), float (N,)."""
        return self.classes[:, config.classes_of(PNEUMONIA)].sum(axis=1)


def labels_in(answers: Answers, config: ModelConfig) -> list[str]:
    """The labels that occur: the network's classes, then PNEUMONIA of no pathogen."""
    present = set(answers.label.tolist())
    names = dict.fromkeys((*config.class_names, PNEUMONIA))  # a class may be PNEUMONIA
    return [name for name in names if name in present]


def all_figures(answers: Answers, config: ModelConfig) -> dict[str, Estimate]:
    """Every measure of `metrics`."""
    return figures(answers.positive, answers.scores(config), answers.patient)


def strict_rates(answers: Answers, config: ModelConfig) -> dict[str, Estimate]:
    """The rates where no answer counts as a wrong one."""
    scores = answers.scores(config)  # NaN where refused: on neither side of the point
    correct = np.where(
        answers.positive, scores >= OPERATING_POINT, scores < OPERATING_POINT
    )
    return rates(answers.positive, correct, answers.patient)


def confusion(answers: Answers, config: ModelConfig) -> dict[str, Any]:
    """Counts by label (a row each) and call (a column each)."""
    called = answers.scores(config) >= OPERATING_POINT
    known, names, likeliest = _known(answers, config)
    findings = np.array(FINDINGS)
    return {
        "findings": _counts(
            findings[answers.positive * 1], findings[called * 1], findings
        ),
        "classes": _counts(known.label, likeliest, names),
    }


def _counts(labels: np.ndarray, calls: np.ndarray, names: Sequence[str]):
    return {
        "names": names,
        "counts": [
            [((labels == row) & (calls == column)).sum() for column in names]
            for row in names
        ],
    }


def _known(answers: Answers, config: ModelConfig):
    """Images labelled with a class of the network's, its classes, and the likeliest."""
    names = np.array(config.class_names)
    known = answers.where(np.isin(answers.label, names))
    return known, names, names[known.classes.argmax(axis=1)]


def by_class(answers: Answers, config: ModelConfig) -> dict[str, Any]:
    """Accuracy over the network's classes, and over the pathogens of the positives.

    Of two pathogens, the recall of one is the sensitivity for it and that of the other
    its specificity. A network that knows no pathogens has no figure of them.
    """
    known, names, likeliest = _known(answers, config)
    members = config.classes_of(PNEUMONIA)
    positives = known.where(known.positive & (len(members) > 1))
    right = (
        names[members][positives.classes[:, members].argmax(axis=1)] == positives.label
    )
    recall = {name: positives.label == name for name in names[members]}
    return {
        "accuracy": share(likeliest == known.label, known.patient),
        "pathogen accuracy": share(right, positives.patient),
        "pathogen recall": {
            name: {"images": mask.sum(), **share(right[mask], positives.patient[mask])}
            for name, mask in recall.items()
            if len(members) > 1
        },
    }


def verdicts(answers: Answers, config: ModelConfig) -> dict[str, Any]:
    """How many verdicts are right or UNCERTAIN, and what the thresholds let through.

    The two differ: where the thresholds exclude both findings, the label is excluded,
    yet no wrong finding is named.
    """
    unsure = answers.verdict == UNCERTAIN
    labels = np.where(answers.positive, PNEUMONIA, NORMAL)
    scores = answers.scores(config)
    least = [config.thresholds[label] for label in labels]
    return {
        "images": len(answers.index),
        "conformal": share(
            np.where(answers.positive, scores, 1 - scores) >= least, answers.patient
        ),
        "covered": share((answers.verdict == labels) | unsure, answers.patient),
        UNCERTAIN: share(unsure, answers.patient),
    }


def calibration(answers: Answers, config: ModelConfig) -> dict[str, Any]:
    """What the temperature did: the network at temperature 1, and what is served.

    The calibration error also if either finding were as frequent: it is what the
    probabilities are made for, and these images may have other shares.
    """
    stages = {"before": answers.uncalibrated, "after": answers.scores(config)}
    return {stage: _errors(answers, scores) for stage, scores in stages.items()}


def _errors(answers: Answers, scores: np.ndarray) -> dict[str, Estimate]:
    about = answers.positive, scores, answers.patient
    found = figures(*about)
    kept = {name: found[name] for name in ("ECE", "Brier", "log loss")}
    return kept | {"ECE at equal shares": ece_at_equal_shares(*about)}


def curves(answers: Answers, config: ModelConfig) -> dict[str, Any]:
    """What the plots show; the two curves need both findings."""
    positive, scores = answers.positive, answers.scores(config)
    both = 0 < positive.sum() < len(positive)
    histogram = {
        label: np.histogram(scores[answers.label == label], bins=20, range=(0, 1))[0]
        for label in labels_in(answers, config)
    }
    return {
        # false alarms and hits; recall and precision
        "roc": np.stack(roc_curve(positive, scores)[:2], axis=1) if both else None,
        "precision_recall": (
            np.stack(precision_recall_curve(positive, scores)[1::-1], axis=1)
            if both
            else None
        ),
        "reliability": [
            {
                "images": mask.sum(),
                "probability": scores[mask].mean(),
                "share": positive[mask].mean(),
            }
            for index in range(BINS)
            if (mask := bin_of(scores) == index).any()
        ],
        "histogram": histogram,
    }


def subgroups(answers: Answers, config: ModelConfig) -> dict[str, Any]:
    """The headlines of each part of the data that is large enough to say something."""
    if not len(answers.index):
        return {}
    width, negative = answers.width, ~answers.positive
    low, high = np.quantile(width, [1 / 3, 2 / 3], method="lower")
    prefix = np.array([(_PREFIX.match(name) or [""])[0] for name in answers.name])
    groups = {
        "pathogen": {
            f"{name} and all {NORMAL}": (answers.label == name) | negative
            for name in labels_in(answers, config)
            if name != NORMAL
        },
        "width of the image": {
            f"up to {low} pixels": width <= low,
            f"up to {high} pixels": (low < width) & (width <= high),
            f"over {high} pixels": width > high,
        },
        "file name": {f"{name}…": prefix == name for name in np.unique(prefix)},
    }
    return {
        group: {
            name: {
                "images": mask.sum(),
                **_headlines(all_figures(answers.where(mask), config)),
            }
            for name, mask in parts.items()
            if _LEAST <= mask.sum() < len(mask)  # a part, not the whole
        }
        for group, parts in groups.items()
    }


def _headlines(found: Mapping[str, Estimate]) -> dict[str, Estimate]:
    return {name: found[name] for name in HEADLINES}


def robustness(answers: Answers) -> dict[str, Any]:
    """The headlines in each condition, of the network alone, and what the gate says."""
    return {
        name: {
            **_headlines(figures(answers.positive, scores, answers.patient)),
            "refused": refused.mean(),
        }
        for name, scores, refused in zip(
            PERTURBATIONS,
            answers.conditions.T,
            answers.conditions_refused.T,
            strict=True,
        )
    }


def worst(answers: Answers, config: ModelConfig) -> dict[str, np.ndarray]:
    """Of each finding, the images that were called wrong most surely, worst first."""
    scores = answers.scores(config)
    wrong = (scores >= OPERATING_POINT) != answers.positive
    order = np.argsort(-np.abs(scores - OPERATING_POINT), kind="stable")
    parts = {NORMAL: ~answers.positive, PNEUMONIA: answers.positive}
    return {
        finding: answers.index[order][(wrong & part)[order]][:_WORST]
        for finding, part in parts.items()
    }


def rows(answers: Answers, config: ModelConfig) -> list[dict[str, Any]]:
    """A row for each readable image."""
    columns = {
        "image": answers.index,
        "label": answers.label,
        "patient": answers.patient,
        "probability": answers.scores(config),
        "classes": answers.classes,
        "uncalibrated": answers.uncalibrated,
        "verdict": answers.verdict,
        "ood_score": answers.ood_score,
    }
    return [
        dict(zip(columns, row, strict=True))
        for row in zip(*columns.values(), strict=True)
    ]
