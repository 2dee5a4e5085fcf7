"""The running app, as a person sees it: a real Chromium, driven by playwright."""

import base64
import csv
import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import uid

from pneumonia import ImageError, load_predictor
from pneumonia.web.answer import share
from pneumonia.web.texts import LANGUAGES, TEXTS, say, translate

playwright = pytest.importorskip("playwright.sync_api", reason="no playwright")
Axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe").Axe
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no chromium on this machine")
expect = playwright.expect
expect.set_options(timeout=30_000)  # milliseconds; the machine may be busy

EXAMPLES = sorted(Path(__file__).parents[2].glob("examples/*.jpg"))
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # lets pages of made-up hosts frame a server of this machine
    "--disable-features=LocalNetworkAccessChecks",
]
IMAGE_INPUT = "#radiograph input[type=file]"
KINDS = re.compile("NORMAL|PNEUMONIA|UNCERTAIN|failed")
FILE_INPUT = "#one input[data-testid$='-upload-button']"


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def locale():
    """The browser's language; tests parametrise it."""
    return "en-GB"


@pytest.fixture
def page(browser, app, locale):
    """The page, in a fresh profile; any error or foreign request fails the test."""
    problems = []
    context = browser.new_context(
        locale=locale,
        viewport={"width": 1280, "height": 900},
        permissions=["clipboard-read", "clipboard-write"],
    )
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("dialog", lambda dialog: problems.append(dialog.message) or dialog.accept())
    page.on(
        "console",
        lambda message: (
            problems.append(message.text) if message.type == "error" else None
        ),
    )
    page.on(
        "request",
        lambda request: (
            problems.append(request.url)
            if not request.url.startswith((app.url, "data:", "blob:"))
            else None
        ),
    )
    page.goto(app.url)
    expect(page.locator("#radiograph")).to_be_visible()
    yield page
    context.close()
    assert problems == []


@pytest.fixture(scope="module")
def predictor():
    return load_predictor()


@pytest.fixture
def dicom(tmp_path):
    """A radiograph of 12 bits, named as hospitals do: without an ending."""
    pixels = radiograph().astype(np.uint16) * 16
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    dataset.SOPClassUID = uid.DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = "1.2.3"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation, dataset.PixelData = 0, pixels.tobytes()
    path = tmp_path / "IM000001"
    dataset.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture
def tiff(tmp_path):
    """A radiograph of 16 bits in a format that no browser shows."""
    path = tmp_path / "film.tif"
    Image.fromarray(radiograph().astype(np.uint16) * 16).save(path)
    return path


@pytest.fixture
def letter(tmp_path):
    path = tmp_path / "letter.txt"
    path.write_text("<img src=x onerror=alert(1)>")
    return path


def radiograph():
    """A small one, uint8 (300, 400)."""
    return np.asarray(Image.open(EXAMPLES[0]).convert("L").resize((400, 300)))


def drop(page, path, mime_type):
    """Drops a file on the image widget, as the browser would."""
    transfer = page.evaluate_handle(
        """([content, name, type]) => {
            const bytes = Uint8Array.from(atob(content), c => c.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], name, {type}));
            return transfer;
        }""",
        [base64.b64encode(path.read_bytes()).decode(), path.name, mime_type],
    )
    zone = page.locator("#radiograph button.upload-container")
    for event in ("dragenter", "dragover", "drop"):
        zone.dispatch_event(event, {"dataTransfer": transfer})


def answer(page):
    """Waits for a verdict; returns its kind and the whole text beside it."""
    card = page.locator("#verdict .answer")
    expect(card).to_have_class(KINDS)
    return KINDS.search(card.get_attribute("class"))[0], card.inner_text()


def heatmap_size(page):
    """Waits for the viewer; returns the radiograph's natural (width, height)."""
    pictures = page.locator("#heatmap .layers img")
    expect(pictures).to_have_count(2)
    page.wait_for_function(
        "[...document.querySelectorAll('#heatmap .layers img')]"
        ".every(picture => picture.naturalWidth)"
    )
    film, heat = pictures.evaluate_all(
        "all => all.map(i => [i.naturalWidth, i.naturalHeight, i.clientWidth])"
    )
    assert heat[2] == film[2]  # the one lies on the other
    assert heat[0] / heat[1] == pytest.approx(film[0] / film[1], rel=0.01)
    return tuple(film[:2])


