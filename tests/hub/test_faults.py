"""What goes wrong outside ends in service, or in a sentence and an exit code.

Faults of the Hub that are not in test_resolve.py, against the real client; and whole
processes that lose their disk, their network or their lives.
"""

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from pneumonia.config import (
    BESIDE_THE_GRAPH,
    CONFIG_FILE,
    FILE_LIMIT,
    GATE_FILE,
    ONNX_FILE,
)
from pneumonia.errors import ModelError
from pneumonia.hub import BUNDLED, resolve
from tests.hub.test_resolve import COMPILED, GATE, GRAPH, NAME, refused, repository
from tests.support.fake_hub import connected

ROOT = Path(__file__).parents[2]
EXAMPLE = str(ROOT / "examples" / "normal_1.jpg")
SERVED = {
    name: (BUNDLED / name).read_bytes()
    for name in (CONFIG_FILE, ONNX_FILE, *BESIDE_THE_GRAPH)
}


@pytest.fixture
def hub(tmp_path, monkeypatch):
    with connected(tmp_path, monkeypatch) as server:
        yield server


@pytest.fixture
def impatient(monkeypatch):
    """Waits a second where a user would wait a minute or more."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_ETAG_TIMEOUT", 0.3)
    monkeypatch.setattr("pneumonia.hub.download.PATIENCE", 1)
    monkeypatch.setattr("pneumonia.hub.download.SLOWEST", 10_000_000)


def downloads(hub) -> set[str]:
    return {request.file for request in hub.requests if request.method == "GET"}


# --- the Hub -------------------------------------------------------------------------


def hang_at_once(hub):
    hub.hanging.add(f"HEAD {CONFIG_FILE}")


def hang_before_the_content(hub):
    hub.hanging.add(f"GET {ONNX_FILE}")


def trickle(hub):
    hub.trickling.add(ONNX_FILE)


def send_less_than_announced(hub):
    hub.stated[ONNX_FILE] = len(GRAPH)
    hub.altered[ONNX_FILE] = GRAPH[:-1]


def send_more_than_announced(hub):
    hub.stated[ONNX_FILE] = len(GRAPH)
    hub.altered[ONNX_FILE] = GRAPH + b"!"


def send_a_huge_config(hub):
    hub.stated[CONFIG_FILE] = 900
    hub.altered[CONFIG_FILE] = b" " * 1_000_001


def heal(hub):
    hub.hanging.clear()
    hub.trickling.clear()
    hub.stated.clear()
    hub.altered.clear()
    hub.status = None


@pytest.mark.parametrize(
    "fault, words",
    [
        (hang_at_once, "failed (TimeoutError). Check the network"),
        (hang_before_the_content, "failed (TimeoutError)"),
        (trickle, "failed (TimeoutError)"),
        (send_less_than_announced, "failed (OSError)"),
        (send_more_than_announced, "failed (OSError)"),
        (send_a_huge_config, "failed (OSError)"),
    ],
)
def test_slow_or_lying_hub_is_a_sentence_and_then_serves(hub, impatient, fault, words):
    commit = hub.commit(NAME, COMPILED)
    fault(hub)
    assert words in refused(NAME)
    heal(hub)
    assert resolve(NAME).revision == commit


@pytest.mark.parametrize("status", [401, 404])
def test_cold_cache_and_a_hub_that_denies(hub, status):
    hub.status = status  # and no word of the Hub's own, as from a proxy
    assert NAME in refused(NAME)
    heal(hub)
    hub.commit(NAME, COMPILED)
    assert resolve(NAME)


def test_cached_branch_serves_where_the_hub_hangs(hub, impatient):
    hub.commit(NAME, COMPILED)
    folder = resolve(NAME)
    hang_at_once(hub)
    assert resolve(NAME) == folder


@pytest.mark.parametrize("name, kind", [(ONNX_FILE, "graph"), (GATE_FILE, "gate")])
@pytest.mark.parametrize("size", [1, 50_000_000_000])
def test_file_of_another_size_is_not_downloaded(hub, name, kind, size):
    hub.commit(NAME, repository(model__onnx=GRAPH, gate__json=GATE))
    hub.stated[name] = size
    sentence = refused(NAME)
    assert f"{name} of {NAME} has {size:,} bytes on the Hub" in sentence
    assert name not in downloads(hub)


def test_huge_file_is_not_downloaded_even_where_it_is_listed(hub):
    files = dict(COMPILED)
    config = json.loads(files[CONFIG_FILE])
    config["files"][ONNX_FILE]["size"] = FILE_LIMIT + 1
    hub.commit(NAME, {**files, CONFIG_FILE: json.dumps(config).encode()})
    with pytest.raises(ModelError, match="at most 500,000,000 bytes"):
        resolve(NAME)
    assert downloads(hub) == {CONFIG_FILE}


def test_huge_config_is_not_downloaded(hub):
    hub.commit(NAME, COMPILED)
    hub.stated[CONFIG_FILE] = 1_000_001
    assert "config.json of ward/lungs has 1,000,001 bytes" in refused(NAME)
    assert not downloads(hub)


@pytest.mark.parametrize("fault", [hang_at_once, trickle, send_more_than_announced])
def test_pinned_revision_in_the_cache_asks_nobody(hub, fault):
    commit = hub.commit(NAME, COMPILED)
    folder = resolve(f"{NAME}@{commit}")
    hub.requests.clear()
    fault(hub)
    assert resolve(f"{NAME}@{commit}") == folder
    assert not hub.requests


# --- processes -----------------------------------------------------------------------


def environment(hub, home: Path, **more: str) -> dict[str, str]:
    """Of a machine whose only Hub is ours; it is given 2 s for each answer."""
    private = ("HF_", "HUGGING_FACE", "XDG_", "PNEUMONIA", "GRADIO")
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(private)
    }
    return {
        **inherited,
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_ETAG_TIMEOUT": "2",
        "HF_HUB_DOWNLOAD_TIMEOUT": "2",
        **more,
    }


def command(*before: str) -> list[str]:
    program = [sys.executable, "-m", "pneumonia", "predict", EXAMPLE, "--model", NAME]
    return [*before, *program]


def predict(
    hub, home: Path, *before: str, settings=(), **options
) -> subprocess.CompletedProcess:
    """`python -m pneumonia predict`, in a process of its own."""
    return subprocess.run(
        command(*before),
        cwd=ROOT,
        env=environment(hub, home, **dict(settings)),
        capture_output=True,
        text=True,
        timeout=120,
        **options,
    )


def assert_served(done: subprocess.CompletedProcess) -> None:
    assert (done.returncode, done.stdout.split()[5]) == (0, "NORMAL"), done.stderr


def sentence_of(done: subprocess.CompletedProcess, home: Path) -> str:
    """The last line of a process that failed as it should; before it, the client's."""
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    line = done.stderr.splitlines()[-1]
    assert line.startswith("pneumonia: ") and line.endswith(".")
    assert str(home) not in line and "127.0.0.1" not in line
    return line


