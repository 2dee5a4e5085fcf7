"""The demo: `python app.py` serves it, on this machine or on a Space.

A Gradio Interface wraps each function: `predict`, `explain`, `assess` and `batch` for
programs, `show` and `show_many` for the page. Reading and answering are the package's
work; `pneumonia.web` has the words, and what the server takes in and keeps.
"""

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from pneumonia.web import start  # isort: skip  before Gradio

import gradio as gr

from pneumonia import OutOfScopeError, PneumoniaError, Prediction
from pneumonia.batch import COLUMNS
from pneumonia.inference.cam import overlay
from pneumonia.web import layout, page, server
from pneumonia.web.translations import say


def answered(image: str | None) -> Prediction:
    """The answer to a file; raises where there is none."""
    prediction = page.read(image)
    if prediction.refusal:
        raise OutOfScopeError(prediction.refusal)
    return prediction


def predict(image: str | None, request: gr.Request = None) -> dict[str, float]:
    """Says how probable pneumonia is on a child's frontal chest X-ray.

    Takes one X-ray as JPEG, PNG, TIFF, WebP, BMP, GIF or DICOM, as it came. Returns the
    likelier finding, NORMAL or PNEUMONIA, and the calibrated probability of each;
    `assess` also says when to doubt it. What cannot be read or is no frontal chest
    X-ray is an error that says why. Not a medical device: for demonstration only, not
    for diagnosis. Say so whenever you pass an answer on.

    Args:
        image: the X-ray, an uploaded file.
    """
    with server.spoken(request):
        return dict(answered(image).probabilities)


def explain(image: str | None, request: gr.Request = None) -> str:
    """Draws the evidence on a child's frontal chest X-ray, as a heatmap.

    Returns a PNG of the X-ray's own size: blue speaks for normal, orange and red for
    pneumonia, on one scale for every image; without colour is where there is little
    evidence. It shows what the network used, not where disease is. Not a medical
    device: for demonstration only, not for diagnosis.

    Args:
        image: the X-ray, an uploaded file.
    """
    with server.spoken(request):
        found, config = answered(image), page.model().config
        return page.png(overlay(found.image, found.cam, config.cam_limit))


def assess(image: str | None, request: gr.Request = None) -> dict[str, Any]:
    """All that the model says of a child's frontal chest X-ray, and when to doubt it.

    Returns the verdict (NORMAL or PNEUMONIA, or UNCERTAIN when the evidence is
    inconclusive or the X-ray unfamiliar), the probabilities, caveats as codes with
    sentences, the out-of-distribution score, and the model. Not a medical device: for
    demonstration only, not for diagnosis.

    Args:
        image: the X-ray, an uploaded file.
    """
    with server.spoken(request):
        found, config = answered(image), page.model().config
        return {
            "verdict": found.verdict,
            "probabilities": dict(found.probabilities),
            "subtypes": dict(found.subtypes),
            "accepted": found.accepted,
            "unfamiliar": found.unfamiliar,
            "caveats": [
                {"code": it.code, "sentence": str(it.sentence)} for it in found.caveats
            ],
            "ood_score": found.ood_score,
            "model": f"{config.name} {config.version}",
            "revision": page.model().folder.label,
        }


def batch(files: Sequence[str] | None, request: gr.Request = None) -> tuple[list, str]:
    """Says of many children's frontal chest X-rays how probable pneumonia is.

    Takes up to 500 files. Returns a table of one row for each file, in order, and the
    same as a CSV file; one unreadable file does not stop the rest. Not a medical
    device: for demonstration only, not for diagnosis.

    Args:
        files: the X-rays, uploaded files.
    """
    with server.spoken(request):
        return page.batch(files)


words = layout.Words()
settings = {"flagging_mode": "never", "deep_link": False}
kept = {"analytics_enabled": False, "delete_cache": (server.PERIOD, server.AGE)}
with gr.Blocks(title=say("title", "en"), **kept) as demo:
    with gr.Column(visible=False):
        # for programs
        gr.Interface(predict, gr.File(), gr.Label(), api_name="predict", **settings)
        picture = gr.Image(format="png", buttons=[])
        gr.Interface(explain, gr.File(), picture, api_name="explain", **settings)
        gr.Interface(assess, gr.File(), gr.JSON(), api_name="assess", **settings)
        files, table = gr.File(file_count="multiple"), gr.Dataframe(headers=[*COLUMNS])
        outputs, several = [table, gr.File()], {"concurrency_limit": server.REQUESTS}
        gr.Interface(batch, files, outputs, api_name="batch", **settings, **several)
        # for people: its components are placed below
        asked, shown = layout.question_and_answer(words)
        settings |= {"live": True, "clear_btn": None, **layout.PRIVATE}
        gr.Interface(page.show, asked, shown, **settings)
    layout.add_page(demo, words, asked, shown)
demo.queue(max_size=32, default_concurrency_limit=server.WORKERS, api_open=False)


def main() -> int:
    """Loads the model, then serves; returns the exit code."""
    given = start.arguments()
    if given.model:
        os.environ["PNEUMONIA_MODEL"] = given.model
    # a stop by the system, too, is an interrupt
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        label = page.model().folder.label
        ready = f"Ready at {{address}} with model {label}. {say('notice', 'en')}"
        start.leave_proxies()
        server.serve(
            demo,
            ready,
            server_name=given.host,
            server_port=given.port,
            root_path=given.root_path,
            mcp_server=given.mcp,
            **layout.LOOK,
        )
    except KeyboardInterrupt:
        print("app.py: stopped before it was ready.", file=sys.stderr)
        return 130
    # cannot be loaded, lacks a package, cannot listen there
    except (PneumoniaError, ImportError, OSError, ValueError) as error:
        print(f"app.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
