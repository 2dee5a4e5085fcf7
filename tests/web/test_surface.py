"""What strangers can reach: routes, files, inputs, sizes, headers, words."""

import asyncio
import contextlib
import http.server
import io
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path

import gradio as gr
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import ValidationError

from pneumonia.web import limits, server
from tests.support.app_server import FILE_DATA, ROOT

EXAMPLE = ROOT / "examples" / "normal_1.jpg"
SECRET = "Zyxwvut"  # what no answer and no log may repeat

# Every route of the installed Gradio: what the page or a client needs, ...
OPEN = """
GET /
HEAD /
GET /config
GET /assets/{path:path}
GET /static/{path:path}
GET /favicon.ico
GET /manifest.json
GET /robots.txt
GET /theme.css
GET /gradio_api/app_id
GET /gradio_api/info
GET /gradio_api/openapi.json
GET /gradio_api/startup-events
GET /gradio_api/heartbeat/{session_hash}
POST /gradio_api/upload
GET /gradio_api/upload_progress
GET /gradio_api/file={path_or_url:path}
HEAD /gradio_api/file={path_or_url:path}
POST /gradio_api/call/{api_name}
POST /gradio_api/call/{api_name}/
GET /gradio_api/call/{api_name}/{event_id}
POST /gradio_api/call/v2/{api_name}
POST /gradio_api/call/v2/{api_name}/
GET /gradio_api/call/v2/{api_name}/{event_id}
POST /gradio_api/queue/join
GET /gradio_api/queue/data
POST /gradio_api/cancel
GET /config/
GET /gradio_api/theme.css
GET /gradio_api/info/
GET /gradio_api/app_id/
POST /gradio_api/reset/
POST /gradio_api/reset
"""
# ... and what nobody needs here: why it is there in Gradio, and what it would do.
SHUT = """
GET /openapi.json
HEAD /openapi.json
GET /svelte/{path:path}
GET /pwa_icon
GET /pwa_icon/{size}
GET /gradio_api/queue/status

accounts, of which there are none
POST /login
POST /login/
GET /logout
GET /gradio_api/user
GET /gradio_api/user/
GET /gradio_api/login_check
GET /gradio_api/login_check/
GET /gradio_api/token
GET /gradio_api/token/

the visits of others
GET /monitoring
GET /monitoring/summary
GET /monitoring/{key}
GET /gradio_api/runs
GET /gradio_api/runs/
POST /gradio_api/run-history/connect
GET /gradio_api/run-history/buckets
GET /gradio_api/run-history/records
GET /gradio_api/run-history/records/{endpoint}/{record_id}/assets/{asset_id}

writes a session's state to the disk
GET /gradio_api/deep_link

fetches from elsewhere
GET /gradio_api/proxy={url_path:path}
HEAD /gradio_api/proxy={url_path:path}

another way to a file
GET /gradio_api/file/{path:path}

events past the queue
POST /gradio_api/run/{api_name}
POST /gradio_api/run/{api_name}/
POST /gradio_api/api/{api_name}
POST /gradio_api/api/{api_name}/

takes a thousand files into memory, calls methods of widgets
POST /gradio_api/component_server
POST /gradio_api/component_server/

prints what it is asked
GET /gradio_api/custom_component/{id}/{environment}/{type}/{file_name}

puts other data into an event that waits; streams, of which there are none
POST /gradio_api/stream/{event_id}
POST /gradio_api/stream/{event_id}/close
GET /gradio_api/stream/{session_hash}/{run}/{component_id}/playlist.m3u8
GET /gradio_api/stream/{session_hash}/{run}/{component_id}/playlist-file
GET /gradio_api/stream/{session_hash}/{run}/{component_id}/{segment_id}.{ext}

runs ffmpeg
POST /gradio_api/process_recording

for developers: reads and writes the source
GET /gradio_api/dev/reload
POST /gradio_api/vibe-edit
POST /gradio_api/vibe-edit/
POST /gradio_api/undo-vibe-edit
POST /gradio_api/undo-vibe-edit/
GET /gradio_api/vibe-code
GET /gradio_api/vibe-code/
POST /gradio_api/vibe-code
POST /gradio_api/vibe-code/
POST /gradio_api/vibe-starter-queries
POST /gradio_api/vibe-starter-queries/
"""
ROUTES = """
import json, sys
import app
from gradio.routes import App

def walk(routes):
    for route in routes:
        inner = getattr(route, "original_router", route)
        if hasattr(inner, "routes"):
            yield from walk(inner.routes)
        else:
            yield from (f"{method} {route.path}" for method in route.methods)

json.dump(sorted(walk(App.create_app(app.demo).routes)), sys.stdout)
"""


