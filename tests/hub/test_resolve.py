"""The real `huggingface_hub` client against a Hub on the loopback interface."""

import dataclasses
import json
import os
import subprocess
import sys
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import constants, try_to_load_from_cache

from pneumonia.config import (
    CONFIG_FILE,
    GATE_FILE,
    ONNX_FILE,
    WEIGHTS_FILE,
    ModelConfig,
    fingerprint,
)
from pneumonia.errors import ModelError
from pneumonia.hub import BUNDLED, ModelFolder, resolve
from tests.support.fake_hub import connected

NAME = "ward/lungs"
GRAPH = b"graph" * 100
WEIGHTS = b"weights" * 100
GATE = b"gate" * 100
TOKEN = "hf_secret"


def repository(temperature: float = 1.0, **files: bytes) -> dict[str, bytes]:
    """The files of a repository, `config.json` with their sha256 among them."""
    files = {name.replace("__", "."): content for name, content in files.items()}
    config = {
        "name": "toy",
        "version": "1.0.0",
        "class_names": ["NORMAL", "BACTERIAL", "VIRAL"],
        "findings": {
            "NORMAL": "NORMAL",
            "BACTERIAL": "PNEUMONIA",
            "VIRAL": "PNEUMONIA",
        },
        "image_size": 71,
        "value_range": [-1, 1],
        "resize": "stretch",
        "temperature": temperature,
        "thresholds": {"NORMAL": 0.5, "PNEUMONIA": 0.5},
        "coverage": 0.95,
        "prior": {"NORMAL": 0.5, "PNEUMONIA": 0.5},
        "cam_limit": 8.0,
        "agreement": 0.2,
        "known_answer": {"NORMAL": 1.0, "BACTERIAL": 0.0, "VIRAL": 0.0},
        "files": {name: fingerprint(content) for name, content in files.items()},
        "dataset": "",
        "provenance": {},
    }
    return {CONFIG_FILE: json.dumps(config).encode(), **files}


COMPILED = repository(model__onnx=GRAPH)
KERAS = repository(model__weights__h5=WEIGHTS)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    with connected(tmp_path, monkeypatch) as server:
        yield server


@pytest.fixture
def no_waiting(monkeypatch):
    """The client tries again for 23 s."""
    monkeypatch.setattr("time.sleep", lambda _: None)


def refused(reference) -> str:
    """The sentence of the error, which names no folder, address or secret."""
    with pytest.raises(ModelError) as caught:
        resolve(reference)
    sentence = str(caught.value)
    for private in (os.path.dirname(os.getcwd()), "127.0.0.1", TOKEN, "{"):
        assert private not in sentence
    assert sentence.endswith(".")
    return sentence


# --- folders -----------------------------------------------------------------------


def test_bundled_model_is_the_default(monkeypatch):
    monkeypatch.delenv("PNEUMONIA_MODEL", raising=False)
    assert resolve() == ModelFolder(BUNDLED, "bundled", None)
    monkeypatch.setenv("PNEUMONIA_MODEL", "")
    assert resolve().label == "bundled"


def test_folder(tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    folder.mkdir()
    expected = ModelFolder(folder, "mine", None)
    assert resolve(folder) == resolve(str(folder)) == expected
    assert expected.label == "mine"
    monkeypatch.setenv("PNEUMONIA_MODEL", str(folder))
    assert resolve() == expected
    monkeypatch.chdir(folder)
    assert resolve(".").name == "mine"


def test_label_has_seven_digits_of_the_revision():
    folder = ModelFolder(Path(), NAME, "1a2b3c4d" + 32 * "0")
    assert folder.label == "ward/lungs@1a2b3c4"


def test_existing_folder_wins_over_the_hub(hub):
    os.makedirs(NAME)
    assert resolve(NAME) == ModelFolder(Path(NAME), "lungs", None)
    assert not hub.requests


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "lungs",
        "../x",
        "./ward/lungs",
        "no/such/folder",
        "ward/lungs@",
        "ward/lungs@../../x",
        "ward/lungs@v1/../../x",
        "ward/..",
        "https://huggingface.co/ward/lungs",
        "ward/lungs\0",
        "ward/" + 5000 * "x" + "/y",
        Path(NAME),  # a path is never taken for a name
    ],
)
def test_neither_folder_nor_name(hub, reference):
    sentence = refused(reference)
    assert "no such folder" in sentence and "OWNER/NAME@REVISION" in sentence
    assert repr(os.fspath(reference)) in sentence
    assert not hub.requests


