"""Fixtures that several test files share."""

import os
from pathlib import Path

# before anything imports TensorFlow, ONNX Runtime or the Hub's client
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ.pop("PNEUMONIA_MODEL", None)

import pytest

LONGEST = ("web", "training", "export", "test_notebook.py", "benchmarks")


def pytest_collection_modifyitems(items):
    """What takes longest comes first, so that no process has it alone at the end."""
    tests = Path(__file__).parent
    items.sort(key=lambda item: item.path.relative_to(tests).parts[0] not in LONGEST)


@pytest.fixture(scope="session")
def app(tmp_path_factory):
    """`python app.py` with the bundled model, on a free port."""
    from tests.support.app_server import serve

    with serve(tmp_path_factory.mktemp("app")) as served:
        yield served


@pytest.fixture(scope="session")
def unprivileged():
    """What to put before a command so that permissions hold, also for root."""
    import shutil

    if os.name != "posix":
        pytest.skip("permissions of POSIX")
    if os.geteuid():
        return []
    if not shutil.which("setpriv"):
        pytest.skip("root may read everything, and there is no setpriv")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]


@pytest.fixture(scope="module")
def chromium():
    """A browser, for pages that need no server."""
    import shutil

    driver = pytest.importorskip("playwright.sync_api", reason="no playwright")
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if not path:
        pytest.skip("no chromium on this machine")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with driver.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def toy():
    """The toy network of `support.toy_model`, in Keras."""
    from tests.support.toy_model import toy_model

    return toy_model()


@pytest.fixture(scope="session")
def toy_folder(request, tmp_path_factory):
    """A model folder exported from the toy network, once for all processes."""
    from filelock import FileLock

    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / "models" / "toy"
    with FileLock(shared / "models.lock"):
        if not folder.exists():
            _export(request.getfixturevalue("toy"), folder)
    return folder


def _export(toy, folder):
    from pneumonia.export.export import export
    from tests.support.toy_model import toy_config, toy_images, toy_radiographs

    images, radiographs = toy_images(60), toy_radiographs(60)
    training = toy_images(40, seed=1)
    export(toy, toy_config(), training[:20], training, images, radiographs, folder)
