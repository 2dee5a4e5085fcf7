"""The files that the benchmarks read: the examples, as JPEGs of 1,300 x 1,000."""

import itertools
import os
from pathlib import Path

from PIL import Image

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.jpg"))
SIZE = 1300, 1000  # usual in the data set: 1,328 x 971 on average


def sample(path: Path, size: tuple[int, int] = SIZE, example: int = 0) -> Path:
    """One of the examples, in gray, at this width and height."""
    with Image.open(EXAMPLES[example]) as image:
        image.convert("L").resize(size).save(path, quality=90)
    return path


def folder_of(folder: Path, count: int) -> list[Path]:
    """As many images, the examples in turn; copies are links."""
    folder.mkdir(exist_ok=True)
    paths = []
    for number, example in zip(range(count), itertools.cycle(range(len(EXAMPLES)))):
        path = folder / f"image_{number}.jpg"
        if number < len(EXAMPLES):
            sample(path, example=example)
        else:
            os.link(paths[example], path)
        paths.append(path)
    return paths
