"""The parts of the page that app.py puts together, and what happens between them."""

import importlib.util
import os
from typing import Any

import gradio as gr

from ..errors import PneumoniaError
from . import many as tables
from . import model_page, page
from .printout import STYLE
from .server import REQUESTS
from .translations import LANGUAGES, say

PLAIN = {"apply_default_css": False, "js_on_load": None}  # HTML in our own style alone
PRIVATE = {"api_visibility": "private"}
QUIET = {"show_progress": "hidden", **PRIVATE}
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
# Ctrl+V anywhere gives an image; Back and Forward choose a tab.
_WAYS = """
addEventListener("hashchange", () => {
  props.value = location.hash.slice(1); trigger("submit");
});
addEventListener("paste", async event => {
  const [file] = event.clipboardData.files;
  if (file) { props.value = await upload(file); trigger("input"); }
});"""
_REVEAL = """() => document.querySelector("%s .card")
  ?.scrollIntoView({ block: "nearest" })"""
_SAVE = """html => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([html], { type: "text/html" }));
  link.download = "pneumonia.html";
  link.click();
}"""


class Words:
    """The page's components, and what is written on them in each language."""

    def __init__(self):
        self.keys: dict[Any, dict[str, str]] = {}

    def add(self, kind: type, keys: dict[str, str], **settings: Any) -> Any:
        """Makes a component in English.

        Args:
            kind: of `gr`.
            keys: name of an argument -> key of its text.
            settings: the other arguments.
        """
        component = kind(**self._arguments(keys, "en"), **settings)
        self.keys[component] = keys
        return component

    def say(self, language: str) -> list[Any]:
        """An update for each component, in the order of `keys`."""
        return [gr.update(**self._arguments(it, language)) for it in self.keys.values()]

    @staticmethod
    def _arguments(keys: dict[str, str], language: str) -> dict[str, Any]:
        return {
            name: [(say(word, language), word) for word in key.split()]
            if name == "choices"
            else say(key, language)
            for name, key in keys.items()
        }


def place(*components: gr.components.Component) -> None:
    """Moves components out of an Interface's layout to where the page has them."""
    for component in components:
        component.unrender()
        component.render()


def questions(words: Words) -> list[gr.components.Component]:
    """Makes what is asked: the image, whether of a child, the language."""
    languages = [(name, code) for code, name in LANGUAGES.items()]
    return [
        words.add(gr.File, {"label": "drop"}, height=150, elem_id="image"),
        words.add(
            gr.Radio, {"label": "child", "choices": "yes no unknown"}, value="unknown"
        ),
        gr.Radio(
            languages,
            value="en",
            label=say("language", "en"),
            container=False,
            elem_id="language",
        ),
    ]


def answers(name: str, words: Words) -> list[gr.components.Component]:
    """Makes what an answer is shown in: card, pictures, legend, the save button."""
    card = gr.HTML(elem_id=f"{name}-card", **PLAIN)
    pictures = words.add(
        gr.ImageSlider,
        {"label": "heatmap"},
        visible=False,
        max_height=640,
        buttons=["fullscreen"],
        elem_id=f"{name}-pictures",
    )
    legend = gr.HTML(elem_id=f"{name}-legend", **PLAIN)
    button = {"size": "sm", "visible": False, "interactive": True}
    return [card, pictures, legend, words.add(gr.Button, {"value": "save"}, **button)]


def add_page(
    demo: gr.Blocks,
    words: Words,
    asked: list[gr.components.Component],
    shown: list[gr.components.Component],
) -> None:
    """Lays out the page, and places in it what its Interface asks and shows."""
    image, child, language = asked
    with gr.Row(elem_classes="head"):
        words.add(gr.Markdown, {"value": "heading"})
        place(language)
    with gr.Tabs() as tabs:
        with words.add(gr.Tab, {"label": "tab one"}, id="one") as one, gr.Row():
            with gr.Column(scale=4, min_width=280):
                place(image, child)
                words.add(gr.Markdown, {"value": "privacy"}, elem_id="privacy")
            with gr.Column(scale=6, min_width=280):
                place(*shown)
                galleries = add_samples(words, image)
        with words.add(gr.Tab, {"label": "tab many"}, id="many") as many:
            add_many(words, child, language)
        with words.add(gr.Tab, {"label": "tab model"}, id="model") as model:
            add_model(words, model, language)
    add_visit(demo, words, language, child, galleries)
    add_ways(demo, tabs, {"one": one, "many": many, "model": model}, image, shown)
    text = gr.Textbox(visible=False)  # of which the browser makes a file
    saved = shown[-1].click(page.save, asked, text, **PRIVATE)
    saved.success(None, text, js=_SAVE)


def speaks_mcp(is_asked: bool) -> bool:
    """Whether assistants are served: on a Space that can, or where it is asked for."""
    is_there = importlib.util.find_spec("mcp") is not None
    if is_asked and not is_there:
        raise PneumoniaError(
            "Expected the package mcp for --mcp, found none. Install it with "
            '`pip install "gradio[mcp]"`.'
        )
    return is_asked or (is_there and os.environ.get("SYSTEM") == "spaces")


def add_samples(words: Words, image: gr.File) -> list[gr.Gallery]:
    """Adds a gallery for each group of samples; a click gives its file."""
    words.add(gr.Markdown, {"value": "samples"})
    galleries = []
    for pair in (page.GROUPS[:2], page.GROUPS[2:]):
        with gr.Row():
            galleries += [_add_group(group, words, image) for group in pair]
    return galleries