def until(condition, process: subprocess.Popen) -> None:
    """Waits for something that a process is about to do."""
    for _ in range(600):
        if condition():
            return
        assert process.poll() is None
        time.sleep(0.05)
    pytest.fail("it did not come to that")


def unfinished(home: Path) -> list[Path]:
    """What a download has written so far."""
    found = home.rglob("*.incomplete") if home.exists() else ()
    return [path for path in found if path.stat().st_size]


def test_two_processes_start_at_once_on_an_empty_cache(hub, tmp_path):
    hub.commit(NAME, SERVED)
    options = {"cwd": ROOT, "env": environment(hub, tmp_path / "home")}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    both = [subprocess.Popen(command(), **options, **pipes) for _ in range(2)]
    for process in both:
        output, words = process.communicate(timeout=120)
        assert process.returncode == 0, words
        assert "NORMAL" in output
    assert not unfinished(tmp_path / "home")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_process_that_dies_in_mid_download_starts_again(hub, tmp_path, number):
    hub.commit(NAME, {**SERVED, "LICENSE": b""})
    hub.trickling.add(GATE_FILE)
    home = tmp_path / "home"
    arguments = {"cwd": ROOT, "env": environment(hub, home)}
    with subprocess.Popen(command(), stderr=subprocess.PIPE, **arguments) as process:
        until(lambda: f"GET {GATE_FILE}" in asked(hub), process)
        process.send_signal(number)
        _, words = process.communicate(timeout=60)
    assert process.returncode == (130 if number == signal.SIGINT else -number)
    assert b"Traceback" not in words
    heal(hub)
    assert_served(predict(hub, home))


def asked(hub) -> set[str]:
    return {f"{request.method} {request.file}" for request in hub.requests}


def test_home_that_cannot_be_written(hub, tmp_path):
    hub.commit(NAME, SERVED)
    (tmp_path / "file").touch()
    home = tmp_path / "file" / "home"  # as good as read-only, even for root
    assert "cannot be stored (Not a directory)" in sentence_of(
        predict(hub, home), tmp_path
    )


def is_permitted(shell: str) -> bool:
    """Whether an own root and its mounts are: not in every container."""
    with contextlib.suppress(OSError):
        return not subprocess.run(
            ["unshare", "-rm", "sh", "-c", shell], capture_output=True
        ).returncode
    return False


def mounted(options: str, home: Path) -> list[str]:
    """A command that runs the rest of its line with another file system at home."""
    home.mkdir()
    mount = f"mount -t tmpfs -o {options} none '{home}'"
    if not is_permitted(mount):
        pytest.skip("no own mounts here")
    return ["unshare", "-rm", "sh", "-c", f'{mount} && exec "$@"', "sh"]


