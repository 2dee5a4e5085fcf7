"""What the gate refuses: other images by kind, X-rays, and X-rays gone wrong.

    python benchmarks/accuracy/gate.py DATA VALIDATION STRANGERS

DATA is the Kermany 2018 data set, VALIDATION a text file with the names of the X-rays
of held-out patients, STRANGERS a folder with one sub-folder of images per kind. The
gate is fitted on chest X-rays alone, so each kind is one that it was never shown. But
its limit was fitted on altered copies of the X-rays of VALIDATION, and its form and
weights were chosen with such images at hand: kinds that nobody thought of may do worse.
"""

import argparse
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from pneumonia import load_predictor
from pneumonia.dataset import named, read_names, read_radiographs
from pneumonia.imaging import Source, load_image
from pneumonia.inference.gate import REFUSALS
from pneumonia.predictor import Predictor

MISTREATED = {
    "X-ray, inverted": lambda image: 255 - image,
    "X-ray, turned left": lambda image: np.rot90(image, 1),
    "X-ray, turned right": lambda image: np.rot90(image, 3),
    "X-ray, upside down": lambda image: np.rot90(image, 2),
}


def main() -> None:
    """Prints a line for each kind: how many are refused, and as what."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("validation")
    parser.add_argument("strangers", type=Path)
    parser.add_argument("--model", help="OWNER/NAME[@REVISION] or a folder")
    arguments = parser.parse_args()
    predictor = load_predictor(arguments.model)
    radiographs = named(
        read_radiographs(arguments.data), read_names(arguments.validation)
    )
    images = [load_image(one.path) for one in radiographs]
    tell("X-ray", predictor, images)
    for kind, change in MISTREATED.items():
        tell(kind, predictor, (change(image) for image in images[::4]))
    total = Counter()
    for folder in sorted(arguments.strangers.iterdir()):
        total += tell(folder.name, predictor, sorted(folder.iterdir()))
    print(f"{'all strangers':<24} {_share(total)}")


def tell(kind: str, predictor: Predictor, sources: Iterable[Source]) -> Counter:
    """Prints and returns how often each answer was given; `None`: let through."""
    reasons = {sentence: name for name, sentence in REFUSALS.items()}
    answers = Counter(
        p.error and "unreadable" or reasons.get(p.refusal)
        for p in predictor.batch(sources)
    )
    named = ", ".join(f"{count} {name}" for name, count in answers.items() if name)
    print(f"{kind:<24} {_share(answers)}  {named}", flush=True)
    return answers


def _share(answers: Counter) -> str:
    refused = answers.total() - answers[None]
    share = 100 * refused / answers.total()
    return f"{refused:>4} of {answers.total():>4} refused, {share:5.1f} %"


if __name__ == "__main__":
    main()
