"""How the page is served: a few answers at once, a stop that loses none, no trace."""

import atexit
import io
import os
import re
import secrets
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager, redirect_stderr, suppress
from html import escape
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr
from starlette.middleware import Middleware

from ..errors import PneumoniaError
from ..inference.processors import processors
from . import FOLDER
from .limits import FAILED, MAX_UPLOAD, Limits, answering, report
from .translations import language_of, translate

AGE, PERIOD = 3600, 600  # seconds: what is older is deleted, and how often that happens
GRACE = 20  # seconds to finish answers in, once the server is to stop
REQUESTS = 16  # for many files at once; they take turns, file by file
WORKERS = min(4, processors())  # answers at once; each may hold 64 megapixels
POOL = ThreadPoolExecutor(WORKERS)
# What of `launch` keeps promises: no history, no monitoring, no stranger's traceback.
SETTINGS = {
    "max_file_size": MAX_UPLOAD,
    "state_session_capacity": 64,  # visits remembered; Gradio's 10,000 would be 560 MB
    "show_error": False,
    "run_history": False,
    "enable_monitoring": False,
    "ssr_mode": False,
    "pwa": False,
    "quiet": True,
    "prevent_thread_lock": True,
    "footer_links": ["api"],
}
Result = TypeVar("Result")


def work(function: Callable[..., Result], *arguments: Any) -> Result:
    """Calls a function when a worker is free, in the order of asking, until the stop.

    Who asks for many files stands in line again for each, and so delays the others by
    one file alone. A stop waits for what has begun, so that no file is left behind.

    Raises:
        PneumoniaError: the server stops; and whatever the function raises.
    """
    over = PneumoniaError("The server is about to stop. Try again in a minute.")
    try:
        job = POOL.submit(function, *arguments)
    except RuntimeError as error:
        raise over from error
    try:
        return job.result()
    except CancelledError as error:
        raise over from error


def written(name: str, write: Callable[[Path], None]) -> str:
    """Writes what Gradio serves and the server deletes, like an upload."""

    def job() -> str:
        folder = FOLDER / secrets.token_hex(16)
        folder.mkdir(mode=0o700)
        write(folder / name)
        return str(folder / name)

    return work(job)


@contextmanager
def spoken(request: gr.Request | None) -> Iterator[None]:
    """A block whose errors are sentences, in the language of the request.

    Anything but the package's own errors is a bug: it is reported, and not told.
    """
    try:
        yield
        return
    except PneumoniaError as error:
        message = error.message
    except Exception as error:
        report(error)
        message = FAILED
    words = translate(message, language_of(request.headers if request else {}))
    raise gr.Error(escape(words, quote=False), print_exception=False)


class Places(io.TextIOBase):
    """Standard error while strangers are served: what a library prints is dropped.

    Gradio and `mcp` print tracebacks and messages that quote what was sent. Of a
    traceback stay its lines of code and the type of its exception.
    """

    _KEPT = re.compile(r'^(?:Bug: .*|  File "[^"]*", line \d+|[\w.]+Error\b)', re.M)

    def __init__(self, stream: io.TextIOBase):
        self.stream = stream

    def write(self, text: str) -> int:
        for line in self._KEPT.findall(text):
            where = re.sub(r'  File ".*?([^/"]+)", line ', r"\1:", line)
            print(where, file=self.stream, flush=True)
        return len(text)


def sweep(folder: Path, age: float) -> None:
    """Deletes every file and every empty folder that did not change for `age` seconds.

    Gradio's `delete_cache` knows only files that it finished: an upload that broke off,
    and an answer that nobody waited for, would stay.
    """
    latest = time.time() - age
    for parent, folders, files in os.walk(folder, topdown=False):
        for name in (*files, *folders):
            path = Path(parent, name)
            with suppress(OSError):  # not empty, or gone already
                if path.lstat().st_ctime < latest:
                    path.unlink() if name in files else path.rmdir()


def serve(demo: gr.Blocks, ready: str, **settings: Any) -> None:
    """Serves until the process is told to stop; then finishes and deletes its files.

    Args:
        demo: the page.
        ready: what to print once it is, with `{address}`.
        settings: more of `launch`.
    Raises:
        OSError: cannot listen there.
    """
    # On a Space, Gradio starts a second server, on all addresses, which takes new
    # source code for the running app. Here it is told to start as anywhere else.
    if os.environ.pop("SYSTEM", None) == "spaces":
        settings["server_name"] = settings["server_name"] or "0.0.0.0"
    if os.environ.get("SPACES_ZERO_GPU"):
        # Stopped would be a Space there that names no function for the GPU. Nothing
        # calls this one: the model runs on the processor, in this process.
        import spaces

        spaces.GPU(report)
    # what a thread of Gradio's may still write when the server has stopped
    atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
    events = demo.get_config_file()["dependencies"]
    names = {event["id"]: event["api_name"] for event in events}
    app = {"middleware": [Middleware(Limits, names=names)]}
    stop = threading.Event()
    with redirect_stderr(Places(sys.stderr)):
        _, address, _ = demo.launch(app_kwargs=app, **SETTINGS, **settings)
        print(ready.format(address=address), flush=True)
        with suppress(KeyboardInterrupt):
            while not stop.wait(PERIOD):
                sweep(FOLDER, AGE)
        until = time.monotonic() + GRACE
        while answering and time.monotonic() < until:
            time.sleep(0.05)
        # ONNX Runtime would take the process down where it ends under an answer
        POOL.shutdown(cancel_futures=True)
        demo.close(verbose=False)
