"""`evaluate`: measures a model on labelled radiographs."""

import argparse
import json
import sys
from typing import Any

from .labelled import add_skip_unknown, read
from .notice import NOTICE

_SHOWN = 20  # files that could not be read; all are in the report


def add(verbs: Any) -> None:
    """Adds the verb to the command line's parser."""
    evaluate = verbs.add_parser(
        "evaluate",
        help="measure a model on labelled X-rays",
        description="Answers every X-ray of a labelled folder and writes a report "
        "with figures, plots and the worst errors. " + NOTICE,
        epilog="Exit code: 0 all X-rays read, 1 some were not, 2 misuse.",
    )
    evaluate.add_argument(
        "data",
        metavar="FOLDER",
        help="the Kermany 2018 data set, any CLASS/ folders, or a CSV manifest",
    )
    evaluate.add_argument("--out", required=True, metavar="REPORT", help="to create")
    evaluate.add_argument(
        "--model", help="OWNER/NAME[@REVISION] on the Hub, or a folder"
    )
    evaluate.add_argument(
        "--names", metavar="FILE", help="text file: measure only the files it names"
    )
    evaluate.add_argument(
        "--json", action="store_true", help="print the figures as JSON"
    )
    add_skip_unknown(evaluate)
    evaluate.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb and returns the exit code."""
    from ..dataset import named, read_names
    from ..evaluation.evaluate import evaluate_folder
    from ..imaging.files import as_text

    dataset = read(arguments.data, arguments)
    report = evaluate_folder(
        dataset,
        arguments.out,
        arguments.model,
        arguments.names,
        show=_print_json if arguments.json else _print,
    )
    radiographs = dataset.radiographs
    if arguments.names:
        radiographs = named(radiographs, read_names(arguments.names))
    for unread in report["unreadable"][:_SHOWN]:
        name = as_text(radiographs[unread["image"]].path)
        print(f"{name}: {unread['reason']}", file=sys.stderr)
    print(f"{arguments.out}: open index.html. {NOTICE}", file=sys.stderr)
    return 1 if report["unreadable"] or not dataset.is_whole else 0


def _print_json(report: dict[str, Any]) -> None:
    print(json.dumps(report["figures"]["answered"], indent=2), flush=True)


def _print(report: dict[str, Any]) -> None:
    """A line for each figure; of one that these X-rays cannot give, why not."""
    from ..evaluation.report_html import figure, interval, unmeasured

    for name, estimate in report["figures"]["answered"].items():
        value = f"{figure(estimate):>6}  {interval(estimate)}".rstrip()
        if estimate["value"] is None:
            value = "  not measured"
        print(f"{name:<18} {value}")
    if words := unmeasured(report):
        print(words)
    sys.stdout.flush()
