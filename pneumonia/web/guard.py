"""What the server takes in, answers and keeps: the shell that app.py puts on Gradio.

Gradio is made for any demo: it opens, fetches, logs and keeps more than this one needs.
`Blocks` lets events see uploaded files and nothing else, `Guard` stands before every
request, and `keeping` deletes every file.
"""

import asyncio
import ctypes
import os
import re
import secrets
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from html import escape
from pathlib import Path
from urllib.parse import unquote

import gradio as gr
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .. import ImageError, PneumoniaError, errors
from .texts import LANGUAGES, language_of, translate

MAX_UPLOAD = 100 * 2**20  # bytes of a file
MAX_REQUEST = 2 * 2**30  # bytes of a request that uploads some, and says how many
MAX_FILES = 500  # radiographs of one request
MAX_MESSAGE = 2**20  # bytes of any other request; the page's own have a few hundred
MAX_CALL = 4 * 2**20  # bytes of a call of a tool, which may hold a film of 3 MB
ROOM = 2**30  # bytes that stay free on the disk; a film and its answer take up to half
AGE, PERIOD = 3600, 600  # seconds: what is older is deleted, and how often that happens
TRIM = 10  # seconds between looks for memory to give back

# Uploads and answers. A name that nobody can guess, because others may write into the
# folder around it.
FOLDER = (
    Path(os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir()).resolve()
    / f"pneumonia-{secrets.token_hex(8)}"
)

_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # of mallopt(3)