def test_file_in_place_of_a_folder(hub):
    Path("model.onnx").touch()
    assert "it is a file" in refused("model.onnx")


@pytest.mark.parametrize("name", ["ward/lu--ngs", "ward/lungs.git", "ward/" + 97 * "x"])
def test_name_that_the_hub_does_not_allow(hub, name):
    assert "the Hub allows no such name" in refused(name)
    assert not hub.requests


# --- found, cached, pinned, offline ------------------------------------------------


def test_found(hub):
    commit = hub.commit(NAME, {**COMPILED, "train.py": b"", "README.md": b""})
    folder = resolve(NAME)
    assert (folder.name, folder.revision) == (NAME, commit)
    assert folder.label == f"ward/lungs@{commit[:7]}"
    assert (folder.path / ONNX_FILE).read_bytes() == GRAPH
    assert ModelConfig.load(folder.path).name == "toy"
    assert {request.file for request in hub.requests} == {CONFIG_FILE, ONNX_FILE}


def test_weights_are_not_fetched_where_there_is_a_graph(hub):
    hub.commit(NAME, repository(model__onnx=GRAPH, model__weights__h5=WEIGHTS))
    assert not (resolve(NAME).path / WEIGHTS_FILE).exists()
    assert WEIGHTS_FILE not in {request.file for request in hub.requests}


def test_gate_is_fetched_with_the_graph(hub):
    hub.commit(NAME, repository(model__onnx=GRAPH, gate__json=GATE))
    folder = resolve(NAME)
    assert (folder.path / GATE_FILE).read_bytes() == GATE


def test_damaged_gate_is_not_served(hub):
    hub.commit(NAME, repository(model__onnx=GRAPH, gate__json=GATE))
    hub.altered[GATE_FILE] = GATE[:-1] + b"!"
    assert "gate.json is damaged or altered" in refused(NAME)
    hub.altered.clear()
    assert (resolve(NAME).path / GATE_FILE).read_bytes() == GATE


def test_cached_branch_only_asks_whether_it_moved(hub):
    hub.commit(NAME, COMPILED)
    first = resolve(NAME)
    hub.requests.clear()
    assert resolve(NAME) == first
    assert {(r.method, r.file) for r in hub.requests} == {("HEAD", CONFIG_FILE)}


def test_branch_that_moved(hub):
    old = hub.commit(NAME, COMPILED)
    assert resolve(NAME).revision == old
    new = hub.commit(NAME, repository(model__onnx=b"better"))
    folder = resolve(NAME)
    assert folder.revision == new
    assert (folder.path / ONNX_FILE).read_bytes() == b"better"


def test_branch_that_moves_between_two_files(hub, monkeypatch):
    commit = hub.commit(NAME, COMPILED)
    load = ModelConfig.load

    def push_and_load(folder):
        hub.commit(NAME, repository(model__onnx=b"better"))
        return load(folder)

    monkeypatch.setattr(ModelConfig, "load", push_and_load)
    folder = resolve(NAME)
    assert folder.revision == commit
    assert (folder.path / ONNX_FILE).read_bytes() == GRAPH


@pytest.mark.parametrize("branch", ["v2", "refs/pr/1"])
def test_branch_by_name(hub, branch):
    hub.commit(NAME, COMPILED)
    commit = hub.commit(NAME, repository(model__onnx=b"better"), branch=branch)
    assert resolve(f"{NAME}@{branch}").revision == commit


def test_pinned_revision_costs_no_request_once_cached(hub):
    commit = hub.commit(NAME, COMPILED)
    hub.commit(NAME, repository(model__onnx=b"better"))
    first = resolve(f"{NAME}@{commit}")
    assert first.revision == commit
    hub.requests.clear()
    assert resolve(f"{NAME}@{commit}") == first
    assert not hub.requests


