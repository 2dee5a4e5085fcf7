"""A Hub on the loopback interface: the routes that `huggingface_hub` downloads from
and uploads to."""

import base64
import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import unquote

import huggingface_hub
from huggingface_hub import constants


class Request(NamedTuple):
    """What the Hub was asked."""

    method: str
    file: str
    authorization: str | None


@dataclass
class Repository:
    """A model repository, or a Space: then its name begins with `spaces/`.

    Attributes:
        commits: commit, 40 hexadecimal digits -> file name -> content.
        branches: branch -> commit.
        token: the only token that may read it; None: everybody may.
        gated: whether strangers are told that it exists.
        variables: of a Space.
    """

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    token: str | None = None
    gated: bool = False
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def files(self) -> dict[str, bytes]:
        """What `main` holds."""
        return self.commits[self.branches["main"]]


class LoopbackHub:
    """Serves repositories from memory while its `with` block runs.

    Attributes:
        url: the endpoint.
        requests: what was asked, in order.
        status: if set, the HTTP status of every answer.
        altered: file name -> what is sent in place of the content.
        cut: names of the files whose transfer stops half way.
        stated: file name -> the length that a HEAD tells in place of the true one.
        hanging: `METHOD FILE` of the requests that get no answer while they are here.
        trickling: names of the files of which, while they are here, only the first
            half comes at once, and then 20 bytes a second.
        writer: the only token that may write.
        failing: part of `METHOD PATH` -> status and message of the answer.
        objects: sha256 -> content that came as a large file.
    """

    def __init__(self):
        self.repositories: dict[str, Repository] = {}
        self.requests: list[Request] = []
        self.status: int | None = None
        self.altered: dict[str, bytes] = {}
        self.cut: set[str] = set()
        self.stated: dict[str, int] = {}
        self.hanging: set[str] = set()
        self.trickling: set[str] = set()
        self.stopped = threading.Event()
        self.writer: str | None = None
        self.failing: dict[str, tuple[int, str]] = {}
        self.objects: dict[str, bytes] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.hub = self
        self._server.handle_error = lambda *_: None  # clients that hang up are tests
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
        self.stopped.set()
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


