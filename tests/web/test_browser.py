"""The running app, as a person sees it: a real Chromium, driven by playwright."""

import base64
import csv
import io
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pneumonia import ImageError, load_predictor
from pneumonia.web.result import share
from pneumonia.web.translations import say, translate

playwright = pytest.importorskip("playwright.sync_api", reason="no playwright")
Axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe").Axe
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no chromium on this machine")
expect = playwright.expect
expect.set_options(timeout=60_000)  # milliseconds; the machine may be busy

EXAMPLES = Path(__file__).parents[2] / "examples"
NORMAL, VIRAL = EXAMPLES / "normal_1.jpg", EXAMPLES / "viral_1.jpg"
LIMITS = EXAMPLES / "limits"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
# lets pages of made-up hosts frame a server of this machine
FLAGS += ["--disable-features=LocalNetworkAccessChecks"]
BOXES = (
    "#image, #one-card .card, #one-pictures, #one-legend .legend, .samples, #privacy,"
    "#progress .progress, #answers, #csv, #row-card .card, #row-pictures, #row-legend "
    ".legend, #overview .about, #roc, #reliability, #costs .about, #background .about, "
    "footer, .head > *"
)
# Faults of Gradio's own button to add files, and of its table while it is empty.
OF_GRADIO = ("nested-interactive", "aria-required-children")
OVERLAPS = """boxes => {
  const seen = [...document.querySelectorAll(boxes)].filter(it => it.offsetParent);
  const sides = seen.map(it => it.getBoundingClientRect());
  const found = [];
  sides.forEach((a, i) => sides.slice(i + 1).forEach((b, k) => {
    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    const j = i + 1 + k;
    const is_part = seen[i].contains(seen[j]) || seen[j].contains(seen[i]);
    if (wide > 1 && high > 1 && !is_part)
      found.push([seen[i].id || seen[i].className, seen[j].id || seen[j].className]);
  }));
  return found;
}"""


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def look(request):
    """Width, theme and language; tests parametrise it."""
    return getattr(request, "param", (1280, "light", "en"))


@pytest.fixture
def page(browser, app, look):
    """The page, in a fresh profile; any error or foreign request fails the test."""
    width, theme, language = look
    problems = []
    context = browser.new_context(
        locale={"en": "en-GB", "fr": "fr-FR"}[language],
        viewport={"width": width, "height": 900},
        color_scheme=theme,
        permissions=["clipboard-read", "clipboard-write"],
    )
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("dialog", lambda it: problems.append(it.message) or it.accept())
    page.on(
        "console",
        lambda it: (
            it.type == "error"
            # of a page that is left
            and not re.search("AbortError|Connection errored out", it.text)
            and problems.append(it.text)
        ),
    )
    own = (app.url, "data:", "blob:")
    page.on("request", lambda it: it.url.startswith(own) or problems.append(it.url))
    page.goto(f"{app.url}/?__theme={theme}")
    expect(page.get_by_role("tab").first).to_have_text(say("tab one", language))
    expect(page.locator(".samples img")).to_have_count(14)
    yield page
    context.close()
    assert problems == []


@pytest.fixture(scope="module")
def predictor():
    return load_predictor()


@pytest.fixture
def letter(tmp_path):
    path = tmp_path / "<img src=x onerror=alert(1)>.txt"
    path.write_text("<img src=x onerror=alert(1)>")
    return path


def give(page, path):
    """Gives a file; returns the card of its answer."""
    page.set_input_files("#image input[type=file]", path)
    card = page.locator("#one-card .card")
    expect(card).to_have_count(1)
    return card


def faults(page):
    """Overlaps, sideways scrolling, and what axe finds that is serious or worse."""
    expect(page.locator(".pending")).to_have_count(0)  # which is pale
    found = page.evaluate(OVERLAPS, BOXES)
    width = page.viewport_size["width"]
    if page.evaluate("document.documentElement.scrollWidth") > width:
        found.append("scrolls sideways")
    return found + [
        (rule["id"], [node["html"][:200] for node in rule["nodes"]])
        for rule in Axe().run(page).response["violations"]
        if rule["impact"] in ("serious", "critical") and rule["id"] not in OF_GRADIO
    ]


