"""Keras weights -> `model.onnx`, compiled at the first use and kept in a cache.

What `hub` calls for a repository of weights alone; TensorFlow starts inside a function.
"""

import atexit
import dataclasses
import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from ..config import (
    BESIDE_THE_GRAPH,
    CONFIG_FILE,
    ONNX_FILE,
    WEIGHTS_FILE,
    ModelConfig,
    fingerprint,
)
from ..errors import ModelError

_log = logging.getLogger(__name__)


def compile_once(
    folder: Path, config: ModelConfig, fetch: Callable[[str], bytes]
) -> Path:
    """Compiles a model; later starts need neither the weights nor TensorFlow.

    Args:
        folder: holds the `config.json` that lists the weights.
        config: of that folder.
        fetch: gives a verified file by its name; called only where there is work to do.
    Returns:
        A model folder in the user's cache, with a float32 `model.onnx`, and the
        gate and the lung finder if there are any.
    Raises:
        ModelError: TensorFlow is not installed, the weights do not fit, or the disk is
            full.
    """
    # config.json lists the sha256 of the weights, so its own stands for both
    key = hashlib.sha256((folder / CONFIG_FILE).read_bytes()).hexdigest()
    root = _cache()
    if _is_whole(root / key):
        return root / key
    content = fetch(WEIGHTS_FILE)
    others = {name: fetch(name) for name in BESIDE_THE_GRAPH if name in config.files}
    try:
        root = _writable(root)
        with tempfile.TemporaryDirectory(prefix="unfinished-", dir=root) as unfinished:
            _compile(config, content, others, Path(unfinished, key))
            _move(Path(unfinished, key), root / key)
    except OSError as error:
        raise ModelError(
            f"the compiled {ONNX_FILE} cannot be stored ({error.strerror}). Make room, "
            "or set XDG_CACHE_HOME to another folder."
        ) from error
    return root / key


def _compile(
    config: ModelConfig, weights: bytes, others: dict[str, bytes], folder: Path
) -> None:
    """Makes a model folder: graph, other files, and a `config.json` that lists them."""
    folder.mkdir()
    try:
        from .keras_to_onnx import compile_weights

        compile_weights(config, weights, folder / ONNX_FILE)
    except ImportError as error:
        raise ModelError(
            f"there are Keras weights and no {ONNX_FILE}, and compiling them needs "
            f"{error.name}, which is not installed. Run `pip install tensorflow keras "
            "tf2onnx`, or choose a repository with a compiled model."
        ) from error
    for name, content in others.items():
        (folder / name).write_bytes(content)
    files = {
        name: fingerprint((folder / name).read_bytes()) for name in (ONNX_FILE, *others)
    }
    dataclasses.replace(config, files=files).save(folder)


def _move(folder: Path, target: Path) -> None:
    """Puts a finished folder in its place in one step; the first process wins."""
    if not _is_whole(target):
        shutil.rmtree(target, ignore_errors=True)  # if there, it is damaged
    try:
        folder.rename(target)
    except OSError:
        if not _is_whole(target):
            raise


def _is_whole(folder: Path) -> bool:
    try:
        config = ModelConfig.load(folder)
        for name in {ONNX_FILE, *config.files}:
            config.verified(folder, name)
    except ModelError:
        return False
    return True


def _cache() -> Path:
    """Where compiled models are kept, by the XDG base directory specification."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "pneumonia" / "compiled"


def _writable(root: Path) -> Path:
    """The cache, or, where it is read-only, a folder that ends with this process."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=root).close()
        return root
    except OSError as error:
        _log.warning(
            "The cache cannot be written (%s): the model is compiled for this process "
            "only. Set XDG_CACHE_HOME to a folder that can.",
            error.strerror,
        )
    # nobody else's: a graph that another user planted must not be served
    root = Path(tempfile.mkdtemp(prefix="pneumonia-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return root
