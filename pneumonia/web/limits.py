"""What the server takes in: how much, which files, which routes; and the headers of
what it answers.

Gradio is made for any demo: it opens, fetches and keeps more than this one needs. So
`Limits` stands before every request.
"""

import asyncio
import json
import re
import shutil
import sys
import traceback
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import Message as Sentence
from . import FOLDER
from .translations import language_of, translate

MAX_UPLOAD = 100 * 2**20  # bytes of a file
MAX_REQUEST = 2 * 2**30  # bytes of a request that uploads some, and says how many
MAX_FILES = 500  # images of one request
MAX_MESSAGE = 2**20  # bytes of any other request; the page's own have a few hundred
MAX_CALL = 4 * 2**20  # bytes of a call of a tool, which may hold an image of 3 MB
MAX_CALLS = 64  # of tools at once
ROOM = 2**30  # bytes that stay free on the disk; an answer takes up to half of that
READ, ANSWER = 30, 300  # seconds for a message to come in, for a tool to answer
# what programs may call, the first events of the page, and what each is given
ENDPOINTS = {"predict": "image", "explain": "image", "assess": "image"}
ENDPOINTS |= {"batch": "files"}
_EXPECTED = {"image": "an uploaded file", "files": "a list of uploaded files"}

_API = "/gradio_api"
_FILE, _UPLOAD, _MCP = f"{_API}/file=", f"{_API}/upload", f"{_API}/mcp"
_CALL = re.compile(rf"{_API}/(?:queue/join|call/(?:v2/)?([^/]+))/?")
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
FAILED = "Something went wrong on the server. Try again, or another file."
answering: set[int] = set()  # requests that wait for answers


class Refused(Exception):
    """A request that gets no further, and the sentence that says why."""

    def __init__(self, template: str, status: int, **values: object):
        self.why, self.status = Sentence(template, **values), status

    def response(self, headers: Headers, call: Any) -> JSONResponse:
        """The sentence in the language of the request, as its client reads it.

        Args:
            headers: of the request.
            call: its JSON, if it had any.
        """
        why = translate(self.why, language_of(headers))
        if isinstance(call, dict) and "jsonrpc" in call:  # of MCP
            result = {"content": [{"type": "text", "text": why}], "isError": True}
            return JSONResponse(
                {"jsonrpc": "2.0", "id": call.get("id")} | {"result": result}
            )
        invalid = [{"__type__": "validate", "is_valid": False, "message": why}]
        detail = invalid if self.status == 422 else why
        return JSONResponse(
            {"detail": detail}, self.status, {"Vary": "Accept-Language"}
        )