def names(table):
    return [line for line in table.splitlines() if " /" in line]


@pytest.fixture(scope="module")
def folder(app):
    """The folder of uploads."""
    (folder,) = app.files.glob("pneumonia-*")
    return folder


@pytest.fixture(scope="module")
def image(app):
    return app.uploaded(EXAMPLE.read_bytes(), "image.jpg")


@pytest.fixture(scope="module")
def events(app):
    """The numbers of all events that give the server something, private ones too."""
    events = app.config()["dependencies"]
    return [e["id"] for e in events if e["backend_fn"] and e["inputs"]]


def test_every_route_of_gradio_has_an_expectation():
    done = subprocess.run(
        [sys.executable, "-c", ROUTES], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) == {*names(OPEN), *names(SHUT)}
    assert not {*names(OPEN)} & {*names(SHUT)}


@pytest.mark.parametrize("route", names(SHUT))
def test_shut_route_is_not_found(app, route):
    method, path = route.split()
    path = path.replace("{", "").replace("}", "")
    status, _, content = app.ask(method, path, b"{}" if method == "POST" else None)
    assert status == 404
    assert method == "HEAD" or json.loads(content) == {"detail": "Not found"}


@pytest.mark.parametrize(
    "method, path, status",
    [
        ("GET", "/", 200),
        ("HEAD", "/", 200),
        ("GET", "/config", 200),
        ("GET", "/favicon.ico", 200),
        ("GET", "/manifest.json", 200),
        ("GET", "/robots.txt", 200),
        ("GET", "/theme.css", 200),
        ("GET", "/static/img/logo.svg", 200),
        ("GET", "/gradio_api/app_id", 200),
        ("GET", "/gradio_api/info", 200),
        ("GET", "/gradio_api/info?all_endpoints=true", 200),
        ("GET", "/gradio_api/openapi.json", 200),
        ("GET", "/gradio_api/startup-events", 200),
        # of others, and of nobody
        ("GET", f"/?deep_link={SECRET}", 200),
        ("GET", f"/gradio_api/upload_progress?upload_id={SECRET}", 404),
        ("GET", f"/assets/{SECRET}.js", 404),
        ("GET", f"/gradio_api/{SECRET}", 404),
        ("DELETE", "/config", 405),
        ("POST", "/gradio_api/upload", 400),
        # without --mcp
        ("GET", "/gradio_api/mcp/", 405),
        ("POST", "/gradio_api/mcp", 404),
        ("POST", "/gradio_api/mcp/", 404),
        ("GET", "/gradio_api/mcp/schema", 404),
        ("GET", "/gradio_api/mcp/sse", 404),
        ("POST", "/gradio_api/mcp/messages/", 404),
        ("GET", "/docs", 404),
        # out of the folder, which http.client sends as it is
        ("GET", "/static/../routes.py", 403),
        ("GET", "/static/%2e%2e/%2e%2e/routes.py", 403),
        ("GET", "/static//etc/passwd", 403),
        ("GET", "/assets/..%2f..%2f..%2froutes.py", 403),
    ],
)
def test_open_route_answers_what_is_meant_for_all(app, method, path, status):
    found, _, content = app.ask(method, path)
    assert found == status
    assert not any(word in content for word in (SECRET.encode(), b"def ", b"root:"))


