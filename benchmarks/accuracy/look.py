"""What the look of an X-ray alone tells, and whether a model listens to it.

    python benchmarks/accuracy/look.py DATA [--model MODEL]

DATA is the Kermany 2018 data set; what is measured on are the validation images that
the model folder lists, and looks are those of the training images. A look is 33 numbers
of what the model is shown, without any anatomy: the detail of each octave at each
brightness, and three grey levels (`training.look`). First, how well a logistic
regression on them tells the findings apart, in images as they are and in images that
bear another's look, as three of four do in training. Then, how many normal images the
model calls pneumonia, as they are and in looks that only pneumonias have: those that
the regression finds likelier a pneumonia's than 99 % of the normal ones.
"""

import argparse

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pneumonia import load_predictor
from pneumonia.config import PNEUMONIA
from pneumonia.dataset import (
    VALIDATION_FILE,
    hold_out,
    read_names,
    read_radiographs,
    read_what_can_be,
)
from pneumonia.inference.calibration import calibrate
from pneumonia.inference.preprocessing import look_at, to_inputs
from pneumonia.training.look import Look, lend, look_of

_GREYS = (4, 16, 28)  # of the 33 quantiles
_TIMES = 3  # that each normal image borrows


def numbers(look: Look) -> np.ndarray:
    """A look as float (33,)."""
    return np.concatenate([np.log(look.detail).ravel(), look.greys[list(_GREYS)]])


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--model", help="OWNER/NAME[@REVISION] or a folder")
    arguments = parser.parse_args()
    predictor = load_predictor(arguments.model)
    config, random = predictor.config, np.random.default_rng(0)

    def shown(image: np.ndarray) -> np.ndarray:
        view = look_at(image, config, predictor.finder)
        return view.crop.cut(view.square, config.image_size)

    def called(images: list[np.ndarray]) -> str:
        outputs = [predictor.runtime(to_inputs(i, config)[None]) for i in images]
        classes = np.array([calibrate(o.logits[0], 1.0) for o in outputs])
        shares = classes[:, config.classes_of(PNEUMONIA)].sum(axis=1)
        return f"{(shares > 0.5).mean():.3f} of {len(images)}"

    def borrowed(image: np.ndarray, look: Look, greys: float) -> np.ndarray:
        lent = lend(image.astype(np.float32), look, 1.0, greys)
        return lent.round().astype(np.uint8)

    names = read_names(predictor.folder.path / VALIDATION_FILE)
    sides = []
    for side in hold_out(read_radiographs(arguments.data), names):
        radiographs, images = read_what_can_be(side, shown)
        positive = np.array([one.finding == PNEUMONIA for one in radiographs])
        sides.append((images, [look_of(image) for image in images], positive))
    (_, looks, learnt), (images, own, positive) = sides
    judge = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    judge.fit([numbers(look) for look in looks], learnt)

    def told(found: list[Look]) -> float:
        scores = judge.decision_function([numbers(look) for look in found])
        return roc_auc_score(positive, scores)

    print(f"AUROC of the looks, as they are: {told(own):.3f}")
    lent = [borrowed(i, looks[random.integers(len(looks))], 1.0) for i in images]
    print(f"AUROC of the looks, borrowed:    {told([look_of(i) for i in lent]):.3f}")
    scores = judge.decision_function([numbers(look) for look in looks])
    limit = np.quantile(scores[~learnt], 0.99)
    donors = np.flatnonzero(learnt & (scores > limit))
    alone = len(donors) / learnt.sum()
    print(f"pneumonias whose look 1 % of the normal have: {alone:.2f}")
    normal = [images[place] for place in np.flatnonzero(~positive)]
    print(f"normal images called, as they are: {called(normal)}")
    for name, greys in ("detail", 0.0), ("detail and greys", 1.0):
        lent = [
            borrowed(image, looks[random.choice(donors)], greys)
            for image in normal
            for _ in range(_TIMES)
        ]
        print(f"normal images called, with such {name}: {called(lent)}")


if __name__ == "__main__":
    main()
