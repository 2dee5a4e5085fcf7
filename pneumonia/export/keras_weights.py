"""People's own Keras weights of an Xception -> arrays for our network.

Whole models (`.keras`, `.h5`) and weights (`.weights.h5`, `.h5`) of Keras 2 and 3 hold
the same arrays under different names, flat or with the network nested as one layer of
another. Only the arrays are ever used, never a serialised architecture: of that, the
side of the input and the kinds of the layers are read as plain text, to say what there
is. Nothing here imports Keras, so that it is said in the first second.
"""

import dataclasses
import io
import re
import sys
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from ..config import (
    FILE_LIMIT,
    FINDINGS,
    LFS_POINTER,
    ModelConfig,
    require_no_pointer,
)
from ..dataset import CLASS_NAMES
from ..errors import ModelError
from ..inference.calibration import calibrate
from ..inference.preprocessing import preprocess
from ..training.hdf5 import plain_member

if TYPE_CHECKING:
    import keras

_RANGES = ((-1.0, 1.0), (0.0, 1.0), (0.0, 255.0))
_LOOKED_AT = 60  # images, to tell ranges apart
_WIDTH = 2048  # features of Xception
_COUNTS = {"Conv2D": 6, "SeparableConv2D": 34, "BatchNormalization": 40}
_SKIPS = (2, 3, 4, 13)  # blocks whose skip connections Keras leaves without a name
_ORDER = ("gamma", "beta", "moving_mean", "moving_variance")
_ORDER += ("depthwise_kernel", "pointwise_kernel", "kernel", "bias")
_NEEDED = (
    "Expected Keras's Xception without its top, global average pooling and one dense "
    "layer: one sigmoid unit, the probability of PNEUMONIA, or two softmax units, "
    "NORMAL and PNEUMONIA"
)


@dataclass(frozen=True)
class Layer:
    """The arrays of one layer, float, in Keras's order; `name` may be empty."""

    name: str
    arrays: tuple[h5py.Dataset, ...]

    @property
    def kind(self) -> str:
        """Keras's class of the layer, told from the shapes of its arrays."""
        ranks = [len(array.shape) for array in self.arrays]
        known = {
            (1, 1, 1, 1): "BatchNormalization",
            (4,): "Conv2D",
            (4, 1): "Conv2D",
            (4, 4): "SeparableConv2D",
            (4, 4, 1): "SeparableConv2D",
            (2, 1): "Dense",
            (2,): "Dense",
        }
        return known.get(tuple(ranks), "another layer")


@dataclass(frozen=True)
class Found:
    """What a file of weights is.

    Attributes:
        path: the file.
        is_ours: written by `train` or `export`: `model.load_weights` reads it.
        class_names: of the network whose weights they are.
        sentence: what it is, for people.
        image_size: side of the input, if the file says it.
    """

    path: Path
    is_ours: bool
    class_names: tuple[str, ...]
    sentence: str
    image_size: int | None = None


def look(path: str | Path) -> Found:
    """Says what a file of weights is, without reading an array.

    Raises:
        ModelError: it is none that `export` takes; the sentence says what it is and
            what is needed.
    """
    path = Path(path)
    if path.suffix == ".npz":
        return Found(path, True, CLASS_NAMES, f"{path.name}: arrays by name")
    with _opened(path) as file:
        layers, facts = [*_layers(file.h5)], file.facts
        is_ours = any(layer.name.startswith("block2_skip") for layer in layers)
        dense = [layer for layer in layers if layer.kind == "Dense"]
        units = [layer.arrays[0].shape[1] for layer in dense]
        told = [
            "a whole Keras model" if facts or path.suffix == ".keras" else "weights",
            "the network nested in it" if file.is_nested else "flat",
            f"{units[-1]} outputs" if units else "no dense layer",
        ]
        size = _image_size(facts)
        if size:
            told.append(f"images of {size} pixels")
        sentence = f"{path.name}: {', '.join(told)}"
        if is_ours:
            names = CLASS_NAMES if units[-1:] == [len(CLASS_NAMES)] else FINDINGS
            return Found(path, True, names, sentence, size)
        if problem := _problem(layers, dense, facts):
            raise ModelError(f"{sentence}. {problem} {_NEEDED}.")
    return Found(path, False, FINDINGS, f"{sentence}. Only its weights are used", size)


