"""Temperature and conformal thresholds, worked out by hand."""

import math

import numpy as np
import pytest

from pneumonia.export.fit_calibration import fit_head, fit_temperature, fit_threshold
from pneumonia.inference.calibration import calibrate, verdict


def test_softmax_by_hand():
    # odds 3 : 1 at temperature 1; their square root at 2
    logits = np.array([math.log(3), 0.0])
    np.testing.assert_allclose(calibrate(logits, 1.0), [0.75, 0.25])
    root = math.sqrt(3)
    np.testing.assert_allclose(
        calibrate(logits, 2.0), [root / (1 + root), 1 / (1 + root)]
    )


def test_probabilities_sum_to_one_at_any_size():
    for logits in ([[1000.0, 0.0, -1000.0]], [[-1e4, -1e4, -1e4]], np.zeros((2, 3))):
        probabilities = calibrate(np.array(logits), 0.7)
        assert np.isfinite(probabilities).all()
        np.testing.assert_allclose(probabilities.sum(axis=-1), 1.0)


IDENTITY = np.eye(3)


def _drawn(temperature, bias=(0, 0, 0), matrix=IDENTITY):
    """Logits, and labels that come as often as the corrected logits say."""
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 2, (20_000, 3))
    chances = calibrate(logits @ matrix + bias, temperature).cumsum(axis=1)
    labels = (generator.uniform(size=(len(logits), 1)) > chances).sum(axis=1)
    return logits, labels


@pytest.mark.parametrize("truth", [0.4, 1.0, 3.0])
def test_temperature_is_found_again(truth):
    logits, labels = _drawn(truth)
    found = fit_temperature(logits, labels, np.ones(len(labels)))
    assert found == pytest.approx(truth, rel=0.05)


def test_temperature_is_that_of_the_images_that_count():
    logits, labels = _drawn(2.0)
    others = 5 * np.eye(3)[(labels + 1) % 3]  # surely wrong
    weights = np.repeat([1.0, 0.0], len(labels))
    found = fit_temperature(np.vstack([logits, others]), np.tile(labels, 2), weights)
    assert found == pytest.approx(2.0, rel=0.05)


GROUPS = np.array([0, 1, 1])


def test_head_is_found_again():
    """Twice as sure of the group, half as sure within it, and other shares."""
    truth, bias = (
        np.array([[2, 0, 0], [0, 1.25, 0.75], [0, 0.75, 1.25]]),
        [1.5, -0.5, -1],
    )
    logits, _ = _drawn(1.0)
    _, labels = _drawn(1.0, bias, truth)
    matrix, found = fit_head(logits, labels, GROUPS, np.ones(len(labels)))
    np.testing.assert_allclose(matrix, truth, atol=0.1)
    np.testing.assert_allclose(found, bias, atol=0.1)
    weights = np.ones(len(labels))
    found = fit_temperature(logits @ matrix + found, labels, weights)
    assert found == pytest.approx(1, 0.01)


def test_what_is_right_stays():
    logits, labels = _drawn(1.0)
    matrix, bias = fit_head(logits, labels, GROUPS, np.ones(len(labels)))
    np.testing.assert_allclose(matrix, np.eye(3), atol=0.05)
    np.testing.assert_allclose(bias, 0, atol=0.05)


def test_weights_set_the_shares():
    """Classes that weigh the same are as likely, however often they came."""
    logits, labels = _drawn(1.0, (2.0, 0.0, -1.0))
    shares = np.bincount(labels) / len(labels)
    assert shares.max() > 3 * shares.min()
    _, found = fit_head(logits, labels, GROUPS, 1 / shares[labels])
    expected = np.array([2.0, 0.0, -1.0]) - np.log(shares)
    np.testing.assert_allclose(found, expected - expected.mean(), atol=0.1)


def test_threshold_by_hand():
    # N = 19: floor(20 * 0.05) = 1, the smallest; N = 39: the second smallest
    assert fit_threshold(np.linspace(0.1, 1.0, 19), 0.95) == pytest.approx(0.1)
    probabilities = np.arange(39) / 100
    assert fit_threshold(probabilities[::-1], 0.95) == pytest.approx(0.01)


def test_too_few_to_promise_anything():
    assert fit_threshold(np.full(18, 0.9), 0.95) == 0.0


def test_coverage_holds_on_new_images():
    generator = np.random.default_rng(0)
    covered = [
        (generator.uniform(size=500) >= fit_threshold(generator.uniform(size=99), 0.9))
        for _ in range(300)
    ]
    assert 0.89 < np.mean(covered) < 0.92


THRESHOLDS = {"NORMAL": 0.7, "PNEUMONIA": 0.6}


@pytest.mark.parametrize(
    "p, expected",
    [
        (0.9, "PNEUMONIA"),
        (0.1, "NORMAL"),
        (0.55, "UNCERTAIN"),  # neither is likely enough
        (0.6, "PNEUMONIA"),  # at the threshold it counts
    ],
)
def test_verdict(p, expected):
    assert verdict({"NORMAL": 1 - p, "PNEUMONIA": p}, THRESHOLDS) == expected


def test_verdict_is_uncertain_where_both_are_left():
    thresholds = {"NORMAL": 0.3, "PNEUMONIA": 0.3}
    assert verdict({"NORMAL": 0.6, "PNEUMONIA": 0.4}, thresholds) == "UNCERTAIN"


def test_verdict_never_contradicts_the_probabilities():
    thresholds = {"NORMAL": 0.9, "PNEUMONIA": 0.2}
    assert verdict({"NORMAL": 0.7, "PNEUMONIA": 0.3}, thresholds) == "UNCERTAIN"
