"""Keras -> ONNX. Needs what a Space installs and no more: `hub` compiles with it."""

import warnings
from pathlib import Path

import keras

from ..config import ModelConfig
from ..training.model import build_model, load_weights


def export_onnx(model: keras.Model, destination: Path) -> None:
    """Writes the float32 graph: `inputs` (N, S, S, 3), outputs by name, N free."""
    shape = (None, *model.inputs[0].shape[1:])
    signature = [keras.InputSpec(shape=shape, dtype="float32", name="inputs")]
    with warnings.catch_warnings():
        # Keras's bridge to tf2onnx asks NumPy for an alias that has gone
        warnings.simplefilter("ignore", FutureWarning)
        model.export(
            destination, format="onnx", input_signature=signature, verbose=False
        )


def compile_weights(config: ModelConfig, weights: bytes, destination: Path) -> None:
    """Turns Keras weights into a float32 `model.onnx`: what `hub` needs at first use.

    Raises:
        ModelError: the weights do not fit the network that the config describes.
    """
    model = build_model(config.class_names, config.image_size)
    load_weights(model, weights)
    export_onnx(model, destination)
