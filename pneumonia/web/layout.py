"""The parts of the page that app.py puts together, and what happens between them."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from . import many as tables
from . import model_page, page
from .printout import STYLE
from .server import REQUESTS
from .translations import LANGUAGES, say

PLAIN = {"apply_default_css": False, "js_on_load": None}  # HTML in our own style alone
PRIVATE = {"api_visibility": "private"}
QUIET = {"show_progress": "hidden", **PRIVATE}
_ZONE = {"file_count": "multiple", "height": 150}
LOOK = {  # of `launch`
    "theme": gr.themes.Default(
        primary_hue="blue",
        neutral_hue="slate",
        font=("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"),
    ).set(  # enough contrast for everybody
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        link_text_color="*primary_700",
        link_text_color_dark="*primary_300",
    ),
    "css": STYLE,
}
# Gradio's File does not look for Ctrl+V, and after a dropped folder takes nothing more;
# Back and Forward choose a tab.
_WAYS = """
const give = (files, event) => Promise.all(files.map(file => upload(file))).then(
  value => { props.value = value; trigger(event); });
const filesOf = async entries => (await Promise.all(entries.map(entry => entry.isFile
  ? new Promise(done => entry.file(done)) : read(entry.createReader())))).flat();
const read = reader => new Promise(done => reader.readEntries(async part => done(
  part.length ? [...await filesOf(part), ...await read(reader)] : [])));
addEventListener("paste", ({ clipboardData: { files } }) => files.length &&
  give([...files], location.hash === "#many" ? "upload" : "input"));
addEventListener("drop", async event => {
  const entries = [...event.dataTransfer.items].map(it => it.webkitGetAsEntry());
  if (!entries.some(entry => entry?.isDirectory)) return;
  event.stopPropagation(); event.preventDefault();
  give(await filesOf(entries), "upload");
}, true);
addEventListener("hashchange", () => trigger("submit"));"""
_ONE = "files => [files?.[0] ?? null, files, null]"  # image, all files, empty zone
_MORE = "(files, given) => [[...files ?? [], ...given ?? []], null]"
# an answer never stands beside another image than its own
_CLEARED = "() => ['', null, '', { __type__: 'update', visible: false }]"
# the tab that the address named, before the first one wrote its own name there
_ASKED = "() => performance.getEntriesByType('navigation')[0].name.split('#')[1]"
_NAMED = '() => location.hash === "#%s" || history.pushState(null, "", "#%s")'
_REVEAL = """() => document.querySelector("#%s-card .card")
  ?.scrollIntoView({ block: "nearest" })"""
_SAVE = """html => Object.assign(document.createElement("a"), {
  download: "pneumonia.html",
  href: URL.createObjectURL(new Blob([html], { type: "text/html" })) }).click()"""


class Words:
    """The page's components, and what is written on them in each language."""

    def __init__(self):
        self.said: dict[Any, Callable[[str], dict[str, Any]]] = {}

    def add(self, kind: type, key: str, choices: str = "", **settings: Any) -> Any:
        """Makes a component in English.

        Args:
            kind: of `gr`.
            key: of the text on it.
            choices: keys of what can be chosen, which are also their values.
            settings: the other arguments.
        """
        name = "value" if kind in (gr.Button, gr.Markdown) else "label"

        def said(language: str) -> dict[str, Any]:
            texts = [(say(choice, language), choice) for choice in choices.split()]
            return {name: say(key, language)} | ({"choices": texts} if texts else {})

        component = kind(**said("en"), **settings)
        self.said[component] = said
        return component

    def say(self, language: str) -> list[Any]:
        """An update for each component, in the order of `said`."""
        return [gr.update(**said(language)) for said in self.said.values()]


def question_and_answer(words: Words) -> tuple[list, list]:
    """Makes what is asked of one X-ray, and what its answer is shown in."""
    image = gr.File(visible="hidden")
    child = words.add(gr.Radio, "child", "yes no unknown", value="unknown")
    label = {"label": say("language", "en"), "container": False}
    languages = [(name, code) for code, name in LANGUAGES.items()]
    language = gr.Radio(languages, value="en", elem_id="language", **label)
    shown = answers("one", words)
    image.change(None, None, shown, js=_CLEARED)  # before anything answers it
    return [image, child, language], shown


