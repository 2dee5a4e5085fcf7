"""The whole interface: `python app.py` serves it, on this machine or on a Space.

One tab answers one radiograph, as soon as there is one, out of one network run; one
answers many, in a table that grows; one is about the model. Beside them stand three
endpoints for programs, /predict, /explain and /batch. Reading and answering are the
package's work; HTML and words are made in pneumonia/web/, where guard.py says what the
server takes in, answers and keeps.
"""

import argparse
import contextlib
import functools
import json
import os
import secrets
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

# Gradio asks for these while it is imported.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
# Statistics of 10,000 past requests, worked out anew after each one, for a page that is
# off here: one request, never worked out.
os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "1"
os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(10**9)
# Gradio asks matplotlib, where that is installed, for its backend at every event; where
# none is named, the first request would wait 0.3 s while matplotlib looks for one.
os.environ.setdefault("MPLBACKEND", "agg")

from pneumonia.web import start  # noqa: E402  # isort: skip  before Gradio

import gradio as gr  # noqa: E402
import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

from pneumonia import (  # noqa: E402
    ImageError,
    OutOfScopeError,
    PneumoniaError,
    Prediction,
    Predictor,
    load_predictor,
)
from pneumonia.batch import COLUMNS, row, rows, write_csv  # noqa: E402
from pneumonia.imaging import load_image  # noqa: E402
from pneumonia.inference.cam import layer, overlay  # noqa: E402
from pneumonia.inference.processors import processors  # noqa: E402
from pneumonia.web import about, assistants, hosting, report_page  # noqa: E402
from pneumonia.web.answer import card, refusal, told, verdict, viewer  # noqa: E402
from pneumonia.web.guard import (  # noqa: E402
    APP,
    FOLDER,
    MAX_FILES,
    MAX_UPLOAD,
    Blocks,
    keep_memory_whole,
)
from pneumonia.web.many import apart, head, head_apart, key, progress  # noqa: E402
from pneumonia.web.many import row as table_row  # noqa: E402
from pneumonia.web.page import (  # noqa: E402
    CSS,
    FONTS,
    PICK,
    REVEAL,
    clear,
    explained,
    header,
    samples,
    script,
    widget,
)
from pneumonia.web.texts import both, say  # noqa: E402

os.environ["GRADIO_TEMP_DIR"] = str(FOLDER)  # read whenever a widget is made

EXAMPLES = sorted(Path(__file__).parent.glob("examples/*.jpg"))
GRACE = 20  # seconds to finish answers in, once the server is to stop
WORKERS = min(4, processors())  # answers at once; each may hold 64 megapixels
WAITING = 32  # requests, of the page and of programs together; more are turned away
REFRESH = 0.5  # seconds between two looks at a table that grows
SHARP = 512  # pixels of a heatmap that the page shows; the network's has 7
SESSIONS = 64  # visits remembered, 56 KB each; Gradio's 10,000 would be 560 MB
_EXAMPLE = {  # of a file that a program gives
    **dict.fromkeys(("path", "url", "orig_name"), "radiograph.png"),
    "meta": {"_type": "gradio.FileData"},
}


@functools.cache
def predictor() -> Predictor:
    """The model of `PNEUMONIA_MODEL`, else the bundled one; loaded at first use."""
    return load_predictor()


def predict(image: str | None) -> dict[str, float]:
    """Says how probable pneumonia is on a child's frontal chest radiograph.

    Takes one film as JPEG, PNG, TIFF, WebP, BMP, GIF or DICOM, as it came: not cropped,
    not a screenshot. Returns the likelier finding as "label", NORMAL or PNEUMONIA, and
    as "confidences" the calibrated probability of each, from 0 to 1, the likelier
    first. The network knows films of children of 1 to 5 years from one hospital; of
    others, the answer means little. What cannot be read, or does not look like a
    frontal chest radiograph, is an error that says why: that is no finding, neither
    NORMAL nor PNEUMONIA. Not a medical device: for demonstration only, not for
    diagnosis. Say so whenever you pass an answer on.

    Args:
        image: the radiograph, an uploaded file.
    Returns:
        The likelier finding, and the probability of each.
    """
    return dict(_predict(image).probabilities)