def test_threads_may_ask_at_once(hub):
    commit = hub.commit(NAME, COMPILED)
    with ThreadPoolExecutor(4) as pool:
        folders = [*pool.map(resolve, 4 * [NAME])]
    assert {folder.revision for folder in folders} == {commit}
    assert {(folder.path / ONNX_FILE).read_bytes() for folder in folders} == {GRAPH}


def test_interrupted_download_goes_on(hub):
    commit = hub.commit(NAME, COMPILED)
    (resolve(NAME).path / ONNX_FILE).unlink()
    folder = resolve(f"{NAME}@{commit}")
    assert (folder.path / ONNX_FILE).read_bytes() == GRAPH


def test_cache_serves_when_the_hub_is_down(hub, no_waiting):
    hub.commit(NAME, COMPILED)
    hub.commit(NAME, COMPILED, branch="v2")
    folders = resolve(NAME), resolve(f"{NAME}@v2")
    hub.stop()
    assert (resolve(NAME), resolve(f"{NAME}@v2")) == folders


@pytest.mark.parametrize("status", [500, 503, 429])
def test_cache_serves_when_the_hub_is_overloaded(hub, no_waiting, status):
    hub.commit(NAME, COMPILED)
    folder = resolve(NAME)
    hub.status = status
    assert resolve(NAME) == folder


def test_offline_mode(hub, monkeypatch):
    hub.commit(NAME, COMPILED)
    folder = resolve(NAME)
    hub.requests.clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert resolve(NAME) == folder
    assert "HF_HUB_OFFLINE" in refused("ward/other")
    assert not hub.requests


def test_cold_cache_and_no_hub(hub, no_waiting):
    hub.stop()
    sentence = refused(NAME)
    assert "cannot be fetched" in sentence and "Check the network" in sentence
    assert "ConnectError" in refused(f"{NAME}@{40 * 'a'}")


@pytest.mark.parametrize("status", [500, 429])
def test_cold_cache_and_a_hub_in_trouble(hub, no_waiting, status):
    hub.status = status
    sentence = refused(NAME)
    assert f"HTTP {status}" in sentence and "ry again" in sentence


# --- what a repository may lack ----------------------------------------------------


def test_unknown_repository(hub):
    sentence = refused(NAME)
    assert f"{NAME} is no folder here" in sentence
    assert "no such public repository" in sentence
    assert "HF_TOKEN" in sentence


@pytest.mark.parametrize("revision", ["v9", 40 * "a"])
def test_unknown_revision(hub, revision):
    hub.commit(NAME, COMPILED)
    sentence = refused(f"{NAME}@{revision}")
    assert f"{NAME}@{revision} cannot" in sentence and "no such revision" in sentence


def test_repository_of_something_else(hub):
    hub.commit(NAME, {"README.md": b""})
    assert "this is not a pneumonia model repository" in refused(NAME)


def test_config_of_something_else(hub):
    hub.commit(NAME, {CONFIG_FILE: b'{"model_type": "bert"}'})
    with pytest.raises(ModelError, match=r"ward/lungs@.*unknown keys \['model_type'\]"):
        resolve(NAME)
    # the file is whole, and another program's that shares the cache
    assert try_to_load_from_cache(NAME, CONFIG_FILE)


def test_config_that_is_no_json_is_fetched_again(hub):
    commit = hub.commit(NAME, COMPILED)
    hub.altered[CONFIG_FILE] = b"<html>"
    sentence = refused(NAME)
    assert f"{NAME}@{commit[:7]}" in sentence and "cannot be read as JSON" in sentence
    hub.altered.clear()
    assert resolve(NAME).revision == commit


def test_graph_is_listed_but_missing(hub):
    hub.commit(NAME, {CONFIG_FILE: COMPILED[CONFIG_FILE]})
    sentence = refused(NAME)
    assert f"model.onnx of {NAME}@" in sentence and "it is not there" in sentence


