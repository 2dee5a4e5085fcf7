"""Measures against scikit-learn and by hand; intervals by patient."""

import numpy as np
import pytest
from sklearn import metrics as reference

from pneumonia.evaluation.metrics import (
    MEASURES,
    auroc,
    average_precision,
    bin_of,
    brier,
    ece,
    ece_at_equal_shares,
    figures,
    log_loss,
    rates,
    resample,
    share,
)

ONE = np.ones((1, 4))
NOTHING = {"value": None, "low": None, "high": None}


@pytest.fixture
def radiographs():
    """Sixty radiographs of twenty-five patients, some with equal scores."""
    random = np.random.default_rng(5)
    positive = random.random(60) < 0.6
    scores = np.round(np.clip(random.normal(0.35 + 0.3 * positive, 0.2), 0, 1), 1)
    return positive, scores, random.integers(25, size=60)


@pytest.mark.parametrize(
    "measure, standard",
    [
        (auroc, reference.roc_auc_score),
        (average_precision, reference.average_precision_score),
        (brier, reference.brier_score_loss),
        (log_loss, reference.log_loss),
    ],
)
def test_each_draw_is_what_scikit_learn_says(radiographs, measure, standard):
    positive, scores, patients = radiographs
    weights = resample(patients, draws=20)
    assert (weights == 0).any() and (weights > 1).any()
    expected = [standard(positive, scores, sample_weight=row) for row in weights]
    np.testing.assert_allclose(measure(positive, scores, weights), expected)


def test_ranking_by_hand():
    positive = np.array([True, True, False, False])
    scores = np.array([0.9, 0.4, 0.4, 0.1])
    assert auroc(positive, scores, ONE) == 3.5 / 4  # one pair of four is equal
    # half of the positives found at precision 1, the other half at 2 / 3
    assert average_precision(positive, scores, ONE) == pytest.approx((1 + 2 / 3) / 2)
    assert auroc(~positive, scores, ONE) == 0.5 / 4


def test_calibration_error_by_hand():
    positive = np.array([False, True, True, True])
    scores = np.array([0.32, 0.32, 0.9, 0.9])
    # one bin says 0.32 where half are positive, the other 0.9 where all are
    assert ece(positive, scores, ONE) == pytest.approx((2 * 0.18 + 2 * 0.1) / 4)


def test_calibration_error_at_equal_shares_by_hand():
    """Nine of ten are positive; alone in its bin the negative counts for half."""
    positive = np.array([True] * 9 + [False])
    scores = np.array([0.9] * 9 + [0.3])
    found = ece_at_equal_shares(positive, scores, np.arange(10))
    assert found["value"] == pytest.approx((0.1 + 0.3) / 2)
    assert found["low"] <= found["value"] <= found["high"]
    none = ece_at_equal_shares(positive[:9], scores[:9], np.arange(9))
    assert none["value"] is None


def test_calibration_counts_the_surest_radiographs():
    positive, scores = np.array([False] * 4), np.ones(4)
    assert ece(positive, scores, ONE) == 1


def test_calibration_bins_are_closed_above():
    edges = np.array([0, 1 / 15, 1 / 15 + 1e-9, 14 / 15 + 1e-9, 1])
    np.testing.assert_array_equal(bin_of(edges), [0, 0, 1, 14, 14])


def test_certain_mistake_costs_a_finite_loss():
    positive, scores = np.array([True]), np.array([0.0])
    assert 30 < log_loss(positive, scores, np.ones((1, 1)))[0] < 40


def test_a_draw_takes_whole_patients():
    patients = np.array(["b", "a", "b", "c", "a"])
    weights = resample(patients, draws=50)
    assert weights.shape == (51, 5)
    np.testing.assert_array_equal(weights[0], 1)
    np.testing.assert_array_equal(weights[:, 0], weights[:, 2])
    np.testing.assert_array_equal(weights[:, 1], weights[:, 4])
    np.testing.assert_array_equal(weights[:, [0, 1, 3]].sum(axis=1), 3)
    np.testing.assert_array_equal(weights, resample(patients, draws=50))


def test_more_radiographs_of_the_same_patients_tell_no_more(radiographs):
    positive, scores, patients = radiographs
    again = [np.repeat(values, 4) for values in (positive, scores, patients)]
    once, fourfold = figures(positive, scores, patients), figures(*again)
    for name in once:
        assert fourfold[name] == pytest.approx(once[name]), name


def test_interval_is_that_of_a_proportion():
    holds = np.arange(400) < 100
    found = share(holds, np.arange(400))
    error = 1.96 * np.sqrt(0.25 * 0.75 / 400)
    assert found["value"] == 0.25
    assert found["low"] == pytest.approx(0.25 - error, abs=0.006)
    assert found["high"] == pytest.approx(0.25 + error, abs=0.006)


def test_rates_by_hand():
    positive = np.array([True, True, True, False])
    correct = np.array([True, True, False, False])
    found = rates(positive, correct, np.arange(4))
    values = {name: estimate["value"] for name, estimate in found.items()}
    expected = {"accuracy": 1 / 2, "sensitivity": 2 / 3, "specificity": 0}
    assert values == pytest.approx(expected)


def test_value_lies_in_its_interval(radiographs):
    for name, found in figures(*radiographs).items():
        # resampling with replacement pushes calibration errors up, never down
        assert name == "ECE" or found["low"] < found["value"] < found["high"], name


def test_called_at_the_operating_point_is_pneumonia():
    found = figures(np.array([True, False]), np.array([0.5, 0.499]), np.arange(2))
    assert found["accuracy"]["value"] == 1


@pytest.mark.parametrize("positive", [True, False])
def test_one_finding_alone_has_no_ranking(positive):
    found = figures(np.full(3, positive), np.array([0.1, 0.6, 0.7]), np.arange(3))
    assert found["AUROC"] == NOTHING
    assert found["specificity" if positive else "sensitivity"] == NOTHING
    assert found["accuracy"]["value"] == pytest.approx(2 / 3 if positive else 1 / 3)
    assert found["Brier"]["value"] > 0


def test_no_radiographs_at_all():
    empty = np.array([], bool), np.array([]), np.array([])
    assert figures(*empty) == dict.fromkeys(
        ("accuracy", "sensitivity", "specificity", *MEASURES), NOTHING
    )
