"""Publishing with the real `huggingface_hub` client to a Hub on the loopback."""

import hashlib
import io
import json
import re
import traceback

import pytest
from huggingface_hub import SpaceCard

from pneumonia import load_predictor
from pneumonia.cli import main
from pneumonia.config import (
    CARD_FILE,
    CONFIG_FILE,
    ONNX_FILE,
    WEIGHTS_FILE,
    fingerprint,
)
from pneumonia.errors import ModelError, PneumoniaError
from pneumonia.hub import BUNDLED
from pneumonia.hub.publish import PENDING, prepare, send
from tests.support.fake_hub import connected

MODEL, SPACE = "ward/lungs", "ward/demo"
SPACE_KEY = f"spaces/{SPACE}"
TOKEN = "hf_SecretOfTheWard"

# huggingface_hub 2.4 sends large files by a parameter that httpx2 would rename
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """An empty Hub that takes what comes with our token; no waiting between tries."""
    with connected(tmp_path, monkeypatch) as server:
        server.writer = TOKEN
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setattr("time.sleep", lambda _: None)
        yield server


@pytest.fixture(autouse=True)
def source_tree(tmp_path, monkeypatch):
    """In place of ours, whose files take a second each time that they are sent."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "app.py").write_text("print('the demo')\n")
    (tree / CARD_FILE).write_text("---\nsdk: gradio\napp_file: app.py\n---\n# Demo\n")
    monkeypatch.setattr("pneumonia.hub.space_files.ROOT", tree)


@pytest.fixture
def folder(tmp_path):
    """A model folder that nobody could serve, but everybody could send."""
    path = tmp_path / "model"
    path.mkdir()
    contents = {
        ONNX_FILE: b"graph" * 1000,
        WEIGHTS_FILE: b"weights" * 1000,
        CARD_FILE: b"---\nlicense: cc-by-4.0\n---\n# A model\n",
        "report.json": b"{}\n",
    }
    _write(path, contents)
    (path / "patients.csv").write_text("not listed, so not published")
    return path


def _write(folder, contents):
    config = json.loads((BUNDLED / CONFIG_FILE).read_bytes())
    config["files"] = {name: fingerprint(content) for name, content in contents.items()}
    contents = {CONFIG_FILE: json.dumps(config).encode(), **contents}
    for name, content in contents.items():
        (folder / name).write_bytes(content)


def publish(*arguments, model=MODEL, space=SPACE, folder=None) -> int:
    """The command line; no token in its words is the tests' own business."""
    command = ["publish", "--model", model]
    command += [] if space is None else ["--space", space]
    command += ["--folder", str(folder)] if folder else []
    return main([*command, *arguments])


def writes(hub):
    """What was asked of the Hub beyond reading."""
    return [request for request in hub.requests if request.method in ("POST", "PUT")]


def head(hub, key):
    return hub.repositories[key].branches["main"]


# --- what is sent --------------------------------------------------------------------


def test_model_and_space_arrive(hub, folder, capsys):
    assert publish(folder=folder) == 0
    output, words = capsys.readouterr()
    model, space = hub.repositories[MODEL], hub.repositories[SPACE_KEY]
    revision = head(hub, MODEL)
    assert output.split("\n") == [
        f"model {MODEL}@{revision}",
        f"space {SPACE}@{head(hub, SPACE_KEY)}",
        "",
    ]
    sent = dict(model.files)
    assert sent.pop(".gitattributes")
    names = {CONFIG_FILE, ONNX_FILE, WEIGHTS_FILE, CARD_FILE, "report.json"}
    assert sent == {name: (folder / name).read_bytes() for name in names}
    large = {
        hashlib.sha256(sent[name]).hexdigest() for name in (ONNX_FILE, WEIGHTS_FILE)
    }
    assert large <= set(hub.objects)
    assert space.variables == {"PNEUMONIA_MODEL": f"{MODEL}@{revision}"}
    assert TOKEN not in output + words


def test_space_is_pinned_to_the_model_just_published(hub, folder):
    publish(folder=folder)
    data = SpaceCard(hub.repositories[SPACE_KEY].files[CARD_FILE].decode()).data
    assert data["models"] == [MODEL]
    preloaded = f"{CARD_FILE},{CONFIG_FILE},{ONNX_FILE},report.json"
    assert data["preload_from_hub"] == [f"{MODEL} {preloaded} {head(hub, MODEL)}"]
    assert data["app_file"] in hub.repositories[SPACE_KEY].files


