"""The card of an answer, its pictures, and the sheet to save."""

import dataclasses
import html
import re
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from pneumonia import Prediction
from pneumonia.config import ModelConfig
from pneumonia.evaluation.published import Report
from pneumonia.hub import BUNDLED
from pneumonia.inference.gate import REFUSALS
from pneumonia.inference.lungs import Lungs
from pneumonia.predictor import ADULT, Caveat
from pneumonia.web import many, result
from pneumonia.web.printout import printout
from pneumonia.web.translations import LANGUAGES, say, translate

CONFIG = ModelConfig.load(BUNDLED)
IMAGE = np.tile(np.linspace(0, 255, 300).astype(np.uint8), (240, 1))
GRID = np.linspace(-2, 5.5, 49, dtype=np.float32).reshape(7, 7)
REPORT = Report.load(BUNDLED, CONFIG)
MARKUP = "<img src=x onerror=alert(1)>"


def answered(p=0.94, verdict="PNEUMONIA", **more):
    prediction = Prediction(
        image=IMAGE,
        probabilities={"PNEUMONIA": p, "NORMAL": 1 - p},
        subtypes={"BACTERIAL": 0.3, "VIRAL": 0.7},
        verdict=verdict,
        cam_grid=GRID,
        ood_score=0.47,
        accepted=True,
    )
    return dataclasses.replace(prediction, **more)


REFUSED = Prediction(
    image=IMAGE, ood_score=2.1, accepted=False, refusal=REFUSALS["other"]
)
UNFAMILIAR = answered(verdict="UNCERTAIN", unfamiliar=True, caveats=(ADULT,))


def card(prediction, language="en", config=CONFIG, **more):
    return result.answer(prediction, config, "bundled", REPORT, language, **more)


def plain(text):
    """What a reader sees."""
    text = re.sub(r"<(style|title)>.*?</\1>|<[^>]+>", " ", text, flags=re.DOTALL)
    return re.sub(r"[\s\u202f]+", " ", html.unescape(text))


def announced(text):
    """What a screen reader announces."""
    return plain(re.search(r'<div role="status">(.*?)</div>', text, re.DOTALL)[1])


@pytest.mark.parametrize(
    "p, shown",
    [
        (1, "> 99"),
        (0.9951, "> 99"),
        (0.99, "99"),
        (0.5, "50"),
        (0.009, "< 1"),
        (0, "< 1"),
    ],
)
def test_probability_is_never_a_certainty(p, shown):
    assert result.share(p) == shown
    text = plain(card(answered(p, "UNCERTAIN")))
    assert "100 %" not in text and f"{shown} % probability" in text


def test_answer_in_two_seconds():
    text = card(answered())
    assert announced(text) == " Pneumonia 94 % probability of pneumonia "
    assert "viral rather than bacterial; right 8 times in 10." in plain(text)
    for word in ("coverage", "strangeness", "log-odds", "film", "radiograph"):
        assert word not in plain(text)


def test_cause_is_not_guessed_where_normal_is_likelier():
    assert "Guess" not in card(answered(0.4, "UNCERTAIN"))
    unmeasured = result.answer(answered(), CONFIG, "bundled", None, "en")
    assert "was not measured" in plain(unmeasured)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "prediction, is_child", [(UNFAMILIAR, True), (answered(0.999), False)]
)
def test_unfamiliar_has_no_verdict_and_its_reason_first(prediction, is_child, language):
    text = card(prediction, language, is_child=is_child)
    assert 'class="own card unfamiliar"' in text
    visible, _, fold = text.partition("<details>")
    number = result.share(prediction.probabilities["PNEUMONIA"])
    assert f"{number} %" not in plain(visible) and f"{number} %" in plain(fold)
    assert "99 or 100" not in plain(text)  # the promise
    for verdict in ("UNCERTAIN", "PNEUMONIA"):  # there is none
        assert plain(say(f"caveat {verdict}", language)) not in plain(text)
    if is_child:
        assert plain(translate(ADULT.sentence, language)) in announced(text)


def test_first_caveat_is_what_speaks_against_this_answer():
    outside = Caveat("evidence_outside_lungs", "Most of it lies outside the lungs.")
    text = plain(card(answered(caveats=(outside,))))
    _, _, doubts = text.partition("Why this may be wrong ")
    assert doubts.startswith("Most of it lies outside the lungs.")


def test_refusal_names_its_reason_and_remedy():
    text = card(REFUSED)
    assert REFUSALS["other"] in announced(text)
    assert "Only whole, upright frontal chest X-rays" in plain(text)


