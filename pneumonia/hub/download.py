"""One file of a Hub repository -> the Hub's own cache, by the Hub's own client.

The client finds what is cached, resumes, and waits for a Hub in trouble; here are the
size that is known beforehand, and the deadline.
"""

import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from ..config import CONFIG_FILE, CONFIG_LIMIT
from ..errors import ModelError
from .reasons import reason_of

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
    wanted = repository, revision, name
    offered = _within(PATIENCE, *wanted, dry_run=True)
    limit = CONFIG_LIMIT if size is None else size
    found = limit if offered.file_size is None else offered.file_size
    if offered.will_download and (found > limit or size not in (found, None)):
        raise ModelError(
            f"{name} of {repository} has {found:,} bytes on the Hub; expected "
            f"{'at most ' if size is None else ''}{limit:,}, so it was not downloaded. "
            "Try another revision, or ask its owner to publish it again."
        )
    return Path(_within(PATIENCE + limit / SLOWEST, *wanted))


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
            try:
                result.set_result(ask())
            except Exception as error:
                # a connection that broke counts as none, for which the client itself
                # turns to the cache
                if not any(it.__name__ == "NetworkError" for it in type(error).__mro__):
                    raise
                result.set_result(ask(local_files_only=True))
        except BaseException as error:
            result.set_exception(error)

    threading.Thread(target=work, name=f"fetch {name}", daemon=True).start()
    try:
        return result.result(seconds)
    except Exception as error:  # also of what the client speaks HTTP and Xet with
        reason = reason_of(error, repository.split("/")[0])
        is_first = name == CONFIG_FILE  # so it may be meant as a folder
        raise ModelError(
            f"{repository} is no folder here, and " * is_first
            + f"{name} of {repository}@{revision} cannot be fetched: {reason}"
        ) from error
