"""`publish`: puts a model, and a Space that serves it, on the Hugging Face Hub."""

import argparse
import sys
from typing import Any

from ..errors import PneumoniaError


def add(verbs: Any) -> None:
    """Adds the verb to the command line's parser."""
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
    publish.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb and returns the exit code."""
    from ..hub import BUNDLED
    from ..hub.publish import describe, prepare, send

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
