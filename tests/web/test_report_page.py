"""One result on one sheet: what is on it, what is not, and that it is one."""

import base64
import dataclasses
import html
import io
import re
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from PIL import Image

from pneumonia import Prediction
from pneumonia.config import ModelConfig
from pneumonia.hub import BUNDLED
from pneumonia.inference.calibration import UNCERTAIN
from pneumonia.inference.calibration import verdict as verdict_of
from pneumonia.inference.gate import REFUSALS
from pneumonia.predictor import ADULT
from pneumonia.web.answer import verdict, viewer
from pneumonia.web.report_page import SIDE, render
from pneumonia.web.texts import LANGUAGES, say, translate

CONFIG = ModelConfig.load(BUNDLED)
MOMENT = datetime(2026, 3, 1, 0, 30, tzinfo=timezone(timedelta(hours=1)))
IMAGE = np.tile(np.linspace(0, 255, 300).astype(np.uint8), (200, 1))
PLACES = np.tile(np.linspace(-2, 5.5, 300, dtype=np.float32), (200, 1))


def answered(p=0.94, verdict="PNEUMONIA", image=IMAGE, places=PLACES, score=0.47):
    return Prediction(
        image=image,
        probabilities={"PNEUMONIA": p, "NORMAL": 1 - p},
        subtypes={"BACTERIAL": 0.3, "VIRAL": 0.7},
        verdict=verdict,
        cam_grid=places,
        ood_score=score,
        accepted=None if score is None else True,
    )


REFUSED = Prediction(
    image=IMAGE, ood_score=2.15, accepted=False, refusal=REFUSALS["other"]
)


def sheet(prediction, language="en", label="bundled", config=CONFIG):
    return render(prediction, config, label, language, MOMENT)


def made_of(**provenance):
    """The config of a model that says so of its making, and no more."""
    return dataclasses.replace(CONFIG, dataset="", provenance=provenance)


def plain(text):
    """What a reader sees."""
    text = re.sub(r"<(style|title)>.*?</\1>|<[^>]+>", " ", text, flags=re.DOTALL)
    return re.sub(r"[\s\u202f]+", " ", html.unescape(text))


def test_sheet_tells_the_result():
    text = plain(sheet(answered()))
    for words in (
        say("notice", "en"),
        "Made on 2026-02-28 at 23:30:00 UTC",
        "Pneumonia 94 %",
        "Normal 6 %",
        "bacterial 30 %",
        "viral 70 %",
        "about 94 show pneumonia",
        "this one has −2.0 to +5.5",
        f"≤ −{CONFIG.cam_limit:.0f} normal",
        "Strangeness 0.47",
        f"xception-kermany {CONFIG.version} (bundled)",
        CONFIG.files["model.onnx"]["sha256"],
        "doi 10.17632/rscbjbr9sj.2",
    ):
        assert words in text, words


def test_sheet_speaks_one_language():
    text = plain(sheet(answered(), "fr"))
    assert "Établi le 2026-02-28 à 23:30:00 UTC" in text
    assert "Pneumonie 94 %" in text and "virale 70 %" in text
    assert "va de −2,0 à +5,5" in text and "Étrangeté 0,47" in text
    assert not re.search(r"\b(the|with|shows?|what|page is)\b", text)


def test_subtypes_are_told_of_likely_pneumonia_alone():
    text = plain(sheet(answered(0.3, "NORMAL")))
    assert "bacterial" not in text and "Normal 70 %" in text
    assert "bacterial 30 %" in plain(sheet(answered(0.5, "UNCERTAIN")))


def test_refused_image_has_the_reason_and_no_probability():
    for language in LANGUAGES:
        page = sheet(REFUSED, language)
        assert translate(REFUSED.refusal, language).replace("\u202f", " ") in plain(
            page
        )
        assert "%" not in plain(page) and page.count("<img") == 1
        assert say("report probabilities", language) not in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_model_without_a_gate_says_so_first(language):
    words = say("doubt no gate", language)
    for show in (lambda it: sheet(it, language), lambda it: verdict(it, CONFIG, "")):
        doubts = html.unescape(show(answered(score=None))).split("<ul>")[1]
        assert words in doubts.split("</li>")[0]
        assert words not in html.unescape(show(answered()))


@pytest.mark.parametrize("language", LANGUAGES)
def test_caveats_are_told_first(language):
    told = translate(ADULT.sentence, language)
    prediction = dataclasses.replace(answered(), caveats=(ADULT,))
    for page in (sheet(prediction, language), verdict(prediction, CONFIG, "")):
        assert told in html.unescape(page).split("<ul>")[1].split("</li>")[0]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("p", [0.001, 0.94, 0.999])
