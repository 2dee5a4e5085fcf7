"""Where the server is to listen, and what of the environment would stop it."""

import json
import subprocess
import sys

import pytest

from pneumonia.version import version
from pneumonia.web import start
from tests.support.app_server import ROOT, serve


@pytest.fixture
def parsed(monkeypatch):
    def parse(*arguments):
        monkeypatch.setattr(sys, "argv", ["app.py", *arguments])
        return start.arguments()

    return parse


@pytest.mark.parametrize(
    "text", ["99999", "0", "-1", "abc", "7860.0", "٧٨٦٠", "1" * 99]
)
@pytest.mark.parametrize("is_asked", [False, True])
def test_a_port_that_is_none_is_named(text, is_asked, parsed, capsys, monkeypatch):
    monkeypatch.setattr(start, "_PORT", text if is_asked else None)
    with pytest.raises(SystemExit) as caught:
        parsed(*([] if is_asked else [f"--port={text}"]))
    assert caught.value.code == 2
    words = capsys.readouterr().err
    assert "--port" in words and "GRADIO_SERVER_PORT" in words and text[:9] in words


def test_the_command_line_goes_before_the_environment(parsed, monkeypatch):
    monkeypatch.setattr(start, "_PORT", "7000")
    monkeypatch.setattr(start, "_HOST", "::1")
    monkeypatch.setattr(start, "_ROOT", "/x-ray")
    found = parsed()
    assert (found.port, found.host, found.root_path) == (7000, "[::1]", "/x-ray")
    found = parsed("--port", "8000", "--host", "0.0.0.0", "--root-path", "/y")
    assert (found.port, found.host, found.root_path) == (8000, "0.0.0.0", "/y")


def test_nothing_is_said_where_nothing_is_named(parsed, monkeypatch):
    found = parsed()
    assert found.port is found.host is found.root_path is None
    assert not found.mcp
    monkeypatch.setenv("SYSTEM", "spaces")
    assert parsed().mcp


def test_version(parsed, capsys):
    with pytest.raises(SystemExit) as caught:
        parsed("--version")
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"pneumonia {version()}\n"


@pytest.fixture(scope="module")
def behind(tmp_path_factory):
    """The app in an environment of proxies that lead nowhere, behind another server."""
    nowhere = "http://127.0.0.1:9"
    with serve(
        tmp_path_factory.mktemp("start"),
        HTTP_PROXY=nowhere,
        https_proxy=nowhere,
        ALL_PROXY="socks5://127.0.0.1:9",
        NO_PROXY="[::1],example.org",
        GRADIO_SERVER_NAME="127.0.0.1",
        GRADIO_ROOT_PATH="/x-ray",
    ) as served:
        yield served


def test_proxies_do_not_keep_it_from_starting(behind):
    assert "Ready at" in behind.log.read_text()


def test_behind_a_proxy_the_page_knows_its_path(behind):
    """A reverse proxy serves it under /x-ray, which it takes off before it asks."""
    address = {"Host": "example.org", "X-Forwarded-Proto": "https"}
    _, _, content = behind.ask("GET", "/config", headers=address)
    assert json.loads(content)["root"].endswith("/x-ray")
    status, _, page = behind.ask("GET", "/", headers=address)
    assert status == 200 and b"/x-ray" in page


@pytest.mark.parametrize(
    "path, message, status, words",
    [
        ("call/predicted", {"data": []}, 404, "There are: /predict, /explain, /assess"),
        ("call/predict", {"data": ["x.png"]}, 422, "gradio_client.handle_file(path)"),
        ("call/predict", {"data": []}, 422, "an uploaded file as image"),
        ("call/v2/batch", {"files": []}, 422, "a list of uploaded files as files"),
        ("call/v2/predict", {"picture": None}, 422, "as image, and nothing else"),
    ],
)
def test_a_callers_mistake_is_named(behind, path, message, status, words):
    found, _, content = behind.post(f"/gradio_api/{path}", message)
    assert found == status and words in content.decode()


def test_an_address_that_is_not_of_this_machine_is_named():
    found = subprocess.run(
        [sys.executable, "app.py", "--host", "192.0.2.1", "--port", "7861"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert found.returncode == 1
    assert "app.py: Cannot find empty port in range: 7861-7861." in found.stderr
    assert "Traceback" not in found.stderr
