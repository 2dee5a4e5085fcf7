"""One walk over folders: nothing is lost without a word, nothing is found twice."""

import os
import subprocess
import sys

import fsspec
import pytest

from pneumonia.imaging.files import find_files, walk

LIST = """
import sys
from pneumonia.imaging.files import find_files
for file in find_files(sys.argv[1:]):
    print(file.path, file.problem or "")
"""


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """The working folder: `1.png`, `NORMAL/2.png` and `other/deep/3.png`."""
    for name in ("1.png", "NORMAL/2.png", "other/deep/3.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"image")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _listed(unprivileged, *inputs):
    command = [*unprivileged, sys.executable, "-c", LIST, *inputs]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert not done.stderr
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


@pytest.fixture
def closed(archive):
    """A folder of the archive that may not be listed, for as long as a test takes."""
    folder = archive / "other" / "deep"
    folder.chmod(0)
    yield folder
    folder.chmod(0o700)


@pytest.mark.parametrize(
    "given", [".", "other", "other/deep", "other/d*/3.png", "file://{}", "**/*.png"]
)
def test_a_folder_that_cannot_be_listed_is_named(unprivileged, closed, given):
    found = _listed(unprivileged, given.format(closed.parent))
    (problem,) = (found[path] for path in found if path.endswith("deep"))
    assert "Permission denied" in problem
    assert not [path for path in found if "3.png" in path]


def test_a_file_in_a_folder_that_cannot_be_entered_is_named(unprivileged, closed):
    found = _listed(unprivileged, "other/deep/3.png")
    assert "Permission denied" in found["other/deep/3.png"]


def test_a_folder_that_need_not_be_listed_may_be_passed_through(unprivileged, archive):
    (archive / "other").chmod(0o100)
    try:
        assert _listed(unprivileged, "other/deep/*.png") == {"other/deep/3.png": ""}
    finally:
        (archive / "other").chmod(0o700)


def test_links_are_followed_once(archive):
    os.symlink(archive / "other", archive / "VIRAL")  # "other" itself comes first
    os.symlink(archive, archive / "other" / "around")
    os.symlink("nowhere", archive / "broken")
    os.symlink("itself", archive / "itself")
    found = [file.path for file in walk(".")]
    expected = "1.png broken itself NORMAL/2.png other/deep/3.png".split()
    assert found == [os.path.join(".", path) for path in expected]


def test_a_rank_decides_under_which_name_a_folder_is_walked(archive):
    os.symlink(archive / "other", archive / "VIRAL")
    found = [file.path for file in walk(".", rank=lambda name: name != "VIRAL")]
    assert "./VIRAL/deep/3.png" in found and "./other/deep/3.png" not in found


def test_what_a_mac_leaves_is_no_image(archive):
    (archive / "__MACOSX").mkdir()
    (archive / "__MACOSX" / "1.png").touch()
    (archive / "._1.png").touch()
    assert len([*walk(".")]) == 3


class Server(fsspec.AbstractFileSystem):
    """Has folders, as SFTP and SMB have, one of which is closed and one a circle."""

    protocol = "server"

    def ls(self, path, detail=True, **_):
        if path == "scans/b":
            raise PermissionError(13, "Permission denied")
        inside = {"scans": ["scans/a", "scans/b"], "scans/a": ["scans"]}[path]
        folders = [{"name": name, "type": "directory"} for name in inside]
        return [*folders, {"name": f"{path}/1.png", "type": "file", "size": 1}]

    def isdir(self, path):
        return True


def test_a_remote_folder_that_cannot_be_listed_is_named():
    fsspec.register_implementation("server", Server, clobber=True)
    found = {file.path: file.problem for file in find_files(["server://scans"])}
    assert "Permission denied" in found.pop("server://scans/b")
    assert found == {"server://scans/1.png": None, "server://scans/a/1.png": None}
