"""Temperature and conformal thresholds, applied. Arrays in, arrays out."""

from collections.abc import Mapping

import numpy as np

UNCERTAIN = "UNCERTAIN"


def calibrate(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Softmax of `logits / temperature` over the last axis.

    Args:
        logits: float (..., C).
        temperature: > 0; above 1 it makes the probabilities less certain.
    Returns:
        float64 (..., C) in [0, 1], summing to 1.
    """
    scaled = np.asarray(logits, np.float64) / temperature
    exponentials = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def verdict(probabilities: Mapping[str, float], thresholds: Mapping[str, float]) -> str:
    """The one finding that the conformal thresholds leave, or `UNCERTAIN`.

    A finding is left if its probability reaches its threshold. Where both or neither
    are, or where the less likely one alone is, no honest answer is sure: the last would
    contradict the probabilities that stand beside it. Saying UNCERTAIN there as well
    never lowers the coverage.
    """
    left = {name for name, p in probabilities.items() if p >= thresholds[name]}
    likelier = max(probabilities, key=lambda name: probabilities[name])
    return likelier if left == {likelier} else UNCERTAIN
