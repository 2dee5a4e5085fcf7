"""A stop leaves nothing behind, whatever runs; who asks for much delays nobody long."""

import json
import os
import random
import secrets
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from pneumonia import PneumoniaError
from pneumonia.web import server
from tests.support.app_server import ROOT, serve

EXAMPLE = ROOT / "examples" / "normal_1.jpg"


@pytest.fixture
def one_worker(monkeypatch):
    pool = ThreadPoolExecutor(1)
    monkeypatch.setattr(server, "POOL", pool)
    return pool


def test_work_is_done_in_the_order_of_asking(one_worker):
    order, begun = [], threading.Event()

    def many(name, count):
        for _ in range(count):
            server.work(lambda: (order.append(name), begun.set(), time.sleep(0.01)))

    first = threading.Thread(target=many, args=("first", 30))
    first.start()
    begun.wait()
    many("second", 3)
    before = order.index("second")
    assert order[before : before + 6].count("second") == 3, order
    first.join()


def test_a_stop_waits_for_what_has_begun_and_sends_the_others_away(one_worker):
    begun, ended = threading.Event(), []

    def works():
        begun.set()
        time.sleep(0.2)
        return "worked"

    def waits(function):
        try:
            ended.append(server.work(function))
        except PneumoniaError as error:
            ended.append(str(error))

    threads = [threading.Thread(target=waits, args=(works,)) for _ in range(2)]
    threads[0].start()
    begun.wait()
    threads[1].start()
    while not one_worker._work_queue.qsize():
        time.sleep(0.001)
    one_worker.shutdown(cancel_futures=True)
    for thread in threads:
        thread.join()
    waits(works)
    away = "The server is about to stop. Try again in a minute."
    assert sorted(ended) == [away, away, "worked"]


def _ask(app, files):
    """Begins a batch; gives the session that would listen to it."""
    events = app.config()["dependencies"]
    (index,) = [event["id"] for event in events if event["api_name"] == "batch"]
    session = secrets.token_hex(8)
    body = {"data": [files], "fn_index": index, "session_hash": session}
    status, _, content = app.post("/gradio_api/queue/join", body)
    assert status == 200, content
    return session


def _listen(app, session):
    try:
        app.ask("GET", f"/gradio_api/queue/data?session_hash={session}")
    except OSError:  # the server has gone
        pass


@pytest.mark.parametrize("is_there", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_a_stop_during_a_batch_leaves_nothing(tmp_path, is_there, seed):
    """At random moments; `serve` looks at the files that are left."""
    with serve(tmp_path / "app") as app:
        file = app.uploaded(EXAMPLE.read_bytes(), "a patient's name.jpg")
        session = _ask(app, [file] * random.Random(seed).randint(1, 60))
        if is_there:
            listener = threading.Thread(target=_listen, args=(app, session))
            listener.start()
        time.sleep(random.Random(seed).uniform(0, 2))
        app.process.terminate()
        assert app.process.wait(90) == 0
        left = [path for path in app.files.rglob("*") if path.is_file()]
        assert not left
        log = app.log.read_text("utf-8")
        assert "terminate called" not in log and "Traceback" not in log
        if is_there:
            listener.join(10)


def test_who_asks_for_much_and_goes_away_does_not_hold_the_others(tmp_path):
    with serve(tmp_path / "app") as app:
        file = app.uploaded(EXAMPLE.read_bytes(), "1.jpg")
        for _ in range(3):  # more than there are places
            _ask(app, [file] * 400)
        asked = time.monotonic()
        answer = app.event("batch", [file])
        assert answer["success"]
        took = time.monotonic() - asked
        assert json.dumps(answer["output"]["data"]).count("answered") == 1
        assert took < 5, f"{took:.1f} s"
        app.process.terminate()
        assert app.process.wait(90) == 0


@pytest.mark.parametrize(
    "name, value", [("GRADIO_TEMP_DIR", "/dev/null/x"), ("GRADIO_ROOT_PATH", "demo")]
)
def test_a_variable_that_is_set_wrongly_is_named(name, value):
    done = subprocess.run(
        [sys.executable, "app.py", "--port", "7999"],
        cwd=ROOT,
        env=os.environ | {name: value},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode in (1, 2) and name in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr and not done.stdout
