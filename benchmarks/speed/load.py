"""What the app withstands: many clients at once, and what their answers cost it.

    python benchmarks/speed/load.py [--clients 64] [--minutes 5] [--json FILE]

Starts `python app.py` on a free port of the loopback interface. Each client is a
`gradio_client` with images of its own, whose answers are computed beforehand: four of
five requests are /predict, the fifth is /explain. A request is *answered*, *refused*
because the queue is full, *crossed* if the answer is not its own image's, or *lost* if
it ends otherwise or not at all. Exit code 1: some were crossed or lost.

Clients and server share the machine, so its cores do the work of both. It needs psutil.
"""

import argparse
import contextlib
import hashlib
import io
import itertools
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from gradio_client import Client, handle_file
from gradio_client.utils import QueueError
from PIL import Image, ImageEnhance

from pneumonia import Prediction, load_predictor
from pneumonia.inference.cam import overlay

ROOT = Path(__file__).parents[2]
IMAGES = 2  # of each client
VISIT = 10  # requests, after which a client is a new visitor to the server
PATIENCE = 120  # seconds without an answer, after which a request is lost
PAUSE = (1, 3)  # seconds for which a client that was refused leaves the server alone
MB = 2**20


@dataclass(frozen=True)
class Case:
    """A file that only one client sends, and the two answers that only it can get."""

    path: Path
    predict: dict
    explain: tuple  # size and sha256 of the picture's pixels


@dataclass
class Record:
    """What happened to the requests; written by many threads."""

    ends: Counter = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    reasons: Counter = field(default_factory=Counter)  # why requests were lost

    def add(self, end: str, seconds: float) -> None:
        self.ends[end] += 1
        if end == "answered":
            self.seconds.append(seconds)


def main() -> int:
    """Prints a table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--json", type=Path, help="file for the figures")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        cases = make_cases(arguments.clients * IMAGES, folder)
        with serve([sys.executable, "app.py"], folder / "served") as (url, process):
            server = Server(process.pid, folder / "served")
            record = drive(url, cases, arguments.clients, arguments.minutes, server)
    figures = summary(record, server, arguments)
    for name, value in figures.items():
        print(f"{name:<44} {value:>12,}")
    for reason, count in record.reasons.most_common():
        print(f"lost {count}: {reason}", file=sys.stderr)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    return int(bool(figures["lost"] or figures["crossed"]))


def make_cases(count: int, folder: Path) -> list[Case]:
    """Variants of the samples, no two of which have an answer or a size in common."""
    predictor, chance = load_predictor(), random.Random(0)
    samples = itertools.cycle(sorted(ROOT.glob("examples/*.jpg")))
    cases, known = [], set()
    for number in itertools.count():
        path = folder / f"image_{number}.jpg"
        with Image.open(next(samples)) as sample:
            _vary(sample.convert("L"), number, chance).save(path, quality=90)
        prediction = predictor(path)
        if prediction.refusal:
            continue
        case = Case(path, _wire(prediction), _picture(prediction, predictor))
        answers = {str(case.predict), case.explain}
        if not answers & known:
            known |= answers
            cases.append(case)
        if len(cases) == count:
            return cases


def _vary(image: Image.Image, number: int, chance: random.Random) -> Image.Image:
    image = image.rotate(chance.uniform(-1, 1), Image.Resampling.BILINEAR)
    image = ImageEnhance.Brightness(image).enhance(chance.uniform(0.9, 1.1))
    columns, rows = divmod(number, 16)
    return image.crop((0, 0, image.width - columns, image.height - rows))


def _wire(prediction: Prediction) -> dict:
    """What /predict answers."""
    pairs = prediction.probabilities.items()
    confidences = [{"label": name, "confidence": value} for name, value in pairs]
    return {"label": confidences[0]["label"], "confidences": confidences}


def _picture(prediction: Prediction, predictor) -> tuple:
    """Size and content of what /explain draws."""
    pixels = overlay(prediction.image, prediction.cam, predictor.config.cam_limit)
    return _digest(Image.fromarray(pixels))


def _digest(picture: Image.Image) -> tuple:
    return picture.size, hashlib.sha256(picture.tobytes()).hexdigest()


@contextlib.contextmanager
def serve(command: list[str], files: Path) -> Iterator[tuple[str, subprocess.Popen]]:
    """The app as a process of its own, which keeps its temporary files in `files`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "GRADIO_TEMP_DIR": str(files)}
    command = [*command, "--port", str(port)]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            if "Ready at" not in process.stdout.readline():
                raise SystemExit("app.py did not start")
            yield f"http://127.0.0.1:{port}", process
        finally:
            process.terminate()
            process.wait()


