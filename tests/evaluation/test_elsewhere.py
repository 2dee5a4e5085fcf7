"""Other hospitals' X-rays: each source's figures, and what tells wrong answers."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from pneumonia import Prediction
from pneumonia.config import NORMAL, PNEUMONIA
from pneumonia.dataset import OTHER, Elsewhere
from pneumonia.evaluation.elsewhere import judge_elsewhere
from tests.support.toy_model import toy_config

# source, finding, P(PNEUMONIA), evidence for and against
ANSWERS = [
    ("town", NORMAL, 0.2, (1, -9)),
    ("town", NORMAL, 0.995, (9, -1)),
    ("town", PNEUMONIA, 0.9, (9, 0)),
    ("town", PNEUMONIA, 0.4, (5, -6)),
    ("town", OTHER, 0.9, (1, 0)),
    ("town_children", NORMAL, 0.1, (0, -9)),
    ("town_children", PNEUMONIA, None, None),
]


class Scripted:
    """Answers the image of one value by the row that the value numbers."""

    config = dataclasses.replace(toy_config(), agreement=0.5)

    def __call__(self, image):
        _, _, share, evidence = ANSWERS[image[0, 0]]
        if share is None:
            return Prediction(refusal="no chest")
        return Prediction(
            probabilities={PNEUMONIA: share, NORMAL: 1 - share},
            verdict=PNEUMONIA if share > 0.5 else NORMAL,
            cam_grid=np.array([evidence], np.float32),
        )


@pytest.fixture
def found():
    judges = [
        Elsewhere(Path(f"{place}.png"), finding, source, f"patient{place}", "judge")
        for place, (source, finding, _, _) in enumerate(ANSWERS)
    ]
    images = [np.full((2, 2), place, np.uint8) for place in range(len(ANSWERS))]
    return judge_elsewhere(Scripted(), judges, images)


def test_each_source_has_its_figures(found):
    rows = {row["group"]: row for row in found["elsewhere"]}
    assert list(rows) == ["all adults", "all children", "town", "town children"]
    town = rows["town"]
    counts = [town[name] for name in ("images", "normals", "pneumonias")]
    assert counts == [5, 2, 2]
    assert town["normals_called"]["value"] == town["normals_sure"]["value"] == 0.5
    assert town["pneumonias_missed"]["value"] == 0.5
    assert town["auroc"]["value"] == 0.5  # 0.9 and 0.4 against 0.2 and 0.995
    children = rows["town children"]
    assert (children["refused"], children["normals"]) == (1, 1)
    assert children["pneumonias_missed"]["value"] is children["auroc"]["value"] is None


def test_wrong_answers_are_told_by_their_agreement(found):
    own, *others = found["agreement"]
    assert own["limit"] == 0.5 and len(others) > 3
    # of the five with a label, one is below: wrong; of the other four one is wrong
    values = [own[name]["value"] for name in ("share", "below", "above")]
    assert values == [0.2, 1.0, 0.25]
