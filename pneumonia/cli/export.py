"""`export`: makes a model folder from Keras weights."""

import argparse
import sys
from pathlib import Path
from typing import Any

from .labelled import add_skip_unknown, read


def add(verbs: Any) -> None:
    """Adds the verb to the command line's parser."""
    export = verbs.add_parser(
        "export",
        help="make a model folder from Keras weights",
        description="Compiles, quantises and calibrates weights into a model folder.",
    )
    export.add_argument(
        "weights",
        nargs="+",
        metavar="WEIGHTS",
        help=".npz or .weights.h5; or .keras or .h5 of your own Xception, with one "
        "sigmoid or two softmax units; of several, begun alike, the mean",
    )
    export.add_argument(
        "--data", required=True, metavar="FOLDER", help="the X-rays of the training"
    )
    export.add_argument(
        "--validation",
        required=True,
        metavar="FILE",
        help="text file: names of the X-rays whose patients were held out",
    )
    export.add_argument("--out", required=True, metavar="FOLDER", help="to create")
    export.add_argument("--name", help="for card and page (default: the folder's)")
    export.add_argument("--version", default="0.1.0")
    export.add_argument(
        "--image-size",
        type=int,
        metavar="PIXELS",
        help="default: of the run beside the weights, or 224",
    )
    export.add_argument("--provenance", default="", help="where the weights come from")
    export.add_argument(
        "--source",
        default="",
        help="whose X-rays DATA are, and their licence, for the card; the Kermany 2018 "
        "data are known by their names",
    )
    export.add_argument(
        "--elsewhere",
        metavar="CSV",
        help="X-rays of other hospitals, as for `train`; those that judge set the "
        "calibration, too",
    )
    add_skip_unknown(export)
    export.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb and returns the exit code."""
    from ..export.keras_weights import look, require_alike

    # at once, before Keras is imported and a folder read
    given = [look(path) for path in arguments.weights]
    require_alike(given)
    for found in given:
        print(f"{found.sentence}.", file=sys.stderr)
    from ..export.export import export_weights

    dataset = read(arguments.data, arguments)
    config = export_weights(
        weights=arguments.weights,
        data=dataset,
        validation=arguments.validation,
        folder=arguments.out,
        name=arguments.name or Path(arguments.out).resolve().name,
        version=arguments.version,
        image_size=arguments.image_size,
        provenance=arguments.provenance,
        source=arguments.source,
        elsewhere=arguments.elsewhere,
    )
    print(f"{arguments.out}: {config.name} {config.version}", file=sys.stderr)
    return 0 if dataset.is_whole else 1
