"""A model folder -> its repository on the Hub, and a Space that serves it.

`prepare` reads what is there, and its plan tells what would change; `send` changes it:
the model first, so that a Space never names a revision that is not there.
"""

import dataclasses
import os
import re
from collections.abc import Iterator
from pathlib import Path

from ..config import CARD_FILE, CONFIG_FILE, ONNX_FILE, WEIGHTS_FILE, ModelConfig
from ..errors import ModelError, PneumoniaError
from .repository import MODEL, SPACE, VARIABLE, Repository, look, write
from .resolve import BUNDLED, NAME
from .space_files import space_files

# stands for the commit that is yet to be made, and is as long
PENDING = "THE_40_DIGITS_OF_THE_COMMIT_TO_BE_MADE__"

Plan = list[Repository]  # in the order in which they are written


def prepare(
    model: str,
    space: str | None = None,
    folder: str | os.PathLike[str] = BUNDLED,
    private: bool = False,
    may_write: bool = True,
) -> Plan:
    """Compares a model folder, and a Space for it, with what the Hub has.

    Args:
        model: the model repository, `OWNER/NAME`; made if need be.
        space: the Space, likewise; None: only the model is published.
        folder: a model folder; every file that its `config.json` lists is verified.
        private: make new repositories private.
        may_write: False for a look that needs neither a token nor the Hub; what could
            not be seen is in the plan.
    Returns:
        The model's repository, and the Space if there is to be one.
    Raises:
        ModelError: the folder is damaged, or has no model card.
        PneumoniaError: it cannot be published there; the sentence says why.
    """
    from huggingface_hub import get_token

    for name in (model, space):
        if name is not None and not re.fullmatch(NAME, name, re.ASCII):
            raise PneumoniaError(f"Expected OWNER/NAME, found {name!r}. Correct it.")
    config = ModelConfig.load(folder)
    if CARD_FILE not in config.files:
        raise ModelError(
            f"{CONFIG_FILE} lists no {CARD_FILE}, and no model is published without "
            "its card. Name a folder made by `python -m pneumonia export`."
        )
    # nothing else of the folder is published
    files = {CONFIG_FILE: (Path(folder) / CONFIG_FILE).read_bytes()}
    files |= {name: config.verified(folder, name) for name in config.files}
    if may_write and not get_token():
        raise PneumoniaError(
            "Publishing takes a token of the Hub that may write, and there is none. "
            "Log in with `hf auth login`, or set HF_TOKEN."
        )
    visibility = "private" if private else "public"
    plan = [look(MODEL, model, visibility, may_write)]
    if space is not None:
        plan.append(look(SPACE, space, visibility, may_write))
    for it in plan:
        if private and it.visibility != "private":
            raise PneumoniaError(
                f"{it.title} is there and {it.visibility}; expected none, or a private "
                "one. Change that in its settings on the Hub, or leave out --private."
            )
    plan[0] = dataclasses.replace(plan[0], files=files)
    is_current = plan[0].commit and not plan[0].changes
    return _pin(plan, plan[0].commit if is_current else PENDING)


def send(plan: Plan) -> Iterator[str]:
    """Publishes; a repository that is as planned gets no request that writes.

    Yields:
        `model OWNER/NAME@COMMIT`, then `space OWNER/NAME@COMMIT`, as each is done.
    Raises:
        PneumoniaError: the Hub refuses or is away; the sentence says what is done.
    """
    revision = write(plan[0])
    yield f"{MODEL} {plan[0].name}@{revision}"
    for space in _pin(plan, revision)[1:]:
        try:
            yield f"{SPACE} {space.name}@{write(space)}"
        except PneumoniaError as error:
            raise PneumoniaError(
                f"{error} The model {plan[0].name}@{revision[:7]} is published, but "
                "its Space is not, or not wholly. Run the same command again."
            ) from None


def _pin(plan: Plan, revision: str) -> Plan:
    """Makes the plan's Space, if there is one, serve one revision of its model."""
    model, *spaces = plan
    unread = {WEIGHTS_FILE} if ONNX_FILE in model.files else set()
    preload = sorted({*model.files} - unread) if model.visibility == "public" else []
    return [model] + [
        dataclasses.replace(
            space,
            files=space_files(model.name, revision, preload, space.name),
            variables={VARIABLE: f"{model.name}@{revision}"},
        )
        for space in spaces
    ]
