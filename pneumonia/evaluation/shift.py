"""How a model holds where the images change: the table that models are chosen by.

Validation images of the training archive reward whatever tells its classes apart, the
frame and the machine's processing included. So models are compared on the same images
under changes that leave the lungs alone, most of them borrowed from an image of the
other finding, and on X-rays of other hospitals.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from PIL import Image
from sklearn.metrics import roc_auc_score

from ..training.augment import match_exposure, swap_border, write
from ..training.look import lend, look_of

Change = Callable[[np.ndarray, np.ndarray], np.ndarray]

SIDE = 224  # pixels, of the squares that are changed
_BORDER = (0.1, 0.1, 0.1, 0.1)  # of the side, that is another image's


def _framed(image: np.ndarray, other: np.ndarray, wide: float, high: float):
    """The chest that many times as wide and high in the frame; black around it."""
    side = len(image)
    shifts = [(1 - 1 / zoom) * side / 2 for zoom in (wide, high)]
    return np.asarray(
        Image.fromarray(image).transform(
            (side, side),
            Image.Transform.AFFINE,
            (1 / wide, 0, shifts[0], 0, 1 / high, shifts[1]),
            Image.Resampling.BICUBIC,
        )
    )


def _look(image: np.ndarray, other: np.ndarray) -> np.ndarray:
    lent = lend(image.astype(np.float32), look_of(other), detail=1.0, greys=0.0)
    return lent.round().astype(np.uint8)


def _exposure(image: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.asarray(match_exposure(Image.fromarray(image), Image.fromarray(other), 1))


def _border(image: np.ndarray, other: np.ndarray) -> np.ndarray:
    pair = Image.fromarray(image), Image.fromarray(other)
    return np.asarray(swap_border(*pair, _BORDER))


def _lettering(image: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.asarray(write(Image.fromarray(image), "12:45 AP", (0.05, 0.05), 0.07))


def _all(image: np.ndarray, other: np.ndarray) -> np.ndarray:
    return _border(_exposure(_look(image, other), other), other)


def _jpeg(image: np.ndarray, other: np.ndarray) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=40)
    return np.asarray(Image.open(stream))


AS_IT_IS = "as it is"
# Of squares, uint8 (S, S): the image, and one of the other finding to borrow from.
CHANGES: dict[str, Change] = {
    AS_IT_IS: lambda image, other: image,
    **{
        f"{round(100 * (zoom - 1)):+d} % {what}": partial(
            _framed,
            wide=zoom if "wide" in what or "size" in what else 1,
            high=zoom if "high" in what or "size" in what else 1,
        )
        for zoom in (0.7, 0.85, 1.15, 1.3)
        for what in ("wide", "high", "size")
    },
    "look borrowed": _look,
    "exposure borrowed": _exposure,
    "border borrowed": _border,
    "lettering": _lettering,
    "look, exposure, border borrowed": _all,
    "JPEG quality 40": _jpeg,
}


def changed(
    squares: Sequence[np.ndarray], positive: np.ndarray, change: Change
) -> list[np.ndarray]:
    """Images under a change; each borrows from one of the other finding.

    Args:
        squares: uint8 (S, S).
        positive: bool (N,), which show pneumonia; both kinds occur.
        change: of `CHANGES`.
    """
    random = np.random.default_rng(0)
    donors = [np.flatnonzero(~positive), np.flatnonzero(positive)]
    return [
        change(square, squares[random.choice(donors[int(not shows)])])
        for square, shows in zip(squares, positive, strict=True)
    ]


def shift_table(
    log_odds: Callable[[Sequence[np.ndarray]], np.ndarray],
    squares: Sequence[np.ndarray],
    positive: np.ndarray,
) -> dict[str, Mapping[str, float]]:
    """AUROC, sensitivity and specificity (at log-odds 0) under each change.

    Args:
        log_odds: images -> float (N,), what the model says for pneumonia.
        squares: validation images, uint8 (S, S).
        positive: bool (N,), which show pneumonia.
    """
    return {
        name: rates(log_odds(changed(squares, positive, change)), positive)
        for name, change in CHANGES.items()
    }


def rates(scores: np.ndarray, positive: np.ndarray) -> dict[str, float]:
    """AUROC, sensitivity and specificity at a score of 0."""
    return {
        "AUROC": float(roc_auc_score(positive, scores)),
        "sensitivity": float((scores[positive] > 0).mean()),
        "specificity": float((scores[~positive] <= 0).mean()),
    }