def test_neither_graph_nor_weights(hub):
    hub.commit(NAME, repository(model__pkl=b"import os"))
    assert "expected model.onnx or model.weights.h5" in refused(NAME)
    assert {request.file for request in hub.requests} == {CONFIG_FILE}


# --- damage ------------------------------------------------------------------------


def test_altered_graph_is_refused_and_fetched_again(hub):
    commit = hub.commit(NAME, COMPILED)
    hub.altered[ONNX_FILE] = b"G" + GRAPH[1:]
    for reference in (NAME, f"{NAME}@{commit}"):
        sentence = refused(reference)
        assert "model.onnx is damaged or altered: expected 500 bytes" in sentence
        assert "next start downloads it afresh" in sentence
    hub.altered.clear()
    assert (resolve(NAME).path / ONNX_FILE).read_bytes() == GRAPH


def test_transfer_that_breaks_off(hub):
    hub.commit(NAME, COMPILED)
    hub.cut.add(ONNX_FILE)
    assert "the connection to the Hub failed" in refused(NAME)
    hub.cut.clear()
    assert (resolve(NAME).path / ONNX_FILE).read_bytes() == GRAPH


def test_cache_that_rots(hub):
    commit = hub.commit(NAME, COMPILED)
    blob = (resolve(NAME).path / ONNX_FILE).resolve()
    blob.write_bytes(GRAPH[:-1] + b"?")
    assert "damaged" in refused(f"{NAME}@{commit}")
    assert not blob.exists()
    assert (resolve(f"{NAME}@{commit}").path / ONNX_FILE).read_bytes() == GRAPH


@pytest.mark.parametrize(
    "error, found",
    [
        (OSError(28, "No space left on device"), "stored (No space left on device)"),
        (ConnectionResetError(104, "reset"), "Hub failed (ConnectionResetError)"),
        (RuntimeError("of hf_xet"), "Hub failed (RuntimeError)"),
    ],
)
def test_download_that_fails_on_this_side(hub, monkeypatch, error, found):
    hub.commit(NAME, COMPILED)

    def fail(*_, dry_run=False, **options):
        if not dry_run:
            raise error
        return download(*_, dry_run=True, **options)

    download = huggingface_hub.hf_hub_download
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fail)
    assert found in refused(NAME)


# --- secrets -----------------------------------------------------------------------


def secrets(hub) -> set[str | None]:
    return {request.authorization for request in hub.requests}


