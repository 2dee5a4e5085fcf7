"""The card's figures are those of the outputs it was given."""

import dataclasses

import numpy as np
import pytest
from toy import toy_config

from pneumonia.config import CARD_FILE
from pneumonia.training.card import validation_figures, write_card

# NORMAL, BACTERIAL, VIRAL, VIRAL with odds of 9 : 1 for the class that is called
LOGITS = np.log(np.array([[18, 1, 1], [1, 18, 1], [1, 1, 18], [18, 1, 1]])) * 1.0
LABELS = np.array([0, 1, 2, 2])


def _config():
    thresholds = {"NORMAL": 0.5, "PNEUMONIA": 0.05}
    return dataclasses.replace(toy_config(), thresholds=thresholds)


def test_figures_by_hand():
    figures = validation_figures(_config(), LOGITS, LABELS)
    assert figures == pytest.approx(
        {
            "AUROC": 5
            / 6,  # two of three sick above the normal one, the third equal to it
            "accuracy at 0.5": 3 / 4,
            "sensitivity at 0.5": 2 / 3,
            "specificity at 0.5": 1.0,
            "accuracy of three classes": 3 / 4,
            "share of UNCERTAIN verdicts": 0.5,  # p = 0.1 passes both thresholds
        }
    )


def test_card_shows_them(tmp_path):
    write_card(_config(), LOGITS, LABELS, tmp_path)
    text = (tmp_path / CARD_FILE).read_text()
    assert text.startswith("---\nlicense: cc-by-4.0\n")
    assert "| AUROC | 0.833 |" in text
    assert "Not a medical device" in text
    assert "10.17632/rscbjbr9sj.2" in text
