"""The version of the code, installed or run from its source tree."""

from pathlib import Path

_PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def version() -> str | None:
    """`0.2.0`; None where neither an installation nor a source tree tells."""
    import tomllib  # here, because both would slow every start
    from importlib import metadata

    if _PROJECT.is_file():  # an installation may be that of another tree
        return tomllib.loads(_PROJECT.read_text(encoding="utf-8"))["project"]["version"]
    try:
        return metadata.version("pneumonia")
    except metadata.PackageNotFoundError:
        return None
