"""What the verbs that read labelled radiographs have in common."""

import argparse
import sys
from typing import Any


def add_skip_unknown(verb: argparse.ArgumentParser) -> None:
    """Adds what tells to go on where folders of no known class are found."""
    verb.add_argument(
        "--skip-unknown",
        action="store_true",
        help="go on without the images in folders of no known class",
    )


def read(source: str, arguments: argparse.Namespace) -> Any:
    """The data set; what was read and what was left out is told to stderr."""
    from ..dataset import read_dataset

    dataset = read_dataset(source, arguments.skip_unknown)
    print(dataset.table(), file=sys.stderr)
    return dataset
