"""The shipped int8 graph against Keras, on radiographs that the network never saw.

    python benchmarks/accuracy/parity.py DATA VALIDATION

DATA is the Kermany 2018 data set, VALIDATION a text file with the names of the X-rays
of held-out patients.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from sklearn.metrics import roc_auc_score

from pneumonia import load_predictor
from pneumonia.config import PNEUMONIA, WEIGHTS_FILE
from pneumonia.dataset import (
    labels_of,
    named,
    read_images,
    read_names,
    read_radiographs,
)
from pneumonia.inference.calibration import calibrate
from pneumonia.inference.preprocessing import preprocess
from pneumonia.training.model import build_model, load_weights


def main() -> None:
    """Prints both, and their differences."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("validation")
    parser.add_argument("--model", help="OWNER/NAME[@REVISION] or a folder")
    arguments = parser.parse_args()
    radiographs = named(
        read_radiographs(arguments.data), read_names(arguments.validation)
    )
    predictor = load_predictor(arguments.model)
    config = predictor.config
    radiographs, images, _ = read_images(radiographs)
    inputs = np.stack([preprocess(image, config, predictor.finder) for image in images])
    positive = np.isin(labels_of(radiographs), config.classes_of(PNEUMONIA))

    model = build_model(config.class_names, config.image_size)
    load_weights(model, predictor.folder.path / WEIGHTS_FILE)
    logits = {
        "Keras float32": model.predict(inputs, batch_size=16, verbose=0)["logits"],
        "int8": np.concatenate([predictor.runtime(one[None]).logits for one in inputs]),
    }
    p = {
        name: calibrate(values, config.temperature)[
            :, config.classes_of(PNEUMONIA)
        ].sum(axis=1)
        for name, values in logits.items()
    }
    print(f"{len(radiographs)} radiographs")
    for name, values in p.items():
        accuracy = ((values >= 0.5) == positive).mean()
        auroc = roc_auc_score(positive, values)
        print(f"{name:<14} AUROC {auroc:.5f}  accuracy {100 * accuracy:.2f} %")
    difference = np.abs(p["int8"] - p["Keras float32"])
    print(f"|dp| mean {difference.mean():.4f}, largest {difference.max():.4f}")


if __name__ == "__main__":
    main()