def explain(image: str | None) -> str:
    """Draws the evidence on a child's frontal chest radiograph, as a heatmap.

    Takes and refuses what `predict` does. Returns a PNG of the radiograph's own size:
    blue speaks for normal, orange and red for pneumonia, on one scale of log-odds for
    every image; without colour is where the evidence is even. It shows what the network
    used, not where disease is. Not a medical device: for demonstration only, not for
    diagnosis. Say so whenever you pass it on.

    Args:
        image: the radiograph, an uploaded file.
    Returns:
        The radiograph and its heatmap, an RGB PNG.
    """
    return _heatmap(_predict(image))


def batch(files: Sequence[tuple[str, str]]) -> tuple[list, str]:
    """Says of many children's frontal chest radiographs how probable pneumonia is.

    Takes up to 500 of the files that `predict` takes. Returns a table of one row for
    each file, in order, and the same as a CSV file. What cannot be read or does not
    look like a frontal chest radiograph has the reason in the last column, and costs
    the others nothing. Not a medical device: for demonstration only, not for diagnosis.
    Say so whenever you pass it on.

    Args:
        files: the radiographs, uploaded files.
    Returns:
        A row for each file: name, verdict, probabilities, error; and a CSV file.
    """
    if not files:
        raise ImageError("Expected radiographs, found no file. Upload some.")
    paths, names = zip(*files, strict=True)
    table = [*rows(paths, predictor(), names)]
    return [[*values.values()] for values in table], _csv(table)


def _read(image: str | None) -> Prediction:
    if not image:
        raise ImageError("Expected a radiograph, found no file. Upload one.")
    return predictor()(image)


def _predict(image: str | None) -> Prediction:
    prediction = _read(image)
    if prediction.refusal:
        raise OutOfScopeError(prediction.refusal)
    return prediction


def answer(image: str | None) -> tuple:
    """All that the page shows of one image; of none, the page as it was at first."""
    if image is None:
        return card("waiting"), _hidden(gr.HTML), _hidden(gr.Button)
    try:
        prediction = _predict(image)
    except OutOfScopeError as error:
        return refusal(error.message), _hidden(gr.HTML), gr.Button(visible=True)
    except PneumoniaError as error:
        return card("failed", told(error.message)), _hidden(gr.HTML), _hidden(gr.Button)
    return (
        verdict(prediction, predictor().config, predictor().folder.label),
        gr.HTML(_viewer(prediction, "viewer"), visible=True),
        gr.Button(visible=True),
    )


def answer_many(files: Sequence[tuple[str, str]]) -> Iterator[tuple]:
    """The table of many images, time and again while it grows.

    Each value begins with the one before, so that Gradio sends what is new alone.
    """
    if not files:
        yield "", "", ""
        return
    table, others, found = head(), "", Counter()
    done, shown = [], 0.0
    predictions = predictor().batch(path for path, _ in files)
    for index, prediction in enumerate(predictions):
        path, name = files[index]
        values = row(name, prediction)
        done.append(values)
        found[values["verdict"] or values["status"]] += 1
        if message := prediction.error or prediction.refusal:
            others += apart(values, message, prediction.image)
        else:
            table += table_row(key(path), values, prediction.image)
        if time.monotonic() - shown > REFRESH:
            shown = time.monotonic()
            yield _shown(table, others, progress(len(done), len(files), found))
    csv = _url(_csv(done))
    yield _shown(table, others, progress(len(done), len(files), found, csv))


def _shown(table: str, others: str, state: str) -> tuple:
    return state, table, others and head_apart() + others


def answer_row(files: Sequence[tuple[str, str]], event: gr.EventData) -> tuple:
    """The whole answer for one row of the table; nothing where its film is gone.

    The row names its film, not a place in the list: the table may still be that of
    files that were given before.
    """
    chosen = _clicked(event, "film")
    found = next((file for file in files if key(file[0]) == chosen), None)
    if found is None:
        return "", _hidden(gr.HTML)
    path, name = found
    try:
        prediction = _predict(path)
    except PneumoniaError as error:
        return card("failed", told(error.message)), _hidden(gr.HTML)
    config, label = predictor().config, predictor().folder.label
    return (
        verdict(prediction, config, label, name),
        gr.HTML(_viewer(prediction, "row-viewer"), visible=True),
    )