def place(*components: gr.components.Component) -> None:
    """Moves components out of an Interface's layout to where the page has them."""
    for component in components:
        component.unrender()
        component.render()


def answers(name: str, words: Words) -> list[gr.components.Component]:
    """Makes what an answer is shown in: card, pictures, legend, the save button."""
    card = gr.HTML(elem_id=f"{name}-card", **PLAIN)
    card.change(None, js=_REVEAL % name)
    shown = {"visible": False, "max_height": 640, "buttons": ["fullscreen"]}
    shown["elem_id"] = f"{name}-pictures"
    pictures = words.add(gr.ImageSlider, "heatmap", **shown)
    legend = gr.HTML(elem_id=f"{name}-legend", **PLAIN)
    button = {"size": "sm", "visible": False, "interactive": True}
    return [card, pictures, legend, words.add(gr.Button, "save", **button)]


def add_page(demo: gr.Blocks, words: Words, asked: list, shown: list) -> None:
    """Lays out the page, and places in it what its Interface asks and shows.

    Args:
        asked, shown: components, from `question_and_answer`.
    """
    image, child, language = asked
    # files of the tab for one image, and of the tab for many
    given, files = (gr.File(visible="hidden", **_ZONE) for _ in range(2))
    with gr.Row(elem_classes="head"):
        words.add(gr.Markdown, "heading")
        place(language)
    with gr.Tabs() as tabs:
        with words.add(gr.Tab, "tab one", id="one") as one, gr.Row():
            with gr.Column(scale=4, min_width=280):
                zone = words.add(gr.File, "drop", elem_id="image", **_ZONE)
                place(image, child)
                words.add(gr.Markdown, "privacy", elem_id="privacy")
            with gr.Column(scale=6, min_width=280):
                rest = gr.Button(visible=False, variant="primary", elem_id="several")
                place(*shown)
                galleries = add_samples(words, [image, given])
        with words.add(gr.Tab, "tab many", id="many") as many:
            add_many(words, files, child, language)
        with words.add(gr.Tab, "tab model", id="model") as model:
            add_model(words, model, language)
    zone.upload(None, zone, [image, given, zone], js=_ONE)
    gr.on([given.change, language.change], page.offer, [given, language], rest, **QUIET)
    rest.click(lambda it: (it, gr.Tabs(selected="many")), given, [files, tabs], **QUIET)
    text = gr.Textbox(visible=False)  # of which the browser makes a file
    saved = shown[-1].click(page.save, asked, text, **PRIVATE)
    saved.success(None, text, js=_SAVE)
    ways = gr.HTML(visible="hidden", js_on_load=_WAYS)
    ways.input(None, ways, [image, given, ways], js=_ONE)
    more = ways.upload(None, [files, ways], [files, ways], js=_MORE)
    more.then(lambda: gr.Tabs(selected="many"), None, tabs, **QUIET)
    ways.submit(page.tab, ways, tabs, js="() => location.hash.slice(1)", **PRIVATE)
    demo.load(page.tab, ways, tabs, js=_ASKED, **PRIVATE)
    for name, tab in {"one": one, "many": many, "model": model}.items():
        tab.select(None, js=_NAMED % (name, name))
    add_visit(demo, words, asked, galleries)


def add_samples(words: Words, given: list[gr.File]) -> list[gr.Gallery]:
    """Adds a gallery for each group of samples; a click gives its file, alone."""
    words.add(gr.Markdown, "samples")
    looks = {"columns": 4, "fit_columns": False, "height": "auto", "min_width": 240}
    looks |= {"object_fit": "cover", "buttons": [], "elem_classes": "samples"}
    looks |= {"allow_preview": False, "interactive": False}
    groups, galleries = [*page.SAMPLES], []
    for pair in (groups[:2], groups[2:]):
        with gr.Row():
            for group in pair:
                gallery = words.add(gr.Gallery, f"group {group}", **looks)
                gallery.select(_chosen(group), None, given, **PRIVATE)
                galleries.append(gallery)
    return galleries


def _chosen(group: str) -> Callable[[gr.SelectData], tuple[str, None]]:
    def choose(event: gr.SelectData) -> tuple[str, None]:
        return str(page.SAMPLES[group][event.index]), None

    return choose


