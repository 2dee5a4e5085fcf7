"""`train-lungs`: trains the lung finder on drawn masks."""

import argparse
import json
from pathlib import Path
from typing import Any

from ..config import LUNGS_FILE


def add(verbs: Any) -> None:
    """Adds the verb to the command line's parser."""
    verb = verbs.add_parser(
        "train-lungs",
        help="train the lung finder on drawn masks",
        description="Trains the small network that finds the lungs, and leaves "
        "lungs.onnx for `train` and `export`.",
    )
    verb.add_argument(
        "data",
        nargs="+",
        metavar="DATA",
        help="folder of X-rays, with masks of the same names in DATA/lungs",
    )
    verb.add_argument("--out", required=True, metavar="FOLDER", help="of the run")
    verb.add_argument(
        "--validation",
        metavar="FILE",
        help="text file: names of X-rays to hold out (default: every twelfth)",
    )
    verb.add_argument("--init", metavar="FILE", help="first weights (default: random)")
    verb.add_argument("--epochs", type=int, default=7, help="of 90 steps")
    verb.add_argument("--rate", type=float, default=4e-3, help="the highest")
    verb.add_argument("--seed", type=int, default=0)
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb and returns the exit code."""
    from ..dataset import read_names
    from ..export.lungs import export_finder
    from ..training.lungs import read_drawn, train_finder

    names = read_names(arguments.validation) if arguments.validation else ()
    drawn, out = read_drawn(arguments.data, names), Path(arguments.out)
    model, figures = train_finder(
        drawn,
        out,
        epochs=arguments.epochs,
        rate=arguments.rate,
        initial=arguments.init,
        seed=arguments.seed,
    )
    export_finder(model, drawn, out / LUNGS_FILE)
    print(json.dumps(figures))
    return 0
