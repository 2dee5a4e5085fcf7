"""Does the int8 graph answer the same on a processor without VNNI?

    valgrind --tool=none python benchmarks/accuracy/portability.py --write without.npy
    python benchmarks/accuracy/portability.py --compare without.npy

Valgrind emulates a processor with AVX2 and no AVX-512 or VNNI, so ONNX Runtime takes
the kernels whose pair sums saturate there. A graph quantised with ONNX Runtime's
defaults moved by up to 0.43 in a logit; ours must not move at all.
"""

import argparse
from pathlib import Path

import numpy as np

from pneumonia import load_predictor
from pneumonia.imaging import load_image
from pneumonia.inference.preprocessing import preprocess

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.jpg"))


def main() -> None:
    """Writes the samples' logits, or compares them with those of another run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", metavar="FILE")
    parser.add_argument("--compare", metavar="FILE")
    arguments = parser.parse_args()
    predictor = load_predictor(threads=1)
    images = (load_image(path) for path in EXAMPLES)
    inputs = (
        preprocess(image, predictor.config, predictor.finder)[None] for image in images
    )
    logits = np.concatenate([predictor.runtime(one).logits for one in inputs])
    if arguments.write:
        np.save(arguments.write, logits)
    if arguments.compare:
        largest = np.abs(logits - np.load(arguments.compare)).max()
        print(f"{len(EXAMPLES)} samples, largest difference of a logit: {largest:.2g}")


if __name__ == "__main__":
    main()
