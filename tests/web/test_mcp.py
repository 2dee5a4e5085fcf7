"""The app as assistants see it: the tools of an MCP server, on a Space of its own."""

import ast
import asyncio
import base64
import io
import json
from contextlib import asynccontextmanager

import numpy as np
import pytest
from gradio.cli.commands import upload_mcp
from gradio_client.utils import encode_file_path
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.server.fastmcp import FastMCP
from PIL import Image, ImageOps

from pneumonia import load_predictor
from pneumonia.inference.cam import overlay
from tests.support.app_server import ROOT, serve

ENDPOINT = "/gradio_api/mcp/"
EXAMPLE = ROOT / "examples" / "bacterial_1.jpg"
SECRET = "Zyxwvut"  # what no log may repeat
JSON = {
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
}


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    """app.py with the environment of a Space, where assistants are served unasked."""
    command = ("app.py", "--host", "127.0.0.1")
    names = {"SYSTEM": "spaces", "SPACE_ID": "ward/demo"}
    with serve(tmp_path_factory.mktemp("space"), *command, **names) as served:
        yield served
    log = served.log.read_text()
    assert SECRET not in log and "passwd" not in log and "Traceback" not in log


@pytest.fixture(scope="module")
def predictor():
    return load_predictor()


@asynccontextmanager
async def session(space):
    """A session of the official client."""
    async with streamable_http_client(space.url + ENDPOINT) as (read, write, _):
        async with ClientSession(read, write) as session:
            await session.initialize()
            yield session


def call(space, tool, **arguments):
    """Calls one tool. Returns whether it is an error, and the parts of its answer."""

    async def ask():
        async with session(space) as client:
            return await client.call_tool(tool, arguments)

    result = asyncio.run(ask())
    return result.isError, result.content


def inline(content):
    return "data:image/jpeg;base64," + base64.b64encode(content).decode()


def uploaded(space):
    return space.uploaded(EXAMPLE.read_bytes(), f"{SECRET} 1 %.jpg")["path"]


def address(space):
    """The URL of an upload, as Gradio's own tool for uploads puts it."""
    return f"{space.url}/gradio_api/file={encode_file_path(uploaded(space))}"


def test_tools_are_the_endpoints_for_programs_and_say_what_they_are(space):
    async def ask():
        async with session(space) as client:
            return (await client.list_tools()).tools

    tools = asyncio.run(ask())
    endpoints = json.loads(space.ask("GET", "/gradio_api/info")[2])["named_endpoints"]
    assert [tool.name for tool in tools] == [name[1:] for name in endpoints]
    assert {"predict", "explain", "assess", "batch"} == {tool.name for tool in tools}
    for tool in tools:
        assert "Not a medical device" in tool.description
        assert "upload_file_to_gradio" in tool.description
        assert str(ROOT) not in tool.model_dump_json()
        ((name, schema),) = tool.inputSchema["properties"].items()
        assert tool.inputSchema["required"] == [name]
        kind = schema["items"] if name == "files" else schema
        assert kind["type"] == "string"
    told = json.loads(space.ask("GET", "/gradio_api/mcp/schema")[2])
    assert [tool["description"] for tool in told] == [
        tool.description for tool in tools
    ]


@pytest.mark.parametrize("give", [address, lambda space: inline(EXAMPLE.read_bytes())])
def test_predict_answers_like_the_package(space, predictor, give):
    is_error, (answer,) = call(space, "predict", image=give(space))
    assert not is_error
    probabilities = predictor(EXAMPLE).probabilities
    assert ast.literal_eval(answer.text) == {
        "label": "PNEUMONIA",
        "confidences": [
            {"label": name, "confidence": pytest.approx(value)}
            for name, value in probabilities.items()
        ],
    }


def test_explain_returns_the_heatmap_as_a_picture(space, predictor):
    is_error, (picture, text) = call(space, "explain", image=address(space))
    assert not is_error and picture.mimeType == "image/png"
    prediction = predictor(EXAMPLE)
    expected = overlay(prediction.image, prediction.cam, predictor.config.cam_limit)
    content = base64.b64decode(picture.data)
    with Image.open(io.BytesIO(content)) as found:
        np.testing.assert_array_equal(np.asarray(found), expected)
    assert text.text.startswith(f"Image URL: {space.url}/gradio_api/file=")


def test_batch_is_no_tool_until_gradio_mends_its_schema(space):
    """Gradio 6.31 describes a list of files by a pointer to nowhere."""
    is_error, (text,) = call(space, "batch", files=[address(space)])
    assert is_error and text.text.startswith("PointerToNowhere: '/$defs/FileData'")


