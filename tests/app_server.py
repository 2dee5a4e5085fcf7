"""A pytest plugin: the running app, for the tests that talk to it."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class App:
    """A server of its own: address, the file of its output, its temporary files."""

    url: str
    log: Path
    files: Path


@pytest.fixture(scope="session")
def app(tmp_path_factory):
    """`python app.py` with the bundled model, on a free port."""
    folder = tmp_path_factory.mktemp("app")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    served = App(f"http://127.0.0.1:{port}", folder / "log", folder / "files")
    environment = {**os.environ, "GRADIO_TEMP_DIR": str(served.files)}
    for name in ("PNEUMONIA_MODEL", "http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        environment.pop(name, None)
    command = [sys.executable, "app.py", "--port", str(port)]
    with (
        open(served.log, "wb") as log,
        subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=log, stderr=log
        ) as process,
    ):
        try:
            _wait(process, served)
            yield served
        finally:
            process.terminate()
    left = {path.name for path in served.files.rglob("*") if path.is_file()}
    assert left <= {path.name for path in ROOT.glob("examples/*.jpg")}


def _wait(process: subprocess.Popen, served: App) -> None:
    for _ in range(600):
        if "Ready at" in served.log.read_text():
            urllib.request.urlopen(served.url + "/config").close()
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    pytest.fail("app.py did not start:\n" + served.log.read_text())
