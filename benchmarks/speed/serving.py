"""What the server adds to an answer, and what 16 clients get of it.

    python benchmarks/speed/serving.py [--json FILE]

`python app.py` and a Gradio interface that returns a constant run side by side, and
answer `gradio_client` in turns. What Gradio, HTTP and the upload cost, the constant
shows; the rest of our time is the predictor's, measured here in the same turns, and
ours. Clients and servers share the machine, so its cores do the work of both.
"""

import argparse
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gradio_client import Client, handle_file
from load import connect, serve
from samples import sample

from pneumonia import load_predictor

ANSWER = {"PNEUMONIA": 0.97, "NORMAL": 0.03}
CLIENTS = 16


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40, help="answers, one at a time")
    parser.add_argument("--requests", type=int, default=320, help="of 16 clients")
    parser.add_argument("--turns", type=int, default=3, help="of the 16 clients")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.port:
        return serve_constant(arguments.port)
    figures = measure(arguments.rounds, arguments.requests, arguments.turns)
    for name, value in figures.items():
        print(f"{name:<52} {value:>9.2f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


def serve_constant(port: int) -> None:
    """The least that Gradio does for this endpoint: no decoding, no statistics."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "1"
    os.environ["MPLBACKEND"] = "agg"
    import gradio as gr

    constant = gr.Interface(
        lambda image: ANSWER,
        gr.Image(type="filepath", image_mode=None),
        gr.Label(),
        api_name="predict",
        concurrency_limit=os.cpu_count(),
        flagging_mode="never",
        analytics_enabled=False,
    )
    constant.launch(server_port=port, prevent_thread_lock=True, quiet=True)
    print("Ready at", port, flush=True)
    constant.block_thread()


def measure(rounds: int, requests: int, turns: int) -> dict[str, float]:
    """The figures, by name."""
    predictor = load_predictor()
    constant = [sys.executable, __file__]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        path = sample(folder / "image.jpg")
        with (
            serve([sys.executable, "app.py"], folder / "app") as (ours, _),
            serve(constant, folder / "constant") as (theirs, _),
        ):
            urls = {"app": ours, "constant": theirs}
            clients = {
                name: [connect(url, str(folder)) for _ in range(CLIENTS)]
                for name, url in urls.items()
            }
            alone = one_at_a_time(
                {
                    "predictor": lambda: predictor(path),
                    "app": lambda: ask(clients["app"][0], path),
                    "constant": lambda: ask(clients["constant"][0], path),
                },
                rounds,
            )
            together: dict[str, list[float]] = {}
            waits: dict[str, list[float]] = {"app": [], "constant": []}
            for _ in range(turns):
                start = time.perf_counter()
                with ThreadPoolExecutor(os.cpu_count()) as pool:
                    list(pool.map(predictor, itertools.repeat(path, requests)))
                rate = requests / (time.perf_counter() - start)
                together.setdefault("predictor", []).append(rate)
                for name in urls:
                    rate, seconds = at_once(clients[name], path, requests)
                    together.setdefault(name, []).append(rate)
                    waits[name] += seconds
    return summary(alone, together, waits)


def ask(client: Client, path: Path) -> None:
    answer = client.predict(image=handle_file(path), api_name="/predict")
    if set(answer) != {"label", "confidences"}:
        raise SystemExit(f"no answer: {answer}")


def one_at_a_time(
    tasks: dict[str, Callable[[], object]], rounds: int
) -> dict[str, list[float]]:
    """Seconds of each task, taken in turn."""
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for turn in range(rounds + 3):
        for name, task in tasks.items():
            start = time.perf_counter()
            task()
            if turn >= 3:  # the first ones allocate
                times[name].append(time.perf_counter() - start)
    return times


def at_once(
    clients: list[Client], path: Path, requests: int
) -> tuple[float, list[float]]:
    """Answers per second of all clients, and the seconds of each answer."""

    def timed(client: Client) -> list[float]:
        seconds = []
        for _ in range(requests // len(clients)):
            start = time.perf_counter()
            ask(client, path)
            seconds.append(time.perf_counter() - start)
        return seconds

    start = time.perf_counter()
    with ThreadPoolExecutor(len(clients)) as pool:
        seconds = [*itertools.chain(*pool.map(timed, clients))]
    return len(seconds) / (time.perf_counter() - start), seconds


def summary(
    alone: dict[str, list[float]],
    together: dict[str, list[float]],
    waits: dict[str, list[float]],
) -> dict[str, float]:
    median = {name: 1000 * statistics.median(s) for name, s in alone.items()}
    rate = {name: statistics.median(values) for name, values in together.items()}
    p95 = {
        name: 1000 * statistics.quantiles(values, n=20)[-1]
        for name, values in waits.items()
    }
    above = median["app"] - median["predictor"]
    return {
        "predictor alone, ms": median["predictor"],
        "/predict, ms": median["app"],
        "a constant over Gradio, ms": median["constant"],
        "/predict above the predictor, of the constant": above / median["constant"],
        "predictor alone, answers/s": rate["predictor"],
        "/predict of 16 clients, answers/s": rate["app"],
        "a constant to 16 clients, answers/s": rate["constant"],
        "throughput, of the lower of the two": rate["app"]
        / min(rate["predictor"], rate["constant"]),
        "/predict of 16 clients, p95, ms": p95["app"],
        "a constant to 16 clients, p95, ms": p95["constant"],
    }


if __name__ == "__main__":
    main()
