"""The page about the model: its figures, its words, what a threshold costs."""

import dataclasses
import json
import re

import pytest

from pneumonia.config import ModelConfig, fingerprint
from pneumonia.hub import BUNDLED
from pneumonia.web import model_page
from pneumonia.web.model_page import Elsewhere
from pneumonia.web.translations import LANGUAGES, say

CONFIG = ModelConfig.load(BUNDLED)
REPORT = json.loads((BUNDLED / "report.json").read_text(encoding="utf-8"))
# Five images with an answer, and one without.
FILMS = [
    *({"label": "BACTERIAL", "probability": p} for p in (0.9, 0.6, 0.2)),
    *({"label": "NORMAL", "probability": p} for p in (0.1, 0.5)),
    {"label": "VIRAL", "probability": None},
]
MARKUP = "<img src=x onerror=alert(1)>"
FIGURE = {"value": 0.25, "low": 0.13, "high": 0.5}
GROUP = {
    "group": "children",
    "images": 1234,
    "normals_called": FIGURE,
    "pneumonias_missed": {"value": 0.1, "low": 0.0, "high": 0.2},
    "auroc": {"value": 0.9, "low": 0.8, "high": 0.95},
}


def plain(html):
    text = re.sub(r"<[^>]+>", " ", html).replace("\u202f", " ")
    return re.sub(r"\s+", " ", text)


def overview(report, config=CONFIG, language="en"):
    return model_page.overview(BUNDLED, config, "bundled", report, language)


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
    report = {"films": FILMS}
    found = plain(model_page.costs(report, CONFIG, threshold, 0.5, "en"))
    assert f"{missed} of 3 pneumonias missed; {alarms} false alarms in 2" in found
    assert f"called so {sensitivity} Spec" in found
    assert f"called so {specificity} Pos" in found


def test_predictive_values_by_hand():
    """Of 30 children 6 are ill: 4 found, 2 missed, 12 of the other 24 are alarms."""
    found = plain(model_page.costs({"films": FILMS}, CONFIG, 0.5, 0.2, "en"))
    assert "has it 25.0 %" in found and "that is 85.7 %" in found


def test_nothing_called_has_no_predictive_value():
    found = plain(model_page.costs({"films": FILMS}, CONFIG, 1, 0.5, "en"))
    assert "has it –" in found


@pytest.mark.parametrize("report", [None, {}, {"films": []}, {"films": [{}]}])
def test_costs_without_images_are_nothing(report):
    assert model_page.costs(report, CONFIG, 0.5, 0.5, "en") == ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_figures_are_the_reports(language):
    text = plain(overview(REPORT, language=language))
    for name in ("AUROC", "sensitivity", "ECE"):
        value = REPORT["figures"]["answered"][name]["value"]
        assert f"{value:.3f}".replace(".", "," if language == "fr" else ".") in text


def test_other_hospitals_come_first_and_are_measured_or_not():
    unmeasured = say("elsewhere unmeasured", "en")
    without = plain(overview(REPORT | {"elsewhere": []})).strip()
    assert without.startswith("At other hospitals " + unmeasured)
    bundled = plain(overview(REPORT)).strip()
    assert "(all adults, 1,703 measured)" in bundled and "rsna normal" in bundled
    text = plain(overview(REPORT | {"elsewhere": [GROUP]}))
    assert "(children, 1,234 measured)" in text
    assert "called 25 % of the normal ones pneumonia (13 % to 50 %)" in text
    assert "missed 10 % of the pneumonias" in text
    assert "0.900 0.800 to 0.950" in text and unmeasured not in text
    french = Elsewhere({"elsewhere": [GROUP]}).sentence("fr").replace("\u202f", " ")
    assert "sur 25 % des normales (13 % à 50 %)" in french


@pytest.mark.parametrize(
    "report", [None, {}, {"elsewhere": 5}, {"elsewhere": [{}]}, {"elsewhere": [None]}]
)
def test_strange_reports_of_other_hospitals_count_as_none(report):
    assert Elsewhere(report).sentence("en") == say("elsewhere unmeasured", "en")
    assert Elsewhere(report).table("en") == ""


@pytest.mark.parametrize("report", [None, {}, {"figures": {}}, {"figures": 5}])
def test_report_of_another_version_shows_no_figures(report):
    assert "AUROC" not in plain(overview(report)).replace("AUC", "")
    assert len(model_page.roc(report, "en")) == 2
    assert len(model_page.reliability(report, "en")) == 21


def test_report_of_another_network_is_not_read(tmp_path):
    content = json.dumps(REPORT | {"model": {"sha256": 64 * "0"}}).encode()
    (tmp_path / "report.json").write_bytes(content)
    files = {**CONFIG.files, "report.json": fingerprint(content)}
    config = dataclasses.replace(CONFIG, files=files)
    assert model_page.read_report(tmp_path, config) is None
    assert model_page.read_report(BUNDLED, CONFIG) == REPORT


def test_words_of_strangers_stay_text():
    config = dataclasses.replace(
        CONFIG, name=MARKUP, version=MARKUP, dataset=MARKUP, provenance={"data": MARKUP}
    )
    report = REPORT | {
        "elsewhere": [GROUP | {"group": MARKUP}],
        "robustness": {MARKUP: REPORT["robustness"]["as it is"]},
    }
    page = overview(report, config)
    page += model_page.background(config, MARKUP, report, "en")
    assert "<img" not in page and "&lt;img" in page


def test_what_is_true_of_ours_is_said_of_ours_alone():
    config = dataclasses.replace(CONFIG, dataset="other", provenance={})
    theirs = plain(model_page.background(config, "ward/lungs", REPORT, "en"))
    assert "Kermany et al. 2018, CC BY" not in theirs
    assert "Whose X-rays it learned from is not stated" in theirs
    ours = plain(model_page.background(CONFIG, "bundled", REPORT, "en"))
    assert "Guangzhou" in ours and "bundled with the software" in ours


def test_card_is_shown_without_its_metadata(tmp_path):
    assert (
        model_page.card_text(BUNDLED).startswith("#")
        or "#" in (model_page.card_text(BUNDLED)[:200])
    )
    assert not model_page.card_text(BUNDLED).startswith("---")
    assert model_page.card_text(tmp_path) == ""
