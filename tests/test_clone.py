"""A clone works whatever the line endings that somebody's Git prefers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """This repository's last commit, as Git for Windows checks it out by default."""
    if not (ROOT / ".git").exists():
        pytest.skip("no Git repository")
    folder = tmp_path_factory.mktemp("git") / "clone"
    clone = ["git", "clone", "-q", "-c", "core.autocrlf=true", ROOT, folder]
    subprocess.run(clone, check=True, timeout=100)
    return folder


def test_it_answers(clone):
    done = subprocess.run(
        [sys.executable, "-m", "pneumonia", "predict", "examples/normal_1.jpg"],
        cwd=clone,
        env=os.environ | {"PYTHONPATH": str(clone)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert "normal_1.jpg" in done.stdout


def test_no_line_ending_is_another(clone):
    assert not [line for line in _line_endings(clone) if "w/crlf" in line]


def test_what_is_hashed_is_never_converted(clone):
    """Nor by a Git that makes every committed line ending alike."""
    lines = _line_endings(clone, "pneumonia/pretrained")
    assert not [line for line in lines if "attr/-text" not in line]


def _line_endings(clone, *paths):
    """What Git says of each file: of its line endings, and of what is to become."""
    listing = subprocess.run(
        ["git", "ls-files", "--eol", *paths],
        cwd=clone,
        capture_output=True,
        text=True,
        check=True,
    )
    assert listing.stdout
    return listing.stdout.splitlines()
