"""Any mode of Pillow, any array -> grayscale, uint8, the right way up.

The rules for pixel values:

- 8-bit gray is taken as it is; color becomes gray by ITU-R 601-2 luma, Pillow's `L`;
- transparency lies on black; alpha that is 0 everywhere is none, as Windows' clipboard
  has it;
- anything deeper than 8 bits (16-bit, 32-bit, float) is scaled from its own minimum and
  maximum to 0 and 255, because files rarely say how many of their bits are used. NaN
  and infinity are missing data, and black; so is an image that is constant;
- an image whose levels all lie within a small part of the 256 is spread over them:
  values of 4 or 5 bits were stored in 8, and there is nothing to see otherwise;
- EXIF orientation is applied. Of GIF and of a phone's multi-picture JPEG, the first
  picture counts; several pages or frames in any other format are an error.
"""

import math
from collections.abc import Iterator

import numpy as np
from PIL import Image

from ..errors import ImageError
from .pillow import GRAY_WITH_ALPHA, MAX_PIXELS

MIN_SIDE = 64  # pixels; less is an icon
_CHROMA = 40  # of 255, between the channels of a pixel that is clearly coloured
_EXIF_ORIENTATION = 0x0112
_UPRIGHT = {  # EXIF orientation -> how to undo it
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.T,
    6: lambda image: image[::-1].T,
    7: lambda image: image[::-1, ::-1].T,
    8: lambda image: image.T[::-1],
}
_TIFF_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0
_STRIP = 2**22  # pixels converted at once
# Of 256: fewer are a mistake of whoever wrote the file. Among 8,741 radiographs of ten
# sources the one with the fewest has 62 (the tails, of a thousandth each, left out).
_FEW_LEVELS = 48
_TAIL = 0.001  # of the pixels: marks and hot pixels
_SAMPLE = 2**16  # pixels, which mostly tell that the levels are not few


def from_pil(
    image: Image.Image, max_pixels: int, low: Image.Image | None = None
) -> tuple[np.ndarray, float]:
    """Gray, uint8 (H, W), and the share of coloured pixels, in [0, 1].

    Args:
        image: any mode; a file need not be decoded yet.
        max_pixels: how many it may have.
        low: the same with the lower bytes of 16-bit samples, see `pillow.open_image`.
    """
    check_size(image.height, image.width, max_pixels)
    if image.format not in ("GIF", "MPO") and getattr(image, "is_animated", False):
        raise ImageError(
            "Expected one image, found a multi-frame {format} file. Save the page or "
            "frame that shows the X-ray as a file of its own.",
            format=image.format,
        )
    image.load()
    orientation = _orientation(image)
    if low is not None:
        return from_samples(_joined(image, low), orientation=orientation)
    gray, colour = _gray(image)
    return _upright(gray, orientation), colour


def from_samples(
    samples: np.ndarray, is_white_zero: bool = False, orientation: object = 1
) -> tuple[np.ndarray, float]:
    """Like `from_pil`, of a file's samples.

    Args:
        samples: (H, W), or (H, W, C) with C = 1 or 3, or 2 or 4 with alpha.
        is_white_zero: gray whose 0 is white.
        orientation: of EXIF.
    """
    gray, colour = _from_any(samples)
    if is_white_zero and samples.ndim == 2:
        np.subtract(255, gray, out=gray)
    return _upright(gray, orientation), colour


def from_array(array: np.ndarray) -> tuple[np.ndarray, float]:
    """Like `from_pil`, of an array as `load_image` takes it."""
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    is_color = array.ndim == 3 and array.shape[2] in (3, 4)
    if array.dtype.kind not in "buif" or not (array.ndim == 2 or is_color):
        raise ImageError(
            "Expected an array of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) and "
            "of bool, integers or floats; found {shape} of {dtype}. Reshape or convert "
            "it; for several images, pass them one by one.",
            shape=str(array.shape),
            dtype=str(array.dtype),
        )
    check_size(*array.shape[:2], MAX_PIXELS)
    if array.dtype == bool:
        array = array * np.uint8(255)
    return _from_any(array)


