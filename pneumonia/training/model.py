"""The network: Keras's Xception, one dense layer, three outputs; and its weights.

Backend-agnostic Keras 3. The architecture is only ever built by this file; weight files
carry arrays, never code or a serialised architecture.
"""

import errno
import io
import os
import re
import shutil
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import keras
import numpy as np

from ..config import (
    FINDINGS,
    LFS_POINTER,
    WEIGHTS_FILE,
    ModelConfig,
    require_no_pointer,
)
from ..dataset import CLASS_NAMES, FINDINGS_OF
from ..errors import ModelError
from .hdf5 import plain_member

OUTPUTS = ("logits", "pre_logits", "logits_2d")
# Before calibration and export nothing is known of these; `export` replaces them.
_UNFITTED = {
    "temperature": 1.0,
    "thresholds": dict.fromkeys(FINDINGS, 0.5),
    "prior": dict.fromkeys(FINDINGS, 0.5),
    "cam_limit": 1.0,
    "agreement": 0.0,
    "files": {},
    "dataset": "",
}


def draft_config(**values: Any) -> ModelConfig:
    """A config whose calibration and files are still to be filled in by `export`."""
    names = values["class_names"]
    nothing = dict.fromkeys(names, 1 / len(names))
    return ModelConfig(**{**_UNFITTED, "known_answer": nothing, **values})


def kermany_config(
    class_names: Sequence[str] = CLASS_NAMES, **values: Any
) -> ModelConfig:
    """A draft for a network trained on the Kermany data, as `train` does it."""
    return draft_config(
        class_names=class_names,
        findings={name: FINDINGS_OF.get(name, name) for name in class_names},
        value_range=(-1.0, 1.0),
        resize="stretch",
        coverage=0.95,
        **values,
    )


def build_model(
    class_names: Sequence[str], image_size: int, dropout: float = 0.2
) -> keras.Model:
    """Xception (Chollet 2017, arXiv:1610.02357) with random weights and our head.

    Args:
        class_names: the classes, in the order of the logits.
        image_size: S, side of the square input in pixels, at least 71.
        dropout: share of the pooled features dropped in training.
    Returns:
        `inputs` float32 (N, S, S, 3) in [-1, 1] -> a dict of `OUTPUTS`; see `add_head`.
    """
    backbone = keras.applications.Xception(
        include_top=False, weights=None, input_shape=(image_size, image_size, 3)
    )
    return add_head(backbone, len(class_names), dropout)


def add_head(
    backbone: keras.Model, class_count: int, dropout: float = 0.2
) -> keras.Model:
    """Puts one dense layer on the pooled features, and the same one on each place.

    Pooling and the layer are both linear, so the mean of the map is the logit: a class
    activation map (Zhou 2016, arXiv:1512.04150) that costs no gradient.

    Returns:
        A model with the outputs, all float32:
            logits (N, C),
            pre_logits (N, F), the pooled features, 2048 wide for Xception,
            logits_2d (N, h, w, C), whose mean over h and w is `logits`.
    """
    backbone = _with_names(backbone)
    features = backbone.output  # (N, h, w, F)
    pool = keras.layers.GlobalAveragePooling2D(dtype="float32", name="pre_logits")
    drop = keras.layers.Dropout(dropout, dtype="float32", name="dropout")
    predictions = keras.layers.Dense(class_count, dtype="float32", name="predictions")
    pre_logits = pool(features)
    outputs = (predictions(drop(pre_logits)), pre_logits, predictions(features))
    return keras.Model(backbone.input, dict(zip(OUTPUTS, outputs, strict=True)))


def _with_names(backbone: keras.Model) -> keras.Model:
    """Names the skip connections, which keras.applications leaves to a counter.

    Weights are stored by layer name, and `conv2d_7` in one process is `conv2d_3` in the
    next. The four skips are the only unnamed convolutions; blocks 2, 3, 4 and 13 have
    them, in this order.
    """
    blocks = {"Conv2D": iter((2, 3, 4, 13)), "BatchNormalization": iter((2, 3, 4, 13))}
    suffix = {"Conv2D": "skip_conv", "BatchNormalization": "skip_bn"}

    def clone(layer: keras.Layer) -> keras.Layer:
        settings = layer.get_config()
        kind = type(layer).__name__
        if kind == "InputLayer":
            settings["name"] = "inputs"
        elif kind in blocks and not layer.name.startswith("block"):
            settings["name"] = f"block{next(blocks[kind])}_{suffix[kind]}"
        return type(layer).from_config(settings)

    return keras.models.clone_model(backbone, clone_function=clone)


