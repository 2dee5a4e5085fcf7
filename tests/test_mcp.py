"""The app as an MCP server, asked by the official client."""

import asyncio
import base64
import contextlib
import io
import json
from pathlib import Path

import pytest
from app_server import serve
from PIL import Image, ImageOps

from pneumonia import load_predictor
from web import assistants, guard

mcp = pytest.importorskip("mcp", reason="no mcp")
from mcp.client.streamable_http import streamable_http_client  # noqa: E402

EXAMPLE = sorted(Path(__file__).parents[1].glob("examples/*.jpg"))[0]
TOOLS = {"predict", "explain", "batch"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The app with `--mcp`."""
    command = ("app.py", "--mcp")
    with serve(tmp_path_factory.mktemp("mcp"), *command) as served:
        yield served


@pytest.fixture(scope="module")
def prediction():
    return load_predictor()(EXAMPLE)


def ask(server, *calls):
    """What the client gets: the tools, then the result of each (name, arguments)."""

    @contextlib.asynccontextmanager
    async def session():
        url = server.url + "/gradio_api/mcp/"
        async with (
            streamable_http_client(url) as (read, write, _),
            mcp.ClientSession(read, write) as opened,
        ):
            await opened.initialize()
            yield opened

    async def run():
        async with session() as opened:
            tools = (await opened.list_tools()).tools
            return [tools, *[await opened.call_tool(*call) for call in calls]]

    return asyncio.run(run())


def data_url(content):
    return "data:image/png;base64," + base64.b64encode(content).decode()


def test_endpoints_are_tools_and_nothing_else_is(server):
    (tools,) = ask(server)
    assert {tool.name for tool in tools} == TOOLS
    for tool in tools:
        assert "ot a medical device" in tool.description
        assert "data: URL" in json.dumps(tool.inputSchema) + tool.description
        (name,) = tool.inputSchema["properties"]
        assert name == ("files" if tool.name == "batch" else "image")


def test_film_is_answered_like_by_the_package(server, prediction):
    uploaded = server.uploaded(EXAMPLE.read_bytes(), "film.jpg")["path"]
    url = f"{server.url}/gradio_api/file={uploaded}"
    for image in (data_url(EXAMPLE.read_bytes()), uploaded, url):
        _, result = ask(server, ("predict", {"image": image}))
        assert not result.isError
        answer = json.loads(result.content[0].text)
        assert answer["label"] == "PNEUMONIA"
        found = {item["label"]: item["confidence"] for item in answer["confidences"]}
        assert found == pytest.approx(dict(prediction.probabilities))


def test_heatmap_is_a_picture_that_the_client_sees(server, prediction):
    image = data_url(EXAMPLE.read_bytes())
    _, result = ask(server, ("explain", {"image": image}))
    (picture,) = [item for item in result.content if item.type == "image"]
    assert picture.mimeType == "image/png"
    pixels = Image.open(io.BytesIO(base64.b64decode(picture.data)))
    assert pixels.size == prediction.image.shape[::-1]


def test_many_films_are_a_table(server):
    files = [data_url(EXAMPLE.read_bytes()), data_url(b"a letter")]
    _, result = ask(server, ("batch", {"files": files}))
    table = json.loads(result.content[0].text)
    status = [row[table["headers"].index("status")] for row in table["data"]]
    assert status == ["answered", "failed"]


def negative():
    content = io.BytesIO()
    ImageOps.invert(Image.open(EXAMPLE).convert("L")).save(content, "PNG")
    return content.getvalue()


@pytest.mark.parametrize(
    "image, words",
    [
        (data_url(negative()), "what looks like its negative"),
        (data_url(b"a letter"), "found 8 bytes that begin with"),
        ("data:image/png;base64,???", "Expected a data: URL"),
        ("/etc/passwd", "Expected an uploaded file, found none."),
        (str(EXAMPLE), "Expected an uploaded file, found none."),
        ("http://127.0.0.1:1/film.png", "Expected an uploaded file, found a URL."),
        ("http://host/gradio_api/file=/etc/passwd", "found none."),
        ("", "found no file"),
    ],
    ids=lambda value: None,
)
def test_what_is_not_answered_is_an_error_that_says_why(server, image, words):
    before = server.log.read_text()
    _, result = ask(server, ("predict", {"image": image}))
    assert result.isError
    text = result.content[0].text
    assert words in text and "root:" not in text and "Traceback" not in text
    said = server.log.read_text().removeprefix(before)
    assert "Traceback" not in said and "passwd" not in said and "film.png" not in said


def test_calls_are_bounded(server):
    path = "/gradio_api/mcp/"
    headers = {"Content-Length": str(guard.MAX_CALL + 1)}
    assert server.ask("POST", path, b"", headers)[0] == 413
    status, found, content = server.ask("GET", path)
    assert status == 405 and found["Allow"] == "POST"
    assert server.ask("GET", "/gradio_api/mcp/sse")[0] == 404


def test_all_that_came_in_is_where_it_is_deleted(server):
    ask(server, ("predict", {"image": data_url(EXAMPLE.read_bytes())}))
    (folder,) = server.files.glob("pneumonia-*")
    assert {path.parent for path in server.files.iterdir()} == {server.files}
    assert [path for path in folder.rglob("file") if path.read_bytes()]


def test_without_the_package_a_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(assistants.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Exception, match="gradio\\[mcp\\]") as error:
        assistants.check()
    assert str(error.value).startswith("Expected the package mcp")
