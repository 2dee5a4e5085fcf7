"""Head, temperature, conformal thresholds, fitted. Arrays in, arrays out."""

import math

import numpy as np
from scipy.optimize import minimize, minimize_scalar

from ..inference.calibration import calibrate


def fit_temperature(
    logits: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> float:
    """The temperature of least cross-entropy (Guo 2017, arXiv:1706.04599).

    Args:
        logits: float (N, C), of images that the network never saw.
        labels: int (N,), in 0..C-1; or bool (N, C), the classes that may be right.
        weights: float (N,), how much each image counts.
    Returns:
        The temperature, in [0.05, 20].
    """

    def cross_entropy(log_temperature: float) -> float:
        probabilities = calibrate(logits, math.exp(log_temperature))
        return _cross_entropy(probabilities, labels, weights)

    limits = (math.log(0.05), math.log(20))
    return math.exp(minimize_scalar(cross_entropy, bounds=limits, method="bounded").x)


def fit_head(
    logits: np.ndarray, labels: np.ndarray, groups: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The affine map that puts a network's logits right.

    Matrix scaling (Guo 2017, arXiv:1706.04599) of two scales: one for what tells the
    groups apart, one for what tells the classes of a group apart. Label smoothing and
    mixup leave the network unsure of both alike, though it knows one far better. The
    bias is that of bias-corrected temperature scaling (Alexandari 2020,
    arXiv:1901.06852), for a network that saw the classes in other shares.

    Args:
        logits: float (N, C), of images that the network never saw.
        labels: int (N,), in 0..C-1, each class at least once; or bool (N, C), the
            classes that may be right, where nobody noted the pathogen.
        groups: int (C,), the group of each class.
        weights: float (N,), how much each image counts; they set the shares that the
            probabilities are to expect.
    Returns:
        matrix, float64 (C, C), and bias, float64 (C,), which sums to 0, of least
        weighted cross-entropy: the right logits are `logits @ matrix + bias`.
    """
    same = groups[:, None] == groups
    means = same / same.sum(axis=1)  # takes each class to the mean of its group

    def unpacked(parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        between, within = np.exp(parameters[:2])
        bias = parameters[2:] - parameters[2:].mean()
        return between * means + within * (np.eye(len(groups)) - means), bias

    def cross_entropy(parameters: np.ndarray) -> float:
        matrix, bias = unpacked(parameters)
        probabilities = calibrate(logits @ matrix + bias, 1.0)
        return _cross_entropy(probabilities, labels, weights)

    return unpacked(minimize(cross_entropy, np.zeros(2 + len(groups))).x)


def fit_threshold(probabilities: np.ndarray, coverage: float) -> float:
    """The conformal threshold of one finding: split conformal, class-conditional.

    A new image with this finding has a probability of at least the threshold with
    probability `coverage` or more (Vovk 2012, arXiv:1209.2673), if it is exchangeable
    with those given.

    Args:
        probabilities: float (N,), of the finding, on N images that have it and that
            the network never saw.
        coverage: in (0, 1).
    Returns:
        The threshold, in [0, 1]; 0 where N is too small to promise the coverage.
    """
    # the k-th smallest, k = floor((N + 1)(1 - coverage)); the tolerance keeps
    # (99 + 1)(1 - 0.95) = 5.000000000000004 and its like on the right side
    rank = math.floor((len(probabilities) + 1) * (1 - coverage) + 1e-9)
    return float(np.sort(probabilities)[rank - 1]) if rank else 0.0


def _cross_entropy(
    probabilities: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> float:
    """Weighted mean; probabilities are float (N, C), weights (N,)."""
    if labels.ndim == 1:
        labels = np.eye(probabilities.shape[1], dtype=bool)[labels]
    true = (probabilities * labels).sum(axis=1)
    return -(weights * np.log(true + 1e-12)).sum() / weights.sum()
