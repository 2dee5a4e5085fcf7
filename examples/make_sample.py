"""Makes `pneumonia/inference/sample.png`, which checks every model that is loaded.

    python examples/make_sample.py

It is half of `normal_3.jpg` and half of `viral_1.jpg`, which `make_composites.py`
made, at 224 by 224 pixels: of such halves the one whose answer changes most, at least,
when inputs are scaled wrongly, the temperature is halved or classes change order.
"""

from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

ROOT = Path(__file__).parents[1]
SIDE = 224  # pixels
HALVES = ("normal_3.jpg", "viral_1.jpg")


def main() -> None:
    """Writes the file; the same versions of Pillow and libjpeg make the same pixels."""
    composites = [Image.open(ROOT / "examples" / name) for name in HALVES]
    sample = Image.blend(*map(resized, composites), alpha=0.5)
    notice = composites[0].info["comment"].decode()
    info = PngInfo()
    info.add_text("Comment", f"{notice} Changed: resized, averaged with another.")
    sample.save(
        ROOT / "pneumonia" / "inference" / "sample.png", optimize=True, pnginfo=info
    )


def resized(composite: Image.Image) -> Image.Image:
    return composite.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR)


if __name__ == "__main__":
    main()
