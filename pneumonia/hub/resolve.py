"""A model reference -> a local model folder.

Of a repository on the Hub, only `config.json`, the network, the gate, the report and
the card are ever requested. Nothing is downloaded that has another size than
`config.json` says, and nothing is served before its sha256 agrees too.
"""

import contextlib
import dataclasses
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..config import (
    BESIDE_THE_GRAPH,
    CARD_FILE,
    CONFIG_FILE,
    ONNX_FILE,
    REPORT_FILE,
    WEIGHTS_FILE,
    ModelConfig,
)
from ..errors import DamagedError, ModelError
from .download import fetch

BUNDLED = Path(__file__).parents[1] / "pretrained"

NAME = r"\w[\w.-]*/\w[\w.-]*"  # OWNER/NAME; the Hub's client checks more
_REPOSITORY = re.compile(rf"({NAME})(?:@(\w[\w./-]*))?", re.ASCII)


@dataclass(frozen=True)
class ModelFolder:
    """A model folder on this machine.

    Attributes:
        path: holds `config.json` and `model.onnx`.
        name: for people: `bundled`, `owner/name`, or the folder's own name.
        revision: the commit, 40 hexadecimal digits, if it came from the Hub.
    """

    path: Path
    name: str
    revision: str | None = None

    @property
    def label(self) -> str:
        """Which model and revision is being served: `owner/name@1a2b3c4`."""
        return f"{self.name}@{self.revision[:7]}" if self.revision else self.name


def resolve(reference: str | os.PathLike[str] | None = None) -> ModelFolder:
    """Finds a model folder, downloading it where need be.

    Args:
        reference: a folder, or a Hub repository `owner/name` or `owner/name@revision`,
            where a revision is a branch, a tag or a commit. An existing folder wins.
            None: the environment variable `PNEUMONIA_MODEL`, else the bundled model.
    Raises:
        ModelError: it is neither, or cannot be fetched, verified or compiled.
    """
    if reference is None:
        reference = os.environ.get("PNEUMONIA_MODEL") or BUNDLED
    text = os.fspath(reference)
    if Path(text) == BUNDLED:
        return ModelFolder(BUNDLED, "bundled")
    if os.path.isdir(text):
        return ModelFolder(Path(text), Path(text).resolve().name)
    match = _REPOSITORY.fullmatch(text) if isinstance(reference, str) else None
    if not match or ".." in text:
        found = "it is a file" if os.path.isfile(text) else "there is no such folder"
        raise ModelError(
            f"Model {text!r}: {found}. Expected a model folder, or a Hub repository as "
            "OWNER/NAME or OWNER/NAME@REVISION."
        )
    return _from_hub(match[1], match[2] or "main")


def _from_hub(repository: str, revision: str) -> ModelFolder:
    path = fetch(repository, revision, CONFIG_FILE).parent
    # from here on by commit, lest the branch moves between two files
    folder = ModelFolder(path, repository, revision=path.name)
    try:
        return _complete(folder)
    except ModelError as error:
        raise ModelError(f"{folder.label}: {error}") from error


def _complete(folder: ModelFolder) -> ModelFolder:
    """Adds graph, gate, report and card to a folder that holds `config.json`."""
    with _forgetting(folder.path / CONFIG_FILE):
        config = ModelConfig.load(folder.path)

    def verified(name: str) -> bytes:
        size = config.files[name]["size"]
        path = fetch(folder.name, folder.revision, name, size)
        with _forgetting(path):
            return config.verified(path.parent, name)

    if ONNX_FILE in config.files:
        for name in filter(config.files.get, (ONNX_FILE, *BESIDE_THE_GRAPH)):
            verified(name)
        for name in filter(config.files.get, (REPORT_FILE, CARD_FILE)):
            with contextlib.suppress(ModelError):  # it is served without them, too
                verified(name)
        return folder
    if WEIGHTS_FILE in config.files:
        from ..export.compile_cache import compile_once

        path = compile_once(folder.path, config, verified)
        return dataclasses.replace(folder, path=path)
    raise ModelError(
        f"{CONFIG_FILE} lists {[*config.files]}; expected {ONNX_FILE} or "
        f"{WEIGHTS_FILE}. Choose a repository that holds one of them."
    )


@contextlib.contextmanager
def _forgetting(path: Path) -> Iterator[None]:
    """Removes a damaged file from the Hub's cache, so that the next start fetches it.

    The Hub's client names its blobs by hash but checks only their length.
    """
    try:
        yield
    except DamagedError as error:
        with contextlib.suppress(OSError):  # a read-only cache
            path.resolve().unlink(missing_ok=True)  # the blob, not the link to it
        raise ModelError(f"{error} The next start downloads it afresh.") from error