def test_probability_says_where_it_holds(language, p):
    half, other = say("meaning half", language), say("meaning shares", language)
    prior = {"NORMAL": 0.3, "PNEUMONIA": 0.7}
    plain_head = dataclasses.replace(CONFIG, prior=prior)
    for config, words, no in ((CONFIG, half, other), (plain_head, other, half)):
        card = verdict(answered(p), config, "")
        for page in (sheet(answered(p), language, config=config), card):
            assert words in html.unescape(page) and no not in html.unescape(page)


def test_pictures_are_small_and_without_metadata():
    film = np.zeros((3000, 1500), np.uint8)
    page = sheet(answered(image=film, places=np.zeros((3000, 1500), np.float32)))
    codes = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)
    assert len(codes) == 2
    for code in codes:
        picture = Image.open(io.BytesIO(base64.b64decode(code)))
        assert picture.size == (SIDE // 2, SIDE) and not picture.getexif()
        assert set(picture.info) <= {
            "jfif",
            "jfif_version",
            "jfif_unit",
            "jfif_density",
        }


def test_sheet_needs_nothing_and_runs_nothing():
    page = sheet(answered(), label='"><script>alert(1)</script>')
    assert "<script" not in page and "&lt;script&gt;" in page
    assert not re.search(r"https?:|url\(|@import|<link|<form|\son\w+=", page)
    assert (
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\""
        in page
    )


def of_classes(**shares):
    return dataclasses.replace(answered(), subtypes=shares)


def test_class_of_a_strangers_model_is_escaped():
    prediction = of_classes(**{"<b>FUNGAL</b>": 0.75, "VIRAL": 0.25})
    for page in (sheet(prediction), verdict(prediction, CONFIG, "")):
        assert "&lt;b&gt;FUNGAL" in page and "<b>FUNGAL" not in page
        assert "viral" in page and "75" in page


def test_one_class_of_pneumonia_is_no_choice_among_classes():
    prediction = of_classes(COVID=1.0)
    for page in (sheet(prediction), verdict(prediction, CONFIG, "")):
        assert "COVID" not in page and say("subtypes", "en") not in page


@pytest.mark.parametrize("data", ["<b>Ward 3</b>", None, "not stated"])
def test_other_data_than_kermanys_are_not_called_so(data):
    config = made_of() if data is None else made_of(data=data)
    for page in (sheet(answered(), config=config), verdict(answered(), config, "")):
        assert (
            "one hospital" not in page and "doi" not in page and "<b>Ward" not in page
        )
        if data == "<b>Ward 3</b>":
            assert "these films: &lt;b&gt;Ward 3" in page
        else:
            assert say("doubt unstated", "en") in page
            assert say("report cite", "en") not in page
    ours = sheet(answered())
    assert "one hospital" in ours and say("report cite", "en") in ours


@pytest.mark.parametrize(
    "columns, column, words",
    [
        (7, 0, "on the child's right"),  # as radiographs are shown
        (7, 2, "on the child's right"),
        (7, 3, "in the midline"),
        (7, 4, "on the child's left"),
        (8, 3, "on the child's right"),
        (8, 4, "on the child's left"),
    ],
)
def test_heatmap_is_told_in_words(columns, column, words):
    places = np.zeros((7, columns), np.float32)
    places[1, column] = 2
    text = plain(viewer("film", "heat", places, 12.0, "viewer"))
    assert f"the most in the upper third {words}." in text


@pytest.mark.parametrize(
    "p, normal, pneumonia, words",
    [
        (0.6, 0.3, 0.5, "neither normal nor pneumonia"),
        (0.6, 0.5, 0.7, "or both"),
        (0.6, 0.3, 0.7, "or only the likelier"),
    ],
)
def test_every_uncertain_verdict_is_told_why(p, normal, pneumonia, words):
    thresholds = {"NORMAL": normal, "PNEUMONIA": pneumonia}
    found = verdict_of({"PNEUMONIA": p, "NORMAL": 1 - p}, thresholds)
    assert found == UNCERTAIN
    assert words in plain(sheet(answered(p, found)))


def test_moment_needs_no_zone_of_ours():
    now = datetime.now(UTC)
    page = render(answered(), CONFIG, "bundled", "en", now)
    assert f"at {now:%H:%M:%S} UTC" in plain(page)


# As much as may ever stand on it: an unusual, small and narrow film, and no verdict.
FULL = answered(0.51, "UNCERTAIN", IMAGE[:, :90], PLACES[:, :90], score=0.9)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("prediction", [FULL, REFUSED], ids=["answered", "refused"])
def test_prints_on_one_page_and_shows_its_pictures(chromium, prediction, language):
    page, problems = chromium.new_page(), []
    page.on("console", lambda message: problems.append(message.text))
    page.set_content(sheet(prediction, language))
    widths = page.evaluate("[...document.images].map(image => image.naturalWidth)")
    assert len(widths) in (1, 3) and all(widths)
    assert len(re.findall(rb"/Type /Page\b", page.pdf(prefer_css_page_size=True))) == 1
    page.close()
    assert problems == []  # of the Content Security Policy, say