def block_of(layer: keras.Layer) -> int:
    """Number of the layer's block: 1 to 14 in Xception, 0 for the head and joints."""
    match = re.match(r"block(\d+)_", layer.name)
    return int(match[1]) if match else 0


def load_imagenet(model: keras.Model) -> None:
    """Starts the backbone from ImageNet, with the weights that Keras publishes (MIT).

    Raises:
        ModelError: they are neither in Keras's cache nor within reach.
    """
    try:
        source = keras.applications.Xception(include_top=False, weights="imagenet")
    except Exception as error:  # urllib's and Keras's, whatever the network did
        raise ModelError(
            "Keras's ImageNet weights cannot be downloaded "
            f"({type(error).__name__}). Connect to the internet once, or name a file "
            "of initial weights."
        ) from error
    arrays = iter(source.get_weights())
    for layer in model.layers:
        if layer.name != "predictions":
            layer.set_weights([next(arrays) for _ in layer.weights])


def load_weights(
    model: keras.Model, source: str | Path | bytes, partial: bool = False
) -> list[str]:
    """Reads every weight of the model, by layer name, from `.npz` or `.weights.h5`.

    An `.npz` holds one array per weight, named `LAYER/WEIGHT` (`block1_conv1/kernel`);
    a `.weights.h5` is Keras's own layout. float16 arrays are widened.

    Args:
        model: from `build_model`.
        source: a file, or the content of a `.weights.h5`.
        partial: let weights that the file lacks keep their values.
    Returns:
        Names of the weights that the file lacks.
    Raises:
        ModelError: the file cannot be read, or an array is missing, extra, misshapen or
            not finite; the message names the array.
    """
    name = WEIGHTS_FILE if isinstance(source, bytes) else Path(source).name
    read = _read_npz if name.endswith(".npz") else _read_h5
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        if not isinstance(source, bytes):
            with open(source, "rb") as opened:
                require_no_pointer(name, opened.read(len(LFS_POINTER)))
        arrays = read(file, model)
    # RuntimeError is h5py's word for much that is damaged
    except (
        OSError,
        EOFError,
        ValueError,
        KeyError,
        RuntimeError,
        zipfile.BadZipFile,
    ) as error:
        raise ModelError(
            f"{name} cannot be read as weights ({type(error).__name__}). Expected an "
            ".npz or a Keras .weights.h5 file; fetch or export it again."
        ) from error
    weights = {weight.path: weight for weight in model.weights}
    missing = sorted(weights.keys() - arrays.keys())
    if partial and len(missing) < len(weights):
        weights = {path: weights[path] for path in weights if path in arrays}
    for problem in _mismatches(weights, arrays):
        raise ModelError(f"{name} does not fit this network: {problem}")
    for path, weight in weights.items():
        weight.assign(arrays[path].astype(np.float32))
    return missing


def load_mean(
    model: keras.Model,
    sources: Sequence[str | Path],
    load: Callable[[keras.Model, str | Path], object] = load_weights,
) -> None:
    """Reads the mean of several runs' weights, of one the weights themselves.

    Runs that began with the same weights and went different ways lie in one basin, and
    the mean of them errs less on radiographs of another look than any of them (Wortsman
    2022, arXiv:2203.05482); it costs nothing when serving.

    Args:
        model: from `build_model`.
        sources: files, see `load_weights`, which says what it raises.
        load: what reads one of them.
    """
    total = None
    for source in sources:
        load(model, source)
        arrays = [keras.ops.convert_to_numpy(weight) for weight in model.weights]
        total = (
            arrays
            if total is None
            else [a + b for a, b in zip(total, arrays, strict=True)]
        )
    for weight, array in zip(model.weights, total, strict=True):
        weight.assign(array / len(sources))