def require_alike(found: Sequence[Found]) -> Found:
    """The first of several files, all of networks of the same classes and kind.

    Raises:
        ModelError: they differ.
    """
    first = found[0]
    for other in found[1:]:
        if (other.class_names, other.is_ours) != (first.class_names, first.is_ours):
            raise ModelError(
                f"{first.path.name} and {other.path.name} are weights of different "
                f"networks: {first.sentence}; {other.sentence}. Name weights of one."
            )
    return first


def with_likeliest_range(
    model: "keras.Model",
    config: ModelConfig,
    images: Sequence[np.ndarray],
    labels: np.ndarray,
) -> ModelConfig:
    """The config with the value range that the network was trained on, by its answers.

    Weights do not say what black and white were to them: -1 and 1, as Xception's own,
    0 and 1, or 0 and 255. With another range than its own a network knows little.

    Args:
        model: with its final weights.
        config: of the model, but for `value_range`.
        images: uint8 (H, W), that the network never saw.
        labels: int (N,), their classes.
    """
    chosen = np.unique(np.linspace(0, len(images) - 1, _LOOKED_AT).astype(int))
    losses = {}
    for limits in _RANGES:
        tried = dataclasses.replace(config, value_range=limits)
        inputs = np.stack([preprocess(images[index], tried) for index in chosen])
        logits = model.predict(inputs, batch_size=16, verbose=0)["logits"]
        right = calibrate(logits, 1.0)[np.arange(len(chosen)), labels[chosen]]
        losses[limits] = -np.log(np.maximum(right, 1e-9)).mean()
    best = min(losses, key=losses.get)
    told = ", ".join(
        f"{low:g} to {high:g} {loss:.2f}" for (low, high), loss in losses.items()
    )
    print(
        f"black and white are {best[0]:g} and {best[1]:g} to this network: log loss on "
        f"{len(chosen)} held-out images: {told}",
        file=sys.stderr,
    )
    return dataclasses.replace(config, value_range=best)


def load(model: "keras.Model", path: str | Path) -> None:
    """Puts a file's weights into our network, from `build_model` with two classes.

    A sigmoid of z is a softmax of 0 and z: NORMAL gets a logit of 0.

    Raises:
        ModelError: see `look`; or an array is misshapen or not finite.
    """
    look(path)
    with _opened(Path(path)) as file:
        layers = [*_layers(file.h5)]
        ours = [layer for layer in model.layers if layer.weights]
        theirs = _by_our_names(layers, ours)
        for layer in ours:
            arrays = [array[()] for array in theirs[layer.name]]
            if layer.name == "predictions":
                arrays = _two_classes(arrays)
            if len(arrays) != len(layer.weights):
                raise ModelError(
                    f"{Path(path).name}: {layer.name} has {len(arrays)} arrays; "
                    f"expected {len(layer.weights)}. {_NEEDED}."
                )
            for weight, array in zip(layer.weights, arrays, strict=True):
                if array.shape != tuple(weight.shape) or not np.isfinite(array).all():
                    raise ModelError(
                        f"{Path(path).name}: {layer.name} has an array of shape "
                        f"{array.shape}; expected finite numbers of shape "
                        f"{tuple(weight.shape)}. {_NEEDED}."
                    )
                weight.assign(array.astype(np.float32))