def test_model_comes_before_the_space(hub, folder):
    publish(folder=folder)
    paths = [request.file for request in writes(hub)]
    spaces = [n for n, path in enumerate(paths) if SPACE in path]
    assert paths.index(f"/api/models/{MODEL}/commit/main") < min(spaces)
    # a new Space has its variable at once, before it has anything to run
    assert f"/api/spaces/{SPACE}/variables" not in paths


def test_space_that_is_there_keeps_its_model_until_its_code_is_taken(hub, folder):
    publish(folder=folder)
    space = hub.repositories[SPACE_KEY]
    space.variables["PNEUMONIA_MODEL"] = old = "ward/older"
    hub.commit(SPACE_KEY, {"app.py": b"older"})
    hub.failing[f"spaces/{SPACE}/commit"] = 412, "somebody was faster"
    assert publish("--yes", folder=folder) == 2
    assert space.variables["PNEUMONIA_MODEL"] == old
    hub.failing.clear()
    assert publish("--yes", folder=folder) == 0
    assert space.variables["PNEUMONIA_MODEL"] == f"{MODEL}@{head(hub, MODEL)}"


def test_model_alone(hub, folder):
    assert publish(space=None, folder=folder) == 0
    assert [*hub.repositories] == [MODEL]


def test_secret_goes_to_the_hub_and_not_to_the_storage(hub, folder):
    publish(folder=folder)
    for request in writes(hub):
        secret = None if request.method == "PUT" else f"Bearer {TOKEN}"
        assert request.authorization == secret


def test_bundled_model_is_published_and_served(hub):
    assert publish() == 0
    reference = hub.repositories[SPACE_KEY].variables["PNEUMONIA_MODEL"]
    hub.requests.clear()
    predictor = load_predictor(reference)
    assert predictor.folder.label == f"{MODEL}@{head(hub, MODEL)[:7]}"
    example = str(BUNDLED.parents[1] / "examples" / "normal_1.jpg")
    assert predictor(example).probabilities == load_predictor()(example).probabilities
    # whatever a start reads was preloaded
    data = SpaceCard(hub.repositories[SPACE_KEY].files[CARD_FILE].decode()).data
    preloaded = set(data["preload_from_hub"][0].split()[1].split(","))
    read = {request.file for request in hub.requests}
    assert read and read <= preloaded


def test_weights_without_a_graph_are_preloaded(hub, folder):
    _write(folder, {WEIGHTS_FILE: b"weights", CARD_FILE: b"# A model"})
    publish(folder=folder)
    data = SpaceCard(hub.repositories[SPACE_KEY].files[CARD_FILE].decode()).data
    preloaded = data["preload_from_hub"][0].split()[1]
    assert preloaded == f"{CARD_FILE},{CONFIG_FILE},{WEIGHTS_FILE}"


# --- again ---------------------------------------------------------------------------


def test_second_run_writes_nothing(hub, folder, capsys):
    publish(folder=folder)
    first = capsys.readouterr().out
    hub.requests.clear()
    assert publish(folder=folder) == 0
    output, words = capsys.readouterr()
    assert not writes(hub)
    assert output == first
    assert words == "Nothing to change.\n"


def test_only_what_differs_is_sent(hub, folder, capsys):
    publish(folder=folder)
    first = head(hub, MODEL)
    contents = {
        name: (folder / name).read_bytes() for name in (ONNX_FILE, WEIGHTS_FILE)
    }
    _write(folder, {**contents, CARD_FILE: b"# Another card"})
    hub.requests.clear()
    assert publish("--yes", folder=folder) == 0
    assert not [request for request in hub.requests if request.method == "PUT"]
    files = hub.repositories[MODEL].files
    assert files[CARD_FILE] == b"# Another card"
    assert "report.json" not in files  # no longer listed
    assert ".gitattributes" in files
    assert head(hub, MODEL) != first
    pinned = hub.repositories[SPACE_KEY].variables["PNEUMONIA_MODEL"]
    assert pinned == f"{MODEL}@{head(hub, MODEL)}"


