"""`publish`: puts a model, and a Space that serves it, on the Hugging Face Hub."""

import argparse
import hashlib
import sys
from typing import TYPE_CHECKING, Any

from ..config import CARD_FILE
from ..errors import PneumoniaError
from ..hub import BUNDLED

if TYPE_CHECKING:
    from ..hub.publish import Plan
    from ..hub.repository import Repository


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
    from ..hub.publish import prepare, send

    plan = prepare(
        model=arguments.model,
        space=arguments.space,
        folder=arguments.folder or BUNDLED,
        private=arguments.private,
        may_write=not arguments.dry_run,
    )
    for note in _notes(plan):
        print(note, file=sys.stderr)
    if arguments.dry_run:
        print(_described(plan))
        return 0
    question = _question(plan)
    if question and not arguments.yes and not _agrees(question):
        print("Nothing was sent.", file=sys.stderr)
        return 1
    if all(repository.commit and not repository.changes for repository in plan):
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


def _notes(plan: "Plan") -> list[str]:
    """What whoever publishes should know, sentences."""
    notes = [
        f"{repository.unseen} What is there to be replaced or deleted is not known."
        for repository in plan
        if repository.unseen
    ]
    model, *spaces = plan
    if spaces and model.visibility != "public":
        notes.append(
            f"{model.name} is not open to all: give the Space a secret HF_TOKEN that "
            "may read it, in the Space's settings on the Hub."
        )
    return notes


def _question(plan: "Plan") -> str:
    """Asks for leave to overwrite; empty where nothing would be lost."""
    question = ""
    for repository in plan:
        actions = repository.actions
        losses = [name for name in repository.changes if actions[name] != "add"]
        if losses:
            more = f" and {len(losses) - 5} more" * (len(losses) > 5)
            names = ", ".join(losses[:5]) + more
            question += f"{repository.title} loses what is in {names}. "
    return question


def _described(plan: "Plan") -> str:
    """All that `send` would send: repositories, files, variables, the Space's head."""
    lines = []
    for repository in plan:
        state = f"new and {repository.visibility}"
        if repository.commit:
            state = f"now at {repository.commit}"
        if repository.unseen:
            state = "made if it is not there"
        lines.append(f"{repository.title}, {state}")
        for name, action in sorted(repository.actions.items()):
            action = "send" if repository.unseen else action
            size, digest = _measured(repository, name)
            if name in repository.variables:
                name += f"={repository.variables[name]}"
            lines.append(f"  {action:<8} {size:>11} {digest:<64}  {name}")
    for space in plan[1:]:
        head = space.files[CARD_FILE].decode().split("\n---\n")[0] + "\n---"
        lines += [f"The head of its {CARD_FILE}", *head.splitlines()]
    return "\n".join(lines)


def _measured(repository: "Repository", path: str) -> tuple[str, str]:
    """Size and sha256, for people; neither, where no content is sent."""
    from ..hub.publish import PENDING
    from ..hub.repository import SPACE

    if path not in repository.files:
        return "", ""
    content = repository.files[path]
    digest = hashlib.sha256(content).hexdigest()
    if repository.kind == SPACE and path == CARD_FILE and PENDING.encode() in content:
        digest = "follows from the model's commit"
    return f"{len(content):,}", digest
