"""The sample radiograph that ships with the package, and what a model says of it.

`sample.png` is the average of two composites, `normal_3.jpg` and `viral_1.jpg` of
`examples/`, whose README tells source and licence, at 224 by 224 pixels: an image that
the bundled model is unsure of.
Each `config.json` holds the model's own answer. A model that gives another one here is
not served: sha256 proves that the files are whole, this that they still mean what they
meant, on this processor, with this version of ONNX Runtime, through this reader.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..config import CONFIG_FILE, ONNX_FILE, ModelConfig
from ..errors import ImageError, ModelError
from ..imaging import load_image
from .calibration import calibrate
from .lungs import LungFinder
from .preprocessing import preprocess
from .runtime import NO_MEMORY, Runtime

SAMPLE = Path(__file__).with_name("sample.png")
# Int8 answers are the same on every processor. But Keras weights may be compiled here,
# to float32, which moves the bundled model's answer to the sample by 0.003. Inputs in
# [0, 1] move it by 0.49, classes in another order by 0.57.
TOLERANCE = 0.05  # of a probability


def answer(
    runtime: Runtime, config: ModelConfig, finder: LungFinder | None = None
) -> dict[str, float]:
    """Class name -> calibrated probability of the sample, to six digits.

    Raises:
        ModelError: the graph cannot be run, or gives what are no probabilities.
    """
    names = config.class_names
    try:
        inputs = preprocess(load_image(SAMPLE), config, finder)[None]
        (logits,) = runtime(inputs).logits
        with np.errstate(invalid="ignore"):  # infinite logits
            classes = calibrate(logits, config.temperature)
        return {
            name: round(float(value), 6)
            for name, value in zip(names, classes, strict=True)
        }
    except (MemoryError, ImageError) as error:  # the sample itself can be read
        raise ModelError(NO_MEMORY) from error
    except Exception as error:  # ONNX Runtime's classes share no public base
        raise ModelError(
            f"{ONNX_FILE} can be loaded but not run ({type(error).__name__}). Expected "
            "a graph made by `python -m pneumonia export`; export it again."
        ) from error


def require_known_answer(
    runtime: Runtime, config: ModelConfig, finder: LungFinder | None = None
) -> None:
    """Refuses a model that does not answer as its `config.json` says; warms it up.

    Raises:
        ModelError: it gives another answer, or none.
    """
    found = answer(runtime, config, finder)
    errors = [abs(found[name] - config.known_answer[name]) for name in found]
    if not np.max(errors) <= TOLERANCE:  # so that what is not a number is refused
        raise ModelError(
            f"{ONNX_FILE} does not answer as {CONFIG_FILE} promises, so it is not "
            f"served. Of the sample radiograph expected {_tell(config.known_answer)}, "
            f"found {_tell(found)}. Fetch or export the model again."
        )


def _tell(answer: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in answer.items())
