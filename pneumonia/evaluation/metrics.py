"""How good the answers are, with intervals by patient. Arrays in, numbers out.

Every measure takes weights, one row per bootstrap draw, so that a thousand draws are
one pass over a matrix; a row of ones gives the figure itself. The tests hold each
measure to scikit-learn's, which would have to be called once per draw.

Throughout: `positive` is bool (N,), labelled PNEUMONIA; `scores` is float (N,) in
[0, 1], the calibrated probability of PNEUMONIA; `patients` is an array (N,) of keys;
`weights` is float (D, N), and a measure gives float (D,), NaN where a draw lacks a
finding that it needs.
"""

from collections.abc import Callable

import numpy as np

OPERATING_POINT = 0.5  # called PNEUMONIA from this probability on
BINS = 15  # of equal width, in the calibration error
DRAWS = 1000
LEVEL = 0.95

Estimate = dict[str, float | None]
Measure = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def auroc(positive: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Area under the ROC curve: how often a positive outscores a negative."""
    pos, neg = _by_score(positive, scores, weights)
    below = np.cumsum(neg, axis=1) - neg / 2  # an equal score counts half
    return _ratio((pos * below).sum(axis=1), pos.sum(axis=1) * neg.sum(axis=1))


def average_precision(
    positive: np.ndarray, scores: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Area under the precision-recall curve, as steps: scikit-learn's definition."""
    pos, neg = (part[:, ::-1] for part in _by_score(positive, scores, weights))
    hits, alarms = np.cumsum(pos, axis=1), np.cumsum(neg, axis=1)
    precision = hits / np.maximum(hits + alarms, np.finfo(float).tiny)
    return _ratio((pos * precision).sum(axis=1), pos.sum(axis=1))


def brier(positive: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean squared distance of the probability from 0 or 1 (Brier 1950)."""
    return _ratio(weights @ (scores - positive) ** 2, weights.sum(axis=1))


def log_loss(
    positive: np.ndarray, scores: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Mean negative log probability of the true finding, in nats."""
    true = np.clip(np.where(positive, scores, 1 - scores), np.finfo(float).eps, None)
    return _ratio(weights @ -np.log(true), weights.sum(axis=1))


def ece(positive: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Expected calibration error of P(PNEUMONIA), over 15 bins of equal width.

    The mean distance between the probability and the share of positives, bin by bin:
    Naeini 2015 (AAAI 29:2901) for one class, in the bins of Guo 2017
    (arXiv:1706.04599), which are closed above.
    """
    excess = bin_of(scores)[:, None] == np.arange(BINS)  # (N, BINS)
    gaps = weights @ (excess * (scores - positive)[:, None])  # (D, BINS)
    return _ratio(np.abs(gaps).sum(axis=1), weights.sum(axis=1))


def bin_of(scores: np.ndarray) -> np.ndarray:
    """Index of each score's calibration bin, int (N,) in 0..BINS-1."""
    return np.digitize(scores, np.linspace(0, 1, BINS + 1)[1:-1], right=True)


MEASURES: dict[str, Measure] = {
    "AUROC": auroc,
    "average precision": average_precision,
    "Brier": brier,
    "ECE": ece,
    "log loss": log_loss,
}


def figures(
    positive: np.ndarray, scores: np.ndarray, patients: np.ndarray
) -> dict[str, Estimate]:
    """Three rates and five measures of scored radiographs.

    Returns name -> {"value", "low", "high"}; None where they cannot tell.
    """
    weights = resample(patients)
    correct = (scores >= OPERATING_POINT) == positive
    return rates(positive, correct, patients) | {
        name: _estimate(measure(positive, scores, weights))
        for name, measure in MEASURES.items()
    }


def equal_shares(positive: np.ndarray) -> np.ndarray:
    """Weights, float (N,), under which both findings count alike; of mean 1."""
    return np.where(positive, 0.5 / positive.mean(), 0.5 / (1 - positive.mean()))


def ece_at_equal_shares(
    positive: np.ndarray, scores: np.ndarray, patients: np.ndarray
) -> Estimate:
    """`ece`, were half of them positive; None in it where all or none are."""
    if not 0 < positive.sum() < len(positive):
        return _estimate(np.array([np.nan]))
    weights = resample(patients) * equal_shares(positive)
    return _estimate(ece(positive, scores, weights))


def rates(
    positive: np.ndarray, correct: np.ndarray, patients: np.ndarray
) -> dict[str, Estimate]:
    """Accuracy, sensitivity and specificity of calls; `correct` is bool (N,)."""
    return {
        "accuracy": share(correct, patients),
        "sensitivity": share(correct[positive], patients[positive]),
        "specificity": share(correct[~positive], patients[~positive]),
    }


def share(holds: np.ndarray, patients: np.ndarray) -> Estimate:
    """The share of images for which something holds, bool (N,)."""
    weights = resample(patients)
    return _estimate(_ratio(weights @ holds, weights.sum(axis=1)))


def resample(patients: np.ndarray, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """Bootstrap weights: how often each image counts in each draw.

    Whole patients are drawn with replacement, not images: those of one child are
    alike, and drawing them one by one would make every interval too narrow.

    Returns:
        float (1 + draws, N): a row of ones, for the figure itself, then the draws.
    """
    if not len(patients):
        return np.ones((1 + draws, 0))
    _, member = np.unique(patients, return_inverse=True)
    count = member.max() + 1
    drawn = np.random.default_rng(seed).multinomial(
        count, np.full(count, 1 / count), size=draws
    )
    return np.vstack([np.ones(len(member)), drawn[:, member]])


def _estimate(values: np.ndarray) -> Estimate:
    """Percentile interval of draws, float (1 + D,), around the first value."""
    drawn = values[1:][np.isfinite(values[1:])]
    if not np.isfinite(values[0]) or not len(drawn):
        return dict.fromkeys(("value", "low", "high"))
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {"value": float(values[0]), "low": float(low), "high": float(high)}


def _by_score(positive, scores, weights) -> tuple[np.ndarray, np.ndarray]:
    """Weights of positives and negatives at each distinct score, rising; (D, U)."""
    order = np.argsort(scores, kind="stable")
    steps = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))
    return tuple(
        np.add.reduceat((weights * members)[:, order], steps, axis=1)
        for members in (positive, ~positive)
    )


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(len(below), np.nan), where=below > 0)
