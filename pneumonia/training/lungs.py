"""The lung finder: its network, its data and its training.

    python -m pneumonia train-lungs kermany jsrt montgomery shenzhen \
        --validation VALIDATION --out RUN

made the bundled finder from 4,474 children's radiographs of Kermany 2018 with the
lung masks that V7 Labs' annotators drew (CC BY 4.0), and from adults' of the JSRT,
Montgomery and Shenzhen sets. A separable U-net (Ronneberger 2015, arXiv:1505.04597) of
0.14 million parameters; Dice (Milletari 2016, arXiv:1606.04797) plus cross-entropy.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops
from PIL import Image, ImageFilter

from ..errors import PneumoniaError
from ..inference.lungs import MASK_SIDE, finder_inputs

MASKS_FOLDER = "lungs"
_INPUT_SIDE = 2 * MASK_SIDE
_STORED_SIDE = 160  # of images in memory: more than the input, for zooming in
_BATCH = 64


@dataclass(frozen=True)
class Drawn:
    """Radiographs with their lungs drawn.

    Attributes:
        images: uint8 (N, 160, 160), stretched.
        masks: bool (N, 160, 160).
        held_out: bool (N,), not to be learnt from.
    """

    images: np.ndarray
    masks: np.ndarray
    held_out: np.ndarray

    def part(self, held_out: bool) -> "Drawn":
        """Those that are, or are not, held out."""
        chosen = self.held_out == held_out
        return Drawn(self.images[chosen], self.masks[chosen], self.held_out[chosen])


def read_drawn(folders: Iterable[str | Path], names: Sequence[str] = ()) -> Drawn:
    """Reads radiographs and masks.

    Args:
        folders: each with masks (0 = no lung) in a sub-folder `lungs`, and beside it
            the radiographs, under the same names but for the ending.
        names: file names to hold out; of a folder that has none of them, every twelfth
            image is held out.
    Raises:
        PneumoniaError: a folder has no such pair.
    """
    images, masks, held_out = [], [], []
    for folder in map(Path, folders):
        pairs = _pairs(folder)
        listed = [image.name in names for image, _ in pairs]
        if not any(listed):
            listed = [index % 12 == 0 for index in range(len(pairs))]
        held_out += listed
        for image, mask in pairs:
            images.append(_read(image, Image.Resampling.BILINEAR))
            masks.append(_read(mask, Image.Resampling.NEAREST) > 60)
    return Drawn(np.stack(images), np.stack(masks), np.array(held_out))


def _pairs(folder: Path) -> list[tuple[Path, Path]]:
    masks = {path.stem: path for path in sorted((folder / MASKS_FOLDER).rglob("*.png"))}
    images = {
        path.stem: path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and MASKS_FOLDER not in path.relative_to(folder).parts
    }
    pairs = [(images[stem], masks[stem]) for stem in masks if stem in images]
    if not pairs:
        raise PneumoniaError(
            f"{folder.name} holds no X-ray with a mask of the same name. Expected "
            f"masks as PNG in its sub-folder {MASKS_FOLDER}, X-rays beside it."
        )
    return pairs


def _read(path: Path, filter: Image.Resampling) -> np.ndarray:
    with Image.open(path) as image:
        size = (_STORED_SIDE, _STORED_SIDE)
        return np.asarray(image.convert("L").resize(size, filter))


def build_finder(width: int = 16) -> keras.Model:
    """A separable U-net: `image` float32 (N, 128, 128, 1) -> logits (N, 64, 64, 1)."""

    def block(x, filters, stride=1):
        x = layers.SeparableConv2D(filters, 3, stride, padding="same", use_bias=False)(
            x
        )
        return layers.ReLU()(layers.BatchNormalization()(x))

    image = keras.Input((_INPUT_SIDE, _INPUT_SIDE, 1), name="image")
    x = layers.Conv2D(width, 3, 2, padding="same", use_bias=False)(image)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = block(x, 24)
    levels = []
    for filters in (32, 64, 96):
        levels.append((x, filters))
        x = block(block(x, filters, 2), filters)
    levels.append((x, 128))
    x = block(block(block(x, 128, 2), 128), 128)
    around = layers.GlobalAveragePooling2D(keepdims=True)(x)  # the whole image's say
    x = layers.Add()([x, layers.Dense(128)(around)])
    for (skip, _), filters in zip(reversed(levels), (96, 64, 32, 24), strict=True):
        x = layers.UpSampling2D(2, interpolation="bilinear")(x)
        x = block(layers.Concatenate()([x, skip]), filters)
    return keras.Model(image, layers.Conv2D(1, 1, name="mask")(x))


def train_finder(
    drawn: Drawn,
    folder: Path,
    epochs: int = 7,
    steps: int = 90,
    rate: float = 4e-3,
    initial: str | Path | None = None,
    seed: int = 0,
    build=build_finder,
) -> tuple[keras.Model, dict[str, float]]:
    """Trains a finder and leaves `lungs.weights.h5` in the folder.

    Args:
        drawn: from `read_drawn`.
        folder: to create.
        epochs, steps: of 64 images each.
        rate: the highest learning rate; it falls as a cosine.
        initial: first weights; None: random.
        seed: of every draw.
        build: `build_finder`, or a smaller network of its form.
    Returns:
        The finder, and its `dice` on the images held out, at a probability of one half.
    """
    keras.utils.set_random_seed(seed)
    model = build()
    if initial:
        model.load_weights(initial)
    schedule = keras.optimizers.schedules.CosineDecay(rate, steps * epochs)
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=1e-3), _loss, metrics=[_dice]
    )
    unseen = drawn.part(held_out=True)
    inputs = np.stack([finder_inputs(image) for image in unseen.images])
    masks = np.stack([_shrunk(mask) for mask in unseen.masks])
    history = model.fit(
        _Batches(drawn.part(held_out=False), steps, seed),
        validation_data=(inputs, masks),
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=_tell)],
    )
    folder.mkdir(parents=True, exist_ok=True)
    model.save_weights(folder / "lungs.weights.h5")
    return model, {"dice": history.history["val__dice"][-1]}


def _tell(epoch: int, logs: dict) -> None:
    print(f"epoch {epoch + 1}: {json.dumps(logs)}", file=sys.stderr, flush=True)


class _Batches(keras.utils.PyDataset):
    """Changed images and their masks, drawn anew for each step."""

    def __init__(self, drawn: Drawn, steps: int, seed: int):
        super().__init__(workers=2, max_queue_size=4)
        self._drawn, self._steps, self._seed, self._epoch = drawn, steps, seed, 0

    def __len__(self) -> int:
        return self._steps

    def on_epoch_end(self) -> None:
        self._epoch += 1

    def __getitem__(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng((self._seed, self._epoch, step))
        chosen = random.choice(len(self._drawn.images), _BATCH)
        pairs = [
            change(self._drawn.images[index], self._drawn.masks[index], random)
            for index in chosen
        ]
        inputs = np.stack([finder_inputs(image) for image, _ in pairs])
        return inputs, np.stack([_shrunk(mask) for _, mask in pairs])


def change(
    image: np.ndarray, mask: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Another frame, exposure and border, and opacities painted in, of one chest.

    Args:
        image: uint8 (S, S).
        mask: bool (S, S); moves with the image.
        random: decides everything.
    """
    image, mask = _frame(image, mask, random)
    values = image.astype(np.float32) / 255
    if random.random() < 0.3:  # a consolidation, or a white lung
        values = _opacity(values, random)
    if random.random() < 0.25:  # a collimator, or the edge of the image
        side = len(values)
        borders = random.integers(0, int(0.17 * side), 4)
        inside = np.zeros_like(values, bool)
        inside[borders[0] : side - borders[1], borders[2] : side - borders[3]] = True
        values = np.where(inside, values, random.choice([0, 0, 0, 1, 0.5]))
    values = np.clip(values, 0, 1) ** np.exp(random.normal(0, 0.35))
    contrast = np.exp(random.normal(0, 0.25))
    values = (values - 0.5) * contrast + 0.5 + random.normal(0, 0.08)
    if random.random() < 0.3:
        values = values + random.normal(0, random.uniform(0.01, 0.05), values.shape)
    shown = Image.fromarray((np.clip(values, 0, 1) * 255).astype(np.uint8))
    if random.random() < 0.2:
        shown = shown.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 1.5)))
    return np.asarray(shown), mask