def test_page_before_an_answer(page):
    expect(page.locator("#verdict")).to_contain_text("No radiograph yet")
    expect(page.locator("body")).to_contain_text("not a medical device")
    expect(page.locator("#examples img")).to_have_count(len(EXAMPLES))
    expect(page.locator("#heatmap")).to_have_count(0)


@pytest.mark.parametrize("path", EXAMPLES[::5], ids=lambda path: path.stem)
def test_uploaded_image_is_answered(page, predictor, path):
    prediction = predictor(path)
    page.set_input_files(IMAGE_INPUT, path)
    verdict, text = answer(page)
    assert verdict == prediction.verdict
    assert "Not a medical device" in text and "bundled" in text
    height, width = prediction.image.shape
    assert heatmap_size(page) == (width, height)
    likely = prediction.probabilities["PNEUMONIA"]
    assert share(likely) in page.locator("#verdict .figure").inner_text()
    expect(page.locator("#verdict .subtypes")).to_have_count(int(likely >= 0.5))
    limit = f"{predictor.config.cam_limit:g}"
    expect(page.locator("#heatmap .scale")).to_contain_text(f"≥ +{limit}")


def test_chosen_example_is_answered_and_taken_back(page, predictor):
    page.locator("#examples button").last.click()
    assert answer(page)[0] == predictor(EXAMPLES[-1]).verdict
    heatmap_size(page)
    page.get_by_label("Remove Image").click()
    expect(page.locator("#verdict")).to_contain_text("No radiograph yet")
    expect(page.locator("#heatmap")).to_have_count(0)


def test_pasted_image_is_answered(page, predictor):
    content = io.BytesIO()
    Image.fromarray(radiograph()).save(content, "PNG")
    page.evaluate(
        """async content => {
            const reply = await fetch("data:image/png;base64," + content);
            const item = new ClipboardItem({"image/png": await reply.blob()});
            await navigator.clipboard.write([item]);
        }""",
        base64.b64encode(content.getvalue()).decode(),
    )
    page.get_by_label("Paste from clipboard").click()
    assert answer(page)[0] == predictor(radiograph()).verdict
    assert heatmap_size(page) == (400, 300)


@pytest.mark.parametrize("kind, mime_type", [("dicom", ""), ("tiff", "image/tiff")])
@pytest.mark.parametrize("way", ["button", "drop", "image"])
def test_file_that_browsers_cannot_show(page, predictor, request, kind, mime_type, way):
    path = request.getfixturevalue(kind)
    if way == "drop":
        drop(page, path, mime_type)
    else:
        page.set_input_files(FILE_INPUT if way == "button" else IMAGE_INPUT, path)
    assert answer(page)[0] == predictor(path).verdict
    assert heatmap_size(page) == (400, 300)
    shown = page.locator("#radiograph img")
    assert shown.evaluate("image => image.naturalWidth") == 400


@pytest.mark.parametrize("selector", [IMAGE_INPUT, FILE_INPUT])
def test_unreadable_file_gets_the_packages_sentence(page, predictor, letter, selector):
    page.locator("#examples button").first.click()
    answer(page)
    page.get_by_label("Remove Image").click()
    expect(page.locator(IMAGE_INPUT)).to_have_count(1)
    with pytest.raises(ImageError) as expected:
        predictor(letter)
    page.set_input_files(selector, letter)
    expect(page.locator("#verdict .failed")).to_contain_text(str(expected.value))
    expect(page.locator("#heatmap")).to_have_count(0)
    assert page.locator("#verdict img").count() == 0  # its markup stays text


def test_incomplete_image_gets_the_packages_sentence(page, predictor, tmp_path):
    path = tmp_path / "cut.jpg"
    path.write_bytes(EXAMPLES[0].read_bytes()[:5000])
    with pytest.raises(ImageError) as expected:
        predictor(path)
    page.set_input_files(IMAGE_INPUT, path)
    expect(page.locator("#verdict .failed")).to_contain_text(str(expected.value))


MARKUP = "<img src=x onerror=alert(1)>"