def open_tab(page, name, language):
    tab = page.get_by_role("tab", name=say(f"tab {name}", language))
    if not tab.is_visible():  # a narrow page has the rest behind a button
        page.locator(".overflow-menu > button").click()
        tab = page.get_by_role("button", name=say(f"tab {name}", language))
    tab.click()


LOOKS = [(320, "light", "fr"), (390, "dark", "en"), (1280, "dark", "fr")]


@pytest.mark.parametrize("look", LOOKS, indirect=True, ids=str)
def test_every_state_of_the_page_is_sound(page, predictor, look, letter):
    _, _, language = look
    assert faults(page) == []
    prediction = predictor(VIRAL)
    card = give(page, VIRAL)
    expect(card).to_contain_text(say("PNEUMONIA", language))
    expect(card.get_by_role("status")).to_contain_text(
        share(prediction.probabilities["PNEUMONIA"])
    )
    expect(card).to_contain_text(say("notice", language))
    expect(card).to_contain_text(say("word VIRAL", language))
    expect(page.locator("#one-pictures img")).to_have_count(2)
    expect(page.locator("#one-card")).to_contain_text(say("look viral", language))
    expect(page.locator("#one-card h2")).to_be_in_viewport()
    assert faults(page) == []

    open_tab(page, "many", language)
    files = [VIRAL, NORMAL, letter, LIMITS / "refused.jpg", LIMITS / "unfamiliar.dcm"]
    page.set_input_files("#files input[type=file]", files)
    expect(page.locator("#csv")).to_be_visible()
    expect(page.locator("#progress")).to_contain_text(say("row failed", language))
    cell = page.locator("#answers .body-cell:visible").filter(has_text="refused.jpg")
    cell.click()
    row = page.locator("#row-card .card")
    refusal = translate(predictor(LIMITS / "refused.jpg").refusal, language)
    expect(row).to_contain_text(refusal)
    expect(row.locator("h2")).to_be_in_viewport()
    assert faults(page) == []

    open_tab(page, "model", language)
    expect(page.locator("#overview")).to_contain_text("AUROC")
    expect(page.locator("#costs td").first).to_be_visible()
    expect(page).to_have_url(re.compile("#model$"))
    assert faults(page) == []
    page.go_back()
    expect(page.locator("#answers")).to_be_visible()


def test_answer_is_in_the_language_that_is_chosen(page, app):
    card = give(page, NORMAL)
    expect(card).to_contain_text("Why this may be wrong")
    page.get_by_label("Français").click()
    expect(card).to_contain_text("Pourquoi cela peut être faux")
    expect(page.get_by_role("tab").first).to_have_text("Une radio")
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    page.goto("about:blank")
    page.goto(app.url)  # which remembers
    expect(page.get_by_role("tab").first).to_have_text("Une radio")


def test_no_child_of_that_age_gets_no_verdict(page, app):
    card = give(page, VIRAL)
    expect(card).to_have_class(re.compile("PNEUMONIA"))
    kept = page.evaluate("localStorage.getItem('pneumonia')")
    page.get_by_label("No", exact=True).click()
    expect(card).to_have_class(re.compile("unfamiliar"))
    expect(card.get_by_role("status")).to_contain_text("Unfamiliar X-ray: no verdict")
    expect(card.get_by_role("status")).to_contain_text("You said that this is no child")
    assert "> 99" not in card.inner_text()  # which stands in a fold
    page.wait_for_function(
        "kept => localStorage.getItem('pneumonia') !== kept", arg=kept
    )
    page.goto("about:blank")
    page.goto(app.url)  # which remembers
    expect(page.get_by_label("No", exact=True)).to_be_checked()


