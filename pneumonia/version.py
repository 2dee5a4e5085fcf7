"""The version of the code, installed or run from its source tree."""

import tomllib
from importlib import metadata
from pathlib import Path

_PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def version() -> str | None:
    """`0.2.0`; None where neither an installation nor a source tree tells."""
    if _PROJECT.is_file():  # an installation may be that of another tree
        return tomllib.loads(_PROJECT.read_text(encoding="utf-8"))["project"]["version"]
    try:
        return metadata.version("pneumonia")
    except metadata.PackageNotFoundError:
        return None
