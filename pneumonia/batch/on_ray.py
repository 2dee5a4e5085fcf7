"""The same answers from many machines: `rows.answer` in actors of Ray Data.

The driver finds the files and writes the table; actors, one per core, load the model
once, and read, decode and answer. What travels is names and rows, never an image. Ray
is the extra [ray], and is imported by this function alone.
"""

import dataclasses
import json
import logging
import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import PneumoniaError
from ..hub import BUNDLED
from ..imaging.files import File
from ..predictor import Predictor, load_predictor
from .rows import answer, model_name

_ROOT = Path(__file__).parents[2]
LOCAL = "local"  # Ray's word for: on this machine, for this run
_FILES_PER_TASK = 32  # some seconds: a task that is lost is done again
_TASKS_PER_WORKER = 4  # at least, lest one waits for another


def answer_on_ray(
    files: Sequence[File],
    predictor: Predictor,
    address: str = LOCAL,
    workers: int | None = None,
) -> Iterator[dict[str, Any] | None]:
    """`rows.answer` for each file, in any order.

    Args:
        files: their paths must mean the same on every machine of the cluster.
        predictor: its model is what the actors load, too.
        address: of a cluster, as `ray.init` takes it; this package and the model must
            be on its machines.
        workers: actors; None: one per core, and more where the cluster grows.
    Raises:
        PneumoniaError: Ray is not installed, or the cluster fails.
    """
    if not files:
        return
    ray = _start(address)
    try:
        count = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        size = min(_FILES_PER_TASK, -(-len(files) // (count * _TASKS_PER_WORKER)))
        answers = ray.data.from_items(
            [_item(file) for file in files],
            override_num_blocks=-(-len(files) // size),
        ).map(
            _Worker,
            fn_constructor_args=(_reference(predictor), model_name(predictor)),
            compute=ray.data.ActorPoolStrategy(min_size=count, max_size=workers),
            num_cpus=1,
        )
        for item in answers.iter_rows():
            yield json.loads(item["row"])
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None) or error
        raise PneumoniaError(
            f"Ray gave up: {str(cause).strip().splitlines()[-1]}. See to the "
            "cluster; the same command goes on where it stopped."
        ) from error
    finally:
        ray.shutdown()


class _Worker:
    """An actor: a model, loaded once. Rows travel as JSON, which keeps every None."""

    def __init__(self, reference: str, model: str):
        self.predictor = load_predictor(reference or BUNDLED, threads=1)
        self.model = model_name(self.predictor)
        if self.model != model:
            raise PneumoniaError(
                f"A machine of the cluster serves the model {self.model!r}, this one "
                f"{model!r}. Install the same version of the package on each."
            )

    def __call__(self, item: dict[str, str]) -> dict[str, str]:
        name, *values = json.loads(item["item"])
        row = answer(File(*values), self.predictor, self.model)
        return {"row": json.dumps(row and {**row, "file": name})}


def _item(file: File) -> str:
    """A file with the name that it keeps, by a path that is good in any folder."""
    path, *values = dataclasses.astuple(file)
    whole = path if "://" in path else os.path.abspath(path)
    return json.dumps([file.name, whole, *values])


def _reference(predictor: Predictor) -> str:
    """What finds the model on another machine; empty: each has it bundled."""
    folder = predictor.folder
    if folder.path == BUNDLED:
        return ""
    if folder.revision:
        return f"{folder.name}@{folder.revision}"
    return str(folder.path.resolve())


def _start(address: str) -> Any:
    """Ray, connected, with its telemetry and its dashboard off."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray
        import ray.data
    except ModuleNotFoundError as error:
        raise PneumoniaError(
            "--ray needs Ray, which is not installed. Run `pip install -e '.[ray]'` in "
            "the source tree."
        ) from error
    own: dict[str, Any] = {}
    if address == LOCAL:
        # its processes find this package as this one does, installed or not
        paths = filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")])
        os.environ["PYTHONPATH"] = os.pathsep.join(paths)
        own["include_dashboard"] = False
    try:
        _require_listener(address)
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **own)
    # OverflowError: no such port
    except (OSError, OverflowError, ValueError, RuntimeError) as error:
        raise PneumoniaError(
            f"No Ray cluster answers at {address!r}: {error}. Check the address, or "
            "leave it out to start Ray on this machine."
        ) from error
    # the command line has a progress bar and words of its own
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    for handler in logging.getLogger("ray.data").handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setLevel(logging.ERROR)
    return ray


def _require_listener(address: str) -> None:
    """Fails at once where nobody listens; Ray itself tries for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
