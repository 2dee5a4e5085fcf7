"""One file of a Hub repository -> the Hub's own cache, within bounds.

The Hub's client is imported here, and only when a file is wanted. It bounds neither the
size of what it takes nor, where a byte comes now and then, the time; this does.
"""

import os
import re
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from ..config import CONFIG_FILE, CONFIG_LIMIT
from ..errors import ModelError

PATIENCE = 60  # seconds until the Hub must have answered
SLOWEST = 50_000  # bytes per second, of a transfer that is worth waiting for

_ADDRESS = re.compile(r"https?://[^/\s]")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_Result = TypeVar("_Result")


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
    import httpx2  # what huggingface_hub speaks HTTP with; its errors pass through
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        cached = try_to_load_from_cache(repository, name, revision=revision)
        if isinstance(cached, str) and _COMMIT.fullmatch(revision):
            return Path(cached)
        try:
            token, offered = _within(
                PATIENCE, lambda: _admission(repository, revision, name)
            )
        except (httpx2.HTTPError, OSError) as error:
            if isinstance(cached, str) and _is_away(error):
                return Path(cached)
            raise
        limit = _require_size(repository, name, size, offered)
        return _within(
            PATIENCE + limit / SLOWEST,
            lambda: _download(repository, revision, name, token, limit),
        )
    # RuntimeError comes from hf_xet, which moves the large files
    except (httpx2.HTTPError, OSError, RuntimeError, HFValidationError) as error:
        sentence = _explain(error).format(file=name, repo=repository, rev=revision)
        raise ModelError(sentence) from error


def require_address() -> None:
    """Refuses an `HF_ENDPOINT` that is no address, which the Hub's client believes.

    Raises:
        ModelError: it is set, and begins with no https://.
    """
    address = os.environ.get("HF_ENDPOINT")
    if address is not None and not _ADDRESS.match(address):
        raise ModelError(
            f"HF_ENDPOINT is {address!r}; expected an address that begins with "
            "https://. Correct the variable, or unset it to reach huggingface.co."
        )


def _require_size(repository: str, name: str, size: int | None, offered: int) -> int:
    """Refuses a file of another size than expected; returns how much to take of it."""
    if size is not None and offered not in (size, -1):
        raise ModelError(
            f"{name} of {repository} has {offered:,} bytes on the Hub; {CONFIG_FILE} "
            f"says {size:,}, so it was not downloaded. Try another revision, or ask "
            "its owner to publish it again."
        )
    if size is None and offered > CONFIG_LIMIT:
        raise ModelError(
            f"{name} of {repository} has {offered:,} bytes; expected at most "
            f"{CONFIG_LIMIT:,}, so it was not downloaded. Choose a repository made by "
            "`python -m pneumonia publish`."
        )
    return CONFIG_LIMIT if size is None else size


def _download(
    repository: str, revision: str, name: str, token: str | bool, limit: int
) -> Path:
    from huggingface_hub import HfApi
    from huggingface_hub.utils import tqdm

    class Meter(tqdm):
        """The client's progress bar, which breaks off what is longer than announced."""

        received = 0

        def update(self, n=1):
            self.received += n or 0
            if self.received > limit:
                raise ModelError(
                    f"The Hub sent more of {name} of {repository} than the {limit:,} "
                    "bytes expected, so it was broken off. Try again later."
                )
            return super().update(n)

    api = HfApi(token=token)
    return Path(
        api.hf_hub_download(repository, name, revision=revision, tqdm_class=Meter)
    )


def _within(seconds: float, function: Callable[[], _Result]) -> _Result:
    """Calls a function and waits that long; after that it is left to itself.

    Raises:
        TimeoutError: it took longer; or whatever it raises.
    """
    result: Future[Any] = Future()

    def work() -> None:
        try:
            result.set_result(function())
        except BaseException as error:
            result.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return result.result(seconds)


def _admission(repository: str, revision: str, name: str) -> tuple[str | bool, int]:
    """Asks for a file's metadata; returns the token that it takes, and its size.

    The token is False where none is needed, and the size -1 where the Hub tells none.

    A secret is sent only where the Hub turned us away without one. The client's own
    download does not ask first: it would try for 23 s when the Hub is away, and answer
    the refusal of a private repository with an outdated copy from the cache.
    """
    from huggingface_hub import HfApi, get_token, hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    def ask(token: str | bool) -> tuple[str | bool, int]:
        api = HfApi(token=token)
        found = api.get_hf_file_metadata(
            url=hf_hub_url(repository, name, revision=revision, endpoint=api.endpoint)
        )
        return token, -1 if found.size is None else found.size

    try:
        return ask(False)
    except HfHubHTTPError as error:
        closed = isinstance(error, RepositoryNotFoundError)
        token = get_token() if closed or error.response.status_code == 401 else None
        if not token:
            raise
    if not (token.isascii() and token.isprintable()):
        raise ModelError(
            f"{repository} may need a token, and that of HF_TOKEN or `hf auth login` "
            "has a character that no token has. Copy it from the Hub again."
        )
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
