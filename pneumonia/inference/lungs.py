"""The lung finder: where the lungs are, and whether there are two of them at all.

A small network looks first. The classifier is then shown the lungs' box alone, since in
the training data the frame around them (how much of it the chest fills, its aspect, its
lettering) differs between the classes.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..config import LUNGS_FILE
from ..errors import ModelError
from .runtime import open_session

MASK_SIDE = 64  # of the mask, in pixels
_INPUT_SIDE = 128
_PALE = 0.1  # probability below which a place has no say in the box
_TAILS = (0.01, 0.99)  # of the mask's mass, that the box leaves outside
_MIDDLE = (1 / 3, 2 / 3)  # of the box's width: where the spine is
SHAPE = (
    "area",
    "width",
    "height",
    "imbalance",
    "gap",
    "overlap",
    "certainty",
    "confidence",
    "filling",
)


@dataclass(frozen=True)
class Lungs:
    """What the finder says of one image.

    Attributes:
        mask: float32 (64, 64), probability of lung at each place of the whole image
            (the heart's shadow between the lungs is not lung).
        box: left, top, right, bottom of both lungs, as shares of the image's sides.
        plausibility: above 0; below 1 where the mask is unlike the lungs of chest
            radiographs (see `shape_of`), half of it twice as unlike.
    """

    mask: np.ndarray
    box: tuple[float, float, float, float]
    plausibility: float

    @property
    def found(self) -> bool:
        """Whether the mask can be believed to be two lungs."""
        return self.plausibility >= 1


class LungFinder:
    """`lungs.onnx` of a model folder; thread-safe.

    The graph takes `inputs`, float32 (N, 128, 128, 1), each image's darkest pixel -1
    and its brightest 1, and gives `mask`, logits (N, 64, 64, 1). Its metadata holds
    what the shapes of real lungs are like: their `mean`, the `precision` (inverse of
    the covariance), and the `limit` of the Mahalanobis distance.

    Attributes:
        square_side: side of the square that images are stretched to before anything
            looks at them, in pixels.
        margin: what the crop adds to the box on each side, as a share of it.
    """

    def __init__(self, content: bytes, threads: int = 0):
        """Loads and checks the graph.

        Args:
            content: of the file.
            threads: processor threads per call; 0 = one per core.
        Raises:
            ModelError: it is another network, or none.
        """
        self._session = open_session(content, LUNGS_FILE, threads)
        facts = self._session.get_modelmeta().custom_metadata_map
        try:
            self._mean = np.array(json.loads(facts["mean"]), np.float64)
            self._precision = np.array(json.loads(facts["precision"]), np.float64)
            self._limit = float(facts["limit"])
            self.square_side = int(facts["square_side"])
            self.margin = float(facts["margin"])
            shapes = [i.shape[1:] for i in self._session.get_inputs()]
            shapes += [o.shape[1:] for o in self._session.get_outputs()]
            if (
                shapes != [[_INPUT_SIDE] * 2 + [1], [MASK_SIDE] * 2 + [1]]
                or self._mean.shape != (len(SHAPE),)
                or self._precision.shape != (len(SHAPE), len(SHAPE))
                or not np.isfinite(self._precision).all()
                or not 0 < self._limit < np.inf
                or not 32 <= self.square_side <= 2048
                or not 0 <= self.margin <= 1
            ):
                raise ValueError
        except (KeyError, ValueError, TypeError, RecursionError):
            raise ModelError(
                f"{LUNGS_FILE} is not a lung finder of this version of the package. "
                "Fetch or export the model again."
            ) from None

    @classmethod
    def of(cls, path: str | Path) -> "LungFinder":
        """From a file, for training; raises a `ModelError` where it cannot be read."""
        try:
            return cls(Path(path).read_bytes())
        except OSError as error:
            raise ModelError(
                f"{Path(path).name} cannot be read ({type(error).__name__}). Name the "
                f"{LUNGS_FILE} of a model folder or of `train-lungs`."
            ) from error

    def __call__(self, square: np.ndarray) -> Lungs:
        """Finds the lungs.

        Args:
            square: the radiograph stretched to a square, uint8 (S, S).
        """
        logits = self._session.run(None, {"inputs": finder_inputs(square)[None]})[0]
        mask = 1 / (1 + np.exp(-logits[0, :, :, 0]))
        offset = shape_of(mask) - self._mean
        # not `@`: BLAS would wake its threads
        distance = np.sqrt(max((offset[:, None] * self._precision * offset).sum(), 0))
        return Lungs(mask, box_of(mask), self._limit / max(distance, 1e-6))


def finder_inputs(square: np.ndarray) -> np.ndarray:
    """What the finder is given: uint8 (S, S) -> float32 (128, 128, 1) in [-1, 1]."""
    side = (_INPUT_SIDE, _INPUT_SIDE)
    small = Image.fromarray(square).resize(side, Image.Resampling.BILINEAR)
    values = np.asarray(small, np.float32)
    low, high = values.min(), values.max()
    return ((values - low) / (high - low + 1e-3) * 2 - 1)[:, :, None]


def box_of(mask: np.ndarray) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of the mask, float (64, 64), as shares of its side.

    The 1st and the 99th percentile of the mask's mass, so that a stray patch, which
    would stretch a bounding box, moves it little.
    """
    mass = np.maximum(mask - _PALE, 0)
    (left, right), (top, bottom) = _extent(mass.sum(axis=0)), _extent(mass.sum(axis=1))
    return left, top, right, bottom


def shape_of(mask: np.ndarray) -> np.ndarray:
    """What tells two lungs from anything else, float64 (9,), in the order of `SHAPE`.

    Args:
        mask: float (64, 64), probability of lung.
    Returns:
        area: share of the image; width, height: of the box, likewise;
        imbalance: how far one half of the box has more than half of the mass;
        gap: the emptiest column of the middle third, where the spine is, against the
        fuller column of the emptier half: 0 for two lungs, 1 for one patch;
        overlap: share of their height that both halves have in common;
        certainty: mean distance of the probabilities from one half, doubled;
        confidence: mean probability where there is lung; filling: area over the box's.
    """
    mask = mask.astype(np.float64)
    mass = np.maximum(mask - _PALE, 0)
    total = mass.sum() + 1e-3
    left, top, right, bottom = box_of(mask)
    width, height = right - left, bottom - top
    places = _places(len(mask))
    in_left_half = places < (left + right) / 2
    columns = mass.sum(axis=0)
    low, high = (left + share * width for share in _MIDDLE)
    middle = columns[(places >= low) & (places <= high)]
    peak = min(
        columns[in_left_half].max(initial=0), columns[~in_left_half].max(initial=0)
    )
    halves = mass[:, in_left_half].sum(axis=1), mass[:, ~in_left_half].sum(axis=1)
    profiles = [half / max(half.sum(), 1e-3) for half in halves]
    area = total / mass.size
    return np.array(
        [
            area,
            width,
            height,
            abs(halves[0].sum() / total - 0.5),
            middle.min(initial=peak) / (peak + 1e-3),
            np.minimum(*profiles).sum(),
            np.abs(2 * mask - 1).mean(),
            (mass * mask).sum() / total,
            area / (width * height + 1e-3),
        ]
    )


def _extent(profile: np.ndarray) -> tuple[float, float]:
    """Where a profile, float (64,), begins and ends, as shares of its length."""
    sums = np.cumsum(profile) / (profile.sum() + 1e-6)
    start, end = np.interp(_TAILS, sums, _places(len(profile)))
    return float(start), float(end)


def _places(count: int) -> np.ndarray:
    return (np.arange(count) + 0.5) / count
