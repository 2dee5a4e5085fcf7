"""A model folder -> its repository on the Hub, and a Space that serves it.

`prepare` reads what is there, and its plan tells what would change; `send` changes it:
the model first, so that a Space never names a revision that is not there.
"""

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..config import CARD_FILE, CONFIG_FILE, ONNX_FILE, WEIGHTS_FILE, ModelConfig
from ..errors import ModelError, PneumoniaError
from .repository import MODEL, SPACE, VARIABLE, Repository, look, write
from .resolve import BUNDLED
from .space_files import space_files

# stands for the commit that is yet to be made, and is as long
PENDING = "THE_40_DIGITS_OF_THE_COMMIT_TO_BE_MADE__"


@dataclass(frozen=True)
class Plan:
    """What is to be published.

    Attributes:
        model: its repository.
        space: the Space that serves it, if there is to be one.
        private: whether repositories that are made are private.
    """

    model: Repository
    space: Repository | None
    private: bool

    @property
    def repositories(self) -> list[Repository]:
        """In the order in which they are written."""
        return [self.model] + ([self.space] if self.space else [])

    @property
    def is_model_closed(self) -> bool:
        """Whether the Space needs a token to read the model."""
        is_private = self.model.is_private if self.model.commit else self.private
        return is_private or self.model.is_gated

    @property
    def has_changes(self) -> bool:
        """Whether `send` has anything to send."""
        return any(not it.commit or it.changes for it in self.repositories)


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
            not be seen is in the plan's notes.
    Raises:
        ModelError: the folder is damaged, or has no model card.
        PneumoniaError: it cannot be published there; the sentence says why.
    """
    from huggingface_hub import get_token

    for name in (model, space):
        if name is not None:
            _check_name(name)
    files = model_files(folder)
    if may_write and not get_token():
        raise PneumoniaError(
            "Publishing takes a token of the Hub that may write, and there is none. "
            "Log in with `hf auth login`, or set HF_TOKEN."
        )
    repository = _look(MODEL, model, private, may_write)
    plan = Plan(dataclasses.replace(repository, files=files), None, private)
    if space is None:
        return plan
    plan = dataclasses.replace(plan, space=_look(SPACE, space, private, may_write))
    is_current = plan.model.commit and not plan.model.changes
    return _pin(plan, plan.model.commit if is_current else PENDING)


def model_files(folder: str | os.PathLike[str]) -> dict[str, bytes]:
    """Reads `config.json` and what it lists; nothing else of the folder is published.

    Returns:
        File name -> content.
    Raises:
        ModelError: a file is missing or damaged, or there is no model card.
    """
    config = ModelConfig.load(folder)
    if CARD_FILE not in config.files:
        raise ModelError(
            f"{CONFIG_FILE} lists no {CARD_FILE}, and no model is published without "
            "its card. Name a folder made by `python -m pneumonia export`."
        )
    files = {CONFIG_FILE: (Path(folder) / CONFIG_FILE).read_bytes()}
    return files | {name: config.verified(folder, name) for name in config.files}


def send(plan: Plan) -> Iterator[str]:
    """Publishes; a repository that is as planned gets no request that writes.

    Yields:
        `model OWNER/NAME@COMMIT`, then `space OWNER/NAME@COMMIT`, as each is done.
    Raises:
        PneumoniaError: the Hub refuses or is away; the sentence says what is done.
    """
    revision = write(plan.model, plan.private)
    yield f"{MODEL} {plan.model.name}@{revision}"
    if not plan.space:
        return
    try:
        commit = write(_pin(plan, revision).space, plan.private)
    except PneumoniaError as error:
        raise PneumoniaError(
            f"{error} The model {plan.model.name}@{revision[:7]} is published, but "
            f"its Space {plan.space.name} is not, or not wholly: the same command "
            "again does the rest."
        ) from None
    yield f"{SPACE} {plan.space.name}@{commit}"


def _look(kind: str, name: str, private: bool, may_write: bool) -> Repository:
    """What the Hub has; what cannot be seen is an error only for who wants to write."""
    from huggingface_hub import get_token

    try:
        repository = look(kind, name)
    except PneumoniaError as error:
        if may_write:
            raise
        return Repository(kind, name, unseen=str(error))
    if not repository.commit and not get_token():
        unseen = f"{repository.title} is not public, and there is no token."
        return dataclasses.replace(repository, unseen=unseen)
    if private and repository.commit and not repository.is_private:
        raise PneumoniaError(
            f"{repository.title} is there and public; expected none, or a private one. "
            "Change its visibility in its settings on the Hub, or leave out --private."
        )
    return repository


def _pin(plan: Plan, revision: str) -> Plan:
    """Makes the plan's Space serve one revision of its model."""
    unread = {WEIGHTS_FILE} if ONNX_FILE in plan.model.files else set()
    preload = [] if plan.is_model_closed else sorted({*plan.model.files} - unread)
    space = dataclasses.replace(
        plan.space,
        files=space_files(plan.model.name, revision, preload, plan.space.name),
        variables={VARIABLE: f"{plan.model.name}@{revision}"},
    )
    return dataclasses.replace(plan, space=space)


def _check_name(name: str) -> None:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    with contextlib.suppress(HFValidationError):
        validate_repo_id(name)
        if "/" in name:
            return
    raise PneumoniaError(
        f"{name!r} is no name that the Hub allows. Expected OWNER/NAME in letters, "
        "digits, '-', '_' and '.'; check the spelling."
    )
