"""The page about the model: its figures, its words, what a threshold costs."""

import dataclasses
import json
import re

import pandas as pd
import pytest

from pneumonia.config import ModelConfig
from pneumonia.evaluation.published import Report
from pneumonia.hub import BUNDLED
from pneumonia.web import model_page
from pneumonia.web.translations import LANGUAGES, say

CONFIG = ModelConfig.load(BUNDLED)
CONTENT = json.loads((BUNDLED / "report.json").read_text(encoding="utf-8"))
REPORT = Report.load(BUNDLED, CONFIG)
# Five images with an answer, and one without.
ROWS = [
    *({"label": "BACTERIAL", "probability": p} for p in (0.9, 0.6, 0.2)),
    *({"label": "NORMAL", "probability": p} for p in (0.1, 0.5)),
    {"label": "VIRAL", "probability": None},
]
FIVE = Report.of(CONTENT | {"images": ROWS}, CONFIG)
MARKUP = "<img src=x onerror=alert(1)>"
GROUP = {
    "group": "all children",
    "images": 1234,
    "normals_called": {"value": 0.25},
    "pneumonias_missed": {"value": 0.1},
}


def plain(html):
    text = re.sub(r"<[^>]+>", " ", html).replace("\u202f", " ")
    return re.sub(r"\s+", " ", text)


def overview(report, config=CONFIG, language="en"):
    return model_page.overview(config, "bundled", report, language)


@pytest.mark.parametrize(
    "threshold, missed, alarms, sensitivity, specificity",
    [
        (0, 0, 2, "100.0 %", "0.0 %"),
        (0.2, 0, 1, "100.0 %", "50.0 %"),  # from the threshold on
        (0.21, 1, 1, "66.7 %", "50.0 %"),
        (0.55, 1, 0, "66.7 %", "100.0 %"),
        (1, 3, 0, "0.0 %", "100.0 %"),
    ],
)
def test_costs_of_a_threshold(threshold, missed, alarms, sensitivity, specificity):
    found = plain(model_page.costs(FIVE, threshold, 0.5, "en"))
    assert f"{missed} of 3 pneumonias missed; {alarms} false alarms in 2" in found
    assert f"Sensitivity {sensitivity} share" in found
    assert f"Specificity {specificity} share" in found


def test_predictive_values_by_hand():
    """Of 30 children 6 are ill: 4 found, 2 missed, 12 of the other 24 are alarms."""
    found = plain(model_page.costs(FIVE, 0.5, 0.2, "en"))
    assert "predictive value 25.0 % of" in found
    assert "predictive value 85.7 % of" in found


def test_nothing_called_has_no_predictive_value():
    found = plain(model_page.costs(FIVE, 1, 0.5, "en"))
    assert "Positive predictive value – of" in found


def test_costs_without_images_are_nothing():
    assert model_page.costs(None, 0.5, 0.5, "en") == ""
    one_class = Report.of(CONTENT | {"images": ROWS[:3]}, CONFIG)
    assert model_page.costs(one_class, 0.5, 0.5, "en") == ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_figures_are_the_reports(language):
    text = plain(overview(REPORT, language=language))
    for name in ("AUROC", "sensitivity", "ECE"):
        value = CONTENT["figures"]["answered"][name]["value"]
        assert f"{value:.3f}".replace(".", "," if language == "fr" else ".") in text


def test_other_hospitals_come_first_and_are_measured_or_not():
    unmeasured = say("elsewhere unmeasured", "en")
    without = Report.of(CONTENT | {"elsewhere": []}, CONFIG)
    text = plain(overview(without)).strip()
    assert text.startswith("At other hospitals " + unmeasured)
    bundled = plain(overview(REPORT))
    assert bundled.index("children (") < bundled.index("adults (1,703)")
    one = Report.of(CONTENT | {"elsewhere": [GROUP]}, CONFIG)
    words = "children (1,234), 25 % of the normal ones called pneumonia, 10 % of"
    assert words in plain(overview(one)) and unmeasured not in plain(overview(one))
    french = model_page.elsewhere(one, "fr").replace("\u202f", " ")
    assert "enfants (1 234), 25 % des normales dites pneumonie, 10 %" in french
    assert "manquées\u202f; adultes" in model_page.elsewhere(REPORT, "fr")
    assert "missed; adults" in model_page.elsewhere(REPORT, "en")


def test_without_a_report_nothing_is_claimed():
    assert "AUROC" not in overview(None)
    assert len(model_page.roc(None, "en")) == 2
    assert len(model_page.reliability(None, "en")) == 21


def test_curves_are_the_reports():
    roc = model_page.roc(REPORT, "en")
    assert len(roc) == len(CONTENT["curves"]["roc"]) + 2
    points = model_page.reliability(REPORT, "en")
    bins = CONTENT["curves"]["reliability"]
    assert isinstance(points, pd.DataFrame) and len(points) == len(bins) + 21
    few = sum(it["images"] < 20 for it in bins)
    assert (points.line == say("line few", "en")).sum() == few


def test_figure_that_cannot_be_measured_is_a_dash():
    answered = CONTENT["figures"]["answered"]
    none = {"value": None, "low": None, "high": None}
    report = CONTENT | {"figures": {"answered": answered | {"AUROC": none}}}
    assert "AUROC –" in plain(overview(Report.of(report, CONFIG)))


def test_words_of_strangers_stay_text():
    config = dataclasses.replace(CONFIG, name=MARKUP, version=MARKUP, dataset=MARKUP)
    page = model_page.overview(config, MARKUP, REPORT, "en")
    assert "<img" not in page and "&lt;img" in page


def test_what_is_true_of_ours_is_said_of_ours_alone():
    config = dataclasses.replace(CONFIG, dataset="other")
    assert "Xin" not in overview(REPORT, config) and "Xin" in overview(REPORT)
    assert "bundled with the software" in overview(REPORT)
