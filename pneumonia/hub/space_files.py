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
    "examples/limits/*",
    *(f"examples/*.{kind}" for kind in ("jpg", "md", "py")),
    *(f"pneumonia/**/*.{kind}" for kind in ("py", "png", "html", "md", "css", "js")),
)
_LEFT_OUT = re.compile(r"(^|/)(\.|pretrained/|__pycache__/)")
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
    from huggingface_hub import SpaceCard

    if not (ROOT / "app.py").is_file():
        raise PneumoniaError(
            "A Space is made from the source tree, and there is no app.py beside the "
            "package. Run this in a checkout, installed with `pip install -e .`."
        )
    # its head is where a Space is configured
    card = SpaceCard((ROOT / CARD_FILE).read_text(encoding="utf-8"))
    pictures = _PICTURE.findall(card.text)
    card.data["models"] = [model]
    if preload:
        card.data["preload_from_hub"] = [f"{model} {','.join(preload)} {revision}"]
    if space and pictures:
        card.data["thumbnail"] = _THUMBNAIL.format(space=space, picture=pictures[0])
    paths = [path for name in (*_PATTERNS, *pictures) for path in ROOT.glob(name)]
    names = {path.relative_to(ROOT).as_posix() for path in paths if path.is_file()}
    files = {
        name: (ROOT / name).read_bytes()
        for name in sorted(names)
        if not _LEFT_OUT.search(name)
    }
    return {CARD_FILE: str(card).encode(), **files}
