"""Does the Space build, start and answer? What the Hub does with it, done here.

    python benchmarks/release/space_build.py [--python python3.12] [--folder FOLDER]

Takes the files that `publish` would send, installs them as a Space does, in one resolve
with what the Hub adds, into a new virtual environment; serves the bundled model from a
Hub on the loopback interface, preloaded as the README's head says; starts app.py with a
Space's environment, once as on plain processors and once as on ZeroGPU; and asks it.
Exit code 1: it was not built, did not start, or a check failed.

For contributors, before a release: it needs a package index, 2 GB and some minutes. It
cannot show what the Hub's proxy does, nor run a GPU; the Hub stops a ZeroGPU Space that
sends it no startup report, and that report is looked for.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from gradio_client import Client, handle_file
from huggingface_hub import SpaceCard

from pneumonia.config import CARD_FILE
from pneumonia.hub import BUNDLED
from pneumonia.hub.space_files import ROOT, space_files

sys.path.append(str(ROOT))

from tests.support.fake_hub import LoopbackHub  # noqa: E402

MODEL, SPACE = "ward/lungs", "ward/demo"
UNREAD = {"model.weights.h5"}  # of the model, where there is a graph
# what the Hub installs beside requirements.txt, in the same resolve
ADDED = ("uvicorn>=0.14.0", "websockets>=10.4", "spaces")
# what a Gradio Space has in its environment
SPACES = {
    "SYSTEM": "spaces",
    "SPACE_ID": SPACE,
    "SPACE_AUTHOR_NAME": SPACE.split("/")[0],
    "SPACE_REPO_NAME": SPACE.split("/")[1],
    "SPACE_HOST": SPACE.replace("/", "-") + ".hf.space",
    "CPU_CORES": "2",
    "MEMORY": "16Gi",
    "GRADIO_ALLOW_FLAGGING": "never",
    "GRADIO_NUM_PORTS": "1",
    "GRADIO_SERVER_NAME": "0.0.0.0",
    "GRADIO_THEME": "huggingface",
    "PYTHONUNBUFFERED": "1",
}
REPORTS = """
import importlib.metadata as found, sys
names = "gradio mcp spaces onnxruntime tensorflow-cpu pydantic huggingface-hub"
for name in names.split():
    try:
        print(name, found.version(name), end="; ")
    except found.PackageNotFoundError:
        pass
print("python", sys.version.split()[0])
"""
PRELOADS = """
import sys
from huggingface_hub import hf_hub_download
repository, files, revision = sys.argv[1].split()
for file in files.split(","):
    hf_hub_download(repository, file, revision=revision)
"""
RELOADS = 7887  # the port of the server that Gradio would start on a Space
WAIT = 300  # seconds to start in; a Space has 30 minutes


def command(readme: str, python: str) -> list[str]:
    """The resolve of a Space, as seen in public build logs.

    Args:
        readme: with the head, whose `sdk_version` decides.
        python: the interpreter of the Space's environment.
    """
    version = SpaceCard(readme).data["sdk_version"]
    sdk = f"gradio[oauth,mcp]=={version}"
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    return [*pip, "-r", "requirements.txt", sdk, *ADDED]


def environment(home: Path, hub: str, revision: str, port: int) -> dict[str, str]:
    """A Space's environment: its own, and nothing of this machine's but the way out."""
    kept = ("PATH", "LANG", "LD_LIBRARY_PATH")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        **SPACES,
        "HOME": str(home),
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_TEMP_DIR": str(home / "temporary"),
        "HF_ENDPOINT": hub,
        "PNEUMONIA_MODEL": f"{MODEL}@{revision}",
    }


def write(files: dict[str, bytes], folder: Path) -> None:
    """Writes the Space's files, whose names are paths in `folder`."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def build(python: str, space: Path) -> str:
    """Makes the Space's environment beside `space`; returns its interpreter."""
    readme = (space / CARD_FILE).read_text(encoding="utf-8")
    wanted = SpaceCard(readme).data["python_version"]
    began, place = time.monotonic(), space.parent / "venv"
    subprocess.run([python, "-m", "venv", place], check=True)
    interpreter = str(place / "bin" / "python")
    subprocess.run(command(readme, interpreter), cwd=space, check=True)
    seconds = time.monotonic() - began
    size = sum(path.lstat().st_size for path in place.rglob("*")) / 2**20
    print(f"build: {seconds:.0f} s, {size:.0f} MiB; the head asks for Python {wanted}")
    subprocess.run([interpreter, "-c", REPORTS], check=True)
    return interpreter