def _add_group(group: str, words: Words, image: gr.File) -> gr.Gallery:
    gallery = words.add(
        gr.Gallery,
        {"label": f"group {group}"},
        columns=4,
        fit_columns=False,
        height="auto",
        min_width=240,
        allow_preview=False,
        object_fit="cover",
        buttons=[],
        interactive=False,
        elem_classes="samples",
    )

    def choose(event: gr.SelectData) -> str | None:
        return page.sample(group, event.index)

    gallery.select(choose, None, image, **PRIVATE)
    return gallery


def add_many(words: Words, child: gr.Radio, language: gr.Radio) -> None:
    """Adds the tab of many X-rays."""
    words.add(gr.Markdown, {"value": "many"})
    files = words.add(
        gr.File, {"label": "files"}, file_count="multiple", height=180, elem_id="files"
    )
    with gr.Row():
        folder = words.add(
            gr.UploadButton, {"label": "folder"}, file_count="directory", size="sm"
        )
        stop = words.add(gr.Button, {"value": "stop"}, size="sm")
    progress = gr.HTML(elem_id="progress", **PLAIN)
    table = words.add(
        gr.Dataframe,
        {"label": "answers"},
        headers=tables.heads("en"),
        datatype=[*tables.KINDS],
        interactive=False,
        visible=False,
        max_height=420,
        show_label=True,
        buttons=[],
        column_widths=["9%", "13%", "34%", "16%", "14%", "14%"],
        wrap=True,
        elem_id="answers",
    )
    csv = words.add(gr.File, {"label": "csv"}, visible=False, elem_id="csv")
    shown = answers("row", words)
    rows, chosen = gr.State([], time_to_live=3600), gr.State()
    folder.upload(lambda given: given, folder, files, **PRIVATE)
    answered = files.change(
        page.show_many,
        [files, language],
        [progress, table, csv, rows],
        concurrency_limit=REQUESTS,
        **QUIET,
    )
    files.change(lambda: None, None, chosen, **PRIVATE)
    stop.click(None, cancels=[answered], **PRIVATE)
    language.change(page.in_table, [rows, language], [progress, table], **QUIET)
    table.select(page.row_number, None, chosen, **PRIVATE)
    opened = gr.on(
        [chosen.change, child.change, language.change],
        page.show_row,
        [rows, chosen, child, language],
        shown,
        **PRIVATE,
    )
    opened.then(None, js=_REVEAL % "#row-card")


def add_model(words: Words, tab: gr.Tab, language: gr.Radio) -> None:
    """Adds the tab about the model, which is filled when it is opened."""
    overview = gr.HTML(elem_id="overview", **PLAIN)
    with gr.Row():
        axes = {"x": "x", "y": "y", "x_lim": [0, 1], "y_lim": [0, 1], "buttons": []}
        plots = [
            gr.LinePlot(color="line", height=320, elem_id="roc", **axes),
            gr.ScatterPlot(color="line", height=320, elem_id="reliability", **axes),
        ]
    words.add(gr.Markdown, {"value": "threshold title"}, elem_classes="heading")
    scale = {"minimum": 0, "maximum": 1, "step": 0.01}
    chosen = [
        words.add(gr.Slider, {"label": "threshold"}, value=0.5, **scale),
        words.add(
            gr.Slider, {"label": "prevalence"}, value=model_page.PREVALENCE, **scale
        ),
    ]
    costs = gr.HTML(elem_id="costs", **PLAIN)
    background = gr.HTML(elem_id="background", **PLAIN)
    with words.add(gr.Accordion, {"label": "model card"}, open=False):
        card = gr.Markdown()
    given = [*chosen, language]
    gr.on(
        [tab.select, language.change],
        page.show_model,
        given,
        [overview, *plots, costs, background, card],
        **PRIVATE,
    )
    gr.on(
        [slider.change for slider in chosen],
        page.show_costs,
        given,
        costs,
        trigger_mode="always_last",
        **QUIET,
    )


def add_visit(
    demo: gr.Blocks,
    words: Words,
    language: gr.Radio,
    child: gr.Radio,
    galleries: list[gr.Gallery],
) -> None:
    """Lets language and age group be those of the last visit, and the texts follow."""
    kept = gr.BrowserState(None, storage_key="pneumonia", secret="pneumonia")
    demo.load(page.first_values, kept, [language, child, *galleries], **QUIET)
    gr.on(
        [language.change, child.change],
        None,
        [language, child],
        kept,
        js="(language, child) => ({ language, child })",
    )
    language.change(words.say, language, [*words.keys], **QUIET)
    language.change(page.galleries, language, galleries, **QUIET)
    language.change(None, language, js="it => { document.documentElement.lang = it; }")


def add_ways(
    demo: gr.Blocks,
    tabs: gr.Tabs,
    named: dict[str, gr.Tab],
    image: gr.File,
    shown: list[gr.components.Component],
) -> None:
    """Adds other ways in: Ctrl+V for an image, the address for a tab."""
    ways = gr.HTML(visible="hidden", js_on_load=_WAYS)
    ways.input(page.pasted, ways, image, **PRIVATE)
    ways.submit(page.tab, ways, tabs, **PRIVATE)
    demo.load(page.tab, ways, tabs, js="() => location.hash.slice(1)", **PRIVATE)
    for name, tab in named.items():
        tab.select(None, js=f"() => {{ location.hash = '{name}'; }}")
    # an answer never stands beside another image than its own
    gr.on(
        [image.upload, image.clear, image.delete],
        None,
        outputs=shown,
        js="() => ['', null, '', { __type__: 'update', visible: false }]",
    )
    shown[0].change(None, js=_REVEAL % "#one-card")
