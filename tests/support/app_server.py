"""The running app, for the tests that talk to it; `conftest.py` has the fixture."""

import contextlib
import http.client
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILE_DATA = {"meta": {"_type": "gradio.FileData"}}


@dataclass(frozen=True)
class App:
    """A server of its own: address, file of its output, temporary files, process."""

    url: str
    log: Path
    files: Path
    process: subprocess.Popen

    def ask(self, method, path, body=None, headers=None):
        """One request, with the path as it is. Returns status, headers, content."""
        address = urllib.parse.urlsplit(self.url)
        connection = http.client.HTTPConnection(address.netloc, timeout=120)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            try:
                content = response.read()
            except http.client.IncompleteRead as error:  # a stream that broke off
                content = error.partial
            return response.status, response.headers, content

    def post(self, path, data):
        """Posts JSON. Returns status, headers, content."""
        headers = {"Content-Type": "application/json"}
        return self.ask("POST", path, json.dumps(data), headers)

    def upload(self, content, name, field="files"):
        """Uploads one file. Returns status, headers, content."""
        part = f'form-data; name="{field}"; filename="{name}"'.encode()
        body = b"--limit\r\nContent-Disposition: %b\r\n\r\n%b\r\n--limit--\r\n"
        headers = {"Content-Type": "multipart/form-data; boundary=limit"}
        return self.ask("POST", "/gradio_api/upload", body % (part, content), headers)

    def uploaded(self, content, name):
        """Uploads one file. Returns it as events want it."""
        (path,) = json.loads(self.upload(content, name)[2])
        return {"path": path, **FILE_DATA}

    def event(self, event, *data):
        """Triggers an event, as the page does. Returns its answer.

        `event` is its number, or the name of its function.
        """
        events = self.config()["dependencies"]
        (index,) = [e["id"] for e in events if event in (e["id"], e["api_name"])]
        session = secrets.token_hex(8)
        body = {"data": data, "fn_index": index, "session_hash": session}
        status, _, content = self.post("/gradio_api/queue/join", body)
        assert status == 200, content
        path = f"/gradio_api/queue/data?session_hash={session}"
        lines = self.ask("GET", path)[2].decode().splitlines()
        messages = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
        (last,) = [item for item in messages if item["msg"] == "process_completed"]
        return last

    def get(self, file):
        """The content of a file that an event returned."""
        path = "/gradio_api/file=" + urllib.parse.quote(file["path"])
        status, _, content = self.ask("GET", path)
        assert status == 200, content
        return content

    def config(self):
        return json.loads(self.ask("GET", "/config")[2])


@contextlib.contextmanager
def serve(folder, *command, **environment):
    """Runs `python app.py`, or another command that takes its arguments.

    Whatever it writes is in `folder`; after its end, no file is left but its output.
    """
    folder.mkdir(exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log_file, files = folder / "log", folder / "files"
    inherited = {**os.environ, "GRADIO_TEMP_DIR": str(files)}
    for name in ("PNEUMONIA_MODEL", "http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        inherited.pop(name, None)
    environment = inherited | environment
    command = [sys.executable, *(command or ["app.py"]), "--port", str(port)]
    with (
        open(log_file, "wb") as log,
        subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=log, stderr=log
        ) as process,
    ):
        served = App(f"http://127.0.0.1:{port}", log_file, files, process)
        try:
            _wait(served)
            yield served
        finally:
            process.terminate()
    assert [path for path in files.rglob("*") if path.is_file()] == []


def until(is_so):
    """Waits for up to a minute."""
    for _ in range(1200):
        if is_so():
            return
        time.sleep(0.05)
    pytest.fail("This did not become so within a minute.")


def _wait(served: App) -> None:
    for _ in range(600):
        if "Ready at" in served.log.read_text():
            urllib.request.urlopen(served.url + "/config").close()
            return
        if served.process.poll() is not None:
            break
        time.sleep(0.1)
    pytest.fail("app.py did not start:\n" + served.log.read_text())
