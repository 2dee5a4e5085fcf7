"""Any mode of Pillow, any array -> grayscale, uint8, the right way up.

The rules for pixel values:

- 8-bit gray is taken as it is; color becomes gray by ITU-R 601-2 luma, Pillow's `L`;
- transparency lies on black;
- anything deeper than 8 bits (16-bit, 32-bit, float) is scaled from its own minimum and
  maximum to 0 and 255, because files rarely say how many of their bits are used. NaN
  and infinity are missing data, and black; so is an image that is constant;
- EXIF orientation is applied. Of GIF and of a phone's multi-picture JPEG, the first
  picture counts; several pages or frames in any other format are an error.
"""

from collections.abc import Iterator

import numpy as np
from PIL import Image

from ..errors import ImageError
from .pillow import MAX_PIXELS

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


def from_pil(image: Image.Image, max_pixels: int) -> tuple[np.ndarray, float]:
    check_size(image.height, image.width, max_pixels)
    if image.format not in ("GIF", "MPO") and getattr(image, "is_animated", False):
        raise ImageError(
            "Expected one image, found a multi-frame {format} file. Save the page or "
            "frame that shows the radiograph as a file of its own.",
            format=image.format,
        )
    image.load()
    gray, colour = _gray(image)
    return _UPRIGHT.get(_orientation(image), np.asarray)(gray), colour


def from_array(array: np.ndarray) -> tuple[np.ndarray, float]:
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
    if array.dtype != np.uint8:
        if array.shape[2:] == (4,):
            opaque = 1.0 if array.dtype.kind == "f" else np.iinfo(array.dtype).max
            array = array[:, :, :3] * (array[:, :, 3:] / opaque)
        array = _scale(array, array.shape)
    return _gray(Image.fromarray(array)) if is_color else (array, 0.0)


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


def _orientation(image: Image.Image) -> object:
    try:
        return image.getexif().get(_EXIF_ORIENTATION)
    except Exception:  # a damaged EXIF block says nothing about the pixels
        return None


def _gray(image: Image.Image) -> tuple[np.ndarray, float]:
    """Any mode of Pillow -> uint8, (H, W), and the share of coloured pixels."""
    if image.mode[0] in "IF":  # I, I;16, I;16B, F
        values = _scale(image, (image.height, image.width))
        if getattr(image, "tag_v2", {}).get(_TIFF_PHOTOMETRIC) == _WHITE_IS_ZERO:
            np.subtract(255, values, out=values)  # Pillow inverts up to 8 bits only
        return values, 0.0
    if image.mode == "L" and not image.has_transparency_data:
        return np.array(image), 0.0
    gray = np.empty((image.height, image.width), np.uint8)
    for rows, strip in _strips(image):
        gray[rows] = _luma(strip)
    return gray, _colour(image)


def _strips(
    pixels: Image.Image | np.ndarray,
) -> Iterator[tuple[slice, Image.Image | np.ndarray]]:
    """Cuts rows of some megapixels, so that what is made of them costs little."""
    is_array = isinstance(pixels, np.ndarray)
    height, width = pixels.shape[:2] if is_array else (pixels.height, pixels.width)
    step = max(1, _STRIP // width)
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


def _colour(image: Image.Image) -> float:
    """The share of a sample of pixels whose channels are far apart."""
    if image.mode == "L":
        return 0.0
    sample = _opaque(image.resize((64, 64), Image.Resampling.NEAREST)).convert("RGB")
    return float((np.ptp(np.asarray(sample), axis=2) > _CHROMA).mean())


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
