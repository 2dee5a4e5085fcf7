"""One repository on the Hub: what it holds, what it is to hold, and the one commit
that leads from the first to the second.

The Hub's client is imported when it is needed; its errors become sentences here.
"""

import contextlib
import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import PneumoniaError
from .download import require_address

if TYPE_CHECKING:
    from huggingface_hub import HfApi

MODEL, SPACE = "model", "space"


@dataclass(frozen=True)
class Remote:
    """A repository as the Hub has it.

    Attributes:
        commit: 40 hexadecimal digits.
        is_private: whether only its owner may read it.
        is_gated: whether its owner lets readers in one by one.
        digests: path -> sha256 of a large file, git's blob id of a small one.
        variables: of a Space.
    """

    commit: str
    is_private: bool
    is_gated: bool
    digests: Mapping[str, str]
    variables: Mapping[str, str]


@dataclass(frozen=True)
class Repository:
    """What a repository is to hold, beside what it holds.

    Attributes:
        kind: `model` or `space`.
        name: `OWNER/NAME`.
        remote: what it holds; None: it is yet to be made.
        unseen: why we could not look, a sentence; then `remote` means nothing.
        files: path -> content, all that it is to hold.
        variables: what a Space's environment is to hold.
    """

    kind: str
    name: str
    remote: Remote | None = None
    unseen: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The beginning of a sentence."""
        kind = "The model repository" if self.kind == MODEL else "The Space"
        return f"{kind} {self.name}"

    @property
    def actions(self) -> dict[str, str]:
        """Path -> `add`, `replace`, `keep` or `delete`."""
        there = dict(self.remote.digests) if self.remote else {}
        there.pop(".gitattributes", None)  # the Hub's own
        actions = dict.fromkeys(self.files, "add")
        for path, digest in there.items():
            if path not in self.files:
                actions[path] = "delete"
            else:
                is_same = digest in _digests(self.files[path])
                actions[path] = "keep" if is_same else "replace"
        return actions

    @property
    def altered(self) -> list[str]:
        """The paths that do not hold what they are to hold."""
        return [path for path, action in self.actions.items() if action != "keep"]

    @property
    def settings(self) -> dict[str, str]:
        """The variables that have another value, or none."""
        there = self.remote.variables if self.remote else {}
        wanted = self.variables.items()
        return {key: value for key, value in wanted if there.get(key) != value}

    @property
    def changes(self) -> list[str]:
        """Paths and variables that are not as they are to be."""
        return [*self.altered, *self.settings]

    @property
    def losses(self) -> list[str]:
        """Paths and variables that would lose what they hold."""
        actions = self.actions
        there = self.remote.variables if self.remote else {}
        return [
            name
            for name in self.changes
            if actions.get(name) in ("replace", "delete") or name in there
        ]


def look(kind: str, name: str) -> Repository:
    """Asks the Hub what a repository holds; it tells digests, not contents.

    Raises:
        PneumoniaError: the Hub refuses or is away.
    """
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    repository = Repository(kind, name)
    with _hub(repository, "cannot be read") as api:
        try:
            info = api.repo_info(name, repo_type=kind, files_metadata=True)
        except RepositoryNotFoundError as error:
            # the client takes a refused token, too, for a repository that is not there
            is_refused = api.token and error.response.status_code == 401
            if is_refused or isinstance(error, GatedRepoError):
                raise
            return repository
        digests = {
            file.rfilename: file.lfs.sha256 if file.lfs else file.blob_id
            for file in info.siblings
        }
        # the Hub shows them only to those who may write
        has_variables = kind == SPACE and api.token
        variables = api.get_space_variables(name) if has_variables else {}
    values = {key: variable.value for key, variable in variables.items()}
    is_gated = bool(getattr(info, "gated", False))
    remote = Remote(info.sha, bool(info.private), is_gated, digests, values)
    return dataclasses.replace(repository, remote=remote)


def write(repository: Repository, private: bool) -> str:
    """Makes a repository hold what it is to hold; sends only what differs.

    Args:
        private: whether it is made private, if it is yet to be made.
    Returns:
        Its commit, 40 hexadecimal digits.
    Raises:
        PneumoniaError: the Hub refuses or is away, or somebody else wrote meanwhile.
    """
    kind, name = repository.kind, repository.name
    with _hub(repository, "cannot be written") as api:
        is_new = not repository.remote
        if is_new:
            sdk = "gradio" if kind == SPACE else None
            # said either way: an organisation may have another default
            visibility = "private" if private else "public"
            api.create_repo(name, repo_type=kind, space_sdk=sdk, visibility=visibility)
            repository = _seen_again(repository)
            # before the files, so that a new Space is not built without them
            _set_variables(api, repository)
        if operations := _operations(repository):
            api.create_commit(
                name,
                operations,
                repo_type=kind,
                commit_message="Publish with `python -m pneumonia publish`",
                parent_commit=repository.remote.commit,
            )
            repository = _seen_again(repository)
        # after the files, so that no refused commit leaves old code with a new model
        _set_variables(api, repository)
    if operations and repository.altered:
        raise PneumoniaError(
            f"{repository.title} does not hold what was sent: "
            f"{shortened(repository.altered)}. Look at its latest commits on the Hub, "
            f"then {_AGAIN}."
        )
    return repository.remote.commit


def shortened(names: list[str]) -> str:
    """The first few names, for a sentence."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" * (len(names) > 5))