@pytest.mark.parametrize(
    "place, words",
    [
        (0, "cannot tell"),
        (1, "Unfamiliar X-ray: no verdict"),
        (2, "Refused: no answer"),
    ],
)
def test_sample_shows_where_it_fails(page, place, words):
    page.locator(".samples").last.get_by_role("button").nth(place).click()
    expect(page.locator("#one-card")).to_contain_text(words)
    expect(page.locator("#one-card .hint")).to_contain_text("Sample.")


def test_unreadable_file_gets_the_packages_sentence(page, predictor, letter):
    give(page, NORMAL)
    expect(page.locator("#one-pictures img")).to_have_count(2)
    with pytest.raises(ImageError) as expected:
        predictor(letter)
    card = give(page, letter)
    expect(card).to_contain_text(str(expected.value))
    expect(page.locator("#one-pictures img")).to_have_count(0)
    assert page.locator("img[src=x]").count() == 0  # its markup stays text


def test_pasted_image_is_answered(page, predictor):
    content = io.BytesIO()
    Image.open(NORMAL).convert("L").resize((400, 300)).save(content, "PNG")
    page.evaluate(
        """async content => {
            const reply = await fetch("data:image/png;base64," + content);
            const file = new File([await reply.blob()], "a.png", {type: "image/png"});
            const data = new DataTransfer();
            data.items.add(file);
            const event = new ClipboardEvent("paste", {clipboardData: data});
            dispatchEvent(event);
        }""",
        base64.b64encode(content.getvalue()).decode(),
    )
    verdict = predictor(content.getvalue()).verdict
    card = page.locator("#one-card .card")
    expect(card).to_have_class(re.compile(verdict))
    page.evaluate(
        "dispatchEvent(new ClipboardEvent('paste', "
        "{clipboardData: new DataTransfer()}))"  # a text
    )
    page.wait_for_timeout(1000)
    expect(card).to_have_class(re.compile(verdict))


def test_folder_dropped_on_the_tab_for_one_is_answered_on_the_other(page, tmp_path):
    shutil.copy(VIRAL, tmp_path)
    shutil.copy(NORMAL, tmp_path)
    drop(page, "#image", tmp_path)
    expect(page.locator("#progress")).to_contain_text("2 of 2 read")
    expect(page.locator("#files")).to_be_visible()


def test_table_sorts_and_a_row_opens_its_own_answer(page, tmp_path):
    open_tab(page, "many", "en")
    page.set_input_files("#files input[type=file]", [VIRAL, NORMAL])
    expect(page.locator("#csv")).to_be_visible()
    head = page.locator("#answers .header-cell").filter(has_text="File").last
    head.get_by_label("Open cell menu").dispatch_event("click")
    page.get_by_text("Sort ascending").click()
    cells = page.locator("#answers .body-cell:visible")
    expect(cells.nth(5)).to_have_text(NORMAL.name)
    cells.nth(5).click()
    expect(page.locator("#row-card")).to_contain_text(NORMAL.name)
    expect(page.locator("#row-card .card")).to_have_class(re.compile("NORMAL"))
    with page.expect_download() as download:
        page.locator("#csv a").first.click()
    with open(download.value.path(), newline="", encoding="utf-8") as stream:
        rows = [*csv.DictReader(stream)]
    assert [row["file"] for row in rows] == [VIRAL.name, NORMAL.name]


def test_several_on_the_tab_for_one_are_offered_to_the_other(page):
    files = [VIRAL, NORMAL, EXAMPLES / "bacterial_1.jpg"]
    page.set_input_files("#image input[type=file]", files)
    expect(page.locator("#one-card .card")).to_have_class(re.compile("PNEUMONIA"))
    expect(page.locator("#one-card")).to_contain_text(VIRAL.name)
    button = page.locator("#several")
    expect(button).to_contain_text("Only the first of 3 X-rays is answered here")
    button.click()
    expect(page.locator("#progress")).to_contain_text("3 of 3 read")
    open_tab(page, "one", "en")
    page.locator(".samples").first.get_by_role("button").first.click()
    expect(page.locator("#one-card .card")).to_have_class(re.compile("NORMAL"))
    expect(button).to_be_hidden()


