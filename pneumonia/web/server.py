"""What the server takes in, answers and keeps: limits, headers, deletion.

Gradio is made for any demo: it opens, fetches and logs more than this one needs. So
`Limits` stands before every request, `Places` before what is logged, and `serve` starts
it, stops it and deletes its files.
"""

import asyncio
import atexit
import functools
import inspect
import io
import json
import os
import re
import secrets
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, suppress
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import gradio as gr
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import ImageError, PneumoniaError
from ..errors import Message as Sentence
from ..inference.processors import processors
from . import FOLDER
from .arguments import Endpoints, NoEndpoint, check
from .translations import language_of, translate
from .turns import Turns

MAX_UPLOAD = 100 * 2**20  # bytes of a file
MAX_REQUEST = 2 * 2**30  # bytes of a request that uploads some, and says how many
MAX_FILES = 500  # radiographs of one request
MAX_MESSAGE = 2**20  # bytes of any other request; the page's own have a few hundred
MAX_CALL = 4 * 2**20  # bytes of a call of a tool, which may hold an image of 3 MB
MAX_CALLS = 64  # of tools at once
ROOM = 2**30  # bytes that stay free on the disk; an answer takes up to half of that
READ, ANSWER = 30, 300  # seconds for a message to come in, for a tool to answer
AGE, PERIOD = 3600, 600  # seconds: what is older is deleted, and how often that happens
GRACE = 20  # seconds to finish answers in, once the server is to stop
LAST = 30  # seconds for what is under way then: of each worker, the file that it reads
WORKERS = min(4, processors())  # answers at once; each may hold 64 megapixels
REQUESTS = 16  # for many files at once; they take turns, file by file
TURNS = Turns(WORKERS)
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

