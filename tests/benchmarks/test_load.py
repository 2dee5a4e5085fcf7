"""More requests than the app can answer: each gets its own answer, or a clear word."""

import json
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import load
import pytest
from gradio_client import handle_file
from gradio_client.utils import QueueError

from tests.support.app_server import until

ROOT = Path(__file__).parents[2]
CLIENTS = 8


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    return load.make_cases(CLIENTS, tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Address of the app with one worker and two places to wait; its gate."""
    folder = tmp_path_factory.mktemp("served")
    command = [
        sys.executable,
        ROOT / "tests" / "support" / "held_app.py",
        folder / "gate",
    ]
    with load.serve(command, folder / "files") as (url, _):
        yield url, folder / "gate"


@pytest.fixture
def url(served):
    return served[0]


@pytest.fixture
def client(url, tmp_path):
    return load.connect(url, str(tmp_path))


@pytest.fixture
def gate(served, client, cases):
    """A file: as long as it is missing, no answer is given."""
    url, gate = served
    close(gate)
    yield gate
    gate.touch()
    until(lambda: places_taken(url) == 0)
    # the last in the queue: no request of this test is left for the next one
    client.predict(image=handle_file(cases[0].path), api_name="/predict")


def close(gate):
    gate.unlink(missing_ok=True)
    gate.with_suffix(".held").unlink(missing_ok=True)


@pytest.fixture
def full(url, client, cases, gate):
    """Three requests of one client: one is worked on, two wait."""
    file = handle_file(cases[0].path)
    jobs = [client.submit(image=file, api_name="/predict")]
    until(gate.with_suffix(".held").exists)
    for waiting in (1, 2):
        jobs.append(client.submit(image=file, api_name="/predict"))
        until(lambda: places_taken(url) == waiting)  # noqa: B023
    return jobs


def places_taken(url):
    with urllib.request.urlopen(url + "/gradio_api/queue/status") as answer:
        return json.load(answer)["queue_size"]


def post(url, path, body):
    request = urllib.request.Request(
        f"{url}/gradio_api/{path}",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    return urllib.request.urlopen(request)


def test_every_request_ends_in_its_own_answer_or_a_clear_word(
    url, gate, cases, tmp_path
):
    gate.touch()
    record = load.Record()

    def visit(case):
        client = load.connect(url, str(tmp_path))
        return [load.ask(client, case, turn == 1, record) for turn in range(3)]

    with ThreadPoolExecutor(CLIENTS) as pool:
        ends = [end for visited in pool.map(visit, cases) for end in visited]
    assert not record.reasons
    assert set(ends) == {"answered", "refused"}
    assert len(ends) == 3 * CLIENTS


def file_of(url, case):
    """An uploaded file, as programs name it."""
    reply = subprocess.run(
        ["curl", "-sF", f"files=@{case.path}", f"{url}/gradio_api/upload"],
        capture_output=True,
        check=True,
    )
    (path,) = json.loads(reply.stdout)
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


@pytest.mark.parametrize(
    "path, body",
    [
        ("call/predict", lambda file: {"data": [file]}),
        ("call/v2/predict", lambda file: {"image": file}),
        (
            "queue/join",
            lambda file: {"data": [file], "fn_index": 0, "session_hash": "me"},
        ),
    ],
)
def test_full_queue_by_http_is_a_sentence(url, full, cases, path, body):
    with pytest.raises(urllib.error.HTTPError) as refused:
        post(url, path, body(file_of(url, cases[1])))
    with refused.value as answer:
        assert answer.code == 503
        assert answer.headers["Retry-After"] == "60"
        said = "Queue is full. Max size is 2 and size is 2."
        assert json.load(answer) == {"detail": said}


def test_who_waited_is_answered_after_others_were_turned_away(
    full, client, cases, gate
):
    with pytest.raises(QueueError, match="Queue is full"):
        client.predict(image=handle_file(cases[1].path), api_name="/predict")
    gate.touch()
    assert [job.result(timeout=60) for job in full] == [cases[0].predict] * 3


def test_who_goes_away_leaves_the_queue(url, client, cases, gate):
    client.submit(image=handle_file(cases[0].path), api_name="/predict")
    until(gate.with_suffix(".held").exists)
    with post(url, "call/predict", {"data": [file_of(url, cases[0])]}) as answer:
        event = json.load(answer)["event_id"]
    stream = urllib.request.urlopen(f"{url}/gradio_api/call/predict/{event}")
    assert places_taken(url) == 1
    stream.close()
    until(lambda: places_taken(url) == 0)


@pytest.fixture
def page(url):
    """The page in a Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright")
    if not (chromium := shutil.which("chromium") or shutil.which("chromium-browser")):
        pytest.skip("no chromium on this machine")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        page.goto(url)
        page.locator(".samples img").last.wait_for()
        until(lambda: places_taken(url) == 0)  # or its own start fills the queue
        yield page
        browser.close()


def test_page_never_shows_an_answer_of_another_image(
    url, gate, page, client, cases, request
):
    card, pictures = page.locator("#one-card .card"), page.locator("#one-pictures img")

    def give(case):
        clear = page.locator("#image").get_by_role("button", name="Clear")
        if clear.count():
            clear.click()
        page.set_input_files("#image input[type=file]", case.path)

    gate.touch()
    give(cases[0])
    card.wait_for()
    until(lambda: places_taken(url) == 0)
    close(gate)

    file = handle_file(cases[1].path)
    first = client.submit(image=file, api_name="/predict")
    until(gate.with_suffix(".held").exists)
    give(cases[1])
    until(lambda: card.count() == 0)
    assert pictures.count() == 0
    gate.touch()
    card.wait_for()
    first.result(timeout=60)
    until(lambda: places_taken(url) == 0)
    close(gate)

    request.getfixturevalue("full")
    give(cases[0])  # turned away, which Gradio says
    page.get_by_test_id("toast-body").wait_for()  # of this event, or of `page.offer`
    until(lambda: card.count() == 0 and pictures.count() == 0)