def add_many(words: Words, files: gr.File, child: gr.Radio, language: gr.Radio) -> None:
    """Adds the tab of many X-rays.

    Args:
        files: all that were given; whatever is dropped or chosen is added to them.
    """
    words.add(gr.Markdown, "many")
    zone = words.add(gr.File, "files", elem_id="files", **_ZONE)
    with gr.Row():
        folder = {"file_count": "directory", "size": "sm"}
        folder = words.add(gr.UploadButton, "folder", **folder)
        stop = words.add(gr.Button, "stop", size="sm")
        clear = words.add(gr.Button, "clear", size="sm")
    progress = gr.HTML(elem_id="progress", **PLAIN)
    table = words.add(
        gr.Dataframe,
        "answers",
        headers=[say(f"column {name}", "en") for name in tables.COLUMNS],
        datatype=[*tables.COLUMNS.values()],
        interactive=False,
        visible=False,
        max_height=420,
        show_label=True,
        buttons=[],
        column_widths=[50, 80, 130, 130, 150, 520],
        wrap=True,
        elem_id="answers",
    )
    csv = words.add(gr.File, "csv", visible=False, elem_id="csv")
    shown = answers("row", words)
    rows, chosen = gr.State([], time_to_live=3600), gr.State()
    for source in (zone, folder):
        source.upload(None, [files, source], [files, source], js=_MORE)
    answered = files.change(
        page.show_many,
        [files, rows, language],
        [progress, table, csv, rows],
        concurrency_limit=REQUESTS,
        trigger_mode="always_last",
        **QUIET,
    )
    stop.click(None, cancels=[answered], **PRIVATE)
    emptied = {"cancels": [answered], **PRIVATE}
    clear.click(lambda: (None, None), None, [files, chosen], **emptied)
    language.change(page.in_table, [rows, language], [progress, table], **QUIET)
    table.select(page.row_number, None, chosen, **PRIVATE)
    gr.on(
        [chosen.change, child.change, language.change],
        page.show_row,
        [rows, chosen, child, language],
        shown,
        **PRIVATE,
    )


def add_model(words: Words, tab: gr.Tab, language: gr.Radio) -> None:
    """Adds the tab about the model, which is filled when it is opened."""
    overview = gr.HTML(elem_id="overview", **PLAIN)
    axes = {"x": "x", "y": "y", "x_lim": [0, 1], "y_lim": [0, 1], "buttons": []}
    axes |= {"color": "line", "color_title": " ", "height": 320}
    with gr.Row():
        plots = [
            gr.LinePlot(elem_id="roc", **axes),
            gr.ScatterPlot(elem_id="reliability", **axes),
        ]
    words.add(gr.Markdown, "threshold title", elem_classes="heading")
    scale = {"minimum": 0, "maximum": 1, "step": 0.01}
    start = {"threshold": 0.5, "prevalence": model_page.PREVALENCE}
    chosen = [words.add(gr.Slider, name, value=start[name], **scale) for name in start]
    costs = gr.HTML(elem_id="costs", **PLAIN)
    with words.add(gr.Accordion, "model card", open=False):
        card = gr.Markdown()
    given, shown = [*chosen, language], [overview, *plots, costs, card]
    gr.on([tab.select, language.change], page.show_model, given, shown, **PRIVATE)
    moved = [slider.change for slider in chosen]
    last = {"trigger_mode": "always_last", **QUIET}
    gr.on(moved, page.show_costs, given, costs, **last)


def add_visit(demo: gr.Blocks, words: Words, asked: list, galleries: list) -> None:
    """Lets language and age group be those of the last visit, and the texts follow."""
    _, child, language = asked
    kept = gr.BrowserState(None, storage_key="pneumonia", secret="pneumonia")
    demo.load(page.first_values, kept, [language, child, *galleries], **QUIET)
    keep = "(language, child) => ({ language, child })"
    gr.on([language.change, child.change], None, [language, child], kept, js=keep)
    language.change(words.say, language, [*words.said], **QUIET)
    language.change(page.galleries, language, galleries, **QUIET)
    language.change(None, language, js="it => { document.documentElement.lang = it; }")