def test_token_stays_at_home_where_the_client_is_told_so(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_IMPLICIT_TOKEN", True)
    hub.commit(NAME, COMPILED)
    resolve(NAME)
    assert secrets(hub) == {None}


def test_private_repository(hub, monkeypatch):
    hub.commit(NAME, COMPILED, token=TOKEN)
    assert "if it is private, log in" in refused(NAME)
    assert secrets(hub) == {None}

    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.requests.clear()
    assert (resolve(NAME).path / ONNX_FILE).read_bytes() == GRAPH
    assert secrets(hub) == {f"Bearer {TOKEN}"}


def test_private_repository_is_not_served_outdated(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.commit(NAME, COMPILED, token=TOKEN)
    resolve(NAME)
    commit = hub.commit(NAME, repository(model__onnx=b"better"))
    assert resolve(NAME).revision == commit


def test_gated_repository(hub, monkeypatch):
    commit = hub.commit(NAME, COMPILED, token=TOKEN, gated=True)
    assert "is gated" in refused(NAME)
    monkeypatch.setenv("HF_TOKEN", "hf_stranger")
    assert "is gated" in refused(NAME)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert resolve(NAME).revision == commit


def test_withdrawn_repository_is_served_from_the_cache(hub):
    commit = hub.commit(NAME, COMPILED)
    folder = resolve(NAME)
    hub.repositories.clear()
    assert resolve(NAME) == resolve(f"{NAME}@{commit}") == folder


def test_forbidden(hub):
    hub.status = 403
    assert "Expected one that may read it" in refused(NAME)


# --- Keras weights only ------------------------------------------------------------


@pytest.fixture
def compiler(monkeypatch):
    """Stands in for the compiler; `calls` holds what it was given."""
    module = types.ModuleType("pneumonia.export.keras_to_onnx")
    module.calls = []

    def compile_weights(config, weights, destination):
        module.calls.append((config.temperature, weights))
        destination.write_bytes(GRAPH)

    module.compile_weights = compile_weights
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def test_keras_weights_are_compiled_once(hub, compiler):
    commit = hub.commit(NAME, KERAS)
    folder = resolve(NAME)
    assert compiler.calls == [(1.0, WEIGHTS)]
    assert (folder.name, folder.revision) == (NAME, commit)
    config = ModelConfig.load(folder.path)
    assert config.verified(folder.path, ONNX_FILE) == GRAPH
    assert [*config.files] == [ONNX_FILE]

    hub.requests.clear()
    assert resolve(f"{NAME}@{commit}") == folder
    assert len(compiler.calls) == 1
    assert not hub.requests
    kept = folder.path.parent
    assert kept.parts[-3:] == ("cache", "pneumonia", "compiled")
    assert [*kept.iterdir()] == [folder.path]


def test_gate_goes_with_the_compiled_weights(hub, compiler):
    hub.commit(NAME, repository(model__weights__h5=WEIGHTS, gate__json=GATE))
    folder = resolve(NAME)
    config = ModelConfig.load(folder.path)
    assert config.verified(folder.path, GATE_FILE) == GATE
    (folder.path / GATE_FILE).write_bytes(b"{}")
    assert resolve(NAME) == folder
    assert (folder.path / GATE_FILE).read_bytes() == GATE
    assert len(compiler.calls) == 2


def test_another_config_is_compiled_on_its_own(hub, compiler):
    hub.commit(NAME, KERAS)
    first = resolve(NAME)
    hub.commit(NAME, repository(temperature=2.0, model__weights__h5=WEIGHTS))
    assert resolve(NAME).path != first.path
    assert [temperature for temperature, _ in compiler.calls] == [1.0, 2.0]


def test_damaged_weights_are_not_compiled(hub, compiler):
    hub.commit(NAME, KERAS)
    hub.altered[WEIGHTS_FILE] = WEIGHTS[:-1] + b"!"
    assert "model.weights.h5 is damaged" in refused(NAME)
    hub.altered.clear()
    resolve(NAME)
    assert len(compiler.calls) == 1


@pytest.mark.parametrize("damage", [ONNX_FILE, CONFIG_FILE])
def test_damaged_compilation_is_made_again(hub, compiler, damage):
    hub.commit(NAME, KERAS)
    folder = resolve(NAME)
    (folder.path / damage).write_bytes(b"{}")
    assert resolve(NAME) == folder
    assert (folder.path / ONNX_FILE).read_bytes() == GRAPH
    assert len(compiler.calls) == 2


def test_failed_compilation_leaves_nothing(hub, compiler, monkeypatch):
    hub.commit(NAME, KERAS)

    def interrupted(config, weights, destination):
        destination.write_bytes(GRAPH[:5])
        raise KeyboardInterrupt

    monkeypatch.setattr(compiler, "compile_weights", interrupted)
    with pytest.raises(KeyboardInterrupt):
        resolve(NAME)
    assert not [*Path(os.environ["XDG_CACHE_HOME"], "pneumonia/compiled").iterdir()]


def test_two_processes_compile_at_once(hub, compiler, monkeypatch):
    hub.commit(NAME, KERAS)
    alone = compiler.compile_weights

    def while_another_finishes(*arguments):
        monkeypatch.setattr(compiler, "compile_weights", alone)
        first.append(resolve(NAME).path.stat().st_ino)
        alone(*arguments)

    first = []
    monkeypatch.setattr(compiler, "compile_weights", while_another_finishes)
    folder = resolve(NAME)
    assert len(compiler.calls) == 2
    assert [*folder.path.parent.iterdir()] == [folder.path]
    assert folder.path.stat().st_ino == first[0]


def test_cache_that_cannot_be_written(hub, compiler, monkeypatch, tmp_path, caplog):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "work"))
    hub.commit(NAME, KERAS)
    folder = resolve(NAME)
    assert tmp_path / "work" in folder.path.parents
    assert folder.path.parent.stat().st_mode & 0o077 == 0
    assert (folder.path / ONNX_FILE).read_bytes() == GRAPH
    assert "for this process only" in caplog.text