def test_full_disk(hub, tmp_path):
    hub.commit(NAME, SERVED)
    done = predict(hub, tmp_path / "home", *mounted("size=2m", tmp_path / "home"))
    assert "cannot be stored (No space left on device)" in sentence_of(done, tmp_path)


def test_quota_is_exceeded(hub, tmp_path):
    hub.commit(NAME, SERVED)

    def at_most_a_megabyte():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    done = predict(hub, tmp_path / "home", preexec_fn=at_most_a_megabyte)
    assert "cannot be stored (File too large)" in sentence_of(done, tmp_path)
    assert not unfinished(tmp_path / "home")
    assert_served(predict(hub, tmp_path / "home"))


def test_hub_that_hangs_ends_in_bounded_time(hub, tmp_path):
    """With the client's own timeouts, shortened from 10 s: six tries of 1 s each."""
    hub.commit(NAME, SERVED)
    hub.hanging.add(f"GET {CONFIG_FILE}")
    short = {"HF_HUB_DOWNLOAD_TIMEOUT": "1"}
    done = predict(hub, tmp_path / "home", settings=short)
    assert "the connection to the Hub failed (ReadTimeout)" in sentence_of(
        done, tmp_path
    )


# --- the app -------------------------------------------------------------------------


@contextlib.contextmanager
def app(hub, home: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen, Path]]:
    """`python app.py` on a port of its own, and the file of its words."""
    home.mkdir(exist_ok=True)
    (home / "temporary").mkdir()
    more = {"TMPDIR": str(home / "temporary"), "NO_PROXY": "127.0.0.1"}
    with (
        open(home / "log", "wb") as log,
        subprocess.Popen(
            [sys.executable, "app.py", *arguments],
            cwd=ROOT,
            env=environment(hub, home, **more),
            stdout=log,
            stderr=log,
        ) as process,
    ):
        try:
            yield process, home / "log"
        finally:
            process.kill()


def test_app_without_its_model_ends_in_one_line(hub, tmp_path):
    hub.status = 403  # not 500, at which the client itself tries for 23 s
    with app(hub, tmp_path / "home", "--model", NAME) as (process, log):
        assert process.wait(timeout=120) == 1
    (line,) = log.read_text().splitlines()
    assert line.startswith("app.py: ward/lungs is no folder here, and config.json of")


def test_app_that_is_stopped_in_mid_download_starts_again(hub, tmp_path):
    hub.commit(NAME, SERVED)
    hub.trickling.add(GATE_FILE)
    home = tmp_path / "home"
    with app(hub, home, "--model", NAME) as (process, log):
        until(lambda: f"GET {GATE_FILE}" in asked(hub), process)
        process.terminate()
        assert process.wait(timeout=60) == 130
    assert log.read_text() == "app.py: stopped before it was ready.\n"
    assert not left_by(home)
    heal(hub)
    assert_served(predict(hub, home))


def test_app_that_is_stopped_in_mid_answer_finishes_it_and_cleans_up(hub, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    home = tmp_path / "home"
    with app(hub, home, "--port", str(port)) as (process, log):
        until(lambda: "Ready at" in log.read_text(), process)
        url = f"http://127.0.0.1:{port}/gradio_api"
        path = upload(url, large_image())
        question = json.dumps({"data": [{"path": path, "meta": META}]}).encode()
        event = json.loads(ask(f"{url}/call/explain", question))["event_id"]
        with (
            urllib.request.urlopen(f"{url}/heartbeat/page"),  # a page that stays open
            urllib.request.urlopen(f"{url}/call/explain/{event}") as answer,
        ):
            process.terminate()
            assert b"event: complete" in answer.read()
            assert process.wait(timeout=60) == 0
    words = log.read_text()
    assert "Traceback" not in words and str(home) not in words
    assert not left_by(home)


def left_by(home: Path) -> set[str]:
    """Temporary files beside Gradio's copies of our samples."""
    left = {path.name for path in (home / "temporary").rglob("*") if path.is_file()}
    return left - {path.name for path in ROOT.glob("examples/*.jpg")}


META = {"_type": "gradio.FileData"}


def large_image() -> bytes:
    """An image of 16 megapixels, which takes about a second to answer."""
    import io

    from PIL import Image

    with Image.open(EXAMPLE) as image:
        large = image.convert("L").resize((4000, 4000))
    content = io.BytesIO()
    large.save(content, "png", compress_level=1)
    return content.getvalue()


def ask(url: str, body: bytes, kind: str = "application/json") -> bytes:
    request = urllib.request.Request(url, body, {"Content-Type": kind})
    with urllib.request.urlopen(request) as answer:
        return answer.read()


def upload(url: str, image: bytes) -> str:
    """Sends a file as a browser does; returns its path on the server."""
    head = 'Content-Disposition: form-data; name="files"; filename="image.png"'
    body = b"--x\r\n%s\r\n\r\n%s\r\n--x--\r\n" % (head.encode(), image)
    return json.loads(ask(f"{url}/upload", body, "multipart/form-data; boundary=x"))[0]