def save_weights(model: keras.Model, path: str | Path) -> None:
    """Writes Keras's `.weights.h5` with kernels as float16 and the rest as float32.

    Half the size; Keras widens them when it loads. The relative error of a kernel is at
    most 2**-11, but batch normalisation's variances would leave float16's range.
    """
    path = Path(path)
    # HDF5 may take the whole process down where a disk fills up while it writes
    if shutil.disk_usage(path.parent).free < 6 * model.count_params() + 2**20:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    whole = path.with_name("float32-" + path.name)
    try:
        model.save_weights(whole)
        with h5py.File(whole) as source, h5py.File(path, "w") as target:
            kernels = _kernel_paths(source, model)
            source.visititems(
                lambda name, item: _copy(name, item, target, name in kernels)
            )
    finally:
        whole.unlink(missing_ok=True)


def _kernel_paths(file: h5py.File, model: keras.Model) -> set[str]:
    return {
        f"{group.name}/{index}".lstrip("/")
        for layer, group in _variable_groups(file).items()
        for index, weight in enumerate(model.get_layer(layer).weights)
        if weight.name.endswith("kernel")
    }


def _copy(name: str, item: h5py.HLObject, target: h5py.File, half: bool) -> None:
    if isinstance(item, h5py.Group):
        target.require_group(name).attrs.update(item.attrs)
    else:
        target[name] = item[()].astype(np.float16 if half else item.dtype)


def _read_npz(path: str | Path, model: keras.Model) -> dict[str, np.ndarray]:
    # opened here because np.load leaves a file open that it cannot read
    with open(path, "rb") as file:
        arrays = np.load(file, allow_pickle=False)
        if not isinstance(arrays, np.lib.npyio.NpzFile):
            raise ValueError("a single array")
        with arrays:
            return {name: arrays[name] for name in arrays.files}


def _read_h5(file: str | Path | BinaryIO, model: keras.Model) -> dict[str, np.ndarray]:
    """`layers/KIND_N/vars/I`, where `vars` has the layer's name, -> LAYER/WEIGHT."""
    weights = {
        layer.name: [(weight.path, tuple(weight.shape)) for weight in layer.weights]
        for layer in model.layers
    }
    arrays = {}
    with h5py.File(file) as content:
        for layer, variables in _variable_groups(content).items():
            known = dict(enumerate(weights.get(layer, ())))
            for index in variables:
                dataset = plain_member(variables, index, h5py.Dataset)
                name, shape = known.get(int(index), (f"{layer}/{index}", None))
                arrays[name] = _array(dataset, shape)
    return arrays


def _array(dataset: h5py.Dataset, shape: tuple[int, ...] | None) -> np.ndarray:
    """Reads what fits; of the rest only the shape: few bytes may promise gigabytes."""
    if dataset.dtype.kind != "f" or dataset.dtype.itemsize > 8:
        raise ValueError(f"{dataset.dtype} is no number that a weight may be")
    if dataset.shape != shape:
        return np.broadcast_to(np.float32(0), dataset.shape or ())
    return dataset[()]


def _variable_groups(file: h5py.File) -> dict[str, h5py.Group]:
    """Layer name -> the HDF5 group of its variables."""
    layers = plain_member(file, "layers", h5py.Group)
    groups = [
        plain_member(plain_member(layers, kind, h5py.Group), "vars", h5py.Group)
        for kind in layers
    ]
    return {str(group.attrs["name"]): group for group in groups if len(group)}


def _mismatches(weights: dict, arrays: dict[str, np.ndarray]):
    """Yields a sentence for each array that does not fit."""
    for name in weights.keys() - arrays.keys():
        yield f"{name} is missing; expected shape {tuple(weights[name].shape)}."
    for name in arrays.keys() - weights.keys():
        yield f"{name} is not a weight of it; found shape {arrays[name].shape}."
    for name, weight in weights.items():
        if arrays[name].shape != tuple(weight.shape):
            yield (
                f"{name} has shape {arrays[name].shape}; "
                f"expected {tuple(weight.shape)}."
            )
        if arrays[name].dtype.kind != "f" or not np.isfinite(arrays[name]).all():
            yield f"{name} should hold finite numbers; found {arrays[name].dtype}."
