"""The app for assistants: its endpoints as the tools of an MCP server, `--mcp`.

Gradio makes a tool of each endpoint, from its docstring, and the Model Context Protocol
is spoken by the package `mcp`. Here is what a tool takes and gives, within bounds:
`Tools` hands films in and pictures out, and `Door` stands before the tools, behind
`guard.Guard`.
"""

import asyncio
import base64
import binascii
import importlib.util
import json
import logging
import re
import secrets
from pathlib import Path
from typing import Any

import gradio.mcp
from gradio_client.utils import encode_file_path, is_file_obj_with_meta
from PIL import Image
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .. import PneumoniaError
from .guard import APP, FILE, FOLDER, MCP, Guard, received, report

CALLS = 16  # at once; each holds its message, and a film of up to 3 MB in it
WAITING = 48  # calls more, none of it read yet; one more is turned away
MAX_PICTURE = 4 * 2**20  # bytes of a picture in an answer, else its URL alone
READ, ANSWER = 30, 300  # seconds to read a call in, and for all of it with its wait

HOW = (
    " To hand in a file, use the tool upload_file_to_gradio, if there is one, and give "
    "the URL that it returns. Else POST it to /gradio_api/upload of this server, as "
    "field `files` of a form, and give the path that this answers; or give a data: URL "
    "in base64, for at most 3 MB. The server fetches nothing, so any other URL or path "
    "is refused. Uploads are deleted within 70 minutes. An error is a sentence for the "
    "user: what was found and what to do. Where it is about the image, the same image "
    "will be refused again."
)


def check() -> None:
    """Raises PneumoniaError if the package that speaks MCP is not installed."""
    if not is_installed():
        raise PneumoniaError(
            "Expected the package mcp for --mcp, found none. Install it with "
            '`pip install "gradio[mcp]"`.'
        )


def is_installed() -> bool:
    """Whether the package that speaks MCP is."""
    return importlib.util.find_spec("mcp") is not None


def settings() -> dict[str, Any]:
    """What `launch` hands on to a server that has the tools, too."""
    gradio.mcp.GradioMCPServer = Tools  # the name under which `launch` looks it up
    logging.getLogger().handlers = [_Log()]  # `mcp` logs under the root's name, too
    return APP | {"middleware": [Middleware(Guard, mcp=True), Middleware(Door)]}


class _Log(logging.Handler):
    """Logs where a bug is, and no message: those of `mcp` quote what strangers sent."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1]:
            report(record.exc_info[1])


class Tools(gradio.mcp.GradioMCPServer):
    """Gradio's MCP server, with other files in and other pictures out."""

    _file_data_tool_description = HOW

    def convert_strings_to_filedata(
        self, value: dict[str, Any], filedata_positions: list[list[str | int]]
    ) -> dict[str, Any]:
        """Makes files of the arguments that stand for some, and lets no other through.

        Gradio's would write into its own folder, where nothing is deleted. And its
        client, which hands the files on, uploads any file of the server that it gets
        the path of; so it gets URLs of this server alone.
        """
        files = {position[0] for position in filedata_positions}
        return {
            name: _files(argument) if name in files else _plain(argument)
            for name, argument in value.items()
        }

    async def _execute_tool_without_progress(self, job: Any) -> list[Any]:
        """Waits without a thread, of which Gradio has 40 for all that it does.

        Several outputs come as a tuple, of which Gradio's would make one text.
        """
        output = await asyncio.wrap_future(job.future)
        return list(output) if isinstance(output, tuple) else [output]

    def postprocess_output_data(self, data: Any, root_url: str) -> list:
        """Gives tables and probabilities as JSON; Gradio's would be Python's `repr`."""
        return super().postprocess_output_data([_text(item) for item in data], root_url)

    @staticmethod
    def get_image(file_path: str) -> Image.Image | None:
        """A picture that goes into an answer; None: its URL goes alone."""
        path = Path(file_path)
        if path.suffix != ".png" or not path.exists():
            return None
        return Image.open(path) if path.stat().st_size <= MAX_PICTURE else None

    @staticmethod
    def get_base64_data(image: Image.Image, format: str) -> str:
        """The file as it is: to compress it anew would hold up everybody."""
        with image:
            return base64.b64encode(Path(image.filename).read_bytes()).decode()


