"""One repository on the Hub: what it holds, what it is to hold, and the way there.

The Hub's client is imported when it is needed; its errors become sentences here.
"""

import contextlib
import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import PneumoniaError
from .reasons import reason_of

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
        visibility: `public`, `private` or `gated`; if yet to be made, what it will be.
        commit: that it is at, 40 hexadecimal digits; None: it is yet to be made.
        there: path -> sha256 of a large file, git's blob id of a small one; and
            variable of a Space -> value.
        unseen: why we could not look, a sentence; empty: we could.
        files: path -> content, all that it is to hold.
        variables: what a Space's environment is to hold, among others.
    """

    kind: str
    name: str
    visibility: str
    commit: str | None = None
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
            found = self.there.get(name)
            changed = "replace" if name in self.there else "add"
            actions[name] = "keep" if found in values else changed
        return actions

    @property
    def changes(self) -> list[str]:
        """Paths and variables that are not as they are to be."""
        return [name for name, action in self.actions.items() if action != "keep"]


def _digests(content: bytes) -> tuple[str, str]:
    """How the Hub names a content: as a large file, and as a small one (git's blob)."""
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content)
    return hashlib.sha256(content).hexdigest(), blob.hexdigest()


def look(kind: str, name: str, visibility: str, may_write: bool) -> Repository:
    """Asks the Hub what a repository holds; it tells digests, not contents.

    Args:
        visibility: that it gets if it is yet to be made.
        may_write: False: what cannot be seen is no error, but `unseen`.
    Raises:
        PneumoniaError: the Hub refuses or is away.
    """
    repository = Repository(kind, name, visibility)
    try:
        with _hub(repository, "cannot be read") as api:
            return _seen(api, repository)
    except PneumoniaError as error:
        if may_write:
            raise
        return dataclasses.replace(repository, unseen=str(error))


def _seen(api: "HfApi", repository: Repository) -> Repository:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    kind, name = repository.kind, repository.name
    try:
        info = api.repo_info(name, repo_type=kind, files_metadata=True)
    except RepositoryNotFoundError as error:
        # the client takes a refused token, too, for a repository that is not there
        is_refused = api.token and error.response.status_code == 401
        if is_refused or isinstance(error, GatedRepoError):
            raise
        hidden = f"{repository.title} is not public, and there is no token."
        return dataclasses.replace(repository, unseen="" if api.token else hidden)
    # the Hub shows them only to those who may write; others than ours stay
    has_variables = kind == SPACE and api.token
    variables = api.get_space_variables(name) if has_variables else {}
    there = {key: it.value for key, it in variables.items() if key == VARIABLE}
    for file in info.siblings:
        if file.rfilename != ".gitattributes":  # the Hub's own
            there[file.rfilename] = file.lfs.sha256 if file.lfs else file.blob_id
    is_gated = getattr(info, "gated", False)  # of models alone
    visibility = "private" if info.private else "gated" if is_gated else "public"
    return Repository(kind, name, visibility, info.sha, there)


def write(repository: Repository) -> str:
    """Makes a repository hold what it is to hold; sends only what differs.

    Returns:
        Its commit, 40 hexadecimal digits.
    Raises:
        PneumoniaError: the Hub refuses or is away, or somebody else wrote meanwhile.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    kind, name, commit = repository.kind, repository.name, repository.commit
    files, variables = repository.files, repository.variables
    operations = [
        CommitOperationAdd(path, files[path])
        if path in files
        else CommitOperationDelete(path)
        for path in repository.changes
        if path not in variables
    ]
    with _hub(repository, "cannot be written") as api:
        if not commit:
            # the variables at once, so that no new Space is built without them; the
            # visibility either way, since an organisation may have another default
            pairs = [{"key": key, "value": value} for key, value in variables.items()]
            space = {"space_sdk": "gradio", "space_variables": pairs}
            options = space if kind == SPACE else {}
            options["visibility"] = repository.visibility
            api.create_repo(name, repo_type=kind, **options)
        if operations:
            commit = api.create_commit(
                name,
                operations,
                repo_type=kind,
                commit_message="Publish with `python -m pneumonia publish`",
                parent_commit=commit,
            ).oid
        # after the files, so that no refused commit leaves old code with a new model
        for key, value in variables.items():
            if repository.commit and repository.there.get(key) != value:
                api.add_space_variable(name, key, value)
    return commit


@contextlib.contextmanager
def _hub(repository: Repository, what: str) -> Iterator["HfApi"]:
    """The Hub's client, its errors turned into sentences."""
    from huggingface_hub import HfApi, get_token

    token = get_token() or False
    try:
        yield HfApi(token=token)
    except Exception as error:  # also of what the client speaks HTTP and Xet with
        reason = reason_of(error, repository.name.split("/")[0])
        words = str(error) if type(error) is ValueError else ""
        words = " ".join((getattr(error, "server_message", None) or words).split())
        if words:  # which may quote the token
            words = words.replace(token, "***") if token else words
            reason += f' The Hub says: "{words[:300]}".'
        # not `from error`: the client's own words may quote it, too
        raise PneumoniaError(f"{repository.title} {what}: {reason}") from None
