"""The whole interface: `python app.py` serves it, on this machine or on a Space.

A `gr.Interface` is the page: an image in, the whole answer out of one network run, as
soon as there is an image. Beside it stand two endpoints for programs, /predict and
/explain. Reading, answering and drawing are the package's work; words are in page.py,
and what the server takes in, answers and keeps is in guard.py.
"""

import argparse
import base64
import contextlib
import functools
import io
import os
import secrets
import signal
import sys
import threading
from pathlib import Path

# Gradio asks for these while it is imported.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
# Statistics of 10,000 past requests, worked out anew after each one, for a page that is
# off here: one request, never worked out.
os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "1"
os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(10**9)

import gradio as gr  # noqa: E402
import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

from guard import APP, FOLDER, MAX_UPLOAD, Interface, keep_memory_whole  # noqa: E402
from page import CSS, FONTS, REVEAL, SCRIPT, TEXT, card, clear, legend  # noqa: E402
from pneumonia import (  # noqa: E402
    ImageError,
    OutOfScopeError,
    PneumoniaError,
    Prediction,
    Predictor,
    load_predictor,
)
from pneumonia.cam import overlay  # noqa: E402
from pneumonia.config import PNEUMONIA  # noqa: E402
from pneumonia.images import load_image  # noqa: E402

os.environ["GRADIO_TEMP_DIR"] = str(FOLDER)  # read whenever a widget is made

EXAMPLES = sorted(Path(__file__).parent.glob("examples/*.jpg"))
GRACE = 20  # seconds to finish answers in, once the server is to stop
WORKERS = min(4, os.cpu_count() or 1)  # answers at once; each may hold 64 megapixels
WAITING = 32  # requests, of the page and of programs together; more are turned away
SESSIONS = 64  # visits remembered, 56 KB each; Gradio's 10,000 would be 560 MB


@functools.cache
def predictor() -> Predictor:
    """The model of `PNEUMONIA_MODEL`, else the bundled one; loaded at first use."""
    return load_predictor()


def predict(image: str | None) -> dict[str, float]:
    """Says how probable pneumonia is on a child's frontal chest radiograph.

    Takes JPEG, PNG, TIFF, WebP, BMP, GIF and DICOM. Returns the likelier finding as
    "label", NORMAL or PNEUMONIA, and as "confidences" the calibrated probability of
    each, from 0 to 1, the likelier first. What cannot be read, or does not look like a
    frontal chest radiograph, is an error that says why. Not a medical device: not for
    diagnosis.

    Args:
        image: path of the radiograph, as it was uploaded.
    Returns:
        Finding -> probability.
    """
    return dict(_predict(image).probabilities)


def explain(image: str | None) -> str:
    """Draws the evidence on a child's frontal chest radiograph, as a heatmap.

    Takes and refuses what /predict does. Returns a PNG of the radiograph's own size:
    blue speaks for normal, orange and red for pneumonia, on one scale of log-odds for
    every image. It shows what the network used, not where disease is. Not a medical
    device: not for diagnosis.

    Args:
        image: path of the radiograph, as it was uploaded.
    Returns:
        Path of an RGB PNG.
    """
    return _heatmap(_predict(image))


def _predict(image: str | None) -> Prediction:
    if not image:
        raise ImageError("Expected a radiograph, found no file. Upload one.")
    prediction = predictor()(image)
    if prediction.refusal:
        raise OutOfScopeError(prediction.refusal)
    return prediction


def answer(image: str | None) -> tuple:
    """All that the page shows of one image; of none, the page as it was at first."""
    if image is None:
        return _blank("waiting", TEXT["waiting why"])
    try:
        prediction = _predict(image)
    except OutOfScopeError as error:
        return _blank("refused", str(error))
    except PneumoniaError as error:
        return _blank("failed", str(error))
    is_likely = prediction.probabilities[PNEUMONIA] >= 0.5
    limit = predictor().config.cam_limit
    return (
        _verdict(prediction),
        gr.Label(dict(prediction.probabilities), visible=True),
        gr.Label(dict(prediction.subtypes), visible=is_likely),
        gr.HTML(legend(prediction.cam, limit), visible=True),
        gr.ImageSlider((_png(prediction.image), _heatmap(prediction)), visible=True),
    )


