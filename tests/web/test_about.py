"""The page about the model: its figures, its words, its sliders."""

import dataclasses
import json
import re

import pytest

from pneumonia.config import ModelConfig, fingerprint
from pneumonia.evaluation.perturbations import PERTURBATIONS
from pneumonia.hub import BUNDLED
from pneumonia.web import about
from pneumonia.web.page import CSS, explained
from pneumonia.web.texts import TEXTS, both, say
from pneumonia.web.thresholds import count, rates

CONFIG = ModelConfig.load(BUNDLED)
REPORT = json.loads((BUNDLED / "report.json").read_text(encoding="utf-8"))
NO_REPORT = both("about no report")
# Five films with an answer, and one without.
SICK, HEALTHY = [0.2, 0.6, 0.9], [0.1, 0.5]
FILMS = [
    *({"label": "BACTERIAL", "probability": p} for p in reversed(SICK)),
    *({"label": "NORMAL", "probability": p} for p in HEALTHY),
    {"label": "VIRAL", "probability": None},
]


def page_of(folder, report, **changes):
    """The page of a folder with this report, a dict or bytes."""
    content = report if isinstance(report, bytes) else json.dumps(report).encode()
    (folder / "report.json").write_bytes(content)
    files = {**CONFIG.files, "report.json": fingerprint(content)}
    config = dataclasses.replace(CONFIG, **{"files": files, **changes})
    return about.about(folder, config, "ward/lungs@0123456")


# ---- what a threshold costs


@pytest.mark.parametrize(
    "threshold, tp, fn, fp, tn",
    [
        (0, 3, 0, 2, 0),
        (0.2, 3, 0, 1, 1),  # from the threshold on
        (0.21, 2, 1, 1, 1),
        (0.5, 2, 1, 1, 1),
        (0.55, 2, 1, 0, 2),
        (1, 0, 3, 0, 2),
    ],
)
def test_films_on_either_side_of_a_threshold(threshold, tp, fn, fp, tn):
    found = count(SICK, HEALTHY, threshold)
    assert found == {"tp": tp, "fn": fn, "fp": fp, "tn": tn}


def test_predictive_values_are_bayes():
    found = rates({"tp": 9, "fn": 1, "fp": 20, "tn": 80}, prevalence=0.2)
    # of 1,000 children 200 are ill: 180 found, 20 missed; of 800 well 160 are alarms
    assert (found["sensitivity"], found["specificity"]) == (0.9, 0.8)
    assert found["ppv"] == pytest.approx(180 / 340)
    assert found["npv"] == pytest.approx(640 / 660)


@pytest.mark.parametrize(
    "counts, prevalence, ppv, npv",
    [
        ({"tp": 0, "fn": 3, "fp": 0, "tn": 2}, 0.16, None, 0.84),  # nobody is called
        ({"tp": 3, "fn": 0, "fp": 2, "tn": 0}, 0.16, 0.16, None),  # everybody is
        ({"tp": 2, "fn": 1, "fp": 1, "tn": 1}, 0, 0, 1),
        ({"tp": 2, "fn": 1, "fp": 1, "tn": 1}, 1, 1, 0),
        ({"tp": 0, "fn": 0, "fp": 1, "tn": 1}, 0.5, None, None),  # no such films
    ],
)
def test_predictive_values_at_the_edges(counts, prevalence, ppv, npv):
    found = rates(counts, prevalence)
    assert (found["ppv"], found["npv"]) == (ppv, npv)


# ---- the page


def test_figures_are_the_reports_in_both_languages():
    page = about.about(BUNDLED, CONFIG, "bundled")
    assert NO_REPORT not in page
    for estimate in REPORT["figures"]["answered"].values():
        if estimate is not REPORT["figures"]["answered"]["log loss"]:
            value = f"{estimate['value']:.3f}"
            assert f">{value}<" in page and f">{value.replace('.', ',')}<" in page
    counts = REPORT["confusion"]["classes"]["counts"]
    cells = re.findall(r'<td style="--share[^>]*>([\d,]+)</td>', page)
    assert [int(cell) for cell in cells[-9:]] == [n for row in counts for n in row]
    assert CONFIG.files["model.onnx"]["sha256"] in page
    assert all(both("about word " + name) in page for name in PERTURBATIONS)


