"""One repository on the Hub: what it holds, what it is to hold, and the one commit
that leads from the first to the second.

The Hub's client is imported when it is needed; its errors become sentences here.
"""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import PneumoniaError
from .download import require_address

if TYPE_CHECKING:
    from huggingface_hub import HfApi

MODEL, SPACE = "model", "space"
VARIABLE = "PNEUMONIA_MODEL"  # of a Space: which model it serves


@dataclass(frozen=True)
class Repository:
    """What a repository is to hold, beside what it holds.

    Attributes:
        kind: `model` or `space`.
        name: `OWNER/NAME`.
        commit: that it is at, 40 hexadecimal digits; None: it is yet to be made.
        is_private: whether only its owner may read it.
        is_gated: whether its owner lets readers in one by one.
        there: path -> sha256 of a large file, git's blob id of a small one; and
            variable of a Space -> value.
        unseen: why we could not look, a sentence; empty: we could.
        files: path -> content, all that it is to hold.
        variables: what a Space's environment is to hold, among others.
    """

    kind: str
    name: str
    commit: str | None = None
    is_private: bool = False
    is_gated: bool = False
    there: Mapping[str, str] = field(default_factory=dict)
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
        """Path or variable -> `add`, `replace`, `keep` or `delete`."""
        actions = dict.fromkeys(self.there, "delete")
        wanted = {path: _digests(content) for path, content in self.files.items()}
        wanted |= {name: (value,) for name, value in self.variables.items()}
        for name, values in wanted.items():
            is_same = self.there.get(name) in values
            actions[name] = "keep" if is_same else "replace"
            if name not in self.there:
                actions[name] = "add"
        return actions

    @property
    def changes(self) -> list[str]:
        """Paths and variables that are not as they are to be."""
        return [name for name, action in self.actions.items() if action != "keep"]

    @property
    def losses(self) -> list[str]:
        """Paths and variables that would lose what they hold."""
        return [name for name in self.changes if self.actions[name] != "add"]


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
        # the Hub shows them only to those who may write; others than ours stay
        has_variables = kind == SPACE and api.token
        variables = api.get_space_variables(name) if has_variables else {}
    there = {key: it.value for key, it in variables.items() if key == VARIABLE}
    for file in info.siblings:
        if file.rfilename != ".gitattributes":  # the Hub's own
            digest = file.lfs.sha256 if file.lfs else file.blob_id
            there[file.rfilename] = digest
    is_gated = bool(getattr(info, "gated", False))
    return Repository(kind, name, info.sha, bool(info.private), is_gated, there)


def write(repository: Repository, private: bool) -> str:
    """Makes a repository hold what it is to hold; sends only what differs.

    Args:
        private: whether it is made private, if it is yet to be made.
    Returns:
        Its commit, 40 hexadecimal digits.
    Raises:
        PneumoniaError: the Hub refuses or is away, or somebody else wrote meanwhile.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    kind, name, commit = repository.kind, repository.name, repository.commit
    changes = [(path, repository.files.get(path)) for path in repository.changes]
    operations = [
        CommitOperationDelete(path)
        if content is None
        else CommitOperationAdd(path, content)
        for path, content in changes
        if path not in repository.variables
    ]
    with _hub(repository, "cannot be written") as api:
        if not commit:
            variables = repository.variables.items()
            pairs = [{"key": key, "value": value} for key, value in variables]
            # the variables at once, so that no new Space is built without them; the
            # visibility either way, since an organisation may have another default
            space = {"space_sdk": "gradio", "space_variables": pairs}
            visibility = "private" if private else "public"
            options = space if kind == SPACE else {}
            api.create_repo(name, repo_type=kind, visibility=visibility, **options)
        if operations:
            message = "Publish with `python -m pneumonia publish`"
            commit = api.create_commit(
                name,
                operations,
                repo_type=kind,
                commit_message=message,
                parent_commit=commit,
            ).oid
        # after the files, so that no refused commit leaves old code with a new model
        for key, value in repository.variables.items():
            if repository.commit and repository.there.get(key) != value:
                api.add_space_variable(name, key, value)
    return commit


def _digests(content: bytes) -> tuple[str, str]:
    """How the Hub names a content: as a large file, and as a small one (git's blob)."""
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content)
    return hashlib.sha256(content).hexdigest(), blob.hexdigest()


@contextlib.contextmanager
def _hub(repository: Repository, what: str) -> Iterator["HfApi"]:
    """The Hub's client, its errors turned into sentences."""
    require_address()
    from huggingface_hub import HfApi, get_token

    token = get_token() or False
    try:
        yield HfApi(token=token)
    except Exception as error:  # also of what the client speaks HTTP and Xet with
        if type(error) is RuntimeError and error.__cause__:
            error = error.__cause__  # of a large file's upload
        reason = _explain(error).format(owner=repository.name.split("/")[0])
        words = str(error) if type(error) is ValueError else ""
        words = " ".join((getattr(error, "server_message", None) or words).split())
        if words:  # which may quote the token
            words = words.replace(token, "***") if token else words
            reason += f' The Hub says: "{words[:300]}".'
        # not `from error`: the client's own words may quote it, too
        raise PneumoniaError(f"{repository.title} {what}: {reason}") from None


def _explain(error: Exception) -> str:
    """What went wrong and what to do, with `{owner}` to fill in."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if type(error) is ValueError:  # the client's own checks
        status = 400
    for reason in (status, *(kind.__name__ for kind in type(error).__mro__)):
        if reason in _REASONS:
            return _REASONS[reason]
    if status:
        return f"the Hub answered HTTP {status}. Try again later."
    return (
        f"the Hub did not answer ({type(error).__name__}). Check the network and try "
        "again later."
    )


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
