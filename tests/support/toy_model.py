"""A toy Xception: its layers, names and skip connections, with a few channels each."""

from pathlib import Path

import keras
import numpy as np
from keras import layers

from pneumonia.dataset import Radiograph
from pneumonia.training.model import add_head, draft_config

SIDE = 64
CLASS_NAMES = ("NORMAL", "BACTERIAL", "VIRAL")


def toy_config():
    """What the toy expects; calibration and files are the exporter's."""
    return draft_config(
        name="toy",
        version="0.0.1",
        class_names=CLASS_NAMES,
        findings={"NORMAL": "NORMAL", "BACTERIAL": "PNEUMONIA", "VIRAL": "PNEUMONIA"},
        image_size=SIDE,
        value_range=(-1.0, 1.0),
        resize="stretch",
        coverage=0.95,
        provenance={"weights": "random"},
    )


def toy_model() -> keras.Model:
    """The toy with our head; the same random weights each time."""
    keras.utils.set_random_seed(1)
    model = add_head(_toy_backbone(), len(CLASS_NAMES))
    generator = np.random.default_rng(1)
    for weight in model.weights:
        if weight.path.endswith(("gamma", "moving_variance")):
            weight.assign(generator.uniform(0.5, 1.5, weight.shape))
        elif weight.path.endswith(("beta", "moving_mean", "bias")):
            weight.assign(generator.normal(0, 0.3, weight.shape))
    return model


def build_toy(class_names, image_size: int, dropout: float) -> keras.Model:
    """The toy as `build_model` builds Xception, with random weights."""
    return add_head(_toy_backbone(image_size), len(class_names), dropout)


def _toy_backbone(side: int = SIDE) -> keras.Model:
    inputs = keras.Input((side, side, 3))
    x = layers.Conv2D(8, 3, strides=2, use_bias=False, name="block1_conv1")(inputs)
    x = layers.BatchNormalization(name="block1_conv1_bn")(x)
    x = layers.Activation("relu", name="block1_conv1_act")(x)
    x = layers.Conv2D(8, 3, use_bias=False, name="block1_conv2")(x)
    x = layers.BatchNormalization(name="block1_conv2_bn")(x)
    x = layers.Activation("relu", name="block1_conv2_act")(x)
    for block, filters in ((2, 12), (3, 16), (4, 16)):
        x = _down(x, block, filters, first_act=block > 2)
    residual = x
    for unit in (1, 2, 3):
        x = _separable(x, 5, unit, 16, act_before=True)
    x = layers.add([x, residual])
    x = _down(x, 13, 24, first_act=True)
    x = _separable(x, 14, 1, 32, act_before=False)
    x = layers.Activation("relu", name="block14_sepconv1_act")(x)
    return keras.Model(inputs, x)


def _down(x, block, filters, first_act):
    skip = layers.Conv2D(filters, 1, strides=2, padding="same", use_bias=False)(x)
    skip = layers.BatchNormalization()(skip)
    x = _separable(x, block, 1, filters, act_before=first_act)
    x = _separable(x, block, 2, filters, act_before=True)
    x = layers.MaxPooling2D(3, 2, padding="same", name=f"block{block}_pool")(x)
    return layers.add([x, skip])


def _separable(x, block, unit, filters, act_before):
    name = f"block{block}_sepconv{unit}"
    if act_before:
        x = layers.Activation("relu", name=f"{name}_act")(x)
    x = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
    return layers.BatchNormalization(name=f"{name}_bn")(x)


def toy_images(count: int, seed: int = 0) -> list[np.ndarray]:
    """Smooth random images, uint8, (80, 96), with some contrast; bright above."""
    generator = np.random.default_rng(seed)
    above = np.linspace(70, 0, 5)[:, None]
    images = []
    for _ in range(count):
        coarse = above + generator.uniform(0, 185, (5, 6))
        images.append(np.kron(coarse, np.ones((16, 16))).astype(np.uint8))
    return images


def toy_radiographs(count: int) -> list[Radiograph]:
    """Labels for that many images: the classes in turn, a patient each."""
    return [
        Radiograph(Path(f"{index}.png"), CLASS_NAMES[index % 3], f"patient {index}")
        for index in range(count)
    ]