def _two_classes(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Kernel and bias of a dense layer with one sigmoid unit or two softmax units."""
    kernel = arrays[0]
    bias = arrays[1] if len(arrays) > 1 else np.zeros(kernel.shape[1])
    if kernel.shape[1] == 1:
        kernel = np.concatenate([np.zeros_like(kernel), kernel], axis=1)
        bias = np.concatenate([np.zeros_like(bias), bias])
    return [kernel, bias]


def _problem(layers: list[Layer], dense: list[Layer], facts: str) -> str:
    """Why `export` cannot take it, a sentence; or nothing."""
    counts = {kind: sum(layer.kind == kind for layer in layers) for kind in _COUNTS}
    if counts != _COUNTS:
        found = ", ".join(f"{count} {kind}" for kind, count in counts.items())
        expected = ", ".join(f"{count} {kind}" for kind, count in _COUNTS.items())
        return f"It is no Xception: it has {found} layers; Xception has {expected}."
    if others := [layer.name or "?" for layer in layers if "another" in layer.kind]:
        return f"It has weights of another kind: {others[0]}."
    shapes = [layer.arrays[0].shape for layer in dense]
    if len(dense) != 1:
        return f"It has {len(dense)} dense layers, of shapes {shapes}."
    if shapes[0][0] != _WIDTH:
        return (
            f"Its dense layer takes {shapes[0][0]:,} features; pooled, Xception gives "
            f"{_WIDTH:,}."
        )
    if shapes[0][1] not in (1, 2):
        return f"It has {shapes[0][1]} outputs, and which class each is, is not known."
    if "GlobalMaxPooling2D" in facts:
        return "It takes the maximum over the image, not the mean."
    return ""


def _by_our_names(layers: list[Layer], ours: Sequence[Any]) -> dict[str, tuple]:
    """Our layer's name -> arrays, by the layers' names or else by their order."""
    named, skips = {}, {"Conv2D": [], "BatchNormalization": []}
    by_kind = {kind: [] for kind in (*_COUNTS, "Dense")}
    for layer in layers:
        by_kind[layer.kind].append(layer)
        if layer.kind == "Dense":
            named["predictions"] = layer.arrays
        elif layer.name.startswith("block"):
            named[layer.name] = layer.arrays
        elif layer.kind in skips:
            skips[layer.kind].append(layer)
    for kind, end in (("Conv2D", "conv"), ("BatchNormalization", "bn")):
        for block, layer in zip(_SKIPS, skips[kind], strict=False):
            named[f"block{block}_skip_{end}"] = layer.arrays
    if named.keys() == {layer.name for layer in ours}:
        return named
    # early versions of Keras 3 number the layers of a kind, in the network's order
    waiting = {kind: iter(members) for kind, members in by_kind.items()}
    return {layer.name: next(waiting[type(layer).__name__]).arrays for layer in ours}


class _opened:
    """A file of weights as HDF5, and what it says of its architecture, as text."""

    def __init__(self, path: Path):
        self._path = path

    def __enter__(self) -> "_opened":
        name = self._path.name
        try:
            with self._path.open("rb") as file:
                require_no_pointer(name, file.read(len(LFS_POINTER)))
            self.facts, source = "", self._path
            if zipfile.is_zipfile(self._path):
                source, self.facts = _unzipped(self._path)
            self.h5 = h5py.File(source)
            self.facts = self.facts or str(self.h5.attrs.get("model_config", ""))
            self.is_nested = _is_nested(self.h5)
        except IsADirectoryError:
            raise ModelError(
                f"{name} is a folder, perhaps a SavedModel. Load it in Keras, and give "
                f"what `model.save_weights('mine.weights.h5')` writes. {_NEEDED}."
            ) from None
        except (OSError, KeyError, ValueError, RuntimeError) as error:
            raise ModelError(
                f"{name} cannot be read as Keras weights ({type(error).__name__}). "
                f"Expected .weights.h5, .h5, .keras or .npz. {_NEEDED}."
            ) from error
        return self

    def __exit__(self, *_: object) -> None:
        self.h5.close()


def _unzipped(path: Path) -> tuple[io.BytesIO, str]:
    """Weights and architecture of a `.keras` file."""
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: info for info in archive.infolist()}
        weights, config = members["model.weights.h5"], members["config.json"]
        if weights.file_size > FILE_LIMIT or config.file_size > FILE_LIMIT // 100:
            raise ValueError("larger than any Xception")
        text = archive.read(config).decode(errors="replace")
        return io.BytesIO(archive.read(weights)), text


def _image_size(facts: str) -> int | None:
    shapes = re.findall(r'"batch_(?:input_)?shape": \[null, (\d+), \1, 3\]', facts)
    return int(shapes[0]) if shapes else None


def _is_nested(file: h5py.File) -> bool:
    if "layers" in file:
        groups = _groups(plain_member(file, "layers", h5py.Group))
        return any("layers" in group for group in groups)
    root = _root(file)
    groups = _groups(root, _texts(root, "layer_names"))
    return any(len(_texts(group, "weight_names")) > len(_ORDER) for group in groups)


def _root(file: h5py.File) -> h5py.Group:
    """Where Keras 2 lists the layers: a whole model has more than its weights."""
    is_whole = "model_weights" in file
    return plain_member(file, "model_weights", h5py.Group) if is_whole else file


def _groups(parent: h5py.Group, names: Iterable[str] | None = None) -> list[h5py.Group]:
    names = parent if names is None else names
    return [plain_member(parent, name, h5py.Group) for name in names]


def _layers(file: h5py.File) -> Iterator[Layer]:
    """The layers that have weights, in the order of the network."""
    try:
        if "layers" in file:
            yield from _layers_of_keras_3(plain_member(file, "layers", h5py.Group))
        else:
            yield from _layers_of_keras_2(_root(file))
    except (KeyError, ValueError, TypeError) as error:
        raise ModelError(
            f"The weights are not laid out as Keras does ({error}). {_NEEDED}."
        ) from error


def _layers_of_keras_3(groups: h5py.Group) -> Iterator[Layer]:
    """`KIND_N/vars/I`, or `KIND_N/layers/...` of a nested network."""
    for name in sorted(groups, key=_natural):
        group = plain_member(groups, name, h5py.Group)
        if "layers" in group:
            yield from _layers_of_keras_3(plain_member(group, "layers", h5py.Group))
        elif "vars" in group and len(
            variables := plain_member(group, "vars", h5py.Group)
        ):
            arrays = [_array(variables, key) for key in sorted(variables, key=_natural)]
            yield Layer(str(variables.attrs.get("name", "")), tuple(arrays))


def _layers_of_keras_2(root: h5py.Group) -> Iterator[Layer]:
    """Each layer's group names its weights, those of a nested network too."""
    found: dict[str, dict[str, h5py.Dataset]] = {}
    for name in _texts(root, "layer_names"):
        group = plain_member(root, name, h5py.Group)
        for path in _texts(group, "weight_names"):
            *folders, weight = path.split("/")
            inner = group
            for folder in folders:
                inner = plain_member(inner, folder, h5py.Group)
            array = _array(inner, weight)
            if array.dtype.kind == "f":  # not the state of a random layer
                layer = found.setdefault(folders[-1] if folders else name, {})
                layer[weight.partition(":")[0]] = array
    for layer, arrays in found.items():
        order = sorted(arrays, key=_place)
        yield Layer(layer, tuple(arrays[weight] for weight in order))


def _place(weight: str) -> int:
    return _ORDER.index(weight) if weight in _ORDER else len(_ORDER)


def _texts(group: h5py.Group, attribute: str) -> list[str]:
    """An attribute that lists names; one too long for HDF5 is in numbered parts."""
    names = [*group.attrs.get(attribute, ())]
    part = 0
    while f"{attribute}{part}" in group.attrs:
        names += group.attrs[f"{attribute}{part}"]
        part += 1
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]


def _array(group: h5py.Group, name: str) -> h5py.Dataset:
    array = plain_member(group, name, h5py.Dataset)
    if array.nbytes > FILE_LIMIT:  # few bytes may promise gigabytes
        raise ValueError(f"{name} is larger than any layer")
    return array


def _natural(name: str) -> tuple[str, int]:
    """`conv2d`, `conv2d_2`, `conv2d_10`: Keras counts from the second on."""
    match = re.fullmatch(r"(.*?)(?:_?(\d+))?", name)
    return match[1], int(match[2] or 0)
