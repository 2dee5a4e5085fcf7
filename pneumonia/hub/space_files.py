"""What a Space holds: the demo's code, and the revision of the model that it serves.

The bundled model stays behind: the Space fetches its own from the Hub.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from ..config import CARD_FILE
from ..errors import PneumoniaError

ROOT = Path(__file__).parents[2]  # the source tree, with app.py beside the package

_PATTERNS = (
    "app.py",
    "requirements.txt",
    "LICENSE",
    "docs/*.md",
    # by kind, lest a stranger's radiograph or a run's weights go along
    "examples/*.jpg",
    "examples/*.md",
    "examples/limits/*",
    "examples/*.py",
    "pneumonia/**/*.py",
    "pneumonia/inference/sample.png",
    "pneumonia/evaluation/*.html",
    "pneumonia/evaluation/*.md",
    "pneumonia/web/*.css",
    "pneumonia/web/*.js",
)
_LEFT_OUT = ("pretrained", "__pycache__")
_THUMBNAIL = "https://huggingface.co/spaces/{space}/resolve/main/{picture}"
_PICTURE = re.compile(r"!\[.*?\]\((?!https?:)(.+?)\)", re.DOTALL)


def space_files(
    model: str, revision: str, preload: Sequence[str], space: str | None = None
) -> dict[str, bytes]:
    """Collects the files of a Space from the source tree.

    Args:
        model: the model repository, `OWNER/NAME`.
        revision: its commit, 40 hexadecimal digits.
        preload: names of its files that are put into the Space's image when it is
            built, so that a start waits for no download; empty where the model is
            private, which the Hub cannot preload.
        space: the Space, `OWNER/NAME`, whose first picture is then its thumbnail.
    Returns:
        Path in the Space -> content.
    Raises:
        PneumoniaError: the package runs without its source tree.
    """
    missing = [name for name in ("app.py", CARD_FILE) if not (ROOT / name).is_file()]
    if missing:
        raise PneumoniaError(
            f"A Space is made from the source tree, and there is no {missing[0]} "
            "beside the package. Run this in a checkout of the source, installed with "
            "`pip install -e .`."
        )
    readme = (ROOT / CARD_FILE).read_text(encoding="utf-8")
    pictures = _PICTURE.findall(readme)
    paths = [path for name in (*_PATTERNS, *pictures) for path in ROOT.glob(name)]
    files = {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for path in sorted(paths)
        if path.is_file() and not _is_left_out(path.relative_to(ROOT))
    }
    head = {"models": [model]}
    if preload:
        head["preload_from_hub"] = [f"{model} {','.join(preload)} {revision}"]
    if space and pictures:
        head["thumbnail"] = _THUMBNAIL.format(space=space, picture=pictures[0])
    return {CARD_FILE: _headed(readme, head).encode(), **files}


def _is_left_out(path: Path) -> bool:
    return any(part in _LEFT_OUT or part.startswith(".") for part in path.parts)


def _headed(readme: str, head: dict[str, object]) -> str:
    """Adds to the README's head, which is where a Space is configured."""
    from huggingface_hub import SpaceCard

    card = SpaceCard(readme)
    for key, value in head.items():
        card.data[key] = value
    return str(card)