def test_stale_files_of_a_space_go(hub, folder):
    stale = {"pneumonia/old.py": b"", "data/images.zip": b"", ".gitattributes": b"x"}
    hub.commit(SPACE_KEY, {**stale, CARD_FILE: b"---\nsdk: static\n---\n"})
    assert publish("--yes", folder=folder) == 0
    files = hub.repositories[SPACE_KEY].files
    assert not {"pneumonia/old.py", "data/images.zip"} & set(files)
    assert files[".gitattributes"] == b"x"


def test_variable_of_another_model_is_replaced(hub, folder, capsys):
    publish(folder=folder)
    variables = hub.repositories[SPACE_KEY].variables
    expected = dict(variables)
    variables["PNEUMONIA_MODEL"] = "somebody/else"
    assert publish(folder=folder) == 2
    assert "PNEUMONIA_MODEL" in capsys.readouterr().err
    assert publish("--yes", folder=folder) == 0
    assert variables == expected


# --- leave to overwrite --------------------------------------------------------------

OTHERS = {".gitattributes": b"", CARD_FILE: b"# Somebody's", "thesis.pdf": b"years"}


def answering(monkeypatch, text):
    terminal = io.StringIO(text)
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stdin", terminal)


def test_nobody_to_ask_is_no(hub, folder, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    hub.commit(MODEL, OTHERS)
    assert publish(folder=folder) == 2
    words = capsys.readouterr().err
    assert "thesis.pdf" in words and "README.md" in words and "--yes" in words
    assert not writes(hub)


@pytest.mark.parametrize("text", ["n\n", "\n", "", "yesterday\n"])
def test_no_is_no(hub, folder, capsys, monkeypatch, text):
    answering(monkeypatch, text)
    hub.commit(MODEL, OTHERS)
    assert publish(folder=folder) == 1
    assert capsys.readouterr().err.endswith("[y/N] Nothing was sent.\n")
    assert not writes(hub)


@pytest.mark.parametrize("text", ["y\n", "YES\n"])
def test_yes_is_yes(hub, folder, monkeypatch, text):
    answering(monkeypatch, text)
    hub.commit(MODEL, OTHERS)
    assert publish(folder=folder) == 0
    assert "thesis.pdf" not in hub.repositories[MODEL].files


def test_the_space_is_asked_about_before_the_model_is_sent(hub, folder):
    hub.commit(SPACE_KEY, OTHERS)
    assert publish(folder=folder) == 2
    assert not writes(hub)


def test_empty_repository_needs_no_leave(hub, folder):
    hub.commit(MODEL, {".gitattributes": b""})
    assert publish(space=None, folder=folder) == 0


# --- dry run -------------------------------------------------------------------------


def test_dry_run_tells_what_would_be_sent(hub, folder, capsys):
    hub.commit(MODEL, {**OTHERS, ONNX_FILE: (folder / ONNX_FILE).read_bytes()})
    assert publish("--dry-run", folder=folder) == 0
    output, words = capsys.readouterr()
    assert not writes(hub) and not words
    lines = [line.split() for line in output.splitlines()]
    digest = hashlib.sha256((folder / WEIGHTS_FILE).read_bytes()).hexdigest()
    assert ["add", "7,000", digest, WEIGHTS_FILE] in lines
    assert ["delete", "thesis.pdf"] in lines
    actions = {line[-1]: line[0] for line in lines if len(line) == 4}
    assert actions[ONNX_FILE] == "keep" and actions[CARD_FILE] == "replace"
    assert "patients.csv" not in output and TOKEN not in output
    assert f"PNEUMONIA_MODEL={MODEL}@{PENDING}" in output
    assert (
        f"- {MODEL} {CARD_FILE},{CONFIG_FILE},{ONNX_FILE},report.json {PENDING}"
        in lines_of(output)
    )
    assert "new and public" in output and head(hub, MODEL) in output


def lines_of(output):
    return [line.strip() for line in output.splitlines()]


def test_dry_run_promises_what_is_then_sent(hub, folder, capsys):
    publish("--dry-run", folder=folder)
    promised = {}
    for line in capsys.readouterr().out.split("The Space")[1].splitlines():
        if match := re.fullmatch(r"  add +([\d,]+) (\w{64}|follows.*\S) +(\S+)", line):
            promised[match[3]] = int(match[1].replace(",", "")), match[2]
    publish(folder=folder)
    files = dict(hub.repositories[SPACE_KEY].files)
    del files[".gitattributes"]
    assert {path: size for path, (size, _) in promised.items()} == {
        path: len(content) for path, content in files.items()
    }
    unknown = {path for path, (_, digest) in promised.items() if " " in digest}
    assert unknown == {CARD_FILE}
    for path in set(promised) - unknown:
        assert promised[path][1] == hashlib.sha256(files[path]).hexdigest()


def test_dry_run_after_publishing_has_nothing_pending(hub, folder, capsys):
    publish(folder=folder)
    capsys.readouterr()
    assert publish("--dry-run", folder=folder) == 0
    output = capsys.readouterr().out
    assert PENDING not in output and head(hub, MODEL) in output
    assert not re.search(r"^  (add|replace|delete|set|send) ", output, re.MULTILINE)


def test_dry_run_without_the_hub(hub, folder, capsys, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:1")
    assert publish("--dry-run", folder=folder) == 0
    output, words = capsys.readouterr()
    assert words.count("is not known") == 2 and "connection" in words
    assert f"  send {7000:>15,} " in output


def test_dry_run_without_a_token(hub, folder, capsys, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    hub.commit(MODEL, OTHERS)
    assert publish("--dry-run", folder=folder) == 0
    output, words = capsys.readouterr()
    assert "delete" in output and "there is no token" in words
    assert {request.authorization for request in hub.requests} == {None}


# --- private -------------------------------------------------------------------------


def test_private(hub, folder, capsys):
    assert publish("--private", folder=folder) == 0
    assert hub.repositories[MODEL].token == hub.repositories[SPACE_KEY].token == TOKEN
    assert "secret HF_TOKEN" in capsys.readouterr().err
    data = SpaceCard(hub.repositories[SPACE_KEY].files[CARD_FILE].decode()).data
    assert "preload_from_hub" not in data.to_dict()  # the Hub cannot
    hub.requests.clear()
    assert publish(folder=folder) == 0  # what is private stays so
    assert not writes(hub)


def test_gated_model_is_not_preloaded(hub, folder, capsys):
    """Its readers are let in one by one, and the Hub's builder is not."""
    hub.commit(MODEL, {".gitattributes": b""}, token=hub.writer)
    hub.repositories[MODEL].gated = True
    assert publish(folder=folder) == 0
    assert "secret HF_TOKEN" in capsys.readouterr().err
    data = SpaceCard(hub.repositories[SPACE_KEY].files[CARD_FILE].decode()).data
    assert "preload_from_hub" not in data.to_dict()


def test_private_is_not_promised_of_what_is_public(hub, folder, capsys):
    publish(folder=folder)
    hub.requests.clear()
    assert publish("--private", folder=folder) == 2
    assert "is there and public" in capsys.readouterr().err
    assert not writes(hub)


# --- what goes wrong -----------------------------------------------------------------


def refused(hub, capsys, folder, *arguments) -> str:
    """The sentence; neither it, nor any traceback, tells the secret."""
    assert publish(*arguments, folder=folder) == 2
    output, words = capsys.readouterr()
    assert TOKEN not in output + words
    assert "127.0.0.1" not in words and str(folder) not in words
    assert "Traceback" not in words and "{" not in words
    return words


def test_no_token(hub, folder, capsys, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    assert "hf auth login" in refused(hub, capsys, folder)
    assert not hub.requests


def test_unknown_token(hub, folder, capsys):
    hub.writer = "another"
    words = refused(hub, capsys, folder)
    assert "does not know the token" in words and "Invalid credentials" in words


def test_expired_token(hub, folder, capsys):
    """The client takes it for a repository that is not there."""
    hub.failing["GET /api/models"] = 401, "the access token has expired"
    words = refused(hub, capsys, folder)
    assert "does not know the token" in words and "has expired" in words
    assert not writes(hub)


@pytest.mark.parametrize("token", ["hf_Sécret", "hf_\x7fSecret\x00"])
def test_token_that_is_none(hub, folder, capsys, monkeypatch, token):
    monkeypatch.setattr("huggingface_hub.get_token", lambda: token)
    assert "characters that no token has" in refused(hub, capsys, folder)


@pytest.mark.parametrize(
    "part, status, reason",
    [
        ("repos/create", 401, "does not know the token"),
        ("repos/create", 402, "paid plan"),
        ("repos/create", 403, "write to the repositories of ward"),
        ("repos/create", 404, "ward is you or an organisation"),
        ("repos/create", 409, "somebody made"),
        ("blobs=true", 403, "write to the repositories of ward"),
        ("validate-yaml", 400, "does not take it"),
        ("preupload", 403, "may not do that"),
        ("preupload", 503, "HTTP 503"),
        ("objects/batch", 413, "files this large"),
        ("PUT /objects", 403, "may not do that"),
        ("commit/main", 403, "may not do that"),
        ("commit/main", 412, "changed it meanwhile"),
        ("commit/main", 429, "too many requests"),
        ("commit/main", 500, "HTTP 500"),
    ],
)
def test_refusals(hub, folder, capsys, part, status, reason):
    hub.failing[part] = status, f"quoting Bearer {TOKEN} is not nice"
    words = refused(hub, capsys, folder)
    assert f"The model repository {MODEL} cannot be" in words and reason in words


def test_tracebacks_of_the_library_hold_no_token(hub, folder):
    hub.failing["commit/main"] = 403, f"quoting {TOKEN}"
    with pytest.raises(PneumoniaError) as caught:
        list(send(prepare(MODEL, SPACE, folder)))
    text = "".join(traceback.format_exception(caught.value))
    assert 'The Hub says: "quoting ***".' in text and TOKEN not in text


def test_hub_is_away(hub, folder, capsys, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:1")
    assert "connection to the Hub failed" in refused(hub, capsys, folder)


def test_offline_mode(hub, folder, capsys, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE" in refused(hub, capsys, folder)


@pytest.mark.parametrize("part", ["repos/create", "commit/main"])
def test_failure_half_way_is_finished_by_the_next_run(hub, folder, capsys, part):
    plan = prepare(MODEL, SPACE, folder)
    lines = send(plan)
    next(lines)  # the model is published
    revision = head(hub, MODEL)
    hub.failing[part] = 402, "no"
    with pytest.raises(PneumoniaError) as caught:
        next(lines)
    words = str(caught.value)
    assert f"The model {MODEL}@{revision[:7]} is published, but its Space" in words
    assert "same command again" in words and "paid plan" in words
    hub.failing.clear()
    assert publish("--yes", folder=folder) == 0
    assert head(hub, MODEL) == revision
    variables = hub.repositories[SPACE_KEY].variables
    assert variables == {"PNEUMONIA_MODEL": f"{MODEL}@{revision}"}
    hub.requests.clear()
    publish(folder=folder)
    assert not writes(hub)


def test_others_work_meanwhile_is_not_lost(hub, folder):
    hub.commit(MODEL, {".gitattributes": b""})
    plan = prepare(MODEL, folder=folder)
    hub.commit(MODEL, OTHERS)
    with pytest.raises(PneumoniaError, match="changed it meanwhile"):
        list(send(plan))
    assert hub.repositories[MODEL].files == OTHERS


def test_damaged_folder_is_not_published(hub, folder, capsys):
    (folder / ONNX_FILE).write_bytes(b"another graph")
    assert "damaged or altered" in refused(hub, capsys, folder)
    (folder / CONFIG_FILE).unlink()
    assert "no config.json" in refused(hub, capsys, folder)
    assert not hub.requests


def test_no_model_without_its_card(folder):
    _write(folder, {ONNX_FILE: b"graph"})
    with pytest.raises(ModelError, match="lists no README.md"):
        prepare(MODEL, folder=folder)


@pytest.mark.parametrize(
    "name", ["lungs", "", "a/b/c", "ward/lungs@main", "ward/..", "/x"]
)
def test_names_that_the_hub_does_not_allow(hub, folder, capsys, name):
    for names in ({"model": name}, {"space": name}):
        assert publish(folder=folder, **names) == 2
        assert "Expected OWNER/NAME" in capsys.readouterr().err
    assert not hub.requests
