"""The card's figures are the report's, in the bundled model, too."""

import copy
import dataclasses
import json
import re

import pytest
from huggingface_hub import ModelCard

from pneumonia.config import CARD_FILE, ModelConfig
from pneumonia.dataset import KERMANY_2018
from pneumonia.evaluation.model_card import card_text, write_card
from pneumonia.evaluation.report import REPORT_FILE
from pneumonia.hub import BUNDLED


def _read(folder):
    report = json.loads((folder / REPORT_FILE).read_text(encoding="utf-8"))
    return ModelConfig.load(folder), report


@pytest.fixture(params=["bundled", "toy"])
def folder(request, toy_folder):
    return BUNDLED if request.param == "bundled" else toy_folder


def test_every_figure_is_the_reports(folder):
    """A model that is published keeps its words; the template's may change."""
    cards = (folder / CARD_FILE).read_text(encoding="utf-8"), card_text(*_read(folder))
    published, now = (re.findall(r"\d[\d.,]*", card) for card in cards)
    assert published == now and len(now) > 100
    assert folder == BUNDLED or cards[0] == cards[1]


def test_report_is_of_the_model_beside_it(folder):
    config, report = _read(folder)
    assert report["model"]["sha256"] == config.files["model.onnx"]["sha256"]
    assert report["model"]["temperature"] == pytest.approx(config.temperature, rel=1e-5)
    assert (report["model"]["name"], report["model"]["version"]) == (
        config.name,
        config.version,
    )
    config.verified(folder, REPORT_FILE)
    config.verified(folder, CARD_FILE)
    assert (folder / REPORT_FILE).stat().st_size < 300e3


def test_another_report_makes_another_card(toy_folder):
    config, report = _read(toy_folder)
    report["figures"]["answered"]["AUROC"] = {
        "value": 0.87654,
        "low": 0.81234,
        "high": 0.93456,
    }
    report["robustness"]["gamma 1.4"]["AUROC"]["value"] = 0.54321
    report["verdicts"]["all"]["UNCERTAIN"]["value"] = 0.11111
    text = card_text(config, report)
    assert "| AUROC | 0.877 | 0.812 to 0.935 |" in text
    assert re.search(r"\| gamma 1.4 \| 0.543 \(", text)
    assert "| share of UNCERTAIN verdicts | 0.111 |" in text


def test_metadata_holds_the_figures_for_the_hub(folder):
    config, report = _read(folder)
    data = ModelCard.load(folder / CARD_FILE).data
    assert data.library_name == "keras"
    assert data.license == ("cc-by-4.0" if folder == BUNDLED else None)
    assert data.pipeline_tag == "image-classification"
    assert data.model_name == f"{config.name} {config.version}"
    found = {result.metric_name: result.metric_value for result in data.eval_results}
    for name in ("AUROC", "accuracy", "sensitivity", "specificity", "ECE"):
        expected = report["figures"]["answered"][name]["value"]
        assert found[name] == pytest.approx(expected, abs=5e-5)


def test_what_the_data_cannot_tell_is_left_out(toy_folder):
    config, report = _read(toy_folder)
    nothing = {"value": None, "low": None, "high": None}
    report["figures"]["answered"]["AUROC"] = nothing
    text = card_text(config, report)
    assert "| AUROC | – |  |" in text
    assert "roc_auc" not in text


def test_gate_is_described_where_there_is_one(toy_folder):
    config, report = _read(toy_folder)
    none, some = copy.deepcopy(report), copy.deepcopy(report)
    for row in none["images"]:
        row["ood_score"] = None
    some["images"][0]["ood_score"] = 1.5
    some["data"]["refused"] = 3
    assert "There is none" in card_text(config, none)
    text = card_text(config, some)
    assert "There is none" not in text and "3 of 60 were refused" in text
    assert "accuracy if a refusal is a mistake" in text


def test_card_says_what_the_figures_do_not(toy_folder, tmp_path):
    config, report = _read(toy_folder)
    write_card(dataclasses.replace(config, dataset=KERMANY_2018), report, tmp_path)
    text = " ".join((tmp_path / CARD_FILE).read_text(encoding="utf-8").split())
    for words in (
        "Not a medical device",
        "Neither age nor sex is recorded",
        "Split by patient",
        "No figure on the official test set is claimed here",
        "from AUC 0.95 to 0.54",
        "10.17632/rscbjbr9sj.2",
        "Cell 172:1122",
        "| weights | random |",
    ):
        assert words in text, words


def test_card_claims_nothing_of_other_data(toy_folder):
    config, report = _read(toy_folder)
    provenance = {"data": "Our ward 2026, CC0"}
    text = card_text(dataclasses.replace(config, provenance=provenance), report)
    assert "Whose X-rays these are: Our ward 2026, CC0." in text
    for words in ("Guangzhou", "Two physicians", "official test set", "weights are de"):
        assert words not in text
    assert "kermany" not in text.split("---")[1]