@contextlib.contextmanager
def running(interpreter: str, space: Path, environment: dict) -> Iterator[str]:
    """Runs app.py as a Space does; yields its address, once it answers."""
    url = f"http://127.0.0.1:{environment['GRADIO_SERVER_PORT']}"
    began, log = time.monotonic(), space.parent / "log"
    with (
        open(log, "wb") as output,
        subprocess.Popen(
            [interpreter, "app.py"],
            cwd=space,
            env=environment,
            stdout=output,
            stderr=output,
        ) as process,
    ):
        try:
            while not _answers(url):
                if process.poll() is not None or time.monotonic() - began > WAIT:
                    raise SystemExit(f"app.py did not start:\n{log.read_text()}")
                time.sleep(0.1)
            print(f"  answers after {time.monotonic() - began:.1f} s")
            yield url
        finally:
            process.terminate()
            print(f"  exit code {process.wait(60)} after a stop")
            print("  it said:", log.read_text().strip().replace("\n", "\n    "))


def _answers(url: str) -> bool:
    with contextlib.suppress(OSError):
        urllib.request.urlopen(url, timeout=5).close()
        return True
    return False


def ask(url: str, example: Path) -> bool:
    """Asks every way there is; returns whether all agree on an example."""
    client = Client(url, verbose=False, analytics_enabled=False)
    began = time.monotonic()
    answer = client.predict(image=handle_file(example), api_name="/predict")
    print(f"  /predict: {answer} in {time.monotonic() - began:.1f} s")
    heatmap = client.predict(image=handle_file(example), api_name="/explain")
    print(f"  /explain: {Path(heatmap).stat().st_size} bytes")
    tools = mcp_tools(url)
    print(f"  MCP tools: {', '.join(tools)}")
    time.sleep(30)  # Gradio's server for source code starts long after the app
    is_open = _listens(RELOADS)
    print(f"  takes new source code on port {RELOADS}: {is_open}")
    return answer["label"] == "PNEUMONIA" and "predict" in tools and not is_open


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        return True
    return False


def mcp_tools(url: str) -> list[str]:
    """The names of the tools that assistants find."""
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    request = urllib.request.Request(
        url + "/gradio_api/mcp/",
        json.dumps(message).encode(),
        {
            "Accept": "application/json, text/event-stream",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        (data,) = re.findall(r"^data: (.*)$", response.read().decode(), re.MULTILINE)
    return [tool["name"] for tool in json.loads(data.strip())["result"]["tools"]]


@contextlib.contextmanager
def zero_gpu() -> Iterator[tuple[dict[str, str], list[str]]]:
    """The service that ZeroGPU tells a Space to report to.

    Yields what it adds to the environment, and the list of what it was asked.
    """
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            """Keeps quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        yield {"SPACES_ZERO_GPU": "true", "SPACES_ZERO_DEVICE_API_URL": address}, asked
        server.shutdown()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def check(python: str, folder: Path) -> bool:
    """Builds, starts and asks; returns whether all is well."""
    space, home = folder / "app", folder / "home"
    shutil.rmtree(space, ignore_errors=True)
    model = {path.name: path.read_bytes() for path in BUNDLED.iterdir()}
    example = ROOT / "examples" / "bacterial_1.jpg"
    with LoopbackHub() as hub, zero_gpu() as (added, asked):
        revision = hub.commit(MODEL, model)
        files = space_files(MODEL, revision, sorted({*model} - UNREAD), SPACE)
        write(files, space)
        print(f"{len(files)} files, {sum(map(len, files.values())) / 2**20:.1f} MiB")
        interpreter = build(python, space)
        variables = environment(home, hub.url, revision, free_port())
        head = SpaceCard(files[CARD_FILE].decode()).data
        for line in head["preload_from_hub"]:
            preload = [interpreter, "-c", PRELOADS, line]
            subprocess.run(preload, env=variables, check=True)
        hub.requests.clear()
        print("on processors:")
        with running(interpreter, space, variables) as url:
            is_well = ask(url, example)
        print("on ZeroGPU:")
        with running(interpreter, space, variables | added) as url:
            is_well &= ask(url, example)
        found = [f"{request.method} {request.file}" for request in hub.requests]
        print(f"asked of the Hub after the build: {', '.join(found) or 'nothing'}")
        print(f"asked of ZeroGPU's service: {', '.join(asked) or 'nothing'}")
        return is_well and not hub.requests and asked == ["/startup-report"]


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    python = shutil.which("python3.12") or sys.executable
    parser.add_argument("--python", default=python, help=f"default: {python}")
    parser.add_argument("--folder", type=Path, help="to keep; default: a temporary one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.folder or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        return 0 if check(arguments.python, folder) else 1


if __name__ == "__main__":
    sys.exit(main())
