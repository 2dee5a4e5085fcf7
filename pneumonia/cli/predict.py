"""`predict`: answers for one or several radiographs."""

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Iterable
from typing import Any

from .notice import NOTICE


def add(verbs: Any) -> None:
    """Adds the verb to the command line's parser."""
    predict = verbs.add_parser(
        "predict",
        help="answer for one or several X-rays",
        description="Answers for each X-ray. " + NOTICE,
        epilog="Exit code: 0 all files answered, 1 some failed, 2 misuse.",
    )
    predict.add_argument("files", nargs="+", metavar="FILE", help="PNG, JPEG, DICOM...")
    predict.add_argument(
        "--model", help="OWNER/NAME[@REVISION] on the Hub, or a folder"
    )
    predict.add_argument("--json", action="store_true", help="one JSON array")
    predict.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb and returns the exit code."""
    from ..predictor import load_predictor

    predictor = load_predictor(arguments.model)
    print(f"model {predictor.folder.label}. {NOTICE}", file=sys.stderr)
    if any(map(os.path.isdir, arguments.files)):
        print(
            "pneumonia: of a folder, `python -m pneumonia batch FOLDER --out FILE.csv` "
            "answers for each X-ray.",
            file=sys.stderr,
        )
    predictions = predictor.batch(arguments.files)
    rows = map(_nested, arguments.files, predictions)
    if arguments.json:  # which is silent to its end
        from tqdm import tqdm

        rows = tqdm(rows, "files", len(arguments.files), disable=None)
    failed = _write_json(rows) if arguments.json else _write_table(rows)
    return 1 if failed else 0


def _nested(file: str, prediction: Any) -> dict[str, Any]:
    """The row of a file, with its probabilities and subtypes by name, however many."""
    from ..batch import row

    values = row(file, prediction)
    return {
        "file": values["file"],  # which UTF-8 can hold
        "verdict": values["verdict"],
        "probabilities": prediction.probabilities,
        "subtypes": prediction.subtypes,
        "accepted": values["accepted"],
        "unfamiliar": values["unfamiliar"],
        "caveats": [dataclasses.asdict(caveat) for caveat in prediction.caveats],
        "ood_score": values["ood_score"],
        "error": values["error"],
    }


def _write_json(rows: Iterable[dict[str, Any]]) -> bool:
    rows = list(rows)
    json.dump(rows, sys.stdout, indent=2, ensure_ascii=False)
    print()
    return any(row["error"] for row in rows)


def _write_table(rows: Iterable[dict[str, Any]]) -> bool:
    """Writes each row as it comes; the last column is the file, of any length."""
    failed = False
    print(f"{'VERDICT':<10} {'PNEUMONIA':>9} {'BACTERIAL':>9} {'VIRAL':>6}  FILE")
    for row in rows:
        if row["error"]:
            failed = True
            print(f"{'-':<10} {'-':>9} {'-':>9} {'-':>6}  {row['file']}", flush=True)
            print(f"{row['file']}: {row['error']}", file=sys.stderr)
            continue
        for caveat in row["caveats"]:
            print(f"{row['file']}: {caveat['sentence']}", file=sys.stderr)
        share = {name: f"{value:.2f}" for name, value in row["subtypes"].items()}
        print(
            f"{row['verdict']:<10} {row['probabilities']['PNEUMONIA']:>9.3f} "
            f"{share.get('BACTERIAL', '-'):>9} {share.get('VIRAL', '-'):>6}  "
            f"{row['file']}",
            flush=True,
        )
    return failed