def test_full_disk_while_compiling(hub, compiler, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(compiler, "compile_weights", full)
    hub.commit(NAME, KERAS)
    assert "cannot be stored (No space left on device)" in refused(NAME)


def test_tensorflow_is_not_installed(hub, monkeypatch):
    monkeypatch.setitem(sys.modules, "pneumonia.export.keras_to_onnx", None)
    hub.commit(NAME, KERAS)
    assert "pip install tensorflow keras tf2onnx" in refused(NAME)


# --- in a process of its own -------------------------------------------------------


def run(code: str, **environment: str) -> list[str]:
    """Lines that a new interpreter prints; a warning is an error there too."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=BUNDLED.parents[1],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def test_environment_is_heard(hub, tmp_path):
    commit = hub.commit(NAME, COMPILED)
    code = "from pneumonia.hub import resolve; print(resolve().label)"
    settings = {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path),
        "HF_HUB_CACHE": str(tmp_path / "other"),
        "HF_HUB_OFFLINE": "0",
        "HF_TOKEN": TOKEN,
    }
    model = {"PNEUMONIA_MODEL": NAME}
    assert run(code, **settings, **model) == [f"{NAME}@{commit[:7]}"]
    assert secrets(hub) == {f"Bearer {TOKEN}"}

    hub.requests.clear()
    offline = {**settings, "HF_HUB_OFFLINE": "1"}
    assert run(code, **offline, **model) == [f"{NAME}@{commit[:7]}"]
    model = {"PNEUMONIA_MODEL": f"{NAME}@{commit}"}
    assert run(code, **settings, **model) == [f"{NAME}@{commit[:7]}"]
    assert not hub.requests


def test_bundled_model_does_not_import_the_hubs_client():
    code = (
        "import sys; from pneumonia.hub import resolve; print(resolve().label);"
        "print({'huggingface_hub', 'httpx2', 'keras', 'tensorflow'} & {*sys.modules})"
    )
    assert run(code, PNEUMONIA_MODEL="") == ["bundled", "set()"]


def test_keras_weights_are_really_compiled(hub, toy, monkeypatch, tmp_path):
    """From a repository with Keras weights alone to an answer, TensorFlow and all."""
    import numpy as np

    from pneumonia import load_predictor
    from pneumonia.export import keras_to_onnx as compiler
    from pneumonia.imaging import load_image
    from pneumonia.inference.calibration import calibrate
    from pneumonia.inference.known_answer import SAMPLE
    from pneumonia.inference.preprocessing import preprocess
    from pneumonia.training.model import save_weights
    from tests.support.toy_model import toy_config, toy_images

    monkeypatch.setattr(compiler, "build_model", lambda names, size: toy)
    save_weights(toy, tmp_path / WEIGHTS_FILE)
    content = (tmp_path / WEIGHTS_FILE).read_bytes()
    config = toy_config()
    known = toy.predict(preprocess(load_image(SAMPLE), config)[None], verbose=0)
    answer = calibrate(known["logits"][0], config.temperature)
    config = dataclasses.replace(
        config,
        known_answer=dict(zip(config.class_names, answer.tolist(), strict=True)),
        files={WEIGHTS_FILE: fingerprint(content)},
    )
    config.save(tmp_path)
    served = {name: (tmp_path / name).read_bytes() for name in (CONFIG_FILE,)}
    hub.commit(NAME, {**served, WEIGHTS_FILE: content})

    (image,) = toy_images(1)
    predictor = load_predictor(NAME)
    inputs = preprocess(image, config)[None]
    expected = toy.predict(inputs, verbose=0)["logits"]
    np.testing.assert_allclose(predictor.runtime(inputs).logits, expected, atol=1e-4)
    assert predictor(image).verdict

    # the second start needs no compiler
    monkeypatch.setattr(compiler, "compile_weights", lambda *_: pytest.fail("again"))
    assert load_predictor(NAME).folder == predictor.folder