def test_file_goes_through_gradios_own_tool_for_uploads(space, tmp_path, monkeypatch):
    """`gradio upload-mcp`, in this process, where it does not wait on stdin."""
    servers = []
    monkeypatch.setattr(FastMCP, "run", lambda self, **_: servers.append(self))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    upload_mcp(space.url, str(tmp_path))
    image = tmp_path / "image 1.jpg"
    image.write_bytes(EXAMPLE.read_bytes())
    (server,) = servers
    given = server.call_tool("upload_file_to_gradio", {"file": str(image)})
    _, structured = asyncio.run(given)
    is_error, (answer,) = call(space, "predict", image=structured["result"])
    assert not is_error and ast.literal_eval(answer.text)["label"] == "PNEUMONIA"


NONE = "Expected an uploaded file, found none; URLs and paths are not opened."
FILE = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}


@pytest.mark.parametrize(
    "given, words",
    [
        ("/etc/passwd", NONE),
        (f"/{SECRET}.png", NONE),
        (str(EXAMPLE), NONE),
        ("examples/bacterial_1.jpg", NONE),
        ("http://127.0.0.1:1/gradio_api/file=/etc/passwd", NONE),
        ("https://huggingface.co/image.png", NONE),
        ("file:///etc/passwd", NONE),
        (inline(b"a letter"), "Expected a JPEG, PNG, TIFF, WebP, BMP, GIF or DICOM"),
        (FILE, NONE),
        ([FILE], NONE),
        (None, NONE),
    ],
)
def test_what_is_no_upload_is_an_error_with_its_sentence(space, given, words):
    is_error, (text,) = call(space, "predict", image=given)
    assert is_error and words in text.text
    assert "root:" not in text.text


def test_what_is_no_chest_radiograph_is_an_error_with_the_reason(space, predictor):
    negative = io.BytesIO()
    ImageOps.invert(Image.open(EXAMPLE).convert("L")).save(negative, "PNG")
    is_error, (text,) = call(space, "explain", image=inline(negative.getvalue()))
    assert is_error and predictor(negative.getvalue()).refusal in text.text


@pytest.mark.parametrize(
    "method, parameters",
    [
        ("tools/call", {"name": SECRET, "arguments": {}}),
        ("tools/call", {"name": "predict", "arguments": {"image": "", "b": FILE}}),
        ("tools/call", {"name": "show", "arguments": {"image": SECRET}}),
        ("tools/call", {"name": "predict", "arguments": [FILE]}),
        ("tools/call", [SECRET]),
        ("resources/read", {"uri": "file:///etc/passwd"}),
        ("prompts/get", {"name": SECRET, "arguments": {"image": "/etc/passwd"}}),
        (SECRET, {}),
    ],
)
def test_nothing_else_can_be_asked(space, method, parameters):
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
    _, _, content = space.ask("POST", ENDPOINT, json.dumps(message), JSON)
    assert b'"isError":true' in content or b'"error":' in content
    assert b"root:" not in content and b"site-packages" not in content


@pytest.mark.parametrize(
    "method, path, headers, status",
    [
        ("GET", ENDPOINT, {}, 405),
        ("GET", ENDPOINT, {"Accept": "text/event-stream"}, 405),
        ("DELETE", ENDPOINT, {}, 405),
        ("GET", "/gradio_api/mcp/sse", {}, 404),
        ("POST", "/gradio_api/mcp/messages/", {}, 404),
        ("POST", "/gradio_api/mcp/http/", {}, 404),
        ("POST", ENDPOINT, {"Content-Length": str(4 * 2**20 + 1)}, 413),
        ("POST", ENDPOINT, {"Content-Type": "text/plain"}, 400),
    ],
)
def test_other_ways_in_are_shut(space, method, path, headers, status):
    assert space.ask(method, path, b"", headers)[0] == status


def test_an_image_in_a_call_has_up_to_three_megabytes(space):
    image = EXAMPLE.read_bytes()
    padded = image + bytes(3_000_000 - len(image))
    is_error, (answer,) = call(space, "predict", image=inline(padded))
    assert not is_error and ast.literal_eval(answer.text)["label"] == "PNEUMONIA"


def test_files_are_in_the_folder_that_is_swept(space):
    files = [path for path in space.files.rglob("*") if path.is_file()]
    (folder,) = space.files.glob("pneumonia-*")
    assert files and all(path.is_relative_to(folder) for path in files)