def report(image: str | None, language: str) -> str:
    """The report of an image on one sheet, as HTML; nothing of it is kept."""
    prediction = _read(image)
    config, label = predictor().config, predictor().folder.label
    return report_page.render(prediction, config, label, language, datetime.now(UTC))


def show(file: str | Path) -> str | Path:
    """What the image widget shows of a file that browsers cannot: a PNG, as we read it.

    It holds all that the model sees of the file, so the answer is the same; only the
    gate no longer sees whether a TIFF or DICOM file was in colour.
    """
    try:
        return _png(load_image(file))
    except ImageError:
        return file  # the widget shows that it is broken, and `answer` says why


def _html(value: str = "", js: str | None = None, **settings: Any) -> gr.HTML:
    """HTML in our own style alone: Gradio's would come between."""
    return gr.HTML(value, js_on_load=js, apply_default_css=False, **settings)


def _hidden(widget: type[gr.components.Component]) -> gr.components.Component:
    return widget(visible=False)


def _viewer(prediction: Prediction, name: str) -> str:
    limit = predictor().config.cam_limit
    heat = layer(prediction.cam_grid, limit, prediction.image.shape, SHARP)
    urls = (_url(_png(pixels)) for pixels in (prediction.image, heat))
    return viewer(*urls, prediction.cam_grid, limit, name)


def _heatmap(prediction: Prediction) -> str:
    limit = predictor().config.cam_limit
    return _png(overlay(prediction.image, prediction.cam, limit))


def _png(pixels: np.ndarray) -> str:
    """Writes a file where Gradio serves it and the server deletes it, like an upload.

    Compression level 1 takes a fifth of the time of Gradio's own PNG, and a fifth more
    bytes.
    """
    path = _new_file("png")
    Image.fromarray(pixels).save(path, compress_level=1)
    return str(path)


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    path = _new_file("csv")
    with path.open("w", encoding="utf-8", newline="") as stream:
        write_csv(rows, stream)
    return str(path)


def _new_file(ending: str) -> Path:
    FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
    return FOLDER / f"{secrets.token_hex(16)}.{ending}"


def _url(path: str) -> str:
    """Where the page finds a file of `FOLDER`, under whatever root it is served."""
    return f"gradio_api/file={quote(path)}"


def build() -> Blocks:
    """Lays out the page and its endpoints; the model is not loaded yet."""
    with Blocks(title=widget("title"), analytics_enabled=False) as page:
        _html(header())
        with gr.Tabs():
            with gr.Tab(widget("one"), elem_id="one"):
                image, page.explained = _add_one()
            with gr.Tab(widget("many"), elem_id="many"):
                files = _add_many()
            with gr.Tab(widget("about"), elem_id="about"):
                page.about = _html()
                with gr.Accordion(widget("card"), open=False, visible=False) as box:
                    page.card = gr.Markdown()
                page.card_box = box
        _add_endpoint(predict, image, gr.Label(label="probabilities", visible=False))
        heatmap = gr.Image(label="heatmap", buttons=[], visible=False)
        _add_endpoint(explain, image, heatmap)
        table = gr.Dataframe(label="table", headers=[*COLUMNS], visible=False)
        _add_endpoint(batch, files, [table, gr.File(label="CSV", visible=False)])
    for function in page.fns.values():  # else each would have workers of its own
        if function.api_name in ("answer_many", "batch"):
            function.concurrency_id, function.concurrency_limit = "many", 1
        else:
            function.concurrency_id = "all"
    return page.queue(max_size=WAITING, default_concurrency_limit=WORKERS)


def _add_one() -> tuple[gr.Image, gr.HTML]:
    """Lays out the tab of one radiograph.

    Returns:
        The widget that takes it, and the place of what an answer of the model means.
    """
    with gr.Row():
        with gr.Column(scale=4, min_width=320):
            image = _image()
            _add_sources(image)
        with gr.Column(scale=6, min_width=320):
            outputs = [
                _html(card("waiting"), elem_id="verdict"),
                _html(visible=False, elem_id="heatmap"),
                gr.Button(widget("report"), size="sm", elem_id="report", visible=False),
            ]
    words = _html()
    _ask_at_once(image, outputs)
    _add_report(image, outputs[-1])
    outputs[0].change(None, js=REVEAL)
    return image, words