def _from_any(array: np.ndarray) -> tuple[np.ndarray, float]:
    if array.dtype != np.uint8:
        if array.shape[2:] in ((2,), (4,)):
            array = _on_black(array)
        array = _scale(array, array.shape)
    if array.ndim == 3 and array.shape[2] > 1:
        return _gray(Image.fromarray(array))
    return array.reshape(array.shape[:2]), 0.0


def spread(image: np.ndarray) -> np.ndarray:
    """Spreads levels that lie within a small part of the 256; all else is as it was.

    Args:
        image: uint8 (H, W).
    """
    step = math.isqrt(image.size // _SAMPLE) + 1
    if _span(np.ascontiguousarray(image[::step, ::step])) is None:
        return image  # as good as every image, told by a part of it
    span = _span(image)
    if span is None:
        return image
    low, high = span
    levels = (np.arange(256.0) - low) / (high - low)
    return (np.clip(levels, 0, 1) * 255 + 0.5).astype(np.uint8)[image]


def count_shades(image: np.ndarray) -> int:
    """How many of the 256 levels an image, uint8 (H, W), has."""
    return sum(count > 0 for count in Image.fromarray(image).histogram())


def _span(image: np.ndarray) -> tuple[int, int] | None:
    """The lowest and highest level, less the tails, where they are few and not one."""
    counts = np.cumsum(Image.fromarray(image).histogram())
    ends = np.array([_TAIL, 1 - _TAIL]) * image.size
    low, high = map(int, np.searchsorted(counts, ends))
    return (low, high) if 0 < high - low < _FEW_LEVELS else None


def check_size(height: int, width: int, max_pixels: int) -> None:
    if height * width > max_pixels:
        raise ImageError(
            "The image is too large: expected at most {limit} megapixels, found "
            "{width:,} x {height:,}. Scale it down.",
            limit=max_pixels // 10**6,
            width=width,
            height=height,
        )
    if min(height, width) < MIN_SIDE:
        raise ImageError(
            "The image is too small: expected at least {limit} pixels a side, found "
            "{width:,} x {height:,}. Use the original, not a thumbnail.",
            limit=MIN_SIDE,
            width=width,
            height=height,
        )


def _upright(gray: np.ndarray, orientation: object) -> np.ndarray:
    return _UPRIGHT.get(orientation, np.asarray)(gray)


def _orientation(image: Image.Image) -> object:
    try:
        return image.getexif().get(_EXIF_ORIENTATION)
    except Exception:  # a damaged EXIF block says nothing about the pixels
        return None


def _gray(image: Image.Image) -> tuple[np.ndarray, float]:
    """Any mode of Pillow -> uint8, (H, W), and the share of coloured pixels."""
    if image.mode[0] in "IF":  # I, I;16, I;16B, F
        pixels, clear = image, image.info.get("transparency")
        if isinstance(clear, int):  # of a PNG: the value that stands for no pixel
            pixels = np.array(image)
            pixels[pixels == clear] = 0
        values = _scale(pixels, (image.height, image.width))
        if getattr(image, "tag_v2", {}).get(_TIFF_PHOTOMETRIC) == _WHITE_IS_ZERO:
            np.subtract(255, values, out=values)  # Pillow inverts up to 8 bits only
        return values, 0.0
    if image.mode == "L" and not image.has_transparency_data:
        return np.array(image), 0.0
    is_clear = _is_all_clear(image)
    gray = np.empty((image.height, image.width), np.uint8)
    for rows, strip in _strips(image):
        gray[rows] = _luma(_without_alpha(strip) if is_clear else strip)
    return gray, _colour(image, is_clear)


def _strips(
    pixels: Image.Image | np.ndarray,
) -> Iterator[tuple[slice, Image.Image | np.ndarray]]:
    """Cuts rows of some megapixels, so that what is made of them costs little."""
    is_array = isinstance(pixels, np.ndarray)
    height, width = pixels.shape[:2] if is_array else (pixels.height, pixels.width)
    bands = pixels.shape[2] if is_array and pixels.ndim == 3 else 1
    step = max(1, _STRIP // (width * bands))
    for top in range(0, height, step):
        rows = slice(top, min(top + step, height))
        if is_array:
            yield rows, pixels[rows]
        else:
            yield rows, pixels.crop((0, rows.start, width, rows.stop))


def _luma(image: Image.Image) -> Image.Image:
    """Any mode up to 8 bits -> `L`."""
    image = _opaque(image)
    if image.mode not in ("1", "L", "P", "RGB"):
        image = image.convert("RGB")  # from LAB, Pillow reaches L no other way
    return image.convert("L")


def _opaque(image: Image.Image) -> Image.Image:
    """Puts on black what is transparent."""
    if not image.has_transparency_data:
        return image
    black = Image.new("RGBA", image.size, (0, 0, 0, 255))
    return Image.alpha_composite(black, image.convert("RGBA"))


def _is_all_clear(image: Image.Image) -> bool:
    """Whether the alpha is 0 everywhere, which nobody can have meant."""
    if image.mode in ("RGBA", "LA", "PA"):
        return image.getextrema()[-1] == (0, 0)
    clear = image.info.get("transparency")
    if image.mode != "P" or not isinstance(clear, bytes):
        return False
    return not any(clear) and image.getextrema()[1] < len(clear)


def _without_alpha(image: Image.Image) -> Image.Image:
    return image.convert("L" if image.mode == "LA" else "RGB")


def _colour(image: Image.Image, is_clear: bool) -> float:
    """The share of a sample of pixels whose channels are far apart."""
    if image.mode == "L":
        return 0.0
    sample = image.resize((64, 64), Image.Resampling.NEAREST)
    sample = (_without_alpha if is_clear else _opaque)(sample).convert("RGB")
    return float((np.ptp(np.asarray(sample), axis=2) > _CHROMA).mean())


def _joined(high: Image.Image, low: Image.Image) -> np.ndarray:
    """Samples of 16 bits, (H, W, C), of the two readings of a file."""
    clear = high.info.get("transparency")
    if low.info.get(GRAY_WITH_ALPHA):
        samples = np.asarray(low).view(">u2").astype(np.uint16)
    else:
        samples = np.asarray(high).astype(np.uint16)
        high.close()  # as large as the samples
        samples <<= 8
        samples |= np.asarray(low)
    low.close()
    if isinstance(clear, tuple):  # of a PNG: the colour that stands for no pixel
        samples[(samples == clear).all(axis=2)] = 0
    return samples


def _on_black(array: np.ndarray) -> np.ndarray:
    """Multiplies deep samples, (H, W, 2) or (H, W, 4), with their alpha."""
    samples, alpha = array[:, :, :-1], array[:, :, -1:]
    if not alpha.any():
        return samples
    opaque = 1.0 if array.dtype.kind == "f" else np.iinfo(array.dtype).max
    is_short = array.dtype.kind == "u" and array.dtype.itemsize <= 2
    on_black = np.empty(samples.shape, array.dtype if is_short else np.float32)
    for rows, strip in _strips(samples):
        levels = strip * (alpha[rows] / opaque)
        on_black[rows] = np.rint(levels, out=levels) if is_short else levels
    return on_black


def _scale(pixels: Image.Image | np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Maps the minimum to 0 and the maximum to 255, halves rounded up.

    Args:
        pixels: integers or floats, (H, W) or (H, W, C).
        shape: theirs.

    Returns:
        uint8, same shape; 0 where the value is not finite, or everywhere if constant.
    """
    low, high = np.inf, -np.inf
    for _, strip in _strips(pixels):
        known = np.asarray(strip)
        if known.dtype.kind == "f":
            known = known[np.isfinite(known)]
        if known.size:
            low, high = min(low, float(known.min())), max(high, float(known.max()))
    if low > high:
        raise ImageError(
            "Expected an image with finite values, found only NaN or infinity. "
            "Check how the file or array was made."
        )
    scaled = np.zeros(shape, np.uint8)
    if high > low:
        for rows, strip in _strips(pixels):
            levels = np.subtract(strip, low, dtype=np.float64)
            levels *= 255
            levels /= high - low
            levels += 0.5
            if np.asarray(strip).dtype.kind == "f":
                levels[~np.isfinite(levels)] = 0
            scaled[rows] = levels
    return scaled
