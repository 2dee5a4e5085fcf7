"""What a radiograph may suffer on its way to the model: one table of conditions.

Each is a deterministic function of an image, uint8 (H, W), to one of the same shape.
Lengths are fractions of the image, so that a condition means the same at every size.
"""

import io
from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import Image, ImageFilter

_BORDER = 0.1  # of the width and of the height, on each side


def _border_black(image: np.ndarray) -> np.ndarray:
    """Hides what lies outside the chest: markers, lettering, collimation."""
    changed = np.zeros_like(image)
    changed[_inside(image.shape)] = image[_inside(image.shape)]
    return changed


def _lungs_black(image: np.ndarray) -> np.ndarray:
    """Hides the chest and leaves only the border; see `PERTURBATIONS`."""
    changed = image.copy()
    changed[_inside(image.shape)] = 0
    return changed


def _inside(shape: tuple[int, int]) -> tuple[slice, slice]:
    margins = [round(_BORDER * side) for side in shape]
    return tuple(slice(m, side - m) for m, side in zip(margins, shape, strict=True))


def _jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def _blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian, of `sigma` pixels of an image of 224 by 224."""
    height, width = image.shape
    blur = ImageFilter.GaussianBlur((sigma * width / 224, sigma * height / 224))
    return np.asarray(Image.fromarray(image).filter(blur))


def _rotate(image: np.ndarray, degrees: float) -> np.ndarray:
    """Counter-clockwise about the centre; the corners turn black."""
    turned = Image.fromarray(image).rotate(degrees, Image.Resampling.BILINEAR)
    return np.asarray(turned)


def _contrast(image: np.ndarray, factor: float) -> np.ndarray:
    """About mid-grey, clipped."""
    return _mapped(image, 127.5 + factor * (np.arange(256) - 127.5))


def _gamma(image: np.ndarray, exponent: float) -> np.ndarray:
    """Above 1 darkens."""
    return _mapped(image, 255 * (np.arange(256) / 255) ** exponent)


def _mapped(image: np.ndarray, levels: np.ndarray) -> np.ndarray:
    return np.rint(levels).clip(0, 255).astype(np.uint8)[image]


def _shrink(image: np.ndarray, side: int) -> np.ndarray:
    """Down to a square of `side` pixels and back."""
    small = Image.fromarray(image).resize((side, side), Image.Resampling.BILINEAR)
    back = small.resize(image.shape[::-1], Image.Resampling.BILINEAR)
    return np.asarray(back)


LUNGS_BLACK = "lungs blacked out"
# A network that looks at lungs can tell nothing when they are hidden: under this one
# condition a low AUROC is the good news, and a high one exposes a shortcut.
PERTURBATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as it is": lambda image: image,
    "border blacked out": _border_black,
    "JPEG quality 30": partial(_jpeg, quality=30),
    "blur, sigma 1.5 px of 224": partial(_blur, sigma=1.5),
    "112 px and back": partial(_shrink, side=112),
    "rotated 7° left": partial(_rotate, degrees=7),
    "rotated 7° right": partial(_rotate, degrees=-7),
    "contrast 0.7": partial(_contrast, factor=0.7),
    "contrast 1.3": partial(_contrast, factor=1.3),
    "gamma 0.7": partial(_gamma, exponent=0.7),
    "gamma 1.4": partial(_gamma, exponent=1.4),
    LUNGS_BLACK: _lungs_black,
}
