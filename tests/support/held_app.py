"""`python held_app.py GATE ...`: the app, one answer at a time, a queue of two.

Answers wait until the file GATE is there, so that tests can fill the queue; GATE.held
says that one waits.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import app
from pneumonia.web import limits, page

GATE = Path(sys.argv.pop(1))
read = page.read


def held(image):
    GATE.with_suffix(".held").touch()
    while not GATE.exists():
        time.sleep(0.02)
    return read(image)


page.read = held
limits.SHUT.remove("/gradio_api/queue/status")  # so that tests see how many wait
app.demo.queue(max_size=2, default_concurrency_limit=1, api_open=False)
sys.exit(app.main())