class Server:
    """Samples what the server holds, each 5 seconds, until `stop` is set.

    Memory is the least of those seconds: images that are being answered come and go.
    """

    def __init__(self, pid: int, files: Path):
        self.process, self.files = psutil.Process(pid), files
        self.samples: list[tuple[int, float, float]] = []  # requests, memory, disk; MB
        self.stop = threading.Event()

    def watch(self, record: Record) -> None:
        readings = []
        while not self.stop.wait(0.2):
            family = [self.process, *self.process.children(recursive=True)]
            readings.append(sum(process.memory_info().rss for process in family))
            if len(readings) == 25:
                requests, memory = record.ends.total(), min(readings)
                self.samples.append((requests, memory / MB, self._disk() / MB))
                readings.clear()

    def _disk(self) -> int:
        sizes = 0
        for path in self.files.rglob("*"):
            with contextlib.suppress(FileNotFoundError):  # just deleted
                sizes += path.lstat().st_size
        return sizes

    def rise(self, column: int) -> float:
        """MB per 1,000 requests, by least squares over the second half of the time."""
        half = np.array(self.samples[len(self.samples) // 2 :])
        if len(half) < 2 or np.ptp(half[:, 0]) == 0:
            return float("nan")
        return 1000 * float(np.polyfit(half[:, 0], half[:, column], 1)[0])


def drive(
    url: str, cases: list[Case], clients: int, minutes: float, server: Server
) -> Record:
    """Lets all clients ask, each one request at a time, until the time is over."""
    record = Record()
    with (
        tempfile.TemporaryDirectory() as downloads,
        ThreadPoolExecutor(clients + 1) as pool,
    ):
        connected = [*pool.map(lambda _: connect(url, downloads), range(clients))]
        end = time.monotonic() + 60 * minutes
        watcher = pool.submit(server.watch, record)
        asking = [
            pool.submit(ask_until, end, client, cases[number::clients], record)
            for number, client in enumerate(connected)
        ]
        for client in asking:
            client.result()
        server.stop.set()
        watcher.result()
    return record


def connect(url: str, downloads: str) -> Client:
    """A client that says nothing and tells nobody."""
    return Client(
        url,
        verbose=False,
        analytics_enabled=False,
        download_files=downloads,
        ssl_verify=False,  # else it reads all certificates anew for each request
    )


def ask_until(end: float, client: Client, cases: list[Case], record: Record) -> None:
    """One client's requests, one after the other."""
    for number in itertools.count():
        if time.monotonic() >= end:
            return
        if number % VISIT == 0:
            client.reset_session()
        start = time.monotonic()
        outcome = ask(client, cases[number % len(cases)], number % 5 == 4, record)
        record.add(outcome, time.monotonic() - start)
        if outcome == "refused":
            time.sleep(random.uniform(*PAUSE))


def ask(client: Client, case: Case, is_explain: bool, record: Record) -> str:
    """One request; returns how it ended."""
    try:
        endpoint = "/explain" if is_explain else "/predict"
        job = client.submit(image=handle_file(case.path), api_name=endpoint)
        answer = job.result(timeout=PATIENCE)
    except QueueError:
        return "refused"
    except Exception as error:
        record.reasons[f"{type(error).__name__}: {error}"] += 1
        return "lost"
    if not is_explain:
        return "answered" if answer == case.predict else "crossed"
    content = Path(answer).read_bytes()
    Path(answer).unlink()
    with Image.open(io.BytesIO(content)) as picture:
        return "answered" if _digest(picture) == case.explain else "crossed"


def summary(record: Record, server: Server, arguments: argparse.Namespace) -> dict:
    """The figures, by name."""
    p50, p95, p99 = np.percentile(record.seconds or [np.nan], [50, 95, 99]).tolist()
    memory = [sample[1] for sample in server.samples] or [float("nan")]
    figures = {
        "clients": arguments.clients,
        "minutes": arguments.minutes,
        "cores": os.cpu_count(),
        "requests": record.ends.total(),
        **{end: record.ends[end] for end in ("answered", "refused", "lost", "crossed")},
        "answers per second": len(record.seconds) / (60 * arguments.minutes),
        "p50, seconds to an answer": p50,
        "p95, seconds to an answer": p95,
        "p99, seconds to an answer": p99,
        "memory at first, MB": memory[0],
        "memory at last, MB": memory[-1],
        "memory, MB per 1,000 requests": server.rise(1),
        "temporary files, MB per 1,000 requests": server.rise(2),
    }
    return {name: round(value, 3) for name, value in figures.items()}


if __name__ == "__main__":
    sys.exit(main())