@pytest.mark.parametrize("selector", [IMAGE_INPUT, FILE_INPUT])
@pytest.mark.parametrize("content", [b"a letter", EXAMPLES[0].read_bytes()])
def test_markup_in_a_name_stays_text(page, selector, content):
    file = {"name": f"{MARKUP}.png", "mimeType": "image/png", "buffer": content}
    page.set_input_files(selector, file)
    answer(page)
    assert page.locator("img[src=x]").count() == 0


def test_markup_in_a_dicom_file_stays_text(page, dicom):
    content = dicom.read_bytes()
    assert content.count(b"MONOCHROME2") == 1
    dicom.write_bytes(content.replace(b"MONOCHROME2", b"<img src=x>"))
    page.set_input_files(FILE_INPUT, dicom)
    card = page.locator("#verdict .failed")
    expect(card).to_contain_text("Photometric Interpretation is <img src=x>")
    assert page.locator("img[src=x]").count() == 0


def test_markup_in_an_error_that_pops_up_stays_text(page):
    """The page sends the path of an upload that is no longer there."""
    page.route(
        "**/gradio_api/upload*",
        lambda route: route.fulfill(json=[f"/gone/{MARKUP}.png"]),
    )
    page.set_input_files(FILE_INPUT, EXAMPLES[0])
    expect(page.get_by_test_id("toast-body")).to_contain_text(
        "Expected an uploaded file, found none."
    )
    assert page.locator("img[src=x]").count() == 0


def test_page_says_in_one_line_beside_the_upload_what_becomes_of_it(page):
    line = page.locator("#privacy")
    expect(line).to_be_in_viewport(ratio=1)
    expect(line).to_contain_text("Deleted within 70 minutes")
    ends = line.evaluate(
        "p => { const range = document.createRange(); range.selectNodeContents(p);"
        " return new Set([...range.getClientRects()].map(r => r.top)).size; }"
    )
    assert ends == 1


def test_words_about_the_api_need_no_more_than_the_page(browser, app):
    with browser.new_context() as context:
        page, said = context.new_page(), []
        page.on("console", lambda message: said.append(message.text))
        page.on("request", lambda request: said.append(request.url))
        page.goto(app.url)
        page.get_by_text("Use via API").click()
        expect(page.locator("body")).to_contain_text("An uploaded file.")
        assert [text for text in said if "Content Security Policy" in text] == []
        urls = [text for text in said if text.startswith("http")]
        assert urls and all(url.startswith(app.url) for url in urls)


@pytest.mark.parametrize(
    "host, is_shown",
    [("https://huggingface.co/spaces/a/b", True), ("https://other.example/", False)],
)
def test_page_in_a_frame_of_a_space_and_of_no_other(browser, app, host, is_shown):
    frame = f"<iframe id=frame src={app.url} width=1280 height=900></iframe>"
    with browser.new_context() as context:
        context.route(
            host, lambda route: route.fulfill(body=frame, content_type="text/html")
        )
        page, said = context.new_page(), []
        page.on("console", lambda message: said.append(message.text))
        page.goto(host)
        inside = page.frame_locator("#frame")
        if is_shown:
            inside.locator("#examples button").first.click()
            verdict = inside.locator("#verdict .answer")
            expect(verdict).to_have_class(KINDS)
        else:
            page.wait_for_function("document.readyState == 'complete'")
            assert inside.locator("#verdict").count() == 0
            assert any("frame-ancestors" in text for text in said)