def show(file: str | Path) -> str | Path:
    """What the image widget shows of a file that browsers cannot: a PNG, as we read it.

    It holds all that the model sees of the file, so the answer is the same; only the
    gate no longer sees whether a TIFF or DICOM file was in colour.
    """
    try:
        return _png(load_image(file))
    except ImageError:
        return file  # the widget shows that it is broken, and `answer` says why


def _blank(kind: str, why: str) -> tuple:
    hidden = (gr.Label, gr.Label, gr.HTML, gr.ImageSlider)
    return (
        card(kind, TEXT[kind], why),
        *(widget(None, visible=False) for widget in hidden),
    )


def _verdict(prediction: Prediction) -> str:
    config, verdict = predictor().config, prediction.verdict
    why = TEXT[verdict + " why"].format(coverage=f"{config.coverage:.0%}")
    model = f"{config.name} {config.version} ({predictor().folder.label})"
    return card(verdict, verdict, why, TEXT["model"].format(model=model))


def _heatmap(prediction: Prediction) -> str:
    limit = predictor().config.cam_limit
    return _png(overlay(prediction.image, prediction.cam, limit))


def _png(pixels: np.ndarray) -> str:
    """Writes a file where Gradio serves it and the server deletes it, like an upload.

    Compression level 1 takes a fifth of the time of Gradio's own PNG, and a fifth more
    bytes.
    """
    FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = FOLDER / f"{secrets.token_hex(16)}.png"
    Image.fromarray(pixels).save(path, compress_level=1)
    return str(path)


def build() -> Interface:
    """Lays out the page and its endpoints; the model is not loaded yet."""
    image = _image()
    outputs = [
        gr.HTML(answer(None)[0], elem_id="verdict", padding=False),
        gr.Label(label=TEXT["probabilities"], show_heading=False, visible=False),
        gr.Label(
            label=TEXT["subtypes"],
            show_heading=False,
            elem_id="subtypes",
            visible=False,
        ),
        gr.HTML(elem_id="legend", padding=False, visible=False),
        gr.ImageSlider(
            label=TEXT["heatmap"],
            show_label=False,
            slider_position=0,
            buttons=["fullscreen"],
            elem_id="heatmap",
            visible=False,
        ),
    ]
    page = Interface(
        answer,
        image,
        outputs,
        submit_btn=gr.Button(visible=False),  # see `_ask_at_once`
        title=TEXT["title"],
        description=TEXT["description"],
        article=TEXT["article"],
        clear_btn=None,
        flagging_mode="never",
        deep_link=False,
        analytics_enabled=False,
        api_visibility="private",
    )
    with page:
        _ask_at_once(image, outputs)
        _add_sources(image)
        outputs[0].change(None, js=REVEAL)
        _add_endpoint(predict, image, gr.Label(label="probabilities", visible=False))
        heatmap = gr.Image(label="heatmap", buttons=[], visible=False)
        _add_endpoint(explain, image, heatmap)
    for function in page.fns.values():
        function.concurrency_id = "all"  # else each would have workers of its own
    return page.queue(max_size=WAITING, default_concurrency_limit=WORKERS)


def _image() -> gr.Image:
    image = gr.Image(
        type="filepath",
        image_mode=None,
        sources=["upload", "clipboard"],
        label=TEXT["image"],
        show_label=False,
        placeholder=TEXT["drop"],
        alt_text=TEXT["image_alt"],
        buttons=["fullscreen"],
        height=380,
        elem_id="radiograph",
    )
    # The package's own reader gets the file as it came: the widget's would clip 16
    # bits, fail on DICOM, and keep the reason to itself.
    image.preprocess = lambda payload: payload and (payload.path or "")
    # "Use via API" shows this in its snippets, instead of a picture of a bus
    image.example_payload = lambda: {
        **dict.fromkeys(("path", "url", "orig_name"), "radiograph.png"),
        "meta": {"_type": "gradio.FileData"},
    }
    # and this, instead of saying that a URL would do
    info = image.api_info() | {"additional_description": "An uploaded file."}
    info["properties"] = {key: info["properties"][key] for key in ("path", "meta")}
    image.api_info = lambda: info
    return image