def test_threshold_counts_the_films_that_were_answered(tmp_path):
    page = page_of(tmp_path, REPORT | {"films": FILMS})
    assert 'data-sick="[0.2, 0.6, 0.9]" data-healthy="[0.1, 0.5]"' in page
    shown = dict(re.findall(r'data-of="(tp|fn|fp|tn)">(\d+)<', page))
    assert shown == {"tp": "2", "fn": "1", "fp": "1", "tn": "1"}
    assert 'data-mark="roc" r="6" cx="50.00%" cy="33.33%"' in page


def test_every_picture_and_table_has_its_one_name():
    page = about.about(BUNDLED, CONFIG, "bundled")
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids)) > 5
    names = re.findall(r'aria-labelledby="([^"]+)"', page)
    assert sorted(names) == sorted(ids)
    assert page.count('role="img"') == page.count("<figure") == 3


@pytest.mark.parametrize("key", ["about test set", "about hospitals", "about shortcut"])
def test_numbers_of_the_text_are_the_cards(key):
    card = about.card_text(BUNDLED)
    numbers = re.findall(r"\d+(?:\.\d+)?", TEXTS[key][0].replace(":.3f", ""))
    assert numbers and set(numbers) <= set(re.findall(r"\d+(?:\.\d+)?", card))


def test_other_data_than_kermanys_are_not_called_so(tmp_path):
    page = page_of(tmp_path, REPORT, dataset="", provenance={"data": "<b>Ward 3</b>"})
    assert both("about data kermany") not in page and "Ward 3" in page
    assert both("about test set") not in page and "<b>Ward" not in page
    page = page_of(tmp_path, REPORT, dataset="", provenance={})
    assert say("about unstated", "fr") in page


def test_what_the_model_knows_is_its_own():
    ours = explained(CONFIG)
    for key in ("explained knows", "explained refuses", "meaning half"):
        assert both(key) in ours
    files = {name: it for name, it in CONFIG.files.items() if name != "gate.json"}
    changes = {
        "files": files,
        "dataset": "",
        "prior": {"NORMAL": 0.3, "PNEUMONIA": 0.7},
        "provenance": {"data": "<b>Ward 3</b>"},
    }
    page = explained(dataclasses.replace(CONFIG, **changes))
    assert "Kermany" not in page and "&lt;b&gt;Ward 3" in page
    assert both("doubt no gate") in page and both("meaning shares") in page
    assert both("explained refuses") not in page


# ---- without a report, or with a strange one


@pytest.mark.parametrize(
    "report",
    [
        b"no JSON",
        b"[" * 100_000,
        [],
        {"model": {"sha256": "0" * 64}},  # of another network
        {"model": REPORT["model"]},  # of another version
        REPORT | {"data": REPORT["data"] | {"films": "many"}},
        REPORT | {"figures": REPORT["figures"] | {"answered": {"AUROC": 1}}},
        REPORT | {"confusion": {"findings": {"names": ["a"], "counts": []}}},
    ],
    ids=range(8),
)
def test_strange_report_is_none(tmp_path, report):
    assert NO_REPORT in page_of(tmp_path, report)


def test_folder_without_a_report_says_so(tmp_path):
    page = about.about(tmp_path, CONFIG, "ward/lungs")
    assert both("about no copy") in page and NO_REPORT not in page
    files = {"model.onnx": CONFIG.files["model.onnx"]}
    config = dataclasses.replace(CONFIG, files=files)
    assert NO_REPORT in about.about(tmp_path, config, "ward/lungs")


def test_altered_report_is_none(tmp_path):
    page_of(tmp_path, REPORT)
    files = CONFIG.files | {"report.json": fingerprint(b"another")}
    config = dataclasses.replace(CONFIG, files=files)
    assert NO_REPORT in about.about(tmp_path, config, "ward/lungs")


def test_strangers_words_are_escaped(tmp_path):
    evil = "<img src=x onerror=alert(1)>"
    robustness = {evil: REPORT["robustness"]["as it is"]}
    curves = REPORT["curves"] | {"histogram": {evil: [1, 2]}}
    report = REPORT | {"robustness": robustness, "curves": curves}
    report["data"] = REPORT["data"] | {"about": evil}
    names = {"names": [evil], "counts": [[1]]}
    report["confusion"] = {"findings": names, "classes": names}
    page = page_of(tmp_path, report, name=evil, version=evil)
    assert "<img" not in page and NO_REPORT not in page
    assert page.count("&lt;img") >= 6


