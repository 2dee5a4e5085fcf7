"""`train`: fine-tunes the network on a data set."""

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

from ..config import LUNGS_FILE
from ..errors import PneumoniaError
from ..hub import BUNDLED
from .labelled import add_skip_unknown, read


def add(verbs: Any) -> None:
    """Adds the verb to the command line's parser."""
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
        "--validation", metavar="FILE", help="text file: names of X-rays to validate on"
    )
    train.add_argument(
        "--stage",
        action="append",
        type=_stage,
        metavar="EPOCHS,PIXELS,FROZEN,RATE[,fixed]",
        help="one stage of the training, in place of the recipe's; repeat for more; "
        "fixed: batch normalisation keeps the statistics of unchanged X-rays",
    )
    train.add_argument(
        "--lungs",
        metavar="FILE",
        default=BUNDLED / LUNGS_FILE,
        help="lungs.onnx of `train-lungs` (default: the bundled model's); none: the "
        "network is shown whole images",
    )
    train.add_argument(
        "--elsewhere",
        metavar="CSV",
        help="X-rays of other hospitals, with columns path (SOURCE/FINDING/FILE), "
        "patient and side (learn or judge); those to learn from join the classes",
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
    add_skip_unknown(train)
    train.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb and returns the exit code."""
    from ..dataset import (
        VALIDATION_FILE,
        hold_out,
        read_elsewhere,
        read_names,
        split_by_patient,
    )
    from ..training.train import Recipe, Stage, train

    list_beside = Path(arguments.init).with_name(VALIDATION_FILE)
    is_known = arguments.init != "imagenet" and list_beside.exists()
    if is_known and not arguments.validation:
        raise PneumoniaError(
            f"The first weights have learnt from all patients but those that "
            f"{list_beside} names; judged on others, the network would be flattered. "
            f"Add --validation {list_beside}."
        )
    dataset = read(arguments.data, arguments)
    radiographs = dataset.radiographs
    if arguments.validation:
        training, validation = hold_out(radiographs, read_names(arguments.validation))
    else:
        training, validation = split_by_patient(radiographs, arguments.fold)
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
            lungs=None if arguments.lungs == "none" else arguments.lungs,
            elsewhere=read_elsewhere(arguments.elsewhere)
            if arguments.elsewhere
            else (),
        )
    except KeyboardInterrupt:
        print("Interrupted; continue with --resume.", file=sys.stderr)
        raise
    print(json.dumps(rows[-1]))
    return 0 if dataset.is_whole else 1


def _stage(text: str) -> tuple[int, int, int, float, bool]:
    epochs, pixels, frozen, rate, *fixed = text.split(",")
    # Xception takes no smaller image
    if fixed not in ([], ["fixed"]) or int(epochs) < 1 or int(pixels) < 71:
        raise ValueError
    return int(epochs), int(pixels), int(frozen), float(rate), bool(fixed)