# What the page and the clients ask for. A route that a later Gradio adds stays shut.
FILE, _UPLOAD = "/gradio_api/file=", "/gradio_api/upload"
_OPEN = re.compile(
    r"/|/config|/(theme\.css|favicon\.ico|robots\.txt|manifest\.json)|/(assets|static)/.+"
    r"|/gradio_api/(info|openapi\.json|app_id|startup-events|upload|upload_progress"
    r"|file=.+|heartbeat/[^/]+|queue/(join|data)|call/.+|cancel|reset)"
)
# With --mcp: the endpoint, and the description of the tools, which the page shows and
# the Hub reads.
MCP = re.compile(r"/gradio_api/mcp/?")
_SCHEMA = "/gradio_api/mcp/schema"
# Gradio's page consists of inline scripts and evaluates texts. So these rules stop no
# inline script, but scripts in attributes (`onerror=`), all that is foreign, and forms.
_POLICY = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval'",
    "script-src-attr": "'none'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self' data: blob:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    # a Space is a frame on its page at huggingface.co
    "frame-ancestors": "'self' https://huggingface.co https://*.hf.space",
}
_HEADERS = {
    "Content-Security-Policy": "; ".join(" ".join(rule) for rule in _POLICY.items()),
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_NO_ROOM = "The server has no room for files now. Try again in an hour."
_FAILED = "Something went wrong on the server. Try again, or another file."
_FULL = re.compile(r"Queue is full\. Max size is (\d+) and size is (\d+)\.")


class Blocks(gr.Blocks):
    """`gr.Blocks` whose events, the page's own too, take uploaded files alone."""

    async def process_api(
        self, block_fn, inputs, *args, request=None, explicit_call=False, **kwargs
    ):
        """Looks at what comes in before Gradio fetches, opens or logs any of it.

        What the package raises is told in the language of the request, escaped for
        browsers. Handlers need not know of either.
        """
        try:
            if not explicit_call:  # by a program, in the same process
                inputs = [received(value) for value in inputs]
                if not has_room(0):
                    raise PneumoniaError(_NO_ROOM)
            kwargs |= {"request": request, "explicit_call": explicit_call}
            return await super().process_api(block_fn, inputs, *args, **kwargs)
        except gr.Error:
            raise
        except PneumoniaError as error:
            message = error.message
        except Exception as error:
            report(error)
            message = _FAILED
        message = translate(message, language_of(getattr(request, "headers", {})))
        raise gr.Error(escape(message, quote=False), print_exception=False)


def received(value: object) -> object:
    """Reduces an input of an event to what may be used of it.

    Args:
        value: anything that JSON can say.
    Returns:
        None; or a whole number, the index of a sample; or the code of a language; or a
        file, or a list of files, as Gradio wants it.
    Raises:
        ImageError: it is none of these. A file of the server is refused in the same
            words as one that does not exist.
    """
    if value is None or isinstance(value, int) or value in [*LANGUAGES]:
        return value
    if not isinstance(value, list):
        return _file(value)
    if len(value) <= MAX_FILES:
        return [_file(file) for file in value]
    raise ImageError(
        "Expected at most {limit} files at once, found {found:,}. Give fewer.",
        limit=MAX_FILES,
        found=len(value),
    )


def _file(value: object) -> dict | None:
    """One file among what an event gets, reduced to its path and its name."""
    file = value if isinstance(value, dict) else {"path": value}
    path, url = _here(file.get("path")), file.get("url")
    if not path and not url:
        return None
    if not path or re.match(r"\w[\w+.-]+:", str(path)):
        raise ImageError(
            "Expected an uploaded file, found a URL. Download the file, then upload it."
        )
    if not isinstance(path, str) or not (path := uploaded(path)):
        raise ImageError(
            "Expected an uploaded file, found none. Upload it, once more if that was "
            "an hour ago: it was deleted."
        )
    name = file.get("orig_name")
    name = name[:255] if isinstance(name, str) else None
    meta = {"_type": "gradio.FileData"}
    return {"path": str(path), "orig_name": name, "meta": meta}


def _here(path: object) -> object:
    """The path in a URL of a file of this server, which is how assistants name one."""
    if isinstance(path, str) and path.startswith("http") and FILE in path:
        return unquote(path.partition(FILE)[2])
    return path


def uploaded(path: str) -> Path | None:
    """The file at `path`, if it is in the folder of uploads, all links followed."""
    try:
        file = Path(path).resolve(strict=True)
        return file if file.is_relative_to(FOLDER) and file.is_file() else None
    except (OSError, RuntimeError, ValueError):
        return None


def has_room(size: int) -> bool:
    """Whether the disk has space for `size` bytes, another film and its answer."""
    FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
    return shutil.disk_usage(FOLDER).free > ROOM + size


def report(error: BaseException) -> None:
    """Logs where a bug is, without its message: that may quote a file or its name."""
    places = [
        f"{Path(frame.filename).name}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)[-8:]
    ]
    print(type(error).__name__, *places, file=sys.stderr, flush=True)


class Guard:
    """Middleware: shuts routes, bounds requests, sets headers, logs no content.

    Args:
        app: what it stands before.
        mcp: whether the routes for assistants are open.
    """

    def __init__(self, app: ASGIApp, mcp: bool = False):
        self.app, self.mcp = app, mcp
        self.promised = 0  # bytes of the uploads that are under way

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        left, promised, is_answered = _limit(scope), 0, False

        async def take() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise _TooLarge
            return message

        async def answer(message: Message) -> None:
            nonlocal is_answered
            if message["type"] == "http.response.start":
                is_answered = True
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                if scope["path"].startswith("/gradio_api/"):
                    headers["Cache-Control"] = "no-store"
            await send(message)

        async def refuse(status: int, why: str) -> None:
            refusal = _told(why, Headers(scope=scope), status)
            await refusal(scope, receive, answer)

        # Gradio answers a range with the headers of the request, as they came
        headers = [pair for pair in scope["headers"] if pair[0] != b"range"]
        try:
            if refusal := _refusal(scope, self.mcp, self.promised):
                await refuse(*refusal)
            else:
                promised = _declared(scope) if scope["path"] == _UPLOAD else 0
                self.promised += promised
                await self.app({**scope, "headers": headers}, take, answer)
        except _TooLarge:
            await refuse(413, _too_large(scope))
        except ClientDisconnect:
            pass
        except Exception as error:
            report(error)
            if not is_answered:
                await refuse(500, _FAILED)
        finally:
            self.promised -= promised


class _TooLarge(Exception):
    """A request turned out to have more bytes than it may."""


def _refusal(scope: Scope, mcp: bool, promised: int) -> tuple[int, str] | None:
    """Status and reason, where a request is refused before it is read."""
    path = scope["path"]
    is_call = mcp and MCP.fullmatch(path)
    is_open = _OPEN.fullmatch(path) or is_call or (mcp and path == _SCHEMA)
    if path.startswith(FILE):
        is_open = uploaded(path.removeprefix(FILE))
    if not is_open:
        return 404, "Not found"
    length = _declared(scope)
    if length > _limit(scope):
        return 413, _too_large(scope)
    if (path == _UPLOAD or is_call) and not has_room(promised + length):
        return 507, _NO_ROOM
    return None


def _declared(scope: Scope) -> int:
    """Bytes that a request says it has; 0 where it does not say."""
    length = Headers(scope=scope).get("content-length", "")
    return int(length) if length.isdecimal() else 0


def _limit(scope: Scope) -> int:
    if scope["path"] != _UPLOAD:
        return MAX_CALL if MCP.fullmatch(scope["path"]) else MAX_MESSAGE
    return MAX_REQUEST if _declared(scope) else MAX_UPLOAD + 2**16


def _too_large(scope: Scope) -> str:
    return errors.Message(
        "Expected at most {limit} MiB, found more.", limit=_limit(scope) // 2**20
    )


def _told(why: str, headers: Headers, status: int, **more: str) -> JSONResponse:
    """An answer that says why there is no other, in the language of the request."""
    detail = translate(why, language_of(headers))
    return JSONResponse({"detail": detail}, status, {"Vary": "Accept-Language", **more})


@asynccontextmanager
async def keeping(app: gr.routes.App) -> AsyncIterator[None]:
    """While the server runs, `FOLDER` is there, for this user alone; then it is not."""
    FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
    FOLDER.chmod(0o700)
    tasks = [
        asyncio.create_task(task) for task in (_sweep_for_ever(app), _trim_for_ever())
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        shutil.rmtree(FOLDER, ignore_errors=True)


async def _sweep_for_ever(app: gr.routes.App) -> None:
    while True:
        await asyncio.sleep(PERIOD)
        await asyncio.to_thread(sweep, FOLDER, AGE)
        for names in app.get_blocks().temp_file_sets:  # Gradio never forgets a name
            names -= {name for name in names if not os.path.lexists(name)}


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


def turn_away(request: Request, error: HTTPException) -> JSONResponse:
    """Adds to Gradio's words of a full queue what to do."""
    reason = error.detail
    if full := _FULL.fullmatch(reason):
        reason = errors.Message(
            "Queue is full. Max size is {limit} and size is {size}.",
            limit=int(full[1]),
            size=int(full[2]),
        )
    why = errors.Message("{reason} Try again in a minute.", reason=reason)
    return _told(why, request.headers, error.status_code, **{"Retry-After": "60"})


def keep_memory_whole() -> None:
    """Lets glibc hold images apart from all else, and share its heaps between threads.

    Else every thread breaks a heap of its own into pieces, hundreds of megabytes within
    minutes of load.
    """
    if mallopt := getattr(_LIBC, "mallopt", None):
        mallopt(_M_ARENA_MAX, 2)
        mallopt(_M_MMAP_THRESHOLD, 2**20)  # bytes


async def _trim_for_ever() -> None:
    """Gives back to the system what answers freed: glibc would keep much of it."""
    while trim := getattr(_LIBC, "malloc_trim", None):
        await asyncio.sleep(TRIM)
        await asyncio.to_thread(trim, 0)


# What `launch` hands on to the server.
APP = {
    "middleware": [Middleware(Guard)],
    "lifespan": keeping,
    "exception_handlers": {503: turn_away},
}
