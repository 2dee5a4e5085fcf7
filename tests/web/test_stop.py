"""A stop leaves nothing behind, whatever runs; who asks for much delays nobody long."""

import json
import os
import random
import secrets
import subprocess
import sys
import threading
import time

import pytest

from pneumonia import PneumoniaError
from pneumonia.web.turns import Turns
from tests.support.app_server import ROOT, serve

EXAMPLE = ROOT / "examples" / "normal_1.jpg"


def test_places_are_given_in_the_order_of_asking():
    turns, order = Turns(1), []

    def many(name, count):
        for _ in range(count):
            with turns.turn():
                order.append(name)
                time.sleep(0.01)

    first = threading.Thread(target=many, args=("first", 30))
    first.start()
    time.sleep(0.1)
    second = threading.Thread(target=many, args=("second", 3))
    second.start()
    second.join()
    before = order.index("second")
    assert order[before : before + 6].count("second") == 3, order
    first.join()


def test_no_more_than_so_many_at_once():
    turns, at_once, most = Turns(2), [0], [0]

    def work():
        with turns.turn():
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
            time.sleep(0.01)
            at_once[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [2]


def test_the_end_waits_for_who_has_begun_and_sends_the_others_away():
    turns, begun, ended = Turns(1), threading.Event(), []

    def works():
        with turns.turn():
            begun.set()
            time.sleep(0.2)
            ended.append("worked")

    def waits():
        with pytest.raises(PneumoniaError, match="about to stop"), turns.turn():
            pass
        ended.append("sent away")

    threads = [threading.Thread(target=works), threading.Thread(target=waits)]
    threads[0].start()
    begun.wait()
    threads[1].start()
    turns.end(10)
    assert "worked" in ended
    threads[1].join(1)
    assert sorted(ended) == ["sent away", "worked"]
    with pytest.raises(PneumoniaError), turns.unless_over():
        pass


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
@pytest.mark.parametrize("seed", range(2))
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
    assert done.returncode in (1, 2) and name in done.stderr
    assert "Traceback" not in done.stderr and not done.stdout