class Limits:
    """Middleware: bounds requests, lets in uploaded files alone, sets headers."""

    def __init__(self, app: ASGIApp, names: dict[int, str]):
        """Wraps an app, whose events have these numbers and names."""
        self.app, self.names = app, names
        self.calls = asyncio.Semaphore(MAX_CALLS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path, headers = scope["path"], Headers(scope=scope)
        is_tool, is_answered, call = path.startswith(_MCP), False, None

        async def answer(message: Message) -> None:
            nonlocal is_answered
            if message["type"] == "http.response.start":
                is_answered = True
                sent = MutableHeaders(scope=message)
                sent.update(_HEADERS)
                if path.startswith(_API):
                    sent["Cache-Control"] = "no-store"
                if message["status"] == 503:
                    sent["Retry-After"] = "60"  # seconds
            await send(message)

        if path.startswith((f"{_API}/queue/data", f"{_API}/call/")):
            answering.add(id(scope))
        try:
            self._check(scope, headers)
            taken = _bounded(receive, _sizes(path, headers)[1])
            async with self.calls if is_tool else nullcontext():
                if scope["method"] == "POST" and path != _UPLOAD:
                    async with asyncio.timeout(READ):
                        body = await Request(scope, taken).body()
                    call, files, arguments = _parsed(body)
                    _admit(files, arguments)
                    _require_fit(path, call, self.names)
                    taken = _replayed(call, receive)
                # Gradio answers a range with the headers of the request, as they came
                asked = [pair for pair in scope["headers"] if pair[0] != b"range"]
                async with asyncio.timeout(ANSWER if is_tool else None):
                    await self.app({**scope, "headers": asked}, taken, answer)
            return
        except Refused as error:
            refused = error
        except TimeoutError:
            refused = Refused(FAILED, 504)
        except ClientDisconnect:
            return
        except Exception as error:
            report(error)
            refused = Refused(FAILED, 500)
        finally:
            answering.discard(id(scope))
        if not is_answered:
            await refused.response(headers, call)(scope, receive, answer)

    def _check(self, scope: Scope, headers: Headers) -> None:
        """Refuses what need not be read."""
        path, is_mcp = scope["path"], scope["path"].rstrip("/") == _MCP
        is_gone = path.startswith(_FILE) and not uploaded(path.removeprefix(_FILE))
        size, limit = _sizes(path, headers)
        if path.startswith(tuple(SHUT)) or is_gone:
            raise Refused("Not found", 404)
        if is_mcp and scope["method"] != "POST":  # no stream, no session
            raise Refused("Not found", 405)
        if is_mcp and self.calls.locked():
            raise Refused("Too many calls are under way. Try again in a minute.", 503)
        if size > limit:
            raise _too_large(limit)
        is_new = path == _UPLOAD or is_mcp
        if is_new and shutil.disk_usage(FOLDER).free < ROOM + size:
            raise Refused(
                "The server has no room for files now. Try again in an hour.", 507
            )


def _parsed(body: bytes) -> tuple[Any, list[dict], list[dict]]:
    """What a message says; the files in it, and the arguments of calls of tools."""
    files, arguments = [], []

    def noted(value: dict[str, Any]) -> dict[str, Any] | None:
        match value:
            case {"method": "tools/call", "params": {"arguments": dict(given)}}:
                arguments.append(given)
        if {"path", "url"} & value.keys():  # of a call, too, which might be a file
            if not (value.get("path") or value.get("url")):
                return None
            files.append(value)
        return value

    try:
        return json.loads(body or b"null", object_hook=noted), files, arguments
    except (ValueError, RecursionError) as error:
        raise Refused("Expected JSON, found something else.", 400) from error


def _admit(files: list[dict], arguments: list[dict]) -> None:
    """Reduces the files of a message, in place, to uploads of this server.

    Raises:
        Refused: one was not uploaded here, or there are too many. A file of the server
            is refused in the same words as one that does not exist.
    """
    if len(files) > MAX_FILES:
        raise Refused(
            "Expected at most {limit} files at once, found {found:,}. Give fewer.",
            422,
            limit=MAX_FILES,
            found=len(files),
        )
    for file in files:
        path = _upload(file.get("path") or file.get("url"))
        file.clear()
        file |= {"path": path, "meta": {"_type": "gradio.FileData"}}
    for given in arguments:  # of whose strings Gradio makes files
        for item in given.values():
            for file in item if isinstance(item, list) else [item]:
                if not str(file).startswith("data:"):
                    _upload(file)


def _require_fit(path: str, message: Any, names: dict[int, str]) -> None:
    """Raises `Refused` for a program's call that its endpoint cannot answer."""
    if not (call := _CALL.fullmatch(path)):
        return
    data = message if isinstance(message, dict) else {}
    if not (name := call[1]):  # in the queue
        number = data.get("fn_index")
        name = names.get(number) if isinstance(number, int) else None
        if name not in ENDPOINTS:  # an event of the page
            return
    if name not in ENDPOINTS:
        raise Refused(
            "There is no endpoint {name}. There are: {names}.",
            404,
            name=f"/{name:.40}",
            names=", ".join(f"/{it}" for it in ENDPOINTS),
        )
    argument = ENDPOINTS[name]
    match data.get("data", [data[argument]] if [*data] == [argument] else None):
        case [{"path": _}] if argument == "image":
            return
        case [[_, *_] as files] if argument == "files":
            if all(isinstance(it, dict) and "path" in it for it in files):
                return
    raise Refused(
        "Expected {expected} as {argument}, and nothing else. Upload the file first; "
        "in Python, pass `gradio_client.handle_file(path)`, in a list where several "
        "are expected.",
        422,
        expected=_EXPECTED[argument],
        argument=argument,
    )


def _upload(path: Any) -> str:
    """The upload that a path, or a URL of this server, names."""
    given = str(path)
    if given.startswith("http"):
        given = unquote(given.partition(_FILE)[2])
    if file := uploaded(given):
        return str(file)
    raise Refused(
        "Expected an uploaded file, found none; URLs and paths are not opened. Upload "
        "it, once more if that was an hour ago: it was deleted.",
        422,
    )


def uploaded(path: str) -> Path | None:
    """The file at `path`, if it is in the folder of uploads, all links followed."""
    try:
        file = Path(path).resolve(strict=True)
        return file if file.is_relative_to(FOLDER) and file.is_file() else None
    except (OSError, RuntimeError, ValueError):
        return None


def _sizes(path: str, headers: Headers) -> tuple[int, int]:
    """Bytes that a request says it has, 0 where it does not say; and may have."""
    length = headers.get("content-length", "")
    declared = int(length) if length.isdecimal() else 0
    if path == _UPLOAD:
        return declared, MAX_REQUEST if declared else MAX_UPLOAD + 2**16
    return declared, MAX_CALL if path.startswith(_MCP) else MAX_MESSAGE


def _too_large(limit: int) -> Refused:
    mebibytes = limit // 2**20
    return Refused("Expected at most {limit} MiB, found more.", 413, limit=mebibytes)


def _bounded(receive: Receive, limit: int) -> Receive:
    """Receives so many bytes, and no more."""
    left = limit

    async def take() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise _too_large(limit)
        return message

    return take


def _replayed(message: Any, receive: Receive) -> Receive:
    """Receives a message that was read and checked, in place of what came."""
    left = [{"type": "http.request", "body": json.dumps(message).encode()}]

    async def replay() -> Message:
        return left.pop() if left else await receive()

    return replay


def report(error: BaseException) -> None:
    """Logs where a bug is, without its message: that may quote a file or its name."""
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames]
    print("Bug:", type(error).__name__, *places, file=sys.stderr, flush=True)
