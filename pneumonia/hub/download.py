"""One file of a Hub repository -> the Hub's own cache, by the Hub's own client.

The client finds what is cached, resumes, and waits for a Hub in trouble. Here are the
size that is known beforehand, the deadline, and the sentences. Its token goes along, as
everywhere; `HF_HUB_DISABLE_IMPLICIT_TOKEN=1` keeps it at home.
"""

import os
import re
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from ..config import CONFIG_FILE, CONFIG_LIMIT
from ..errors import ModelError

PATIENCE = 60  # seconds until the Hub must have answered
SLOWEST = 50_000  # bytes per second, of a transfer that is worth waiting for


def fetch(repository: str, revision: str, name: str, size: int | None = None) -> Path:
    """Finds a file in the cache or downloads it; a cached commit costs no request.

    Args:
        repository: `OWNER/NAME`.
        revision: a branch, a tag or a commit.
        name: of the file.
        size: its bytes; None: unknown, and at most `CONFIG_LIMIT`.
    Raises:
        ModelError: it cannot be had; the sentence says why. The Hub is given a minute
            to answer and another, and time for `SLOWEST`, to deliver.
    """
    require_address()
    wanted = repository, revision, name
    offered = _within(PATIENCE, *wanted, dry_run=True)
    path = Path(offered.local_path)
    if path.exists() and offered.commit_hash == revision:
        return path
    if size is not None and offered.file_size not in (size, None):
        raise ModelError(
            f"{name} of {repository} has {offered.file_size:,} bytes on the Hub; "
            f"{CONFIG_FILE} says {size:,}, so it was not downloaded. Try another "
            "revision, or ask its owner to publish it again."
        )
    if size is None and (offered.file_size or 0) > CONFIG_LIMIT:
        raise ModelError(
            f"{name} of {repository} has {offered.file_size:,} bytes; expected at most "
            f"{CONFIG_LIMIT:,}, so it was not downloaded. Choose a repository made by "
            "`python -m pneumonia publish`."
        )
    limit = CONFIG_LIMIT if size is None else size
    return Path(_within(PATIENCE + limit / SLOWEST, *wanted))


def require_address() -> None:
    """Refuses an `HF_ENDPOINT` that is no address, which the Hub's client believes.

    Raises:
        ModelError: it is set, and begins with no https://.
    """
    address = os.environ.get("HF_ENDPOINT")
    if address is not None and not re.match(r"https?://[^/\s]", address):
        raise ModelError(
            f"HF_ENDPOINT is {address!r}; expected an address that begins with "
            "https://. Correct the variable, or unset it to reach huggingface.co."
        )


def _within(
    seconds: float, repository: str, revision: str, name: str, **options: Any
) -> Any:
    """Calls the client and waits that long; after that it is left to itself."""
    from huggingface_hub import hf_hub_download

    result: Future[Any] = Future()

    def ask(**more: Any) -> Any:
        return hf_hub_download(repository, name, revision=revision, **options, **more)

    def work() -> None:
        try:
            result.set_result(ask())
        except BaseException as error:
            try:
                # a connection that broke counts as none, for which the client itself
                # turns to the cache
                if "NetworkError" not in _kinds(error):
                    raise
                result.set_result(ask(local_files_only=True))
            except BaseException:
                result.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    try:
        return result.result(seconds)
    except Exception as error:  # also of what the client speaks HTTP and Xet with
        sentence = _explain(error).format(file=name, repo=repository, rev=revision)
        raise ModelError(sentence) from error


def _explain(error: Exception) -> str:
    """A sentence to fill in; the client's own words hold addresses and folders."""
    kinds = _kinds(error)
    if "LocalEntryNotFoundError" in kinds and error.__cause__:
        error = error.__cause__  # why the Hub could not be asked
        kinds = _kinds(error)
    for kind in kinds:
        if kind in _REASONS:
            return _REASONS[kind]
    status = getattr(getattr(error, "response", None), "status_code", None)
    found = (
        f"answered HTTP {status}"
        if status
        else (f"did not deliver it ({type(error).__name__})")
    )
    advice = "Check the network and try again later, or name a model folder."
    if status in (401, 403):
        advice = f"Check who may read it, and {_LOG_IN}."
    elif isinstance(error, OSError) and error.strerror and not status:
        if not isinstance(error, ConnectionError):
            return (
                f"{{file}} of {{repo}}@{{rev}} cannot be stored ({error.strerror}). "
                "Make room in the cache, or set HF_HOME to another folder."
            )
    return f"{{file}} of {{repo}}@{{rev}} is not cached, and the Hub {found}. {advice}"


def _kinds(error: BaseException) -> list[str]:
    """Names of the error's classes: some are those of what the client speaks with."""
    return [kind.__name__ for kind in type(error).__mro__]


_LOG_IN = "log in with `hf auth login` or set HF_TOKEN"
_ODD_TOKEN = (
    "{repo} may need a token, and that of HF_TOKEN or `hf auth login` has a character "
    "that no token has. Copy it from the Hub again."
)
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
    "UnicodeEncodeError": _ODD_TOKEN,
    "LocalProtocolError": _ODD_TOKEN,
    "OfflineModeIsEnabled": "{file} of {repo}@{rev} is not cached, and HF_HUB_OFFLINE "
    "forbids to fetch it. Unset it, or name a model folder.",
}