_API = "/gradio_api"
_FILE, _UPLOAD, _MCP = f"{_API}/file=", f"{_API}/upload", f"{_API}/mcp"
# Beginnings of Gradio's routes that do what no visitor needs: fetch, write, run, keep.
SHUT = [
    *("/monitoring", "/login", "/logout", "/svelte", "/pwa_icon", "/openapi.json"),
    *(
        f"{_API}/{name}"
        for name in """proxy= file/ deep_link component_server custom_component stream/
        process_recording run/ api/ run-history runs dev/ vibe undo-vibe token user
        login_check queue/status mcp/sse mcp/messages mcp/http""".split()
    ),
]
# Gradio's page consists of inline scripts and evaluates texts. So these rules stop no
# inline script, but scripts in attributes (`onerror=`), all that is foreign, and forms.
# A Space is a frame on its page at huggingface.co.
_POLICY = """default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval';
script-src-attr 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:;
font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:;
object-src 'none'; base-uri 'self'; form-action 'self';
frame-ancestors 'self' https://huggingface.co https://*.hf.space"""
_HEADERS = {
    "Content-Security-Policy": " ".join(_POLICY.split()),
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_NO_ROOM = "The server has no room for files now. Try again in an hour."
FAILED = "Something went wrong on the server. Try again, or another file."
_FULL = re.compile(r"Queue is full\. Max size is (\d+) and size is (\d+)\.")
_answering: set[int] = set()  # requests that wait for answers


class Limits:
    """Middleware: bounds requests, lets in uploaded files alone, sets headers."""

    def __init__(self, app: ASGIApp, known: Endpoints | None = None):
        self.app, self.known = app, known
        self.promised = 0  # bytes of the uploads that are under way
        self.calls = 0  # of tools, under way

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path, is_answered = scope["path"], False
        is_call = path.startswith(_MCP)
        promised = _declared(scope) if path == _UPLOAD else 0

        async def answer(message: Message) -> None:
            nonlocal is_answered
            if message["type"] == "http.response.start":
                is_answered = True
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                if path.startswith(_API):
                    headers["Cache-Control"] = "no-store"
            await send(message)

        async def refuse(status: int, why: str, **more: str) -> None:
            if not is_answered:
                refusal = _said(why, Headers(scope=scope), status, **more)
                await refusal(scope, receive, answer)

        self.promised += promised
        self.calls += is_call
        if path.startswith((f"{_API}/queue/data", f"{_API}/call/")):
            _answering.add(id(scope))
        try:
            self._check(scope)
            taken = await _admit(scope, receive, self.known)
            # Gradio answers a range with the headers of the request, as they came
            headers = [pair for pair in scope["headers"] if pair[0] != b"range"]
            async with asyncio.timeout(ANSWER if is_call else None):
                await self.app({**scope, "headers": headers}, taken, answer)
        except _Refused as refused:
            await refuse(refused.status, refused.why, **refused.headers)
        except _NotUploaded as refused:
            await refused.response(Headers(scope=scope))(scope, receive, answer)
        except TimeoutError:
            await refuse(504, FAILED)
        except ClientDisconnect:
            pass
        except Exception as error:
            report(error)
            await refuse(500, FAILED)
        finally:
            self.promised -= promised
            self.calls -= is_call
            _answering.discard(id(scope))

    def _check(self, scope: Scope) -> None:
        """Raises _Refused where a request is refused before it is read."""
        path, is_mcp = scope["path"], scope["path"].rstrip("/") == _MCP
        is_file = path.startswith(_FILE)
        is_gone = is_file and not uploaded(path.removeprefix(_FILE))
        if path.startswith(tuple(SHUT)) or is_gone:
            raise _Refused(404, "Not found")
        if is_mcp and scope["method"] != "POST":  # no stream, no session
            raise _Refused(405, "Not found", Allow="POST")
        if self.calls > MAX_CALLS:
            raise _Refused(503, _again("Too many calls are under way."), **_LATER)
        if _declared(scope) > _limit(scope):
            raise _too_large(scope)
        if (path == _UPLOAD or is_mcp) and not has_room(self.promised):
            raise _Refused(507, _NO_ROOM)


class _Refused(Exception):
    """A request that gets no further."""

    def __init__(self, status: int, why: str, **headers: str):
        self.status, self.why, self.headers = status, why, headers


class _NotUploaded(Exception):
    """A message names a file that is no upload."""

    def __init__(self, why: str, call: object):
        self.why, self.call = why, call

    def response(self, headers: Headers) -> JSONResponse:
        """The reason, as Gradio's clients and as those of MCP read it."""
        why = translate(self.why, language_of(headers))
        if isinstance(self.call, dict) and "jsonrpc" in self.call:
            result = {"content": [{"type": "text", "text": why}], "isError": True}
            answer = {"jsonrpc": "2.0", "id": self.call.get("id"), "result": result}
            return JSONResponse(answer)
        said = {"__type__": "validate", "is_valid": False, "message": why}
        return JSONResponse({"detail": [said]}, 422, {"Vary": "Accept-Language"})


async def _admit(scope: Scope, receive: Receive, known: Endpoints | None) -> Receive:
    """Reads a message whole and checks it; counts what comes in of an upload.

    Returns:
        What the app reads instead: of JSON, only what was checked.
    """
    left, body, is_whole = _limit(scope), b"", False

    async def take() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise _too_large(scope)
        return message

    if scope["path"] == _UPLOAD or scope["method"] != "POST":
        return take
    async with asyncio.timeout(READ):
        while not is_whole:
            message = await take()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body += message.get("body", b"")
            is_whole = not message.get("more_body")
    try:
        given = json.loads(body or b"null")
        message = admitted(given)
        if known:
            check(scope["path"], message, known)
        body = json.dumps(message).encode()
    except NoEndpoint as error:
        raise _Refused(404, error.message) from error
    except ImageError as error:
        raise _NotUploaded(error.message, given) from error
    except (ValueError, RecursionError) as error:
        raise _Refused(400, "Expected JSON, found something else.") from error
    length = (b"content-length", str(len(body)).encode())
    others = [pair for pair in scope["headers"] if pair[0] != length[0]]
    scope["headers"] = [*others, length]
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


def admitted(value: Any) -> Any:
    """What may go on of a message: its files reduced to uploads of this server.

    Args:
        value: anything that JSON can say.
    Raises:
        ImageError: a file in it was not uploaded here. One of the server is refused in
            the same words as one that does not exist.
    """
    if isinstance(value, list):
        if len(value) > MAX_FILES:
            raise ImageError(
                "Expected at most {limit} files at once, found {found:,}. Give fewer.",
                limit=MAX_FILES,
                found=len(value),
            )
        return [admitted(item) for item in value]
    if isinstance(value, str) and value.startswith("http") and _FILE in value:
        return admitted({"path": value})  # in lists, Gradio's MCP leaves it a string
    if not isinstance(value, dict):
        return value
    if value.get("method") == "tools/call":  # whose strings Gradio makes files of
        for given in _strings((value.get("params") or {}).get("arguments")):
            if not given.startswith("data:"):
                _upload(given)
        return value
    if not {"path", "url"} & value.keys():
        return {key: admitted(item) for key, item in value.items()}
    path, name = value.get("path") or value.get("url"), value.get("orig_name")
    if not path:
        return None
    return {
        "path": str(_upload(path)),
        "orig_name": name[:255] if isinstance(name, str) else None,
        "meta": {"_type": "gradio.FileData"},
    }


def _strings(value: Any) -> list[str]:
    if isinstance(value, dict | list):
        parts = value.values() if isinstance(value, dict) else value
        return [text for part in parts for text in _strings(part)]
    return [value] if isinstance(value, str) and value else []


def _upload(path: Any) -> Path:
    """The upload that a path or a URL of this server names."""
    if isinstance(path, str) and path.startswith("http") and _FILE in path:
        path = unquote(path.partition(_FILE)[2])
    if re.match(r"\w[\w+.-]+:", str(path)):
        raise ImageError(
            "Expected an uploaded file, found a URL. Download the file, then upload it."
        )
    if not isinstance(path, str) or not (file := uploaded(path)):
        raise ImageError(
            "Expected an uploaded file, found none. Upload it, once more if that was "
            "an hour ago: it was deleted."
        )
    return file


def uploaded(path: str) -> Path | None:
    """The file at `path`, if it is in the folder of uploads, all links followed."""
    try:
        file = Path(path).resolve(strict=True)
        return file if file.is_relative_to(FOLDER) and file.is_file() else None
    except (OSError, RuntimeError, ValueError):
        return None


def new_file(name: str) -> Path:
    """Where to write what Gradio serves and the server deletes, like an upload."""
    folder = FOLDER / secrets.token_hex(16)
    with TURNS.unless_over():  # after it, nothing would delete the file
        folder.mkdir(mode=0o700, parents=True)
    return folder / name


def has_room(size: int) -> bool:
    """Whether the disk has space for `size` bytes, another image and its answer."""
    FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
    return shutil.disk_usage(FOLDER).free > ROOM + size


def _declared(scope: Scope) -> int:
    """Bytes that a request says it has; 0 where it does not say."""
    length = Headers(scope=scope).get("content-length", "")
    return int(length) if length.isdecimal() else 0


def _limit(scope: Scope) -> int:
    if scope["path"] != _UPLOAD:
        return MAX_CALL if scope["path"].startswith(_MCP) else MAX_MESSAGE
    return MAX_REQUEST if _declared(scope) else MAX_UPLOAD + 2**16


def _too_large(scope: Scope) -> _Refused:
    limit = _limit(scope) // 2**20
    why = Sentence("Expected at most {limit} MiB, found more.", limit=limit)
    return _Refused(413, why)


def _said(why: str, headers: Headers, status: int, **more: str) -> JSONResponse:
    """An answer that says why there is no other, in the language of the request."""
    detail = translate(why, language_of(headers))
    return JSONResponse({"detail": detail}, status, {"Vary": "Accept-Language", **more})


_LATER = {"Retry-After": "60"}  # seconds


def _again(reason: str) -> Sentence:
    return Sentence("{reason} Try again in a minute.", reason=reason)


def turn_away(request: Request, error: HTTPException) -> JSONResponse:
    """Adds to Gradio's words of a full queue what to do."""
    reason = error.detail
    if full := _FULL.fullmatch(reason):
        reason = Sentence(
            "Queue is full. Max size is {limit} and size is {size}.",
            limit=int(full[1]),
            size=int(full[2]),
        )
    return _said(_again(reason), request.headers, error.status_code, **_LATER)


def spoken(function: Callable) -> Callable:
    """An endpoint whose errors are sentences, in the language of the request.

    Anything but the package's own errors is a bug: it is reported, and not told.
    """
    known = [*inspect.signature(function).parameters.values()]
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    asked = inspect.Parameter("request", kind, default=None, annotation=gr.Request)

    @functools.wraps(function)
    def answer(*given: Any) -> Any:
        try:
            return function(*given[: len(known)])
        except PneumoniaError as error:
            message = error.message
        except Exception as error:
            report(error)
            message = FAILED
        request = next((it for it in given if isinstance(it, gr.Request)), None)
        words = translate(message, language_of(request.headers if request else {}))
        raise gr.Error(escape(words, quote=False), print_exception=False)

    # where Gradio looks for who wants the request
    answer.__signature__ = inspect.Signature([*known, asked])
    answer.__annotations__ = {**function.__annotations__, "request": gr.Request}
    return answer


def report(error: BaseException) -> None:
    """Logs where a bug is, without its message: that may quote a file or its name."""
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames]
    print("Bug:", type(error).__name__, *places, file=sys.stderr, flush=True)


