"""Makes `pneumonia/sample.png`, by which every model is checked when it is loaded.

    python examples/make_sample.py

It is the composite `viral_4.jpg`, which `make_composites.py` made, at the bundled
model's own 224 by 224 pixels, so that the network sees the same of both.
"""

from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

ROOT = Path(__file__).parents[1]
SIDE = 224  # pixels


def main() -> None:
    """Writes the file; the same versions of Pillow and libjpeg make the same pixels."""
    with Image.open(ROOT / "examples" / "viral_4.jpg") as composite:
        notice = composite.info["comment"].decode()
        sample = composite.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    info = PngInfo()
    info.add_text("Comment", f"{notice} Changed: resized.")
    sample.save(ROOT / "pneumonia" / "sample.png", optimize=True, pnginfo=info)


if __name__ == "__main__":
    main()