@contextlib.contextmanager
def connected(tmp_path, monkeypatch) -> Iterator[LoopbackHub]:
    """An empty Hub, an empty cache, no token, and no folder to mistake for a name."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_OIDC_RESOURCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # uploads over HTTP
    with LoopbackHub() as server:
        url = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url)
        yield server
        # a download that nobody waits for any more shares the client's session, and
        # closes it when it fails: not under the next test
        server.hanging.clear()
        server.trickling.clear()
        for thread in threading.enumerate():
            if thread.name.startswith("fetch "):
                thread.join(10)
        huggingface_hub.close_session()


_LARGE = (".onnx", ".h5", ".jpg")


class _Handler(BaseHTTPRequestHandler):
    def do_HEAD(self):
        self._resolve()

    def do_GET(self):
        self._serve_api() if self.path.startswith("/api/") else self._resolve()

    def do_POST(self):
        self._serve_api()

    def do_PUT(self):
        self._serve_api()

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
        if f"{self.command} {file}" in hub.hanging:
            while f"{self.command} {file}" in hub.hanging:
                if hub.stopped.wait(0.02):
                    break
            return self._answer(503)
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
        headers = {"X-Repo-Commit": commit, "ETag": f'"{etag}"'}
        if file in self.server.hub.stated and self.command == "HEAD":
            headers["X-Linked-Size"] = str(self.server.hub.stated[file])
        self._answer(200, content, file=file, **headers)

    def _answer(self, status, content=b"", error=None, file="", **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        if error:
            self.send_header("X-Error-Code", error)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            sent = 0
            hub, step = self.server.hub, len(content) // 2
            while file in hub.trickling and not hub.stopped.wait(0.05):
                self.wfile.write(content[sent : sent + step])
                sent, step = sent + step, 1
            self.wfile.write(content[sent:])

    # --- what reads and writes whole repositories -----------------------------------

    def _serve_api(self) -> None:
        hub, secret = self.server.hub, self.headers["Authorization"]
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        hub.requests.append(Request(self.command, self.path, secret))
        request = f"{self.command} {self.path}"
        for part, (status, message) in hub.failing.items():
            if part in request:
                reason = json.dumps({"errors": [{"message": message}]}).encode()
                return self._answer(status, reason, **{"X-Error-Message": message})
        if self.command != "PUT" and secret and secret != f"Bearer {hub.writer}":
            message = "Invalid credentials in Authorization header"
            return self._answer(401, **{"X-Error-Message": message})
        for pattern, answer in _ROUTES:
            if match := re.fullmatch(pattern, request):
                return answer(self, body, *match.groups())
        self._answer(404)

    def _reply(self, value, status=200) -> None:
        self._answer(status, json.dumps(value).encode())

    def _create(self, body) -> None:
        hub, wish = self.server.hub, json.loads(body)
        name = f"{wish['organization']}/{wish['name']}"
        files = {".gitattributes": b"*.onnx filter=lfs"}
        if wish["type"] == "space":
            name = f"spaces/{name}"
            files["README.md"] = b"---\nsdk: %s\n---\n" % wish["sdk"].encode()
        if name in hub.repositories:
            return self._answer(409)
        is_private = wish["visibility"] == "private"  # never left to a default
        hub.commit(name, files, token=hub.writer if is_private else None)
        for variable in wish.get("variables", ()):
            hub.repositories[name].variables[variable["key"]] = variable["value"]
        self._reply({"url": f"{hub.url}/{name}"})

    def _validate(self, body) -> None:
        self._reply({"errors": [], "warnings": []})

    def _info(self, body, kind, name) -> None:
        repository = self._repository(kind, name)
        if not repository:
            return self._answer(404, error="RepoNotFound")
        siblings = [
            {"rfilename": path, "size": len(content), "blobId": _blob_id(content)}
            | ({"lfs": _pointer(content)} if path.endswith(_LARGE) else {})
            for path, content in repository.files.items()
        ]
        head = repository.branches["main"]
        self._reply(
            {
                "id": name,
                "sha": head,
                "private": repository.token is not None and not repository.gated,
                "gated": "auto" if repository.gated else False,
                "siblings": siblings,
            }
        )

    def _preupload(self, body, kind, name) -> None:
        files = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["path"].endswith(_LARGE) else "regular",
                "shouldIgnore": False,
            }
            for file in json.loads(body)["files"]
        ]
        self._reply({"files": files})

    def _batch(self, body, name) -> None:
        objects = json.loads(body)["objects"]
        for wanted in objects:
            if wanted["oid"] not in self.server.hub.objects:
                href = f"{self.server.hub.url}/objects/{wanted['oid']}"
                wanted["actions"] = {"upload": {"href": href}}
        self._reply({"objects": objects, "transfer": "basic"})

    def _store(self, body, digest) -> None:
        is_whole = hashlib.sha256(body).hexdigest() == digest
        if is_whole:
            self.server.hub.objects[digest] = body
        self._answer(200 if is_whole else 400)

    def _commit(self, body, kind, name) -> None:
        hub, repository = self.server.hub, self._repository(kind, name)
        header, *lines = map(json.loads, body.splitlines())
        head = repository.branches["main"]
        if (
            header["value"].get("parentCommit", head := repository.branches["main"])
            != head
        ):
            return self._answer(412)
        files = dict(repository.files)
        for line in lines:
            path = line["value"]["path"]
            if line["key"] == "file":
                files[path] = base64.b64decode(line["value"]["content"])
            elif line["key"] == "lfsFile":
                files[path] = hub.objects[line["value"]["oid"]]
            elif line["key"] == "deletedFile":
                del files[path]
        commit = hub.commit(("spaces/" if kind == "spaces" else "") + name, files)
        self._reply({"commitUrl": f"{hub.url}/{name}", "commitOid": commit})

    def _variables(self, body, name) -> None:
        variables = self._repository("spaces", name).variables
        if body:
            wish = json.loads(body)
            variables[wish["key"]] = wish["value"]
        self._reply({key: {"value": value} for key, value in variables.items()})

    def _repository(self, kind, name) -> Repository | None:
        key = f"spaces/{name}" if kind == "spaces" else name
        repository = self.server.hub.repositories.get(key)
        secret = self.headers["Authorization"]
        if repository and repository.token and secret != f"Bearer {repository.token}":
            return None
        return repository


_NAME = r"([\w.-]+/[\w.-]+)"
_ROUTES = [
    (r"POST /api/repos/create", _Handler._create),
    (r"POST /api/validate-yaml", _Handler._validate),
    (rf"GET /api/(models|spaces)/{_NAME}\?blobs=true", _Handler._info),
    (rf"POST /api/(models|spaces)/{_NAME}/preupload/main", _Handler._preupload),
    (rf"POST /(?:spaces/)?{_NAME}\.git/info/lfs/objects/batch", _Handler._batch),
    (r"PUT /objects/(\w{64})", _Handler._store),
    (rf"POST /api/(models|spaces)/{_NAME}/commit/main", _Handler._commit),
    (rf"(?:GET|POST) /api/spaces/{_NAME}/variables", _Handler._variables),
]


def _blob_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _pointer(content: bytes) -> dict[str, str | int]:
    digest = hashlib.sha256(content).hexdigest()
    return {"sha256": digest, "size": len(content), "pointerSize": 130}