def test_words_of_strangers_stay_text():
    config = dataclasses.replace(
        CONFIG, name=MARKUP, version=MARKUP, dataset=MARKUP, provenance={"data": MARKUP}
    )
    prediction = answered(
        subtypes={MARKUP: 0.4, "b": 0.6}, caveats=(Caveat("x", MARKUP),)
    )
    text = card(prediction, config=config) + result.failed(MARKUP, "en")
    assert "<img src=x" not in text and "&lt;img" in text


def test_bar_has_its_mark_where_the_probability_is():
    text = result.bar(0.25, {"NORMAL": 0.9, "PNEUMONIA": 0.7}, "en")
    assert 'style="left: 25.00%"' in text
    widths = [float(it) for it in re.findall(r"flex: ([\d.]+)", text)]
    assert widths == pytest.approx([0.1, 0.6, 0.3])


@pytest.mark.parametrize(
    "place, words",
    [
        ((0, 0), "upper third, on the child's right"),
        ((3, 3), "middle third, in the midline"),
        ((6, 6), "lower third, on the child's left"),
    ],
)
def test_map_is_told_in_words(place, words):
    grid = np.zeros((7, 7), np.float32)
    grid[place] = 3
    assert words in html.unescape(result.told_map(answered(cam_grid=grid), "en"))
    assert "No place" in result.told_map(answered(cam_grid=grid - 4), "en")


def test_map_lies_where_the_network_looked():
    """In the middle of the map is in the right upper part of the image."""
    grid = np.zeros((7, 7), np.float32)
    grid[3, 3] = 13
    seen = answered(cam_grid=grid, crop=(0.6, 0.1, 1.0, 0.5))
    assert "upper third, on the child's left" in html.unescape(
        result.told_map(seen, "en")
    )
    image, heat = result.pictures(seen, 13.0)
    is_coloured = (heat != image[..., None]).any(axis=-1)
    rows, columns = np.nonzero(is_coloured)
    assert rows.max() < 0.5 * 240 and columns.min() >= 0.6 * 300


def test_lungs_are_outlined_and_named_where_they_were_found():
    mask = np.zeros((64, 64), np.float32)
    mask[16:48, 8:24] = mask[16:48, 40:56] = 1
    found = answered(lungs=Lungs(mask, box=(0.1, 0.2, 0.9, 0.8), plausibility=1.0))
    _, heat = result.pictures(found, 13.0)
    _, plain_heat = result.pictures(answered(), 13.0)
    rows, columns = np.nonzero((heat != plain_heat).any(axis=-1))
    assert rows.size and columns.min() >= 30 and columns.max() <= 270
    assert "the lungs, as the model finds them" in result.legend(found, 13.0, "en")
    assert "the lungs" not in result.legend(answered(), 13.0, "en")


def test_pictures_are_of_one_size_and_no_larger_than_the_page():
    image, heat = result.pictures(answered(), 13.0)
    assert image.shape == (240, 300) and heat.shape == (240, 300, 3)
    wide = answered(image=np.zeros((500, 3000), np.uint8))
    image, heat = result.pictures(wide, 13.0)
    assert image.shape[1] == result.SIDE and heat.shape[:2] == image.shape


def test_table_has_a_row_for_whatever_became_of_a_file():
    found = [answered(), REFUSED, UNFAMILIAR, Prediction(error="No.")]
    entries = [many.entry("/x", MARKUP, prediction) for prediction in found]
    rows = many.table(entries, "en")
    assert [row[2] for row in rows] == [
        *("Pneumonia", "Refused", "Unfamiliar", "Unreadable")
    ]
    assert [row[3] for row in rows] == [94.0, None, None, None]
    assert [row[4] for row in rows] == ["viral 70 %", "–", "–", "–"]
    told = many.progress(entries, 9, "fr")
    assert "4 sur 9" in told.replace("\u202f", " ") and MARKUP not in told


def sheet(prediction, language="en"):
    when = datetime(2026, 3, 1, 0, 30, tzinfo=timezone(timedelta(hours=1)))
    return printout(prediction, card(prediction, language), CONFIG, language, when)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("prediction", [answered(), UNFAMILIAR, REFUSED])
def test_sheet_holds_all_that_it_shows_and_its_notice(prediction, language):
    text = sheet(prediction, language)
    assert f'<html lang="{language}">' in text
    assert "2026-02-28" in text and "23:30:00 UTC" in text
    assert "Kermany" in text and "device" in text or "dispositif" in text
    addresses = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert addresses and all(it.startswith("data:image/") for it in addresses)
    assert "<details>" not in text  # all of it is open
    assert UTC.tzname(None) in text


def test_sheet_is_one_page(chromium):
    page = chromium.new_page()
    page.set_content(sheet(answered(image=np.zeros((900, 900), np.uint8))))
    content = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", content)) == 1
    page.close()