def _files(argument: object) -> object:
    """The file that an argument stands for, or each of a list."""
    if isinstance(argument, list):
        return [_files(item) for item in argument]
    if isinstance(argument, str) and argument.startswith("data:"):
        argument = _saved(argument)
    try:
        file = received(argument)
    except PneumoniaError as error:
        raise ValueError(str(error)) from None
    if not isinstance(file, dict):
        return None
    address = f"http://localhost{FILE}{encode_file_path(file['path'])}"
    return file | {"path": address}


def _plain(argument: object) -> object:
    if isinstance(argument, list):
        return [_plain(item) for item in argument]
    if isinstance(argument, dict):
        raise ValueError("Expected text, a number or a list, found an object.")
    return argument


def _saved(url: str) -> str:
    """Writes the content of a data: URL where uploads are; returns its path."""
    head, _, code = url.partition(",")
    try:
        if not head.endswith(";base64"):
            raise ValueError
        content = base64.b64decode("".join(code.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(
            "Expected a data: URL with its content in base64, found another, or a "
            "damaged one. Upload the file instead."
        ) from None
    folder = FOLDER / secrets.token_hex(16)
    folder.mkdir(mode=0o700, parents=True)
    path = folder / "file"
    path.write_bytes(content)
    return str(path)


def _text(output: object) -> object:
    if isinstance(output, dict | list) and not is_file_obj_with_meta(output):
        return json.dumps(output, ensure_ascii=False)
    return output


class Door:
    """Middleware: few calls of tools at once, each within its time; POST alone.

    A GET would keep a stream open for messages from the server, of which there are
    none.
    """

    def __init__(self, app: ASGIApp):
        self.app, self.here, self.calls = app, 0, asyncio.Semaphore(CALLS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not MCP.fullmatch(scope["path"]):
            await self.app(scope, receive, send)
        elif scope["method"] != "POST":
            why = f"Expected a POST by an MCP client, found a {scope['method']}."
            await _refuse(405, why, Allow="POST")(scope, receive, send)
        elif self.here >= CALLS + WAITING:
            why = f"{self.here} calls are here already. Try again in a minute."
            await _refuse(503, why, **{"Retry-After": "60"})(scope, receive, send)
        else:
            self.here += 1
            try:
                await self._let_in(scope, receive, send)
            finally:
                self.here -= 1

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_answered = False

        async def answer(message: Message) -> None:
            nonlocal is_answered
            is_answered = True
            await send(message)

        try:
            async with asyncio.timeout(ANSWER), self.calls:
                async with asyncio.timeout(READ):
                    first = await _body(receive)
                await self.app(_bare(scope), _again(first, receive), answer)
        except TimeoutError:
            if not is_answered:
                why = "This took too long. Try again, or another file."
                await _refuse(504, why)(scope, receive, send)


def _refuse(status: int, why: str, **headers: str) -> JSONResponse:
    return JSONResponse({"detail": why}, status, headers)


async def _body(receive: Receive) -> Message:
    """The whole request as one message; `Guard` bounds its size."""
    parts, more = [], True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return {"type": "http.request", "body": b"".join(parts), "more_body": False}


def _again(first: Message, receive: Receive) -> Receive:
    messages = [first]

    async def take() -> Message:
        return messages.pop() if messages else await receive()

    return take


# Gradio sends the headers of a call on to itself, with a body of its own
_KEPT = re.compile(
    rb"accept|content-(type|length)|host|mcp-[\w-]+|x-forwarded-(host|proto)"
)


def _bare(scope: Scope) -> Scope:
    headers = [pair for pair in scope["headers"] if _KEPT.fullmatch(pair[0])]
    return {**scope, "headers": headers}