def test_card_comes_without_its_metadata(tmp_path):
    assert about.card_text(BUNDLED).startswith("# xception-kermany")
    assert about.card_text(tmp_path) is None
    path = tmp_path / "README.md"
    path.write_text("A card.\n---\nA line.\n---\n", encoding="utf-8")
    assert about.card_text(tmp_path) == "A card.\n---\nA line.\n---\n"
    path.write_bytes(b"\xff")
    assert about.card_text(tmp_path) is None
    path.write_text("a" * (2**20 + 1), encoding="utf-8")
    assert about.card_text(tmp_path) is None


# ---- the sliders, in a browser


@pytest.fixture
def screen(chromium, tmp_path):
    """A small page that holds the page about the model of the five films."""
    page, problems = chromium.new_page(viewport={"width": 390, "height": 800}), []
    page.on("pageerror", lambda error: problems.append(str(error)))
    body = page_of(tmp_path, REPORT | {"films": FILMS})
    page.set_content(
        f'<!doctype html><html lang="en"><meta name="viewport" '
        f'content="width=device-width"><style>{CSS}{about.CSS}</style>{about.SCRIPT}'
        f"<body>{body}</body></html>"
    )
    yield page
    page.close()
    assert problems == []


def move(page, name, value):
    page.locator(f"[name={name}]").evaluate(
        """(slider, value) => {
            slider.value = value;
            slider.dispatchEvent(new Event("input", { bubbles: true }));
        }""",
        value,
    )


def shown(page):
    texts = page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll("[data-of]")]
            .map(place => [place.dataset.of, place.innerText]))"""
    )
    return {name: text.replace("\u202f", " ") for name, text in texts.items()}


def test_sliders_work_out_what_python_does(screen):
    for threshold in (0, 0.2, 0.5, 0.55, 1):
        move(screen, "cut", threshold)
        counts = count(SICK, HEALTHY, threshold)
        found = {
            name: int(value) for name, value in shown(screen).items() if name in counts
        }
        assert found == counts
    assert shown(screen)["ppv"] == "–" and shown(screen)["npv"] == "84.0 %"
    move(screen, "cut", 0.5)
    move(screen, "prevalence", 0.2)
    # of 30 children 6 are ill: 4 found, 2 missed, 12 of the other 24 are alarms
    assert shown(screen) == {
        "cut": "0.50",
        "prevalence": "20 %",
        **{"tp": "2", "fn": "1", "fp": "1", "tn": "1"},
        "sensitivity": "66.7 %",
        "specificity": "50.0 %",
        "ppv": "25.0 %",
        "npv": "85.7 %",
    }
    mark = screen.locator("[data-mark=roc]")
    assert (mark.get_attribute("cx"), mark.get_attribute("cy")) == ("50.00%", "33.33%")


def test_sliders_obey_keys_speak_french_and_outlive_their_widget(screen):
    screen.locator("[name=cut]").focus()
    for _ in range(5):
        screen.keyboard.press("ArrowRight")
    assert shown(screen)["cut"] == "0.55" and shown(screen)["specificity"] == "100.0 %"
    assert screen.locator("[data-mark=cut]").get_attribute("x1") == "55.00%"
    screen.evaluate(
        """() => {
            document.documentElement.dataset.language = "fr";
            const made = document.querySelector(".about").cloneNode(true);
            made.querySelector("[name=cut]").setAttribute("value", 0.5);
            made.querySelector("[name=cut]").value = 0.5;
            delete made.querySelector(".thresholds").dataset.ready;
            document.querySelector(".about").replaceWith(made);
        }"""
    )
    screen.wait_for_function("document.querySelector('[name=cut]').value === '0.55'")
    assert shown(screen)["cut"] == "0,55" and shown(screen)["sensitivity"] == "66,7 %"
    spoken = screen.locator("[name=cut]").get_attribute("aria-valuetext")
    assert spoken.replace("\u202f", " ") == (
        "0,55 : sensibilité 66,7 %, spécificité 100,0 %"
    )


def test_narrow_screen_does_not_scroll_sideways(screen):
    assert screen.evaluate("document.documentElement.scrollWidth") == 390