def test_refused_image_gets_the_reason(page, predictor, tmp_path):
    path = tmp_path / "negative.png"
    Image.fromarray(255 - radiograph()).save(path)
    page.set_input_files(IMAGE_INPUT, path)
    card = page.locator("#verdict .refused")
    expect(card).to_contain_text(predictor(path).refusal)
    expect(card).to_contain_text("Not a medical device")
    expect(page.locator("#heatmap")).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_phone_needs_no_sideways_scrolling(page, app, theme):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{app.url}/?__theme={theme}")
    page.set_input_files(IMAGE_INPUT, EXAMPLES[0])
    answer(page)
    heatmap_size(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(page.locator("#verdict h2")).to_be_in_viewport()


# ---- the viewer


def viewed(page, path=EXAMPLES[0]):
    """The viewer of a radiograph that was just given."""
    page.set_input_files(IMAGE_INPUT, path)
    heatmap_size(page)
    return page.locator("#heatmap .viewer")


def style(locator, name):
    return locator.evaluate("(e, name) => getComputedStyle(e)[name]", name)


def test_radiograph_is_compared_with_its_heatmap(page):
    viewer = viewed(page)
    heat = viewer.locator(".heat")
    assert style(heat, "clipPath") == "inset(0px 0px 0px 0%)"
    slider = viewer.get_by_label("Compare")
    slider.click()  # in the middle of the picture
    assert re.fullmatch(r"inset\(0px 0px 0px (49|50|51)%\)", style(heat, "clipPath"))
    slider.press("ArrowRight")
    assert slider.input_value() in ("50", "51", "52")
    viewer.locator("[name=strength]").fill("40")
    assert style(heat, "opacity") == "0.4"


def test_radiograph_is_windowed_and_inverted(page):
    viewer = viewed(page)
    film, channel = viewer.locator(".film"), viewer.locator("filter [slope]").first
    assert style(film, "filter") == "none"
    # 100 +- 32 grey levels: 68 becomes black and 132 white
    viewer.get_by_label("Window centre").fill("100")
    viewer.get_by_label("Window width").fill("64")
    slope, shift = (
        float(channel.get_attribute(name)) for name in ("slope", "intercept")
    )
    assert slope * 68 / 256 + shift == pytest.approx(0)
    assert slope * 132 / 256 + shift == pytest.approx(1)
    assert "viewer-window" in style(film, "filter")
    viewer.get_by_label("Invert").check()
    slope, shift = (
        float(channel.get_attribute(name)) for name in ("slope", "intercept")
    )
    assert slope * 68 / 256 + shift == pytest.approx(1)
    assert slope * 132 / 256 + shift == pytest.approx(0)
    viewer.get_by_role("button", name="Reset").click()
    expect(viewer).not_to_have_class(re.compile("windowed"))
    assert style(film, "filter") == "none"


def test_radiograph_is_zoomed_and_moved(page):
    viewer = viewed(page)
    width = viewer.locator(".film").bounding_box()["width"]
    viewer.get_by_label("Zoom").fill("300")
    stage = viewer.locator(".stage")
    assert viewer.locator(".film").bounding_box()["width"] > 2.5 * width
    stage.press("ArrowRight")
    page.wait_for_function("document.querySelector('#heatmap .stage').scrollLeft > 0")
    stage.scroll_into_view_if_needed()
    box, before = stage.bounding_box(), stage.evaluate("s => s.scrollTop")
    page.mouse.move(box["x"] + 200, box["y"] + 300)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 200, steps=4)
    page.mouse.up()
    assert stage.evaluate("s => s.scrollTop") == pytest.approx(before + 100, abs=2)


# ---- languages


def shown(page):
    return page.locator("body").inner_text()


@pytest.mark.parametrize(
    "locale, language", [("fr-CA", "fr"), ("en-US", "en"), ("de-DE", "en")]
)
def test_page_speaks_the_browsers_language(page, locale, language):
    tab = {"en": "Many films", "fr": "Plusieurs"}[language]
    expect(page.get_by_role("tab", name=tab)).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", language)
    titles = {code: say("title", code) for code in LANGUAGES}
    text = shown(page)
    for code, title in titles.items():
        assert (title in text) == (code == language)


def test_switch_of_language_keeps_the_answer_and_is_remembered(page, app):
    page.set_input_files(IMAGE_INPUT, EXAMPLES[0])
    assert "Not a medical device" in answer(page)[1]
    page.get_by_role("button", name="Français").click()
    expect(page.get_by_role("tab", name="Un cliché")).to_be_visible()
    expect(page.locator("#verdict")).to_contain_text("Pas un dispositif médical")
    expect(page.locator("#verdict h2")).to_have_text("Pneumonie", use_inner_text=True)
    page.goto(app.url)
    expect(page.get_by_role("tab", name="Un cliché")).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("tab", name="One film")).to_be_visible()


