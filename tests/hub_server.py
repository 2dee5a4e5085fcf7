"""A Hub on the loopback interface: the routes that `huggingface_hub` downloads from."""

import hashlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import unquote


class Request(NamedTuple):
    """What the Hub was asked."""

    method: str
    file: str
    authorization: str | None


@dataclass
class Repository:
    """A model repository.

    Attributes:
        commits: commit, 40 hexadecimal digits -> file name -> content.
        branches: branch -> commit.
        token: the only token that may read it; None: everybody may.
        gated: whether strangers are told that it exists.
    """

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    token: str | None = None
    gated: bool = False


class LoopbackHub:
    """Serves repositories from memory while its `with` block runs.

    Attributes:
        url: the endpoint.
        requests: what was asked, in order.
        status: if set, the HTTP status of every answer.
        altered: file name -> what is sent in place of the content.
        cut: names of the files whose transfer stops half way.
    """

    def __init__(self):
        self.repositories: dict[str, Repository] = {}
        self.requests: list[Request] = []
        self.status: int | None = None
        self.altered: dict[str, bytes] = {}
        self.cut: set[str] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.hub = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "LoopbackHub":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def stop(self) -> None:
        """Refuses connections from now on."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def commit(
        self, name: str, files: dict[str, bytes], branch: str = "main", **access
    ) -> str:
        """Commits files to a repository, which is made at need; returns the commit."""
        repository = self.repositories.setdefault(name, Repository(**access))
        commit = hashlib.sha1(repr((name, files)).encode()).hexdigest()
        repository.commits[commit] = dict(files)
        repository.branches[branch] = commit
        return commit


class _Handler(BaseHTTPRequestHandler):
    def do_HEAD(self):
        self._resolve()

    def do_GET(self):
        self._resolve()

    def log_message(self, *_):
        """Keeps quiet."""

    def _resolve(self) -> None:
        """`/OWNER/NAME/resolve/REVISION/FILE`; nothing else is here."""
        hub = self.server.hub
        name, _, rest = self.path.strip("/").partition("/resolve/")
        revision, _, file = rest.partition("/")
        secret = self.headers["Authorization"]
        hub.requests.append(Request(self.command, file or self.path, secret))
        repository = hub.repositories.get(name)
        if hub.status:
            return self._answer(hub.status)
        if not repository:
            return self._answer(401, error="RepoNotFound")
        if repository.token and secret != f"Bearer {repository.token}":
            return self._turn_away(repository, secret)
        revision = unquote(revision)
        commit = repository.branches.get(revision, revision)
        if commit not in repository.commits:
            return self._answer(404, error="RevisionNotFound")
        if file not in repository.commits[commit]:
            return self._answer(404, error="EntryNotFound")
        self._send(repository.commits[commit][file], file, commit)

    def _turn_away(self, repository: Repository, secret: str | None) -> None:
        if repository.gated:
            return self._answer(403 if secret else 401, error="GatedRepo")
        self._answer(404 if secret else 401, error="RepoNotFound")

    def _send(self, content: bytes, file: str, commit: str) -> None:
        etag = hashlib.sha256(content).hexdigest()
        content = self.server.hub.altered.get(file, content)
        if file in self.server.hub.cut and self.command == "GET":
            content = content[: len(content) // 2]
        self._answer(200, content, **{"X-Repo-Commit": commit, "ETag": f'"{etag}"'})

    def _answer(self, status, content=b"", error=None, **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        if error:
            self.send_header("X-Error-Code", error)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)
