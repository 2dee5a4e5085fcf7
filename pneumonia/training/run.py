"""The folder of a training run: checkpoint and logs, never half-written."""

import csv
import hashlib
import json
import os
import zipfile
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
from tensorboardX import SummaryWriter

from ..errors import ModelError, PneumoniaError

CHECKPOINT_FILE = "checkpoint.npz"
LOG_FILE = "log.csv"
ABOUT_FILE = "run.json"  # the recipe, and what it began with


class Run:
    """A run's state on disk. Each file is written beside and renamed into place.

    Attributes:
        epochs: finished so far.
        rows: figures of each finished epoch.
    """

    def __init__(
        self,
        folder: Path,
        recipe: dict[str, Any],
        sides: dict[str, list[str]],
        resume: bool,
    ):
        """Opens a new folder, or an earlier run's.

        Args:
            folder: to create, or of the run to resume.
            recipe: plain values; a run is resumed under the same ones only.
            sides: side of the split -> names; likewise, lest what was learnt from is
                judged on.
            resume: continue what the folder holds.
        Raises:
            PneumoniaError: the folder is in use and `resume` is not set, or holds no
                run or another recipe's or other radiographs', or cannot be written.
            ModelError: the checkpoint is damaged.
        """
        self.folder = folder
        self.recipe = json.loads(json.dumps(recipe))  # tuples become lists, as on disk
        self._sides = hashlib.sha256(json.dumps(sides).encode()).hexdigest()
        self.rows: list[dict[str, float]] = []
        self._arrays: dict[str, np.ndarray] = {}
        checkpoint = folder / CHECKPOINT_FILE
        if resume:
            self._open(checkpoint)
        elif checkpoint.exists():
            raise PneumoniaError(
                f"{folder.name} holds a run already. Name a new folder, or continue "
                "that run with --resume."
            )
        with _sentence(f"{folder.name} cannot be created"):
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def epochs(self) -> int:
        return len(self.rows)

    def write(self, name: str, save: Callable[[Path], Any]) -> None:
        """Has `save` write a file beside, then renames it to its place."""
        # the ending stays: Keras and NumPy choose the format by it
        beside = self.folder / f"new-{name}"
        with _sentence(f"{name} cannot be written", "The last epoch's is unharmed. "):
            try:
                save(beside)
                os.replace(beside, self.folder / name)
            finally:
                beside.unlink(missing_ok=True)

    def close_epoch(
        self,
        figures: dict[str, float],
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer | None = None,
    ) -> None:
        """Keeps the state after an epoch; no optimizer at the end of a stage."""
        self.rows.append({"epoch": self.epochs + 1, **figures})
        state = {"recipe": self.recipe, "images": self._sides, "rows": self.rows}
        arrays = {"state": np.frombuffer(json.dumps(state).encode(), np.uint8)}
        for name, variable in _variables(model, optimizer).items():
            arrays[name] = np.asarray(keras.ops.convert_to_numpy(variable))
        self.write(CHECKPOINT_FILE, lambda path: np.savez(path, **arrays))
        self.write(LOG_FILE, self._write_log)
        with (
            _sentence("The TensorBoard log cannot be written", "The epoch is kept. "),
            SummaryWriter(str(self.folder)) as board,
        ):
            for name, value in figures.items():
                board.add_scalar(name, value, self.epochs)
        self._arrays = arrays

    def restore(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer | None = None,
    ) -> None:
        """Puts the last epoch's state back; see `close_epoch`.

        Raises:
            ModelError: the checkpoint is another network's.
        """
        variables = _variables(model, optimizer)
        if variables.keys() != self._arrays.keys() - {"state"} or any(
            tuple(variable.shape) != self._arrays[name].shape
            for name, variable in variables.items()
        ):
            raise ModelError(
                f"{CHECKPOINT_FILE} belongs to another network than this one of "
                f"{len(variables)} variables. Resume with the settings and the version "
                "of the package that began the run."
            )
        for name, variable in variables.items():
            variable.assign(self._arrays[name])

    def _open(self, checkpoint: Path) -> None:
        try:
            with open(checkpoint, "rb") as file, np.load(file) as arrays:
                self._arrays = dict(arrays)
            state = json.loads(self._arrays["state"].tobytes())
            recipe, sides, self.rows = (
                state[key] for key in ("recipe", "images", "rows")
            )
        except FileNotFoundError:
            raise PneumoniaError(
                f"{checkpoint.parent.name} holds no {CHECKPOINT_FILE}. Name the folder "
                "of an interrupted run, or leave out --resume."
            ) from None
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise ModelError(
                f"{CHECKPOINT_FILE} cannot be read ({type(error).__name__}). Start "
                "again in a new folder, with the weights that are beside it."
            ) from error
        if changed := [
            key for key in self.recipe if recipe.get(key) != self.recipe[key]
        ]:
            raise PneumoniaError(
                f"The run was begun with another {', '.join(changed)}. Resume it with "
                f"{ {key: recipe.get(key) for key in changed} }, or start a new one."
            )
        if sides != self._sides:
            raise PneumoniaError(
                "The run was begun with other X-rays on one side of the split. Resume "
                "it with the same data and the same --fold or --validation, or start "
                "a new one."
            )

    def _write_log(self, path: Path) -> None:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self.rows[0])
            writer.writeheader()
            writer.writerows(self.rows)


def read_about(folder: Path) -> dict[str, Any]:
    """What a run began with, for people, and its last `image size`; may be nothing.

    Raises:
        ModelError: the folder's `run.json` is damaged.
    """
    path = folder / ABOUT_FILE
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        stages = about["recipe"].pop("stages")
        return {
            "image size": stages[-1]["image_size"],
            "started from": about["initial"],
            "trained on": f"{about['images']['training']} radiographs"
            + "".join(f", {n} of {name}" for name, n in about["elsewhere"].items()),
            "trained with": about["trained with"],
            "stages": "; ".join(_listed(stage) for stage in stages),
            "recipe": _listed(about["recipe"]),
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        raise ModelError(
            f"{ABOUT_FILE} beside the weights is not what `train` left there. Restore "
            "it, or move the weights away from it."
        ) from None


def _listed(values: dict[str, Any]) -> str:
    return ", ".join(
        f"{key.replace('_', ' ')} {value}" for key, value in values.items()
    )


def _variables(
    model: keras.Model, optimizer: keras.optimizers.Optimizer | None
) -> dict[str, keras.Variable]:
    """Name -> variable: weights, random states, and the optimizer's moments."""
    variables = {  # a random state's path has a counter in it, its layer's name not
        f"model/{layer.name}/{variable.name}": variable
        for layer in model.layers
        for variable in layer.variables
    }
    for index, variable in enumerate(optimizer.variables if optimizer else ()):
        variables[f"optimizer/{index}"] = variable
    return variables


@contextmanager
def _sentence(problem: str, comfort: str = ""):
    try:
        yield
    except OSError as error:
        raise PneumoniaError(
            f"{problem} ({error.strerror or type(error).__name__}). {comfort}Free some "
            "space or name another folder, then continue with --resume."
        ) from error
