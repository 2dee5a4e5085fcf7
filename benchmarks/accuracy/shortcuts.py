"""What do exposure and border of a film tell the network, against its lungs?

    python benchmarks/accuracy/shortcuts.py DATA [VALIDATION] [--model MODEL]

DATA is the Kermany 2018 data set, VALIDATION a text file with the names of the films of
held-out patients (default: the model folder's own). Each film takes on the exposure,
the border, or both, of a film of the other finding. A network that reads lungs answers
as before; one that reads the machine and the archive is led astray.
"""

import argparse
from collections.abc import Callable

import numpy as np
from PIL import Image
from sklearn.metrics import roc_auc_score

from pneumonia import load_predictor
from pneumonia.config import PNEUMONIA
from pneumonia.dataset import VALIDATION_FILE, named, read_films, read_names
from pneumonia.evaluation.evaluate import probability
from pneumonia.evaluation.metrics import OPERATING_POINT
from pneumonia.imaging import load_image
from pneumonia.inference.preprocessing import to_square
from pneumonia.training.augment import match_exposure, swap_border

_SHARE, _WIDTHS = 0.8, (0.12,) * 4  # of the way; of the side


def exposure(film: Image.Image, other: Image.Image) -> Image.Image:
    return match_exposure(film, other, _SHARE)


def border(film: Image.Image, other: Image.Image) -> Image.Image:
    return swap_border(film, other, _WIDTHS)


BORROWED: dict[str, Callable[[Image.Image, Image.Image], Image.Image]] = {
    "nothing": lambda film, other: film,
    "exposure": exposure,
    "border": border,
    "both": lambda film, other: border(exposure(film, other), other),
}


def main() -> None:
    """Prints a line for each thing that is borrowed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("validation", nargs="?")
    parser.add_argument("--model", help="OWNER/NAME[@REVISION] or a folder")
    arguments = parser.parse_args()
    predictor = load_predictor(arguments.model)
    names = arguments.validation or predictor.folder.path / VALIDATION_FILE
    films = named(read_films(arguments.data), read_names(names))
    config = predictor.config
    squares = [
        Image.fromarray(to_square(load_image(film.path), config)) for film in films
    ]
    sick = np.array([film.finding == PNEUMONIA for film in films])
    random = np.random.default_rng(0)
    others = [random.choice(np.flatnonzero(sick != finding)) for finding in sick]
    print("borrowed    AUROC   sensitivity  specificity")
    for name, borrow in BORROWED.items():
        changed = [
            np.asarray(borrow(square, squares[other]))
            for square, other in zip(squares, others, strict=True)
        ]
        scores = np.array(
            [probability(predictor, image, config.temperature) for image in changed]
        )
        called = scores >= OPERATING_POINT
        print(
            f"{name:<10} {roc_auc_score(sick, scores):7.4f} "
            f"{called[sick].mean():11.3f} {(~called[~sick]).mean():12.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
