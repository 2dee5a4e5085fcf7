"""A model reference -> a local model folder.

The Hub's client is imported only when a reference names a repository. Of a repository,
only `config.json`, the gate and the network are ever requested, and nothing is served
before its sha256 agrees with `config.json`.
"""

import contextlib
import dataclasses
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .compiled import compile_once
from .config import CONFIG_FILE, GATE_FILE, ONNX_FILE, WEIGHTS_FILE, ModelConfig
from .errors import DamagedError, ModelError

BUNDLED = Path(__file__).parent / "pretrained"

_REPOSITORY = re.compile(r"(\w[\w.-]*/\w[\w.-]*)(?:@(\w[\w./-]*))?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")


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
    path = _fetch(repository, revision, CONFIG_FILE).parent
    # from here on by commit, lest the branch moves between two files
    folder = ModelFolder(path, repository, revision=path.name)
    try:
        return _complete(folder)
    except ModelError as error:
        raise ModelError(f"{folder.label}: {error}") from error


def _complete(folder: ModelFolder) -> ModelFolder:
    """Adds graph and gate to a folder that holds `config.json`."""
    with _forgetting(folder.path / CONFIG_FILE):
        config = ModelConfig.load(folder.path)

    def fetch(name: str) -> bytes:
        path = _fetch(folder.name, folder.revision, name)
        with _forgetting(path):
            return config.verified(path.parent, name)

    if ONNX_FILE in config.files:
        fetch(ONNX_FILE)
        if GATE_FILE in config.files:
            fetch(GATE_FILE)
        return folder
    if WEIGHTS_FILE in config.files:
        path = compile_once(folder.path, config, fetch)
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


def _fetch(repository: str, revision: str, name: str) -> Path:
    """Downloads one file into the Hub's own cache; a cached commit costs no request."""
    import httpx2  # what huggingface_hub speaks HTTP with; its errors pass through
    from huggingface_hub import HfApi, try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        cached = try_to_load_from_cache(repository, name, revision=revision)
        if isinstance(cached, str) and _COMMIT.fullmatch(revision):
            return Path(cached)
        try:
            token = _admission(repository, revision, name)
        except (httpx2.HTTPError, OSError) as error:
            if isinstance(cached, str) and _is_away(error):
                return Path(cached)
            raise
        api = HfApi(token=token)
        return Path(api.hf_hub_download(repository, name, revision=revision))
    # RuntimeError comes from hf_xet, which moves the large files
    except (httpx2.HTTPError, OSError, RuntimeError, HFValidationError) as error:
        sentence = _explain(error).format(file=name, repo=repository, rev=revision)
        raise ModelError(sentence) from error


def _admission(repository: str, revision: str, name: str) -> str | bool:
    """Asks for a file's metadata; returns the token that it takes, False for none.

    A secret is sent only where the Hub turned us away without one. The client's own
    download does not ask first: it would try for 23 s when the Hub is away, and answer
    the refusal of a private repository with an outdated copy from the cache.
    """
    from huggingface_hub import HfApi, get_token, hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    def ask(token: str | bool) -> str | bool:
        api = HfApi(token=token)
        api.get_hf_file_metadata(
            url=hf_hub_url(repository, name, revision=revision, endpoint=api.endpoint)
        )
        return token

    try:
        return ask(False)
    except HfHubHTTPError as error:
        closed = isinstance(error, RepositoryNotFoundError)
        token = get_token() if closed or error.response.status_code == 401 else None
        if not token:
            raise
    return ask(token)


def _is_away(error: Exception) -> bool:
    """Whether the Hub gave no answer of its own: no network, offline mode, overload."""
    status = getattr(getattr(error, "response", None), "status_code", 503)
    return status >= 500 or status == 429


def _explain(error: Exception) -> str:
    """A sentence to fill in; the client's own words hold addresses and folders."""
    for kind in type(error).__mro__:
        if kind.__name__ in _REASONS:
            return _REASONS[kind.__name__]
    if getattr(error, "errno", None) and not isinstance(error, ConnectionError):
        return (
            f"{{file}} of {{repo}}@{{rev}} cannot be stored ({error.strerror}). Make "
            "room in the cache, or set HF_HOME to another folder."
        )
    found = f"did not deliver it ({type(error).__name__})"
    advice = "Check the network and try again later, or name a model folder."
    if status := getattr(getattr(error, "response", None), "status_code", None):
        found = f"answered HTTP {status}"
        if status in (401, 403):
            advice = f"Check who may read it, and {_LOG_IN}."
    return f"{{file}} of {{repo}}@{{rev}} is not cached, and the Hub {found}. {advice}"


_LOG_IN = "log in with `hf auth login` or set HF_TOKEN"
_REASONS = {  # by the class in huggingface_hub.errors
    "HFValidationError": "{repo!r} is neither a folder here nor a name that the Hub "
    "allows. Expected OWNER/NAME; check the spelling.",
    "GatedRepoError": "{repo} is gated: its owner decides who may read it. Ask for "
    f"access on its page on the Hub, then {_LOG_IN}.",
    "RepositoryNotFoundError": "{repo} is neither a folder here nor a public "
    f"repository on the Hub. Check the name; if it is private, {_LOG_IN}.",
    "RevisionNotFoundError": "{repo} has no revision {rev!r}. Expected a branch, a tag "
    "or a commit of 40 digits.",
    "RemoteEntryNotFoundError": "{repo}@{rev} has no {file}, so it is not a pneumonia "
    "model repository. Expected config.json with model.onnx or model.weights.h5.",
    "OfflineModeIsEnabled": "{file} of {repo}@{rev} is not cached, and HF_HUB_OFFLINE "
    "forbids to fetch it. Unset it, or name a model folder.",
}