@pytest.mark.parametrize("locale", ["fr-FR"])
def test_french_visitor_reads_no_english(page, predictor, tmp_path, locale):
    """Of all that is ours: every text that stands on the page is the French one."""
    path = tmp_path / "negative.png"
    Image.fromarray(255 - radiograph()).save(path)
    for file in (EXAMPLES[0], path):
        page.set_input_files(IMAGE_INPUT, file)
        expect(page.locator("#verdict .answer")).to_have_class(
            re.compile("PNEUMONIA|refused")
        )
        text = re.sub(r"\s+", " ", shown(page))
        english = [en for en, fr in TEXTS.values() if len(en) > 25 and en != fr]
        assert [words for words in english if words in text] == []
        page.get_by_label(re.compile("Supprimer|Remove|Effacer")).first.click()
        expect(page.locator("#verdict")).to_contain_text("Pas encore de radiographie")
    reason = translate(predictor(path).refusal, "fr")
    assert "négatif" in reason and re.sub(r"\s+", " ", reason) in text


# ---- many radiographs


def test_two_hundred_files_of_which_five_are_bad(page, predictor, tmp_path, letter):
    """Small films, so that the test is short; the page cannot tell."""
    good, bad = [], [letter]
    for number in range(195):
        path = tmp_path / f"film_{number:03d}.png"
        Image.fromarray(np.roll(radiograph(), number % 3, axis=1)).save(path)
        good.append(path)
    (tmp_path / "empty.png").touch()
    (tmp_path / "cut.jpg").write_bytes(EXAMPLES[0].read_bytes()[:5000])
    (tmp_path / f"{MARKUP.replace('/', '')}.dcm").write_bytes(b"\0" * 128 + b"DICM")
    Image.fromarray(255 - radiograph()).save(tmp_path / "negative.png")
    bad += [tmp_path / name for name in ("empty.png", "cut.jpg", "negative.png")]
    bad += [*tmp_path.glob("*.dcm")]
    page.get_by_role("tab", name="Many films").click()
    page.set_input_files("#files input[type=file]", [*good[:100], *bad, *good[100:]])
    state = page.locator("#progress")
    expect(state).to_contain_text("of 200 files")  # while it works
    expect(state).to_contain_text("200 of 200 files", timeout=120_000)
    expect(page.locator("#table tbody tr")).to_have_count(195)
    apart = page.locator("#apart li")
    expect(apart).to_have_count(5)
    assert sum("negative.png" in text for text in apart.all_inner_texts()) == 1
    expect(state).to_contain_text("1 Refused")
    expect(state).to_contain_text("4 Unreadable")
    assert page.locator("img[src=x]").count() == 0

    with page.expect_download() as download:
        page.get_by_role("link", name="Download CSV").click()
    with open(download.value.path(), newline="", encoding="utf-8") as stream:
        table = [*csv.DictReader(stream)]
    assert [row["file"] for row in table[:100]] == [path.name for path in good[:100]]
    assert sum(row["status"] == "answered" for row in table) == 195

    page.get_by_role("button", name="File", exact=True).click()
    page.get_by_role("button", name="File", exact=True).click()  # the other way round
    first = page.locator("#table tbody tr").first
    expect(first).to_contain_text("film_194.png")
    expect(page.locator("th[aria-sort=descending]")).to_have_count(1)
    first.click()
    expect(page.locator("#row-verdict .file")).to_have_text("film_194.png")
    expect(page.locator("#row-heatmap .layers img")).to_have_count(2)


def test_stop_is_not_told_as_a_busy_server(page, tmp_path):
    for number in range(100):
        shutil.copy(EXAMPLES[0], tmp_path / f"film_{number:03d}.jpg")
    page.get_by_role("tab", name="Many films").click()
    page.set_input_files("#files input[type=file]", [*tmp_path.iterdir()])
    expect(page.locator("#table tbody tr")).not_to_have_count(0)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#progress .unfinished")).to_contain_text("It was stopped, or")
    assert 0 < page.locator("#table tbody tr").count() < 100


def test_folder_is_answered(page, tmp_path):
    inner = tmp_path / "ward" / "may"
    inner.mkdir(parents=True)
    for name in ("a.png", "b.png"):
        Image.fromarray(radiograph()).save(inner / name)
    page.get_by_role("tab", name="Many films").click()
    page.set_input_files("#many input[data-testid$='-upload-button']", inner.parent)
    expect(page.locator("#table tbody tr")).to_have_count(2)