def _seen_again(repository: Repository) -> Repository:
    remote = look(repository.kind, repository.name).remote
    if not remote:
        raise PneumoniaError(
            f"{repository.title} was made or changed, but the Hub does not show it "
            f"yet. Wait a minute, then {_AGAIN}."
        )
    return dataclasses.replace(repository, remote=remote)


def _set_variables(api: "HfApi", repository: Repository) -> None:
    for key, value in repository.settings.items():
        api.add_space_variable(repository.name, key, value)


def _operations(repository: Repository) -> list:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    return [
        CommitOperationDelete(path)
        if action == "delete"
        else CommitOperationAdd(path, repository.files[path])
        for path, action in repository.actions.items()
        if action != "keep"
    ]


def _digests(content: bytes) -> tuple[str, str]:
    """How the Hub names a content: as a large file, and as a small one."""
    from huggingface_hub.utils.sha import git_hash

    return hashlib.sha256(content).hexdigest(), git_hash(content)


@contextlib.contextmanager
def _hub(repository: Repository, what: str) -> Iterator["HfApi"]:
    """The Hub's client, its errors turned into sentences."""
    require_address()
    import httpx2  # what huggingface_hub speaks HTTP with; its errors pass through
    from huggingface_hub import HfApi, get_token

    token = get_token() or False
    try:
        yield HfApi(token=token)
    # RuntimeError comes from hf_xet, which moves the large files; ValueError from the
    # client's own checks, and from answers that are no JSON
    except (httpx2.HTTPError, OSError, RuntimeError, ValueError) as error:
        if type(error) is RuntimeError and error.__cause__:
            error = error.__cause__  # of a large file's upload
        reason = _explain(error).format(owner=repository.name.split("/")[0])
        if words := _said(error, token or ""):
            reason += f' The Hub says: "{words}".'
        # not `from error`: the client's own words may quote the token
        raise PneumoniaError(f"{repository.title} {what}: {reason}") from None


def _explain(error: Exception) -> str:
    """What went wrong and what to do, with `{owner}` to fill in."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status:
        return _REASONS.get(status, f"the Hub answered HTTP {status}. Try again later.")
    if type(error) is ValueError:
        return _REASONS[400]
    for kind in type(error).__mro__:
        if kind.__name__ in _REASONS:
            return _REASONS[kind.__name__]
    return (
        f"the Hub did not answer ({type(error).__name__}). Check the network and try "
        "again later."
    )


def _said(error: Exception, token: str) -> str:
    """The Hub's own explanation, on one line, without the token that it may quote."""
    words = getattr(error, "server_message", None)
    if type(error) is ValueError:
        words = str(error)
    words = " ".join((words or "").split())
    return (words.replace(token, "***") if token else words)[:300]


_AGAIN = "run the same command again"
_ODD_TOKEN = (
    "the token has characters that no token has. Copy it again from the Hub, then log "
    "in with `hf auth login` or set HF_TOKEN."
)
_REASONS = {  # by HTTP status, or by the class of the error
    400: "the Hub does not take it.",
    401: "the Hub does not know the token. Log in again with `hf auth login`, or set "
    "HF_TOKEN to a token that may write.",
    402: "the Hub asks for a paid plan. Name a repository that is there, or see "
    "huggingface.co/pricing.",
    403: "the token may not do that. Expected one that may write to the repositories "
    "of {owner}; make it on the Hub, in the settings of your account.",
    404: "the Hub has no such repository or owner, or hides it from this token. Check "
    "the name, and that {owner} is you or an organisation of yours.",
    409: "it was made meanwhile, or something else is changing it. Look at it on the "
    f"Hub, then {_AGAIN}.",
    412: "somebody changed it meanwhile. Look at its latest commits on the Hub, then "
    f"{_AGAIN}.",
    413: "the Hub does not take files this large. Publish a smaller model.",
    429: f"the Hub has had too many requests. Wait a few minutes, then {_AGAIN}.",
    "OfflineModeIsEnabled": "HF_HUB_OFFLINE forbids to ask the Hub. Unset it.",
    "UnicodeEncodeError": _ODD_TOKEN,
    "LocalProtocolError": _ODD_TOKEN,
}