def _ask_at_once(image: gr.Image, outputs: list) -> None:
    """Asks as soon as the image is another.

    An answer never stands beside another image than its own: not while the new one
    waits, nor when it is turned away. Over the place of an answer that waits stands its
    place in the queue. With `live=True` the old answer would stay.
    """
    image.change(None, image, outputs, js=clear("asked"))
    answered = image.change(
        answer, image, outputs, api_visibility="private", show_progress="full"
    )
    answered.failure(None, image, outputs, js=clear("busy"))


def _add_sources(image: gr.Image) -> None:
    """Puts the other ways to give a radiograph below the image."""
    with image.parent:
        file = gr.UploadButton(TEXT["file"], size="sm", elem_id="other-file")
        file.preprocess = image.preprocess  # Gradio's leaves a file behind
        gr.Markdown(TEXT["privacy"], elem_id="privacy")
        # not gr.Examples: it makes the widget anew, without our `preprocess`
        sample = gr.Image(buttons=[], render=False)
        sample.as_example = _thumbnail  # Gradio's names a path of the server
        samples = gr.Dataset(
            components=[sample],
            samples=[[path] for path in EXAMPLES],
            type="index",
            samples_per_page=24,
            label=TEXT["examples"],
            elem_id="examples",
        )
    file.upload(show, file, image, api_visibility="private")
    samples.click(
        lambda index: show(EXAMPLES[index]), samples, image, api_visibility="private"
    )


def _thumbnail(path: Path) -> dict[str, str]:
    """A small picture of a sample, for the widget that shows the samples."""
    content = io.BytesIO()
    with Image.open(path) as image:
        image.thumbnail((200, 200))
        image.save(content, "JPEG")
    code = base64.b64encode(content.getvalue()).decode()
    return {"url": f"data:image/jpeg;base64,{code}"}


def _add_endpoint(function, image: gr.Image, output: gr.Label | gr.Image) -> None:
    """Adds an event that nothing on the page triggers: an endpoint for programs."""
    name = function.__name__
    gr.on([], function, image, output, api_name=name)


demo = build()


def main() -> int:
    """Loads the model, then serves; returns the exit code."""
    parser = argparse.ArgumentParser(prog="app.py", description=TEXT["title"])
    parser.add_argument("--model", help="OWNER/NAME[@REVISION] on the Hub, or a folder")
    parser.add_argument("--host", help="address to listen on; default: 127.0.0.1")
    parser.add_argument("--port", type=int, help="default: the first free from 7860")
    arguments = parser.parse_args()
    if arguments.model:
        os.environ["PNEUMONIA_MODEL"] = arguments.model
    keep_memory_whole()
    # A stop by the system, too, is an interrupt: it closes the server, which finishes
    # what it is answering and deletes its temporary files, and unfinished models.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        label = predictor().folder.label
        address = _launch(arguments.host, arguments.port)
    except PneumoniaError as error:
        print(f"app.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("app.py: stopped before it was ready.", file=sys.stderr)
        return 130
    except OSError:
        print(
            "app.py: cannot listen there. Expected an address of this machine and a "
            "free port; choose others with --host and --port.",
            file=sys.stderr,
        )
        return 1
    print(f"Ready at {address} with model {label}. {TEXT['notice']}", flush=True)
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


def _launch(host: str | None, port: int | None) -> str:
    """Starts to serve; returns the address."""
    if host is None and os.environ.get("SYSTEM") == "spaces":
        host = "0.0.0.0"
    _, address, _ = demo.launch(
        server_name=host,
        server_port=port,
        theme=gr.themes.Default(primary_hue="blue", neutral_hue="slate", font=FONTS),
        css=CSS,
        head=SCRIPT,
        footer_links=["api"],
        app_kwargs=APP,
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