def test_folder_that_is_dropped_is_answered(page):
    """With entries made up in the page, since no driver can drop a folder."""
    content = io.BytesIO()
    Image.fromarray(radiograph()).save(content, "PNG")
    page.get_by_role("tab", name="Many films").click()
    page.locator("#files").evaluate(
        """(element, content) => {
            const bytes = Uint8Array.from(atob(content), c => c.charCodeAt(0));
            const leaf = name => ({
                isFile: true, file: done => done(new File([bytes], name)),
            });
            const folder = (...all) => ({
                isDirectory: true,
                createReader: () => ({ readEntries: done => done(all.splice(0, 1)) }),
            });
            const entry = folder(leaf("a.png"), leaf(".b"), folder(leaf("c.png")));
            const event = new Event("drop", { bubbles: true, cancelable: true });
            event.dataTransfer = { items: [{ webkitGetAsEntry: () => entry }] };
            element.querySelector("input").dispatchEvent(event);
        }""",
        base64.b64encode(content.getvalue()).decode(),
    )
    expect(page.locator("#table tbody tr")).to_have_count(2)
    expect(page.locator("#table")).to_contain_text("c.png")


# ---- the model, and a report


def test_report_is_saved_in_the_language_of_the_page(page, predictor, app):
    page.set_input_files(IMAGE_INPUT, EXAMPLES[0])
    answer(page)
    before = {*app.files.rglob("*")}
    page.get_by_role("button", name="Français").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Enregistrer un compte rendu").click()
    assert download.value.suggested_filename == "pneumonia.html"
    text = Path(download.value.path()).read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>") or text.startswith("<!DOCTYPE html>")
    assert '<html lang="fr">' in text and "Pas un dispositif médical" in text
    assert EXAMPLES[0].name not in text
    assert {*app.files.rglob("*")} == before  # nothing of it is kept


def test_refused_image_has_a_report_too(page, tmp_path):
    Image.fromarray(255 - radiograph()).save(tmp_path / "negative.png")
    page.set_input_files(IMAGE_INPUT, tmp_path / "negative.png")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save a report").click()
    text = Path(download.value.path()).read_text(encoding="utf-8")
    assert "negative. If it is one, invert it" in text


def test_model_and_what_another_threshold_would_mean(page, predictor):
    page.get_by_role("tab", name="The model").click()
    shown = page.locator("#about")
    expect(shown).to_contain_text(predictor.config.version)
    expect(shown).to_contain_text("AUROC")
    slider = shown.get_by_role("slider", name="Threshold")
    before = shown.inner_text()
    slider.fill("0.9")
    assert shown.inner_text() != before
    report = json.loads((predictor.folder.path / "report.json").read_text())
    caught = sum(
        film["probability"] >= 0.9
        for film in report["films"]
        if film["label"] != "NORMAL" and film.get("probability") is not None
    )
    expect(shown).to_contain_text(str(caught))
    expect(page.get_by_role("button", name="The model card")).to_be_visible()


# ---- for everybody


def faults(page):
    """What axe finds that is serious, or worse: rule and elements."""
    found = Axe().run(page).response["violations"]
    return [
        (rule["id"], [node["html"][:200] for node in rule["nodes"]])
        for rule in found
        if rule["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_page_has_no_serious_fault_for_axe(page, app, theme, letter):
    page.goto(f"{app.url}/?__theme={theme}")
    expect(page.locator("#radiograph")).to_be_visible()
    assert faults(page) == []
    page.set_input_files(IMAGE_INPUT, EXAMPLES[0])
    answer(page)
    heatmap_size(page)
    assert faults(page) == []
    page.get_by_role("tab", name="Many films").click()
    page.set_input_files("#files input[type=file]", [*EXAMPLES[:3], letter])
    expect(page.locator("#apart li")).to_have_count(1)
    assert faults(page) == []
    page.get_by_role("tab", name="The model").click()
    assert faults(page) == []


def test_keyboard_alone_gets_an_answer(page):
    page.locator("#examples button").first.focus()
    page.keyboard.press("Enter")
    answer(page)
    slider = page.locator("#heatmap [name=compare]")
    expect(slider).to_have_count(1)
    for _ in range(60):
        page.keyboard.press("Tab")
        if slider.evaluate("slider => slider === document.activeElement"):
            break
    page.keyboard.press("End")
    expect(slider).to_have_value("100")
    shows_focus = "e => getComputedStyle(e.nextElementSibling).outlineStyle"
    assert slider.evaluate(shows_focus) == "solid"