def drop(page, selector, *paths):
    """Drops files or folders of this machine, as from a file manager."""
    box = page.locator(selector).bounding_box()
    place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    data = {"items": [], "files": [str(path) for path in paths]}
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        event = {"type": kind, "data": data | {"dragOperationsMask": 1}, **place}
        session.send("Input.dispatchDragEvent", event)


def test_a_second_drop_is_added_and_a_folder_is_all_its_files(page, tmp_path):
    open_tab(page, "many", "en")
    drop(page, "#files", VIRAL)
    expect(page.locator("#progress")).to_contain_text("1 of 1 read")
    drop(page, "#files", NORMAL)
    expect(page.locator("#progress")).to_contain_text("2 of 2 read")
    deep = tmp_path / "ward" / "child"
    deep.mkdir(parents=True)
    shutil.copy(EXAMPLES / "bacterial_1.jpg", deep)
    shutil.copy(EXAMPLES / "bacterial_2.jpg", deep.parent)
    drop(page, "#files", tmp_path / "ward")
    expect(page.locator("#progress")).to_contain_text("4 of 4 read")
    expect(page.locator("#progress")).to_contain_text("Pneumonia 3")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#progress .progress")).to_have_count(0)


def test_address_names_the_tab(page, app):
    page.goto("about:blank")
    page.goto(f"{app.url}/#many")
    expect(page.locator("#files")).to_be_visible()


def test_thresholds_count_what_they_cost(page):
    open_tab(page, "model", "en")
    costs = page.locator("#costs")
    expect(costs).to_contain_text("pneumonias missed")
    before = costs.inner_text()
    slider = page.get_by_role("slider").first
    slider.fill("0.9")
    expect(costs).not_to_have_text(before)


def test_result_is_saved_in_the_language_of_the_page(page, app):
    give(page, VIRAL)
    page.get_by_label("Français").click()
    button = page.get_by_role("button", name="Enregistrer ce résultat")
    expect(button.first).to_be_visible()
    before = {*app.files.rglob("*.html")}
    with page.expect_download() as download:
        button.first.click()
    text = Path(download.value.path()).read_text(encoding="utf-8")
    assert '<html lang="fr">' in text and "Pas un dispositif médical" in text
    assert VIRAL.name not in text and "unknown" not in text
    assert {*app.files.rglob("*.html")} == before  # nothing of it is kept


@pytest.mark.parametrize(
    "host, is_shown",
    [("https://huggingface.co/spaces/a/b", True), ("https://other.example/", False)],
)
def test_page_in_a_frame_of_a_space_and_of_no_other(browser, app, host, is_shown):
    frame = f"<iframe id=frame src={app.url} width=1280 height=900></iframe>"
    with browser.new_context() as context:
        context.route(host, lambda it: it.fulfill(body=frame, content_type="text/html"))
        page, said = context.new_page(), []
        page.on("console", lambda message: said.append(message.text))
        page.goto(host)
        inside = page.frame_locator("#frame")
        if is_shown:
            expect(inside.locator("#image")).to_be_visible()
        else:
            page.wait_for_function("document.readyState == 'complete'")
            assert inside.locator("#image").count() == 0
            assert any("frame-ancestors" in text for text in said)


def test_heatmap_shows_the_whole_radiograph(page, predictor):
    give(page, NORMAL)
    shown = page.locator("#one-pictures img")
    expect(shown).to_have_count(2)
    page.wait_for_function(
        "document.querySelector('#one-pictures img').naturalWidth > 0"
    )
    size = shown.first.evaluate("it => [it.naturalWidth, it.naturalHeight]")
    assert tuple(size) == np.asarray(Image.open(NORMAL)).shape[1::-1]
