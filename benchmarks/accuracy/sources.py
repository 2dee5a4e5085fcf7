"""How does the recipe do on films of a source that it never saw?

    python benchmarks/accuracy/sources.py DATA --init WEIGHTS
        [--films 1000] [--epochs 3]

The data set has one hospital, and does not say which film came from which machine. The
stand-in: films are clustered by their brightness alone (mean, spread, how dark the dark
and how bright the bright is). For each cluster one network learns from films of the
others; one more learns from as many films of all. Both are judged on patients that
neither saw, on films of the cluster that was left out. What the second has over the
first is what an unknown source costs. A short training: the difference counts, not the
level.
"""

import argparse
import os
import tempfile
from collections import Counter
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import roc_auc_score

from pneumonia.config import NORMAL, WEIGHTS_FILE
from pneumonia.dataset import (
    CLASS_NAMES,
    Film,
    labels_of,
    read_films,
    read_images,
    split_films,
)
from pneumonia.inference.preprocessing import preprocess
from pneumonia.training.model import build_model, kermany_config, load_weights
from pneumonia.training.train import Recipe, Stage, train

SOURCES = 3


def main() -> None:
    """Prints a line for each source."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--init", default="imagenet", help="weights to begin with")
    parser.add_argument("--films", type=int, default=1000, help="to learn from")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--size", type=int, default=160, help="pixels a side")
    arguments = parser.parse_args()
    training, validation = split_films(read_films(arguments.data))
    training, images, _ = read_images(training)
    clusters = KMeans(SOURCES, n_init=10, random_state=0)
    features = np.stack([brightness(image) for image in images])
    mean, spread = features.mean(axis=0), features.std(axis=0)
    of_training = clusters.fit_predict((features - mean) / spread)
    validation, images, _ = read_images(validation)
    features = np.stack([brightness(image) for image in images])
    of_validation = clusters.predict((features - mean) / spread)

    config = kermany_config(
        image_size=arguments.size, name="", version="", provenance={}
    )
    inputs = np.stack([preprocess(image, config) for image in images])
    is_sick = labels_of(validation) != CLASS_NAMES.index(NORMAL)
    everything = scores(
        chosen(training, arguments.films), validation, inputs, arguments
    )
    for source in range(SOURCES):
        others = [
            film
            for film, cluster in zip(training, of_training, strict=True)
            if cluster != source
        ]
        left_out = scores(
            chosen(others, arguments.films), validation, inputs, arguments
        )
        of_source = of_validation == source
        count = Counter(film.class_name for film in np.array(validation)[of_source])
        seen, unseen = (
            roc_auc_score(is_sick[of_source], values[of_source])
            for values in (everything, left_out)
        )
        print(
            f"source {source}: {of_source.sum()} films {dict(count)}, "
            f"{(of_training == source).sum()} of {len(training)} in training; "
            f"AUROC seen {seen:.4f}, left out {unseen:.4f}",
            flush=True,
        )


def brightness(image: np.ndarray) -> np.ndarray:
    """What machine and operator choose: mean, spread, dark and bright; float (4,)."""
    return np.array([image.mean(), image.std(), *np.percentile(image, [5, 95])])


def chosen(films: list[Film], count: int) -> list[Film]:
    """As many of the films, drawn without regard to anything."""
    return [films[i] for i in np.random.default_rng(0).permutation(len(films))[:count]]


def scores(
    training: list[Film],
    validation: list[Film],
    inputs: np.ndarray,
    arguments: argparse.Namespace,
) -> np.ndarray:
    """Log-odds of pneumonia, (N,), by a network that learns from these films."""
    stage = Stage(arguments.epochs, arguments.size, frozen_blocks=2, rate=5e-4)
    with tempfile.TemporaryDirectory() as folder:
        # weights averaged over fewer steps than usual, for there are few
        recipe = Recipe((stage,), averaging=0.98)
        train(training, validation, Path(folder), recipe, arguments.init)
        model = build_model(CLASS_NAMES, arguments.size)
        load_weights(model, Path(folder) / WEIGHTS_FILE)
    logits = model.predict(inputs, batch_size=32, verbose=0)["logits"]
    normal = CLASS_NAMES.index(NORMAL)
    return np.logaddexp.reduce(np.delete(logits, normal, axis=1), 1) - logits[:, normal]


if __name__ == "__main__":
    main()
