"""`python -m pneumonia VERB`: data to stdout, words to stderr.

Exit codes: 0 all files read, 1 some failed, 2 misuse.
"""

import argparse
import contextlib
import dataclasses
import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from .errors import PneumoniaError

_OUTCOMES = ("answered", "refused", "failed", "skipped")
NOTICE = "Not a medical device: for demonstration only, not for diagnosis."


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb and returns the exit code."""
    parsed = _parser().parse_args(arguments)
    try:
        return parsed.run(parsed)
    except PneumoniaError as error:
        print(f"pneumonia: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if (error.name or "pneumonia").split(".")[0] == "pneumonia":
            raise
        print(
            f"pneumonia: this verb needs {error.name}, which is not installed. Run "
            "`pip install -e '.[train]'` in the source tree.",
            file=sys.stderr,
        )
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
    _add_batch(verbs)
    train = verbs.add_parser(
        "train",
        help="fine-tune the network on a data set",
        description="Fine-tunes Xception, writing weights, a checkpoint and logs after "
        "each epoch. KERAS_BACKEND chooses tensorflow, jax or torch.",
        epilog="Then: python -m pneumonia export OUT/model.weights.h5 --data DATA "
        "--validation OUT/validation.txt --out FOLDER",
    )
    train.add_argument(
        "data", metavar="DATA", help="the Kermany 2018 folder, CLASS/ folders, or a CSV"
    )
    train.add_argument("--out", required=True, metavar="FOLDER", help="of the run")
    train.add_argument(
        "--init",
        default="imagenet",
        metavar="FILE",
        help="first weights, .npz or .weights.h5; layers that it lacks start fresh "
        "(default: Keras's ImageNet weights, downloaded)",
    )
    held_out = train.add_mutually_exclusive_group()
    held_out.add_argument(
        "--fold", type=int, default=0, help="fifth of the patients to validate on"
    )
    held_out.add_argument(
        "--validation", metavar="FILE", help="text file: names of films to validate on"
    )
    train.add_argument(
        "--stage",
        action="append",
        type=_stage,
        metavar="EPOCHS,PIXELS,FROZEN,RATE[,fixed]",
        help="one stage of the training, in place of the recipe's; repeat for more; "
        "fixed: batch normalisation keeps the statistics of unchanged films",
    )
    train.add_argument("--seed", type=int, default=0)
    train.add_argument(
        "--precision",
        choices=["mixed_bfloat16", "float32"],
        default="mixed_bfloat16",
        help="float32 for GPUs that know no bfloat16",
    )
    train.add_argument(
        "--resume", action="store_true", help="continue an interrupted run"
    )
    train.set_defaults(run=_train)
    evaluate = verbs.add_parser(
        "evaluate",
        help="measure a model on labelled radiographs",
        description="Answers every radiograph of a labelled folder and writes a report "
        "with figures, plots and the worst errors. " + NOTICE,
        epilog="Exit code: 0 all films read, 1 some were not, 2 misuse.",
    )
    evaluate.add_argument(
        "films",
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
    evaluate.set_defaults(run=_evaluate)
    export = verbs.add_parser(
        "export",
        help="make a model folder from Keras weights",
        description="Compiles, quantises and calibrates weights into a model folder.",
    )
    export.add_argument(
        "weights",
        nargs="+",
        metavar="WEIGHTS",
        help=".npz or .weights.h5; of several, from runs that began alike, the mean",
    )
    export.add_argument(
        "--data", required=True, metavar="FOLDER", help="the films of the training"
    )
    export.add_argument(
        "--validation",
        required=True,
        metavar="FILE",
        help="text file: names of the radiographs whose patients were held out",
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
        help="whose films DATA are, and their licence, for the card; the Kermany 2018 "
        "data are known by their names",
    )
    export.set_defaults(run=_export)
    publish = verbs.add_parser(
        "publish",
        help="put a model, and a Space that serves it, on the Hugging Face Hub",
        description="Makes or updates a model repository and, with --space, a Space "
        "pinned to the revision just published. Takes the token of `hf auth login` or "
        "HF_TOKEN.",
        epilog="Exit code: 0 published, 1 you said no, 2 it could not be published.",
    )
    publish.add_argument("--model", required=True, metavar="OWNER/NAME")
    publish.add_argument("--space", metavar="OWNER/NAME")
    publish.add_argument("--folder", help="a model folder; default: the bundled one")
    publish.add_argument(
        "--private", action="store_true", help="make new repositories private"
    )
    publish.add_argument(
        "--dry-run", action="store_true", help="tell what would be sent, send nothing"
    )
    publish.add_argument(
        "--yes", action="store_true", help="overwrite without asking, for scripts"
    )
    publish.set_defaults(run=_publish)
    return parser


def _add_batch(verbs: Any) -> None:
    batch = verbs.add_parser(
        "batch",
        help="answer for a whole archive, into a table",
        description="Answers for every file of an archive, a row each, also for what "
        "is refused or cannot be read. Started again, it goes on where it stopped: "
        "only files that are new or have changed since are answered for. In folders, "
        "hidden files and what is no image by its bytes nor by its name are skipped. "
        + NOTICE,
        epilog="Exit code: 0 all files answered, 1 some were refused or failed, 2 "
        "misuse.",
    )
    batch.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="folder, file, pattern, or URL that fsspec knows, such as s3://...",
    )
    batch.add_argument(
        "--out",
        required=True,
        metavar="OUT",
        help="table to write or to go on with: .csv, .jsonl, or .parquet, which is a "
        "folder of parts",
    )
    batch.add_argument("--model", help="OWNER/NAME[@REVISION] on the Hub, or a folder")
    batch.add_argument(
        "--workers", type=_count, metavar="N", help="files at once; default: per core"
    )
    batch.add_argument(
        "--ray",
        nargs="?",
        const="local",
        metavar="ADDRESS",
        help="work on a Ray cluster; without an address, on a new one of this machine",
    )
    batch.add_argument(
        "--json", action="store_true", help="print the counts as JSON to stdout"
    )
    batch.set_defaults(run=_batch)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, found {text!r}")
    return int(text)


def _predict(arguments: argparse.Namespace) -> int:
    from .predictor import load_predictor

    predictor = load_predictor(arguments.model)
    print(f"model {predictor.folder.label}. {NOTICE}", file=sys.stderr)
    predictions = predictor.batch(arguments.files)
    rows = map(_nested, arguments.files, predictions)
    if arguments.json:  # which is silent to its end
        from tqdm import tqdm

        rows = tqdm(rows, "files", len(arguments.files), disable=None)
    failed = _write_json(rows) if arguments.json else _write_table(rows)
    return 1 if failed else 0


def _batch(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from .archive import answer_all, model_name
    from .imaging.files import find_files
    from .predictor import load_predictor
    from .table import open_table

    table = open_table(arguments.out)
    files = find_files(arguments.inputs, leave_out=arguments.out)
    predictor = load_predictor(arguments.model, threads=1)
    print(f"model {predictor.folder.label}. {NOTICE}", file=sys.stderr)
    done, left = table.resume(files, model_name(predictor))
    counts = Counter(done)
    if arguments.ray:
        from .cluster import answer_on_ray

        rows = answer_on_ray(left, predictor, arguments.ray, arguments.workers)
    else:
        rows = answer_all(left, predictor, arguments.workers)
    bar = tqdm(rows, "files", len(files), initial=done.total(), disable=None)
    try:
        with table, contextlib.closing(rows):
            for row in bar:
                if row:
                    table.append(row)
                counts[row["status"] if row else "skipped"] += 1
    except OSError as error:
        raise PneumoniaError(
            f"{arguments.out} cannot be written: {error.strerror}. See to it; the same "
            "command goes on where it stopped."
        ) from error
    except KeyboardInterrupt:
        print("Interrupted; the same command goes on.", file=sys.stderr)
        raise
    words = ", ".join(f"{counts[name]:,} {name}" for name in _OUTCOMES)
    print(f"{arguments.out}: {words}; {done.total():,} before.", file=sys.stderr)
    if arguments.json:
        counted = {name: counts[name] for name in _OUTCOMES}
        print(json.dumps({**counted, "before": done.total()}))
    return 1 if counts["refused"] or counts["failed"] else 0


def _stage(text: str) -> tuple[int, int, int, float, bool]:
    epochs, pixels, frozen, rate, *fixed = text.split(",")
    # Xception takes no smaller image
    if fixed not in ([], ["fixed"]) or int(epochs) < 1 or int(pixels) < 71:
        raise ValueError
    return int(epochs), int(pixels), int(frozen), float(rate), bool(fixed)


def _train(arguments: argparse.Namespace) -> int:
    from .training.data import (
        VALIDATION_FILE,
        hold_out,
        read_films,
        read_names,
        split_films,
    )
    from .training.train import Recipe, Stage, train

    list_beside = Path(arguments.init).with_name(VALIDATION_FILE)
    is_known = arguments.init != "imagenet" and list_beside.exists()
    if is_known and not arguments.validation:
        raise PneumoniaError(
            f"The first weights have learnt from all patients but those that "
            f"{list_beside} names; judged on others, the network would be flattered. "
            f"Add --validation {list_beside}."
        )
    films = read_films(arguments.data)
    if arguments.validation:
        training, validation = hold_out(films, read_names(arguments.validation))
    else:
        training, validation = split_films(films, arguments.fold)
    recipe = Recipe(seed=arguments.seed, precision=arguments.precision)
    if arguments.stage:
        stages = tuple(Stage(*values) for values in arguments.stage)
        recipe = dataclasses.replace(recipe, stages=stages)
    try:
        rows = train(
            training,
            validation,
            Path(arguments.out),
            recipe,
            initial=arguments.init,
            resume=arguments.resume,
        )
    except KeyboardInterrupt:
        print("Interrupted; continue with --resume.", file=sys.stderr)
        raise
    print(json.dumps(rows[-1]))
    return 0


def _evaluate(arguments: argparse.Namespace) -> int:
    from .training.evaluate import evaluate_folder
    from .training.page import figure, interval

    report = evaluate_folder(
        arguments.films, arguments.out, arguments.model, arguments.names
    )
    figures = report["figures"]["answered"]
    if arguments.json:
        print(json.dumps(figures, indent=2))
    for name, estimate in figures.items() if not arguments.json else ():
        print(f"{name:<18} {figure(estimate):>6}  {interval(estimate)}".rstrip())
    print(f"{arguments.out}: open index.html. {NOTICE}", file=sys.stderr)
    return 1 if report["unreadable"] else 0


def _export(arguments: argparse.Namespace) -> int:
    from .training.export import export_weights

    config = export_weights(
        weights=arguments.weights,
        data=arguments.data,
        validation=arguments.validation,
        folder=arguments.out,
        name=arguments.name or Path(arguments.out).resolve().name,
        version=arguments.version,
        image_size=arguments.image_size,
        provenance=arguments.provenance,
        source=arguments.source,
    )
    print(f"{arguments.out}: {config.name} {config.version}", file=sys.stderr)
    return 0


def _publish(arguments: argparse.Namespace) -> int:
    from .hub import BUNDLED
    from .publish import describe, prepare, send

    plan = prepare(
        model=arguments.model,
        space=arguments.space,
        folder=arguments.folder or BUNDLED,
        private=arguments.private,
        may_write=not arguments.dry_run,
    )
    for note in plan.notes:
        print(note, file=sys.stderr)
    if arguments.dry_run:
        print(describe(plan))
        return 0
    if plan.question and not arguments.yes and not _agrees(plan.question):
        print("Nothing was sent.", file=sys.stderr)
        return 1
    if not plan.has_changes:
        print("Nothing to change.", file=sys.stderr)
    for line in send(plan):
        print(line, flush=True)
    return 0


def _agrees(question: str) -> bool:
    """Asks whoever sits there; the answer is no unless it is yes."""
    if not sys.stdin.isatty():
        raise PneumoniaError(
            f"{question}Expected somebody to ask, found no terminal. Look at what "
            "--dry-run tells, then add --yes."
        )
    print(f"{question}Go on? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _nested(file: str, prediction: Any) -> dict[str, Any]:
    """The row of a file, with its probabilities and subtypes by name, however many."""
    from .batch import row

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
