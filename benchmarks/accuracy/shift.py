"""How a model holds under shift: the table that models are chosen by.

    python benchmarks/accuracy/shift.py DATA ELSEWHERE [--originals FOLDER]

DATA is the Kermany 2018 data set; what is measured on are the validation images that
the model folder lists. ELSEWHERE is a CSV file of X-rays of other hospitals with the
columns path, patient and side, of which only those whose side is `judge` are used. The
FOLDER holds originals of images of DATA, in their full size, under the same names: its
line says how far the log-odds of the two are apart.
Every figure is the network's alone, whether the gate refuses the image or not.

The rule, written before the runs were compared: of the candidates whose sensitivity and
specificity at 0.5 stay within 3 points of plain under every 15 % change of frame, the
one with the highest mean of three AUROCs: the mean under the changes, that of other
hospitals' adults, and that of their children.

The rule looks at ranking alone, so its choice is exported, and ships unless its card is
worse elsewhere. docs/training.md has what was compared.
"""

import argparse

import numpy as np

from pneumonia import load_predictor
from pneumonia.config import PNEUMONIA
from pneumonia.dataset import (
    OTHER,
    VALIDATION_FILE,
    named,
    read_elsewhere,
    read_names,
    read_radiographs,
    read_what_can_be,
)
from pneumonia.evaluation.evaluate import probability
from pneumonia.evaluation.shift import SIDE, rates, shift_table
from pneumonia.inference.preprocessing import to_square


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("elsewhere")
    parser.add_argument("--originals", metavar="FOLDER")
    parser.add_argument("--model", help="OWNER/NAME[@REVISION] or a folder")
    arguments = parser.parse_args()
    predictor = load_predictor(arguments.model)

    def log_odds(images) -> np.ndarray:
        shares = np.array([probability(predictor, image, 1.0) for image in images])
        shares = shares.clip(1e-7, 1 - 1e-7)
        return np.log(shares / (1 - shares))

    names = read_names(predictor.folder.path / VALIDATION_FILE)
    everyone = read_radiographs(arguments.data)
    radiographs, images = read_what_can_be(named(everyone, names))
    squares = [to_square(image, SIDE) for image in images]
    positive = np.array([one.finding == PNEUMONIA for one in radiographs])
    print(f"{'':<34}{'AUROC':>8}{'sensitivity':>13}{'specificity':>13}")
    for name, row in shift_table(log_odds, squares, positive).items():
        tell(name, row)
    if arguments.originals:
        copies = {one.path.name: one for one in everyone}
        originals, images = read_what_can_be(read_radiographs(arguments.originals))
        _, small = read_what_can_be([copies[one.path.name] for one in originals])
        apart = np.abs(log_odds(images) - log_odds(small))
        print(
            f"{len(apart)} originals against their copies: log-odds apart by "
            f"{np.median(apart):.3f} in the median, {apart.max():.3f} at most"
        )
    judges = [
        one
        for one in read_elsewhere(arguments.elsewhere)
        if one.side == "judge" and one.finding != OTHER
    ]
    judges, images = read_what_can_be(judges)
    scores = log_odds(images)
    positive = np.array([one.finding == PNEUMONIA for one in judges])
    source = np.array([one.source for one in judges])
    for name in np.unique(source):
        part = source == name
        for finding in (False, True):
            if count := (part & (positive == finding)).sum():
                called = (scores[part & (positive == finding)] > 0).mean()
                kind = "pneumonias" if finding else "normals"
                print(f"{name:<24}{count:>5} {kind:<10} called{called:8.3f}")
    child = np.array(["child" in name for name in source])
    tell("other hospitals' adults", rates(scores[~child], positive[~child]))
    tell("other hospitals' children", rates(scores[child], positive[child]))


def tell(name: str, row: dict[str, float]) -> None:
    """Prints a line of the table."""
    figures = row["AUROC"], row["sensitivity"], row["specificity"]
    print("{:<34}{:8.4f}{:13.3f}{:13.3f}".format(name, *figures), flush=True)


if __name__ == "__main__":
    main()
