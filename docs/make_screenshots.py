"""Takes the picture of the page that README.md shows.

    python app.py --port 7860 &
    python docs/make_screenshots.py http://127.0.0.1:7860

It needs playwright and Debian's chromium.
"""

import io
import shutil
import sys
from pathlib import Path

from PIL import Image, ImageOps
from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).parent
EXAMPLE = FOLDER.parent / "examples" / "bacterial_1.jpg"
WIDTH, HEIGHT = 1280, 1150  # pixels, down to the lower end of the heatmap
SHOWN = (960, 862)  # pixels of the picture, to keep it small


def main(address: str) -> None:
    """Asks for one example and saves what the page looks like then."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"))
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(f"{address}/?__theme=light")
        page.set_input_files("#radiograph input[type=file]", EXAMPLE)
        page.wait_for_selector("#heatmap img >> nth=1")
        page.wait_for_timeout(1500)  # animations
        picture = Image.open(io.BytesIO(page.screenshot()))
        browser.close()
    small = picture.convert("RGB").resize(SHOWN, Image.Resampling.LANCZOS)
    # 6 bits a channel: half the bytes, no visible difference
    ImageOps.posterize(small, 6).save(FOLDER / "screenshot.png", optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
