"""The batches of an epoch: which images, with whose look, taught as what."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from ..config import NORMAL, PNEUMONIA, ModelConfig
from ..dataset import CLASS_NAMES, Elsewhere
from ..inference.preprocessing import Crop, to_inputs
from .augment import augment
from .look import Look, look_of


@dataclass(frozen=True)
class Shown:
    """Images as the network will be shown them; lists of length N.

    Attributes:
        squares: uint8 (Q, Q), the whole images.
        crops: the lungs' boxes with their margins.
    """

    squares: Sequence[np.ndarray]
    crops: Sequence[Crop]

    @classmethod
    def of(cls, pairs: Iterable[tuple[np.ndarray, Crop]]) -> "Shown":
        """From squares and their crops."""
        pairs = list(pairs)
        return cls([square for square, _ in pairs], [crop for _, crop in pairs])

    def inputs(self, config: ModelConfig, chosen: Iterable[int]) -> np.ndarray:
        """Those images unchanged, as when serving: float32 (n, S, S, 3)."""
        side = config.image_size
        cuts = (self.crops[index].cut(self.squares[index], side) for index in chosen)
        return np.stack([to_inputs(cut, config) for cut in cuts])

    def looks(self, side: int) -> list[Look]:
        """Their looks, measured in crops of that many pixels."""
        pairs = zip(self.crops, self.squares, strict=True)
        return [look_of(crop.cut(square, side)) for crop, square in pairs]


@dataclass(frozen=True)
class External:
    """Images of other hospitals that are learnt from.

    Attributes:
        shown: all of them; each may lend its look.
        normals: for each source that has some, their places.
        pneumonias: places of all sources' pneumonias.
    """

    shown: Shown
    normals: Sequence[np.ndarray]
    pneumonias: np.ndarray

    @classmethod
    def of(cls, images: Sequence[Elsewhere], shown: Shown) -> "External":
        """From the images' labels."""
        finding = np.array([image.finding for image in images])
        source = np.array([image.source for image in images])
        normals = [
            np.flatnonzero((finding == NORMAL) & (source == name))
            for name in np.unique(source[finding == NORMAL])
        ]
        return cls(shown, normals, np.flatnonzero(finding == PNEUMONIA))


class Batches(keras.utils.PyDataset):
    """One epoch: classes drawn equally often, some images of other hospitals."""

    def __init__(
        self,
        shown: Shown,
        labels: np.ndarray,
        external: External | None,
        looks: tuple[Sequence[Look], Sequence[Look]],
        config: ModelConfig,
        recipe,
        epoch: int,
    ):
        """Draws the images.

        Args:
            shown: radiographs of the archive.
            labels: int (N,), their classes.
            external: images of other hospitals; None: there are none.
            looks: of the archive's images and of the external ones, in their order.
            config: how images become inputs.
            recipe: see `train.Recipe`.
            epoch: number of the epoch; with the seed, it decides every draw.
        """
        super().__init__()
        self._shown, self._labels, self._external = shown, labels, external
        self._looks, self._config, self._recipe = looks, config, recipe
        self._seed = (recipe.seed, epoch)
        self._order = draw_equally(labels, np.random.default_rng(self._seed))

    def __len__(self) -> int:
        return len(self._order) // self._recipe.batch_size

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Inputs, float32 (B, S, S, 3), and targets, float32 (B, C)."""
        recipe, classes = self._recipe, len(CLASS_NAMES)
        random = np.random.default_rng((*self._seed, index))
        start = index * recipe.batch_size
        chosen = self._order[start : start + recipe.batch_size]
        smooth = np.full(classes, recipe.label_smoothing / classes, np.float32)
        targets = (1 - recipe.label_smoothing) * np.eye(classes, dtype=np.float32)
        targets = targets + smooth
        pairs = []
        for place, target in self._draw_external(random, targets):
            shown = self._external.shown
            pairs.append((shown.squares[place], shown.crops[place], target))
        for place in chosen[len(pairs) :]:
            square, crop = self._shown.squares[place], self._shown.crops[place]
            pairs.append((square, crop, targets[self._labels[place]]))
        side, normal = self._config.image_size, CLASS_NAMES.index(NORMAL)
        images = [
            augment(
                square,
                crop,
                side,
                random,
                self._lent(random),
                recipe.soft[0 if target.argmax() == normal else 1],
            )
            for square, crop, target in pairs
        ]
        inputs = np.stack([to_inputs(image, self._config) for image in images])
        return inputs, np.stack([target for _, _, target in pairs])

    def _draw_external(
        self, random: np.random.Generator, targets: np.ndarray
    ) -> list[tuple[int, np.ndarray]]:
        """Places of other hospitals' images, and what they are taught as."""
        if not self._external:
            return []
        drawn, (normals, pneumonias) = [], self._recipe.elsewhere
        if pools := self._external.normals:
            # a source counts for more than its size, and a large one for less
            weights = np.sqrt([len(pool) for pool in pools])
            for _ in range(normals):
                pool = pools[random.choice(len(pools), p=weights / weights.sum())]
                drawn.append((random.choice(pool), targets[CLASS_NAMES.index(NORMAL)]))
        if len(self._external.pneumonias):
            target = np.array(self._recipe.elsewhere_target, np.float32)
            for _ in range(pneumonias):
                drawn.append((random.choice(self._external.pneumonias), target))
        return drawn

    def _lent(self, random: np.random.Generator) -> Look:
        """The look of any image: half of them of other hospitals; half of normals."""
        own, others = self._looks
        if others and random.random() < 0.5:
            return others[random.integers(len(others))]
        is_normal = self._labels == CLASS_NAMES.index(NORMAL)
        kind = is_normal if random.random() < 0.5 else ~is_normal
        return own[random.choice(np.flatnonzero(kind))]


def draw_equally(labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Indices of as many images as there are, each class as often, shuffled.

    Within a class no image comes again before all of it have come.
    """
    share = -(-len(labels) // len(CLASS_NAMES))
    drawn = []
    for label in range(len(CLASS_NAMES)):
        members = np.flatnonzero(labels == label)
        rounds = -(-share // len(members))
        drawn.extend(
            np.concatenate([random.permutation(members) for _ in range(rounds)])[:share]
        )
    return random.permutation(drawn)[: len(labels)]
