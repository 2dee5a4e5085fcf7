"""`python held_app.py GATE ...`: the app, one answer at a time, a queue of two.

Answers wait until the file GATE is there, so that tests can fill the queue; GATE.held
says that one waits.
"""

import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import app
from pneumonia.web import guard

GATE = Path(sys.argv.pop(1))
predict = app._predict


def held(image):
    GATE.with_suffix(".held").touch()
    while not GATE.exists():
        time.sleep(0.02)
    return predict(image)


app._predict = held
# so that tests see how many wait
guard._OPEN = re.compile(rf"{guard._OPEN.pattern}|/gradio_api/queue/status")
app.demo.queue(max_size=2, default_concurrency_limit=1)
sys.exit(app.main())
