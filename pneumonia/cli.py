"""`python -m pneumonia VERB`: data to stdout, words to stderr.

Exit codes: 0 all files read, 1 some failed, 2 misuse.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from .errors import PneumoniaError

NOTICE = "Not a medical device: for demonstration only, not for diagnosis."


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb and returns the exit code."""
    parsed = _parser().parse_args(arguments)
    try:
        return parsed.run(parsed)
    except PneumoniaError as error:
        print(f"pneumonia: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `| head` has seen enough
        sys.stderr.close()
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pneumonia",
        description="A child's chest radiograph in, class probabilities out. " + NOTICE,
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    predict = verbs.add_parser(
        "predict",
        help="answer for one or several radiographs",
        description="Answers for each radiograph. " + NOTICE,
        epilog="Exit code: 0 all files answered, 1 some failed, 2 misuse.",
    )
    predict.add_argument("files", nargs="+", metavar="FILE", help="PNG, JPEG, DICOM...")
    predict.add_argument(
        "--model", help="OWNER/NAME[@REVISION] on the Hub, or a folder"
    )
    predict.add_argument("--json", action="store_true", help="one JSON array")
    predict.set_defaults(run=_predict)
    export = verbs.add_parser(
        "export",
        help="make a model folder from Keras weights",
        description="Compiles, quantises and calibrates weights into a model folder.",
    )
    export.add_argument("weights", metavar="WEIGHTS", help=".npz or .weights.h5")
    export.add_argument(
        "--data", required=True, metavar="FOLDER", help="the Kermany 2018 data set"
    )
    export.add_argument(
        "--validation",
        required=True,
        metavar="FILE",
        help="text file: names of the radiographs whose patients were held out",
    )
    export.add_argument("--out", required=True, metavar="FOLDER", help="to create")
    export.add_argument("--name", default="xception-kermany")
    export.add_argument("--version", default="0.1.0")
    export.add_argument("--image-size", type=int, default=224, metavar="PIXELS")
    export.add_argument("--provenance", default="", help="where the weights come from")
    export.set_defaults(run=_export)
    return parser


def _predict(arguments: argparse.Namespace) -> int:
    from .predictor import load_predictor

    predictor = load_predictor(arguments.model)
    print(f"model {predictor.folder.label}. {NOTICE}", file=sys.stderr)
    rows = _rows(arguments.files, predictor)
    failed = _write_json(rows) if arguments.json else _write_table(rows)
    return 1 if failed else 0


def _export(arguments: argparse.Namespace) -> int:
    from .training.export import export_weights

    config = export_weights(
        weights=arguments.weights,
        data=arguments.data,
        validation=arguments.validation,
        folder=arguments.out,
        name=arguments.name,
        version=arguments.version,
        image_size=arguments.image_size,
        provenance=arguments.provenance,
    )
    print(f"{arguments.out}: {config.name} {config.version}", file=sys.stderr)
    return 0


def _rows(files: Sequence[str], predictor: Any) -> Iterator[dict[str, Any]]:
    """One row of plain values per file, in order."""
    for file, prediction in zip(files, predictor.batch(files), strict=True):
        yield {
            "file": file,
            "verdict": prediction.verdict,
            "probabilities": prediction.probabilities,
            "subtypes": prediction.subtypes,
            "in_distribution": prediction.in_distribution,
            "ood_score": prediction.ood_score,
            "error": prediction.error or prediction.refusal,
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
        share = {name: f"{value:.2f}" for name, value in row["subtypes"].items()}
        print(
            f"{row['verdict']:<10} {row['probabilities']['PNEUMONIA']:>9.3f} "
            f"{share.get('BACTERIAL', '-'):>9} {share.get('VIRAL', '-'):>6}  "
            f"{row['file']}",
            flush=True,
        )
    return failed
