"""What the shipped predictor makes of other hospitals' X-rays, source by source."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from tqdm import tqdm

from ..config import NORMAL, PNEUMONIA
from ..dataset import OTHER, Elsewhere
from ..inference.calibration import UNCERTAIN
from ..inference.cam import agreement
from ..predictor import Prediction, Predictor
from .metrics import OPERATING_POINT, Estimate, figures, share

_SURE = 0.99
_LIMITS = (0.2, 0.4, 0.6, 0.8, 0.9)
_CHILDREN = "child"  # in the name of a source
_UNKNOWN: Estimate = dict.fromkeys(("value", "low", "high"))  # no such images


def judge_elsewhere(
    predictor: Predictor, judges: Sequence[Elsewhere], images: Sequence[np.ndarray]
) -> dict[str, list[dict[str, Any]]]:
    """Measures the predictor on images that nothing was learnt from.

    Args:
        predictor: as it is served; load it with `threads=1`.
        judges: the images' labels, sources and patients.
        images: uint8 (H, W) each.
    Returns:
        elsewhere: a row for all adults and for all children, then for each source:
        `group`; how many `images`, of them `refused` and, where labelled, `normals` and
        `pneumonias`. Of those with an answer, as `metrics.share` gives it, None in it
        where there are none: `normals_called`, of the normals those with the verdict
        PNEUMONIA; `normals_sure`, those above 0.99; `pneumonias_missed`, of the
        pneumonias those with the verdict NORMAL; `unfamiliar`, `uncertain`; and
        `auroc`.
        agreement: what tells right from wrong answers there, all sources together. For
        the model's own limit, then others: the `limit` of `cam.agreement`, and as
        `metrics.share` gives it the `share` of answers below it, and the errors at 0.5
        of those `below` and of those `above`.
    """
    with ThreadPoolExecutor() as pool:
        jobs = pool.map(predictor, images)
        answers = list(tqdm(jobs, "elsewhere", total=len(images), disable=None))
    groups = sorted({judge.source for judge in judges})
    rows = []
    for name, is_child in ("all adults", False), ("all children", True):
        members = [group for group in groups if (_CHILDREN in group) == is_child]
        if members:
            rows.append(_row(name, members, judges, answers))
    rows += [_row(name.replace("_", " "), [name], judges, answers) for name in groups]
    limits = predictor.config.agreement, *_LIMITS
    return {"elsewhere": rows, "agreement": _curve(judges, answers, limits)}


def _row(
    name: str,
    sources: Sequence[str],
    judges: Sequence[Elsewhere],
    answers: Sequence[Prediction],
) -> dict[str, Any]:
    pairs = [
        (judge, answer)
        for judge, answer in zip(judges, answers, strict=True)
        if judge.source in sources
    ]
    answered = [(j, a) for j, a in pairs if not a.refusal and j.finding != OTHER]
    positive = np.array([j.finding == PNEUMONIA for j, _ in answered], bool)
    verdict = np.array([a.verdict for _, a in answered])
    scores = np.array([a.probabilities[PNEUMONIA] for _, a in answered], float)
    patient = np.array([j.patient for j, _ in answered])
    unfamiliar = np.array([a.unfamiliar for _, a in answered], bool)
    everyone = np.full(len(answered), True)
    row = {
        "group": name,
        "images": len(pairs),
        "refused": sum(bool(answer.refusal) for _, answer in pairs),
        "normals": int((~positive).sum()),
        "pneumonias": int(positive.sum()),
    }
    for figure, holds, among in (
        ("normals_called", verdict == PNEUMONIA, ~positive),
        ("normals_sure", scores > _SURE, ~positive),
        ("pneumonias_missed", verdict == NORMAL, positive),
        ("unfamiliar", unfamiliar, everyone),
        ("uncertain", verdict == UNCERTAIN, everyone),
    ):
        row[figure] = share(holds[among], patient[among]) if among.any() else _UNKNOWN
    both = 0 < positive.sum() < len(positive)
    row["auroc"] = figures(positive, scores, patient)["AUROC"] if both else _UNKNOWN
    return row


def _curve(
    judges: Sequence[Elsewhere], answers: Sequence[Prediction], limits: Sequence[float]
) -> list[dict[str, Any]]:
    pairs = [
        (judge, answer)
        for judge, answer in zip(judges, answers, strict=True)
        if not answer.refusal and judge.finding != OTHER
    ]
    agreements = np.array([agreement(answer.cam_grid) for _, answer in pairs])
    wrong = np.array(
        [
            (a.probabilities[PNEUMONIA] >= OPERATING_POINT) != (j.finding == PNEUMONIA)
            for j, a in pairs
        ],
        bool,
    )
    patient = np.array([judge.patient for judge, _ in pairs])
    rows = []
    for limit in limits:
        below = agreements < limit
        row = {"limit": limit, "share": share(below, patient)}
        for name, part in ("below", below), ("above", ~below):
            row[name] = share(wrong[part], patient[part]) if part.any() else _UNKNOWN
        rows.append(row)
    return rows
