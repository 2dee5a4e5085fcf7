"""The radiographs of a data set, read: which can be, and why the others cannot."""

import sys
from collections.abc import Callable, Iterable
from typing import TypeVar

import numpy as np
from tqdm import tqdm

from ..errors import ImageError
from ..imaging import load_image
from .radiograph import Radiograph

T = TypeVar("T")


def read_images(
    radiographs: Iterable[Radiograph],
    change: Callable[[np.ndarray], T] = lambda image: image,
) -> tuple[list[Radiograph], list[T], dict[str, str]]:
    """Reads the radiographs.

    Args:
        radiographs: to read.
        change: what to keep of an image, uint8 (H, W); the whole archive may not fit
            into memory.
    Returns:
        The radiographs that could be read; what is kept of their images; and for each
        other file, by name, a sentence that says why not.
    """
    readable, images, unreadable = [], [], {}
    # silent where nobody watches
    for radiograph in tqdm(radiographs, "X-rays read", disable=None):
        try:
            images.append(change(load_image(radiograph.path)))
            readable.append(radiograph)
        except ImageError as error:
            unreadable[radiograph.path.name] = str(error)
    return readable, images, unreadable


def read_what_can_be(
    radiographs: Iterable[Radiograph],
    change: Callable[[np.ndarray], T] = lambda image: image,
) -> tuple[list[Radiograph], list[T]]:
    """`read_images` that tells stderr which files are left out, and goes on without."""
    readable, images, unreadable = read_images(radiographs, change)
    for name, reason in unreadable.items():
        print(f"left out {name}: {reason}", file=sys.stderr)
    return readable, images