def test_answers_of_others_are_found_by_their_random_names_alone(app):
    status, _, content = app.ask("GET", "/gradio_api/queue/data?session_hash=another")
    assert status == 200 and b'session_not_found":true' in content
    for path in ("/gradio_api/call/predict/another", "/gradio_api/call/v2/predict/x"):
        assert app.ask("GET", path)[2].startswith(b"event: error\ndata: ")


def test_pages_elsewhere_cannot_read_a_local_server(app):
    headers = {"Origin": "https://elsewhere.example"}
    for path in ("/config", "/gradio_api/info"):
        assert (
            "Access-Control-Allow-Origin" not in app.ask("GET", path, None, headers)[1]
        )


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "app.py",
        "./examples/normal_1.jpg",
        str(ROOT / "app.py"),
        str(ROOT / "pneumonia" / "pretrained" / "config.json"),
        "file:///etc/passwd",
        "http://127.0.0.1:1/",
        "https://huggingface.co/robots.txt",
        "data:text/html,x",
        "%00",
        "{folder}",
        "{folder}/",
        "{folder}/../../log",
        "{folder}/%2e%2e/%2e%2e/log",
        "{folder}/link",
        "{folder}/" + 5000 * "a",
    ],
)
def test_no_file_of_the_server_is_served(app, folder, path):
    link = folder / "link"
    link.is_symlink() or link.symlink_to("/etc/passwd")
    for method in ("GET", "HEAD"):
        path = "/gradio_api/file=" + path.format(folder=folder)
        status, _, content = app.ask(method, path)
        assert status == 404
        assert method == "HEAD" or json.loads(content) == {"detail": "Not found"}


@pytest.mark.parametrize(
    "name", ["a.html", "a.svg", "a.xml", "a.js", "a.pdf", "a.xhtml", "a", "a.png.html"]
)
def test_what_a_browser_could_run_is_served_as_a_download(app, name):
    content = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
    file = app.uploaded(content, name)
    for more in ({}, {"Range": "bytes=0-5", "Content-Type": "text/html", "X-A": "b"}):
        address = "/gradio_api/file=" + file["path"]
        status, headers, found = app.ask("GET", address, None, more)
        assert (status, found) == (200, content)
        assert headers["Content-Type"] == "application/octet-stream"
        assert headers["Content-Disposition"].startswith("attachment")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert "X-A" not in headers  # Gradio repeats those of a request for a range


def test_image_is_served_for_this_page_alone(app, image):
    status, headers, content = app.ask("GET", "/gradio_api/file=" + image["path"])
    assert (status, content) == (200, EXAMPLE.read_bytes())
    assert headers["Content-Type"] == "image/jpeg"
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "path", ["/", "/config", "/theme.css", "/gradio_api/info", "/nothing"]
)
def test_headers_of_every_answer(app, path):
    headers = app.ask("GET", path)[1]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "X-Frame-Options" not in headers  # a Space is a frame
    rules = dict(
        rule.strip().split(" ", 1)
        for rule in headers["Content-Security-Policy"].split(";")
    )
    assert (
        rules["frame-ancestors"] == "'self' https://huggingface.co https://*.hf.space"
    )
    assert rules["default-src"] == "'self'"
    assert rules["object-src"] == rules["script-src-attr"] == "'none'"
    del rules["frame-ancestors"]
    assert "http" not in " ".join(rules.values())  # nothing foreign


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/config",
        "/gradio_api/info",
        "/gradio_api/info?all_endpoints=true",
        "/gradio_api/openapi.json",
        "/manifest.json",
        "/theme.css",
    ],
)
def test_pages_name_no_path_of_the_server(app, path):
    content = app.ask("GET", path)[2].decode()
    for place in (ROOT, app.files, Path.home(), sys.prefix, tempfile.gettempdir()):
        assert f"{place}{os.sep}" not in content
    assert "site-packages" not in content


# ---- what events take


