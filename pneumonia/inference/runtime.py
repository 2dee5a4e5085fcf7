"""The compiled graph: inputs in, three outputs out. It knows nothing about images."""

import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

# ONNX Runtime 1.32 asks for this while it is imported. Without it, that keeps a device
# identifier and a database of events for its maker in the user's cache.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import numpy as np  # noqa: E402
import onnxruntime  # noqa: E402

from ..config import ONNX_FILE, ModelConfig  # noqa: E402
from ..errors import ModelError  # noqa: E402
from .onnx_check import require_self_contained  # noqa: E402
from .processors import processors  # noqa: E402

OUTPUTS = ("logits", "pre_logits", "logits_2d")
_THREADS = "ORT_INTRA_OP_NUM_THREADS"
NO_MEMORY = (
    "There is not enough memory to load the model. Close other programs, or raise the "
    "limit that was set for this one."
)


@dataclass(frozen=True)
class Outputs:
    """What one forward pass gives, all float32.

    Attributes:
        logits: (N, C), what to answer.
        pre_logits: (N, F), the pooled features.
        logits_2d: (N, h, w, C), the evidence at each place; its mean is `logits`.
    """

    logits: np.ndarray
    pre_logits: np.ndarray
    logits_2d: np.ndarray


class Runtime:
    """`model.onnx` of a model folder on ONNX Runtime's CPU provider; thread-safe.

    Attributes:
        features: F, the width of `pre_logits`.
    """

    def __init__(self, folder: str | Path, config: ModelConfig, threads: int = 0):
        """Loads and checks the graph.

        Args:
            folder: holds `model.onnx` with the sha256 that `config` lists.
            config: of the same folder.
            threads: processor threads per call; 0 = one per core that it may use.
        Raises:
            ModelError: the file is missing, damaged, or another network, or needs
                other files.
        """
        content = config.verified(folder, ONNX_FILE)
        self._session = open_session(content, ONNX_FILE, threads)
        self._check(config)

    def __call__(self, inputs: np.ndarray) -> Outputs:
        """Runs the network on inputs, float32 (N, S, S, 3).

        Raises:
            MemoryError: it takes more than there is left.
        """
        try:
            return Outputs(*self._session.run(OUTPUTS, {"inputs": inputs}))
        except Exception as error:
            if _is_of_memory(error):
                raise MemoryError from error
            raise

    def _check(self, config: ModelConfig) -> None:
        """Refuses a graph whose names or shapes are not the contract's."""
        side, classes = config.image_size, len(config.class_names)
        inputs = {i.name: i.shape[1:] for i in self._session.get_inputs()}
        if inputs != {"inputs": [side, side, 3]}:
            raise ModelError(
                f"{ONNX_FILE} expects {inputs}; {ModelConfig.__name__} promises inputs "
                f"of shape [N, {side}, {side}, 3]. Export the model again."
            )
        outputs = {o.name: o.shape for o in self._session.get_outputs()}
        widths = [(outputs.get(name) or [None])[-1] for name in ("logits", "logits_2d")]
        ranks = [len(outputs.get(name) or ()) for name in OUTPUTS]
        if (
            set(outputs) != set(OUTPUTS)
            or widths != [classes, classes]
            or ranks != [2, 2, 4]
        ):
            raise ModelError(
                f"{ONNX_FILE} gives {outputs}; expected {OUTPUTS} with {classes} "
                "classes. Export the model again."
            )
        self.features = outputs["pre_logits"][-1]


def _thread_count(asked: int) -> int:
    """What to tell ONNX Runtime; 0 leaves the number to it."""
    told = os.environ.get(_THREADS)
    if told and not told.isdecimal():  # ONNX Runtime would load nothing
        raise ModelError(
            f"{_THREADS} is {told!r}; expected a number of threads. Correct the "
            "variable, or unset it."
        )
    if asked or told:
        return asked
    # it takes the host's, of which this process may have a few
    return processors() if processors() < (os.cpu_count() or 1) else 0


def _is_of_memory(error: Exception) -> bool:
    """Whether memory ran out: ONNX Runtime says so in C++'s words or its own."""
    words = ("bad_alloc", "bad allocation", "Failed to allocate memory")
    return isinstance(error, MemoryError) or any(word in str(error) for word in words)


def open_session(
    content: bytes, name: str, threads: int = 0
) -> onnxruntime.InferenceSession:
    """Loads a graph on ONNX Runtime's CPU provider.

    Args:
        content: of the file, already verified.
        name: of the file, for messages.
        threads: processor threads per call; 0 = one per core.
    Raises:
        ModelError: it is no graph, or needs other files.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _thread_count(threads)
    # Between two layers a thread waits this long for work before it sleeps. Not at
    # all costs an answer 4 % of its time; ONNX Runtime's millisecond costs a fifth
    # of the throughput where others have work: a reader, a second answer, a server.
    options.add_session_config_entry("session.intra_op.spin_duration_us", "20")
    options.log_severity_level = 4  # errors are raised
    # nor does it guess, and open what only looks like another format of its own
    options.add_session_config_entry("session.load_model_format", "ONNX")
    require_self_contained(content)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # it prints, where data belongs
            return onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
    except Exception as error:  # ONNX Runtime's classes share no public base
        if _is_of_memory(error):
            raise ModelError(NO_MEMORY) from error
        raise ModelError(
            f"{name} cannot be loaded ({type(error).__name__}). Expected an "
            "ONNX graph made by `python -m pneumonia export`; export it again."
        ) from error