class Places(io.TextIOBase):
    """Standard error while strangers are served: what a library prints is dropped.

    Gradio and `mcp` print tracebacks and messages that quote what was sent. Of a
    traceback stay its lines of code and the type of its exception.
    """

    _KEPT = re.compile(
        r'^(Bug: .*|  File ".*?([^/"]+)", line \d+|\w+(?:\.\w+)*Error\b)'
    )

    def __init__(self, stream: io.TextIOBase):
        self.stream = stream

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        for line in text.splitlines():
            if match := self._KEPT.match(line):
                where = re.sub(r'  File ".*?([^/"]+)", line ', r"\1:", match[1])
                self.stream.write(where + "\n")
        self.stream.flush()
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


def serve(demo: gr.Blocks, ready: str, host: str | None, **settings: Any) -> None:
    """Serves until the process is told to stop; then finishes and deletes its files.

    Args:
        demo: the page.
        ready: what to print once it is, with `{address}`.
        host: where to listen; None: as Gradio does, on a Space on all addresses.
        settings: more of `launch`.
    Raises:
        OSError: cannot listen there.
    """
    # On a Space, Gradio starts a second server, on all addresses, which takes new
    # source code for the running app. Here it is told to start as anywhere else.
    if os.environ.pop("SYSTEM", None) == "spaces":
        host = host or "0.0.0.0"
    if os.environ.get("SPACES_ZERO_GPU"):
        # Stopped would be a Space there that names no function for the GPU. Nothing
        # calls this one: the model runs on the processor, in this process.
        import spaces

        spaces.GPU(report)
    app = {
        "middleware": [Middleware(Limits, known=Endpoints(demo))],
        "exception_handlers": {503: turn_away},
    }
    FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
    FOLDER.chmod(0o700)
    # what a thread of Gradio's may still write when the server has stopped
    atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
    stop = threading.Event()
    try:
        with redirect_stderr(Places(sys.stderr)):
            _, address, _ = demo.launch(
                server_name=host, app_kwargs=app, **SETTINGS, **settings
            )
            print(ready.format(address=address), flush=True)
            with suppress(KeyboardInterrupt):
                while not stop.wait(PERIOD):
                    sweep(FOLDER, AGE)
            until = time.monotonic() + GRACE
            while _answering and time.monotonic() < until:
                time.sleep(0.05)
            # ONNX Runtime would take the process down where it ends under an answer
            TURNS.end(LAST)
            demo.close(verbose=False)
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)