@pytest.fixture(scope="module")
def listener():
    """A server of this machine, and the list of what it was asked."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port, asked
        server.shutdown()


URLS = [
    "http://127.0.0.1:{port}/image.png",
    "HTTP://localhost:{port}/image.png",
    "http://2130706433:{port}/image.png",
    "http://0x7f000001:{port}/image.png",
    "http://[::1]:{port}/image.png",
    "http://[::ffff:127.0.0.1]:{port}/image.png",
    "http://0.0.0.0:{port}/image.png",
    "http://169.254.169.254/latest/meta-data/",
    "https://huggingface.co/image.png",
    "ftp://127.0.0.1:{port}/image.png",
    "file:///etc/passwd",
    "data:image/png;base64,iVBORw0KGgo=",
]
PATHS = [
    "/etc/passwd",
    "//etc/passwd",
    "/dev/zero",
    "/proc/self/environ",
    "app.py",
    "examples/normal_1.jpg",
    str(EXAMPLE),
    str(ROOT / "pneumonia" / "pretrained" / "config.json"),
    "~/.bashrc",
    "{folder}",
    "{folder}/link",
    "{folder}/../../log",
    f"{{folder}}/gone/{SECRET}.png",
    f"{SECRET}\0.png",
    5000 * "a",
]
NONE = "Expected an uploaded file, found none; URLs and paths are not opened."


def refused(app, event, data):
    """The words with which a request is refused; checks that they give no more."""
    body = {"data": [data], "fn_index": event, "session_hash": "a"}
    status, _, content = app.post("/gradio_api/queue/join", body)
    assert status == 422
    (detail,) = json.loads(content)["detail"]
    words = detail["message"]
    assert "/" not in words and SECRET not in words
    return words


@pytest.mark.parametrize("path", URLS)
def test_url_is_refused_and_not_fetched(app, events, listener, path):
    port, asked = listener
    path = path.format(port=port)
    for event in events:
        inputs = ({"path": path}, {"url": path}, {"path": None, "url": path})
        for data in (*inputs, *(item | FILE_DATA for item in inputs)):
            assert refused(app, event, data).startswith(NONE)
    assert asked == []
    log = app.log.read_text()
    assert "image.png" not in log and "Traceback" not in log


@pytest.mark.parametrize("path", PATHS)
def test_file_that_was_not_uploaded_is_refused_without_its_path(
    app, events, folder, path
):
    link = folder / "link"
    link.is_symlink() or link.symlink_to(EXAMPLE)
    path = path.format(folder=folder)
    for event in events:
        for data in ({"path": path}, {"path": path, **FILE_DATA}, [{"path": path}]):
            assert refused(app, event, data).startswith(NONE)
    log = app.log.read_text()
    assert "passwd" not in log and SECRET not in log and "Traceback" not in log


@pytest.mark.parametrize(
    "data",
    [
        {"path": [SECRET]},
        {"path": {"path": "/etc/passwd", **FILE_DATA}, **FILE_DATA},
        {"path": f"/{SECRET}", "is_stream": True, **FILE_DATA},
        {"path": f"/{SECRET}", "meta": SECRET},
        {"path": f"/{SECRET}", "__type__": "update"},
        {"value": {"path": "/etc/passwd", **FILE_DATA}},
        {"path": "/etc/passwd", "method": "tools/call", **FILE_DATA},
    ],
)
def test_file_wherever_it_hides_is_refused(app, events, data):
    for event in events:
        assert refused(app, event, data).startswith(NONE)


@pytest.mark.parametrize("data", [SECRET, [SECRET], 1.5, 10**30, {"a": SECRET}, []])
def test_input_of_another_shape_leaves_no_trace(app, data):
    answer = app.event("show", data, "unknown", "en")
    assert SECRET not in json.dumps(answer)
    for name in ("predict", "explain", "assess"):
        status, _, content = app.post(f"/gradio_api/call/{name}", {"data": [data]})
        assert status == 422 and SECRET.encode() not in content
    log = app.log.read_text()
    assert SECRET not in log and "passwd" not in log and "Traceback" not in log


def test_bug_is_told_without_what_was_sent(capsys):
    with pytest.raises(gr.Error) as told, server.spoken(None):
        raise ValueError(SECRET)
    assert str(told.value) == repr(limits.FAILED)
    said = capsys.readouterr()
    assert said.out == "" and SECRET not in said.err
    assert said.err.startswith("Bug: ValueError server.py:")


def test_log_keeps_of_a_traceback_its_places_alone():
    log = io.StringIO()
    with contextlib.redirect_stderr(server.Places(log)):
        try:
            raise ValueError(f"{SECRET}\n  File {SECRET}")
        except ValueError:
            traceback.print_exc()
        print(SECRET, file=sys.stderr)
        logging.getLogger("mcp").warning(SECRET)
    first, last = log.getvalue().splitlines()
    assert first.startswith("test_surface.py:") and last == "ValueError"


@pytest.mark.parametrize(
    "path, data",
    [
        (f"/call/{SECRET}", {"data": [SECRET]}),
        (f"/call/v2/{SECRET}", {"image": SECRET}),
        ("/call/v2/predict", {SECRET: SECRET}),
        ("/call/predict", {"data": SECRET}),
        ("/queue/join", {"data": [SECRET], "fn_index": 10**6, "session_hash": "a"}),
        ("/queue/join", {"data": [SECRET], "fn_index": SECRET, "session_hash": "a"}),
        ("/queue/join", {"data": [None], "fn_index": 0, "event_data": SECRET}),
        ("/cancel", {"session_hash": SECRET, "fn_index": 0, "event_id": SECRET}),
        ("/queue/join", [SECRET]),
    ],
)
def test_senseless_request_leaves_no_trace(app, path, data):
    status, headers, content = app.post("/gradio_api" + path, data)
    assert status >= 400 or content == b'{"success":true}'
    assert headers["Content-Type"] == "application/json"
    assert str(ROOT).encode() not in content and b"Traceback" not in content
    log = app.log.read_text()
    assert SECRET not in log and "Traceback" not in log


def test_client_gets_the_sentence_for_a_url(app):
    client = Client(app.url, verbose=False, analytics_enabled=False)
    image = handle_file("https://huggingface.co/image.png")
    for endpoint in ("/predict", "/explain", "/assess"):
        with pytest.raises(ValidationError, match=NONE):
            client.predict(image=image, api_name=endpoint)


# ---- uploads


@pytest.mark.parametrize(
    "name",
    [
        "<img src=x onerror=alert(1)>.png",
        "../../../etc/passwd",
        "/etc/passwd",
        "..\\..\\windows.png",
        300 * "a" + ".png",
        ".hidden",
        "a\x01b.png",
        "",
    ],
)
def test_name_of_an_upload_stays_in_its_folder(app, folder, name):
    status, _, content = app.upload(b"a letter", name)
    assert status == 200
    (path,) = json.loads(content)
    assert Path(path).parents[1] == folder and Path(path).read_bytes() == b"a letter"
    assert "<" not in path
    answer = app.event("show", {"path": path, **FILE_DATA}, "unknown", "en")
    assert "found 8 bytes" in answer["output"]["data"][0]


def test_name_that_is_a_folder_is_refused(app):
    status, _, content = app.upload(b"a letter", "..")
    assert (status, json.loads(content)) == (400, {"detail": "Invalid file name: .."})


@pytest.mark.parametrize(
    "path, size, words",
    [
        ("/gradio_api/upload", 3 * 2**30, "2048 MiB"),
        ("/gradio_api/queue/join", 2**20 + 1, "1 MiB"),
        ("/gradio_api/call/predict", 2**20 + 1, "1 MiB"),
        ("/gradio_api/cancel", 10**15, "1 MiB"),
    ],
)
def test_request_that_says_it_is_too_large_is_not_read(app, path, size, words):
    status, _, content = app.ask("POST", path, b"", {"Content-Length": str(size)})
    assert status == 413
    assert json.loads(content)["detail"] == f"Expected at most {words}, found more."


def test_folder_of_uploads_is_for_this_user_alone(folder):
    assert folder.stat().st_mode & 0o777 == 0o700


# ---- the middleware by itself


NAMES = dict(enumerate(limits.ENDPOINTS))  # of events


def call(app, path="/config", method="GET", chunks=(b"",), headers=()):
    """One request to `app` behind the server. Returns what it sent."""
    sent, chunks = [], list(chunks)

    async def receive():
        body = chunks.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(chunks)}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "path": path, "method": method, "headers": [*headers]}
    asyncio.run(limits.Limits(app, NAMES)(scope, receive, send))
    return sent


async def reads_all(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})


def test_request_that_turns_out_too_large_is_stopped():
    half = (limits.MAX_MESSAGE // 2 - 1) * b" "
    whole = {"method": "POST", "chunks": [half, half, b"{}"]}
    assert call(reads_all, **whole)[0]["status"] == 200
    more = {"method": "POST", "chunks": [half, half, b"{}", b" "]}
    assert call(reads_all, **more)[0]["status"] == 413


def test_message_that_comes_too_slowly_is_given_up(monkeypatch):
    monkeypatch.setattr(limits, "READ", 0.01)

    async def waits():
        await asyncio.Event().wait()

    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "path": "/gradio_api/queue/join", "method": "POST"}
    asyncio.run(limits.Limits(reads_all, {})(scope | {"headers": []}, waits, send))
    assert sent[0]["status"] == 504


@pytest.mark.parametrize("body", [b"{", b"\xff", 10**5 * b"["])
def test_message_that_is_no_json_goes_no_further(body):
    assert call(reads_all, method="POST", chunks=[body])[0]["status"] == 400


FRENCH = [(b"accept-language", b"fr")]


@pytest.mark.parametrize(
    "headers, words",
    [
        ([], "Expected at most 1 MiB, found more."),
        (FRENCH, "Il faut au plus 1\u202fMio\u202f; il y en a davantage."),
    ],
)
def test_request_is_refused_in_its_language(headers, words):
    chunks = 2 * [bytes(limits.MAX_MESSAGE)]
    start, body = call(reads_all, method="POST", chunks=chunks, headers=headers)
    assert json.loads(body["body"])["detail"] == words
    assert (b"vary", b"Accept-Language") in start["headers"]


def test_calls_of_tools_are_bounded_also_while_they_are_read(monkeypatch):
    monkeypatch.setattr(limits, "MAX_CALLS", 1)
    monkeypatch.setattr(limits, "ROOM", 0)
    monkeypatch.setattr(limits, "FOLDER", ROOT)
    path, found = "/gradio_api/mcp/", []

    async def two():
        wrapped = limits.Limits(reads_all, {})
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def slow():
            begun.set()
            await go_on.wait()
            return {"type": "http.request", "body": b"{}"}

        async def send(message):
            found.append(message.get("status"))

        scope = {"type": "http", "path": path, "method": "POST", "headers": []}
        first = asyncio.create_task(wrapped({**scope}, slow, send))
        await begun.wait()
        await wrapped({**scope}, slow, send)
        go_on.set()
        await first

    asyncio.run(two())
    assert [status for status in found if status] == [503, 200]


def test_full_queue_says_when_to_come_again():
    async def full(scope, receive, send):
        await send({"type": "http.response.start", "status": 503, "headers": []})

    assert (b"retry-after", b"60") in call(full)[0]["headers"]


@pytest.fixture
def given(tmp_path, monkeypatch):
    """An upload, as events want it."""
    monkeypatch.setattr(limits, "FOLDER", tmp_path)
    (tmp_path / "x").touch()
    return {"path": str(tmp_path / "x"), **FILE_DATA}


def test_endpoints_are_those_of_the_page(app):
    described = json.loads(app.ask("GET", "/gradio_api/info")[2])["named_endpoints"]
    assert {
        name[1:]: endpoint["parameters"][0]["parameter_name"]
        for name, endpoint in described.items()
    } == limits.ENDPOINTS


def ways(name, value):
    """How programs call an endpoint: the path, and what it is sent."""
    number = [*limits.ENDPOINTS].index(name)
    yield f"call/{name}", {"data": [value]}
    yield f"call/v2/{name}", {limits.ENDPOINTS[name]: value}
    yield "queue/join", {"data": [value], "fn_index": number}


def status(path, message):
    body = json.dumps(message).encode()
    start, *rest = call(reads_all, f"/gradio_api/{path}", "POST", [body])
    return start["status"], rest[0]["body"].decode() if rest else ""


def test_call_that_fits_goes_on(given):
    for name, value in (("assess", given), ("batch", [given, given])):
        for way in ways(name, value):
            assert status(*way) == (200, "")
    for number in (4, 99, "x", None):  # the page's own, and none
        assert status("queue/join", {"data": ["x"], "fn_index": number})[0] == 200


@pytest.mark.parametrize(
    "name, value",
    [
        *(("predict", it) for it in ([], None, "x.png", 5, {"x": 1}, ["x.png"])),
        *(("batch", it) for it in ([], None, "x.png", {"x": 1}, ["x.png"])),
        ("batch", [{"x": 1}]),
    ],
)
def test_call_with_another_argument_is_told_what_is_expected(name, value):
    for path, message in ways(name, value):
        found, words = status(path, message)
        assert found == 422 and "gradio_client.handle_file(path)" in words


def test_call_with_more_arguments_is_told_so(given):
    found, words = status("call/v2/predict", {"image": given, "more": 1})
    assert found == 422 and "as image, and nothing else" in words
    assert status("call/predict", {"data": [given, 1]})[0] == 422


def test_more_files_than_a_request_may_have_are_refused(given):
    found, words = status("call/batch", {"data": [[given] * limits.MAX_FILES]})
    assert (found, words) == (200, "")
    found, words = status("call/batch", {"data": [[given] * (limits.MAX_FILES + 1)]})
    assert found == 422 and "at most 500 files at once, found 501" in words


@pytest.mark.parametrize("way", ["call", "call/v2"])
def test_call_of_an_unknown_endpoint_names_those_that_there_are(way):
    found, words = status(f"{way}/predicted", {"data": []})
    assert found == 404
    assert "There is no endpoint /predicted. There are: /predict, /explain" in words


def test_url_is_refused_in_the_language_of_the_request():
    body = json.dumps({"data": [{"path": "https://huggingface.co/image.png"}]}).encode()
    _, said = call(reads_all, method="POST", chunks=[body], headers=FRENCH)
    (detail,) = json.loads(said["body"])["detail"]
    assert detail["message"].startswith("Il faut un fichier envoyé au serveur")


def test_full_disk_takes_no_uploads(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "FOLDER", tmp_path)
    assert call(reads_all, "/gradio_api/upload")[0]["status"] == 200
    monkeypatch.setattr(limits, "ROOM", 2**62)
    assert call(reads_all, "/gradio_api/upload")[0]["status"] == 507
    assert call(reads_all, "/config")[0]["status"] == 200


@pytest.mark.parametrize("is_answered", [False, True])
def test_error_of_the_server_is_logged_without_its_message(capsys, is_answered):
    async def breaks(scope, receive, send):
        if is_answered:
            await reads_all(scope, receive, send)
        raise ValueError(SECRET)

    sent = call(breaks)
    assert sent[0]["status"] == (200 if is_answered else 500)
    assert SECRET not in str(sent)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("Bug: ValueError limits.py:")
    assert SECRET not in said.err


def test_visitor_who_leaves_is_no_error(capsys):
    async def leaves(scope, receive, send):
        raise limits.ClientDisconnect

    assert call(leaves) == []
    assert capsys.readouterr() == ("", "")