def _image() -> gr.Image:
    image = gr.Image(
        type="filepath",
        image_mode=None,
        sources=["upload", "clipboard"],
        label=widget("image"),
        show_label=False,
        placeholder=widget("drop"),
        alt_text=widget("alt"),
        buttons=["fullscreen"],
        height=380,
        elem_id="radiograph",
    )
    # The package's own reader gets the file as it came: the widget's would clip 16
    # bits, fail on DICOM, and keep the reason to itself.
    image.preprocess = lambda payload: payload and (payload.path or "")
    # "Use via API" shows this in its snippets, instead of a picture of a bus
    image.example_payload = lambda: _EXAMPLE
    # and this, instead of saying that a URL would do
    info = _uploaded_only(image.api_info())
    image.api_info = lambda: info
    return image


def _uploaded_only(info: dict[str, Any]) -> dict[str, Any]:
    """What the API's description says of a file, less the ways that are shut here."""
    properties = {key: info["properties"][key] for key in ("path", "meta")}
    words = dict.fromkeys(
        ("description", "additional_description"), "An uploaded file."
    )
    return info | words | {"properties": properties}


def _ask_at_once(image: gr.Image, outputs: list) -> None:
    """Asks as soon as the image is another.

    An answer never stands beside another image than its own: not while the new one
    waits, nor when it is turned away. Over the place of an answer that waits stands its
    place in the queue.
    """
    image.change(None, image, outputs, js=clear("asked"))
    answered = image.change(
        answer, image, outputs, api_visibility="private", show_progress="full"
    )
    # one event for a full queue and any other failure
    answered.failure(None, image, outputs, js=clear("unfinished"))


def _add_report(image: gr.Image, button: gr.Button) -> None:
    """Lets the browser make a file of a report, which the server only sends."""
    language, text = gr.Textbox(visible=False), gr.Textbox(visible=False)
    asked = button.click(
        report,
        [image, language],
        text,
        js="image => [image, language]",
        api_visibility="private",
    )
    asked.success(None, text, None, js="save")


def _add_sources(image: gr.Image) -> None:
    """Puts the other ways to give a radiograph below the image."""
    file = gr.UploadButton(widget("file"), size="sm", elem_id="other-file")
    file.preprocess = image.preprocess  # Gradio's leaves a file behind
    _html(f'<p class="own" id="privacy">{both("privacy")}</p>')
    shown = _html(samples(EXAMPLES), elem_id="examples", js=PICK)
    file.upload(show, file, image, api_visibility="private")
    shown.click(_sample, None, image, api_visibility="private")


def _sample(event: gr.EventData) -> str | None:
    index = _index(event, len(EXAMPLES))
    return None if index is None else show(EXAMPLES[index])


def _index(event: gr.EventData, count: int) -> int | None:
    """Which of `count` things was clicked on; None where that is no such thing."""
    index = _clicked(event, "index")
    return index if index in range(count) else None


def _clicked(event: gr.EventData, name: str) -> Any:
    """What `PICK` said of a click; anybody may have sent it, whatever they like."""
    return event._data.get(name) if isinstance(event._data, dict) else None


def _add_many() -> gr.File:
    """Lays out the tab of many radiographs; returns the widget that takes them."""
    with gr.Row():
        with gr.Column(scale=6, min_width=320):
            _html(f'<p class="own">{both("many", limit=MAX_FILES)}</p>')
            files = _files()
            with gr.Row():
                folder = gr.UploadButton(
                    widget("folder"), file_count="directory", size="sm"
                )
                stop = gr.Button(widget("stop"), size="sm")
            state = _html(elem_id="progress")
            table = _html(elem_id="table", js=PICK)
            others = _html(elem_id="apart")
        with gr.Column(scale=4, min_width=320):
            shown = [
                _html(elem_id="row-verdict"),
                _html(visible=False, elem_id="row-heatmap"),
            ]
    outputs = [state, table, others]
    folder.preprocess = lambda payload: payload and payload.root
    folder.upload(
        lambda given: [file.path for file in given],
        folder,
        files,
        api_visibility="private",
    )
    files.change(
        lambda: ("", gr.HTML(visible=False)), None, shown, api_visibility="private"
    )
    asked = json.dumps(card("asked"))
    files.change(None, files, state, js=f"files => files?.length ? {asked} : ''")
    answered = files.change(
        answer_many,
        files,
        outputs,
        api_visibility="private",
        show_progress="hidden",
    )
    # one event for a full queue, any other failure, and a stop
    unfinished = json.dumps(card("unfinished"))
    answered.failure(None, None, state, js=f"() => {unfinished}")
    stop.click(None, cancels=[answered], api_visibility="private")
    table.click(answer_row, files, shown, api_visibility="private")
    return files