def _frame(
    image: np.ndarray, mask: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Rotation, zoom, aspect, shift and mirror."""
    side = len(image)
    angle = random.normal(0, np.deg2rad(6))
    zoom, aspect = np.exp(random.normal(0, 0.22)), np.exp(random.normal(0, 0.15))
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.array([[cos, -sin], [sin, cos]]) @ np.diag(
        [zoom * aspect * random.choice([-1, 1]), zoom / aspect]
    )
    centre = np.full(2, side / 2)
    shift = centre - matrix @ centre + random.normal(0, 0.056 * side, 2)
    coefficients = tuple(np.column_stack([matrix, shift]).ravel())
    fill = int(random.choice([0, 0, 0, 255, 128]))

    def moved(array: np.ndarray, fill: int) -> np.ndarray:
        return np.asarray(
            Image.fromarray(array).transform(
                (side, side),
                Image.Transform.AFFINE,
                coefficients,
                Image.Resampling.BILINEAR,
                fillcolor=fill,
            )
        )

    return moved(image, fill), moved(mask.astype(np.uint8) * 255, 0) > 127


def _opacity(values: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A soft white patch, of up to a lung's size."""
    side = len(values)
    rows, columns = np.mgrid[:side, :side] / side
    centre, spread = random.uniform(0.15, 0.85, 2), random.uniform(0.06, 0.27, 2)
    weight = random.uniform(0.3, 1) * np.exp(
        -(((rows - centre[0]) / spread[0]) ** 2)
        - ((columns - centre[1]) / spread[1]) ** 2
    )
    return values + (random.uniform(0.6, 0.95) - values) * weight


def _shrunk(mask: np.ndarray) -> np.ndarray:
    """bool (S, S) -> float32 (64, 64, 1) of 0 and 1."""
    image = Image.fromarray(mask.astype(np.uint8) * 255)
    small = image.resize((MASK_SIDE, MASK_SIDE), Image.Resampling.BILINEAR)
    return (np.asarray(small) > 127).astype(np.float32)[:, :, None]


def _loss(masks, logits):
    """Cross-entropy plus soft Dice."""
    probabilities = ops.sigmoid(logits)
    entropy = keras.losses.binary_crossentropy(masks, logits, from_logits=True)
    return ops.mean(entropy) + 1 - ops.mean(_overlap(masks, probabilities))


def _dice(masks, logits):
    return ops.mean(_overlap(masks, ops.cast(logits > 0, "float32")))


def _overlap(one, other):
    both, total = ops.sum(one * other, (1, 2, 3)), ops.sum(one + other, (1, 2, 3))
    return (2 * both + 1) / (total + 1)
