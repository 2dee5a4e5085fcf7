"""The lung finder -> `lungs.onnx`, with what real lungs are like as its metadata."""

import json
from pathlib import Path

import keras
import numpy as np
import onnx

from ..evaluation.shift import SIDE
from ..inference.lungs import SHAPE, finder_inputs, shape_of
from ..training.lungs import Drawn, change
from .keras_to_onnx import export_onnx

SQUARE_SIDE = SIDE  # what images are stretched to before anything looks at them
MARGIN = 0.06  # of the box, on each side: a pleura or an edge that the mask just missed
# Beyond it are few altered copies of unseen radiographs: boxes that nobody would draw
# were all there, of the whole frame, an arm, or one lung and the belly.
_KEPT, _SLACK = 0.995, 0.8


def export_finder(model: keras.Model, drawn: Drawn, destination: Path) -> None:
    """Writes `lungs.onnx`, with what real lungs' shapes are like as its metadata."""
    export_onnx(keras.Model(model.input, {"mask": model.output}), destination)
    random = np.random.default_rng(0)

    def shapes(part: Drawn) -> np.ndarray:
        copies = list(part.images)
        for image, mask in zip(part.images, part.masks, strict=True):
            copies.append(change(image, mask, random)[0])
        inputs = np.stack([finder_inputs(copy) for copy in copies])
        logits = model.predict(inputs, batch_size=64, verbose=0)[..., 0]
        return np.stack([shape_of(1 / (1 + np.exp(-one))) for one in logits])

    known = shapes(drawn.part(held_out=False))
    mean, precision = known.mean(axis=0), np.linalg.inv(np.cov(known, rowvar=False))
    offsets = shapes(drawn.part(held_out=True)) - mean
    distances = np.sqrt(np.einsum("ij,jk,ik->i", offsets, precision, offsets))
    limit = _SLACK * float(np.quantile(distances, _KEPT))
    graph = onnx.load(destination)
    onnx.helper.set_model_props(
        graph,
        {
            "shape": ", ".join(SHAPE),
            "mean": json.dumps(mean.round(6).tolist()),
            "precision": json.dumps(precision.round(4).tolist()),
            "limit": str(round(limit, 4)),
            "square_side": str(SQUARE_SIDE),
            "margin": str(MARGIN),
        },
    )
    onnx.save(graph, destination)