def _files() -> gr.File:
    files = gr.File(
        file_count="multiple", label=widget("files"), height=180, elem_id="files"
    )
    files.preprocess = lambda payload: [
        (file.path, file.orig_name or Path(file.path).name)
        for file in (payload.root if payload else ())
    ]
    files.example_payload = lambda: [_EXAMPLE]
    info = files.api_info()
    parts = info.pop("$defs")  # which assistants would look for elsewhere
    parts["FileData"]["properties"]["meta"] = parts["FileDataMeta"]
    info["items"] = _uploaded_only(parts["FileData"])
    files.api_info = lambda: info
    return files


def _add_endpoint(function, given, outputs) -> None:
    """Adds an event that nothing on the page triggers: an endpoint for programs."""
    name = function.__name__
    gr.on([], function, given, outputs, api_name=name)


demo = build()


def main() -> int:
    """Loads the model, then serves; returns the exit code."""
    parser = argparse.ArgumentParser(prog="app.py", description=say("title", "en"))
    parser.add_argument("--model", help="OWNER/NAME[@REVISION] on the Hub, or a folder")
    start.add_arguments(parser)
    parser.add_argument(
        "--mcp", action="store_true", help="serve assistants, too, as an MCP server"
    )
    arguments = start.parse(parser)
    if arguments.model:
        os.environ["PNEUMONIA_MODEL"] = arguments.model
    keep_memory_whole()
    # A stop by the system, too, is an interrupt: it closes the server, which finishes
    # what it is answering and deletes its temporary files, and unfinished models.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    is_space = os.environ.get("SYSTEM") == "spaces"
    is_mcp = arguments.mcp or (is_space and assistants.is_installed())
    try:
        if is_mcp:
            assistants.check()
        label = predictor().folder.label
        start.leave_proxies()
        hosting.prepare()
        _tell_of_the_model()
        address = _launch(arguments.host, arguments.port, is_mcp)
    except PneumoniaError as error:
        print(f"app.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("app.py: stopped before it was ready.", file=sys.stderr)
        return 130
    except OSError:
        why = start.cannot_listen(arguments.host, arguments.port)
        print(f"app.py: {why}", file=sys.stderr)
        return 1
    print(f"Ready at {address} with model {label}. {say('notice', 'en')}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
    _stop()
    return 0


def _stop() -> None:
    """Finishes what is being answered and deletes the temporary files.

    Gradio's own `block_thread` waits for 5 s and leaves the files, uploads among them,
    where an answer takes longer or a page is open, whose heartbeat never ends.
    """
    demo.app.stop_event.set()  # ends the heartbeats
    demo.server.config.timeout_graceful_shutdown = GRACE
    demo.server.should_exit = True
    demo.server.thread.join(GRACE + 5)


def _tell_of_the_model() -> None:
    """Puts what is known of the served model on its page, once for all visits."""
    folder, config = predictor().folder, predictor().config
    demo.explained.value = explained(config)
    demo.about.value = about.about(folder.path, config, folder.label)
    demo.card.value = about.card_text(folder.path) or ""
    demo.card_box.visible = bool(demo.card.value)


def _launch(host: str | None, port: int | None, is_mcp: bool) -> str:
    """Starts to serve; returns the address."""
    if host is None and os.environ.get("SYSTEM") == "spaces":
        host = "0.0.0.0"
    _, address, _ = demo.launch(
        server_name=host,
        server_port=port,
        theme=gr.themes.Default(primary_hue="blue", neutral_hue="slate", font=FONTS),
        css=CSS + about.CSS,
        head=script() + about.SCRIPT,
        footer_links=["api"],
        app_kwargs=assistants.settings() if is_mcp else dict(APP),
        mcp_server=is_mcp,
        max_file_size=MAX_UPLOAD,
        state_session_capacity=SESSIONS,
        show_error=False,
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        pwa=False,
        quiet=True,
        prevent_thread_lock=True,
    )
    return address


if __name__ == "__main__":
    sys.exit(main())
