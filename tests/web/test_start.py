"""Where the server is to listen, and what of the environment would stop it."""

import argparse
import json
import os
import subprocess
import sys

import pytest

from pneumonia.version import version
from pneumonia.web import start
from tests.support.app_server import ROOT, serve


def parsed(*arguments):
    parser = argparse.ArgumentParser()
    start.add_arguments(parser)
    return start.parse(parser, arguments)


@pytest.mark.parametrize("text", ["99999", "0", "-1", "abc", "7860.0", "٧٨٦٠", ""])
def test_a_port_that_is_none_is_named(text, capsys, monkeypatch):
    for arguments, asked, name in (
        ([f"--port={text}"], "", "--port"),
        ([], text or "none", "GRADIO_SERVER_PORT"),
    ):
        monkeypatch.setitem(start._ASKED, "GRADIO_SERVER_PORT", asked)
        with pytest.raises(SystemExit) as caught:
            parsed(*arguments)
        assert caught.value.code == 2
        words = capsys.readouterr().err
        assert name in words and f"found {asked or text!r}" in words


def test_the_command_line_goes_before_the_environment(monkeypatch):
    monkeypatch.setitem(start._ASKED, "GRADIO_SERVER_PORT", "7000")
    monkeypatch.setitem(start._ASKED, "GRADIO_SERVER_NAME", "::1")
    assert (parsed().port, parsed().host) == (7000, "[::1]")
    found = parsed("--port", "8000", "--host", "0.0.0.0")
    assert (found.port, found.host) == (8000, "0.0.0.0")


def test_ports_are_gradios_where_none_is_named():
    assert parsed().port is parsed().host is None
    code = "from gradio.http_server import *; print(INITIAL_PORT_VALUE, TRY_NUM_PORTS)"
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GRADIO_")
    }
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, check=True
    ).stdout
    assert list(map(int, found.split())) == [start.FIRST, start.COUNT]


def test_where_it_cannot_listen_is_named():
    assert "on 127.0.0.1, port 7860 to 7959." in start.cannot_listen(None, None)
    assert "on [::2], port 80." in start.cannot_listen("[::2]", 80)


def test_version(capsys):
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
        ("call/predict", {"data": []}, 422, "as image, found nothing"),
        ("call/v2/batch", {"files": []}, 422, "as files, found an empty list"),
        ("call/v2/predict", {"picture": None}, 422, "the arguments image alone"),
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
    assert "app.py: cannot listen on 192.0.2.1, port 7861." in found.stderr
    assert "Traceback" not in found.stderr
