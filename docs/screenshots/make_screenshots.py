"""Takes the pictures of the page that the READMEs show.

    python app.py --port 7860 &
    python docs/screenshots/make_screenshots.py http://127.0.0.1:7860

It needs playwright and Debian's chromium.
"""

import io
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageOps
from playwright.sync_api import Browser, Page, sync_playwright

FOLDER = Path(__file__).parent
EXAMPLES = sorted(FOLDER.parents[1].glob("examples/*.jpg"))
DESKTOP, PHONE = (1280, 1150), (390, 844)  # pixels
SHOWN = 0.75  # of the pixels of a desktop, to keep the files small


def one(page: Page) -> None:
    """Gives one radiograph."""
    page.set_input_files("#image input[type=file]", EXAMPLES[0])
    page.wait_for_selector("#one-pictures img")
    page.evaluate("scrollTo(0, 0)")


def refused(page: Page) -> None:
    """Gives a negative."""
    content = io.BytesIO()
    with Image.open(EXAMPLES[3]) as image:
        ImageOps.invert(image.convert("L")).save(content, "PNG")
    file = {"name": "a.png", "mimeType": "image/png", "buffer": content.getvalue()}
    page.set_input_files("#image input[type=file]", file)
    page.wait_for_selector("#one-card .refused")
    page.locator("#one-card").scroll_into_view_if_needed()


def many(page: Page) -> None:
    """Gives all samples and a text, and looks at one."""
    page.get_by_role("tab").nth(1).click()
    page.set_input_files("#files input[type=file]", [*EXAMPLES, Path(__file__)])
    page.wait_for_selector("#csv a")
    page.locator("#answers .body-cell:visible").nth(14).click()
    page.wait_for_selector("#row-pictures img")
    page.evaluate("scrollTo(0, 0)")


def model(page: Page) -> None:
    """Opens what is told of the model."""
    page.get_by_role("tab").nth(2).click()
    page.wait_for_selector("#roc canvas, #roc svg")


# name: what is done, size, theme, language
PICTURES: dict[str, tuple[Callable[[Page], None], tuple[int, int], str, str]] = {
    "answer": (one, DESKTOP, "light", "en"),
    "answer_dark_french": (one, DESKTOP, "dark", "fr"),
    "many": (many, DESKTOP, "light", "en"),
    "model": (model, DESKTOP, "light", "en"),
    "phone": (one, PHONE, "light", "fr"),
    "phone_dark_refused": (refused, PHONE, "dark", "en"),
}


def main(address: str) -> None:
    """Takes every picture, each in a fresh profile."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for name in PICTURES:
            _save(name, _take(browser, address, name))
        browser.close()


def _take(browser: Browser, address: str, name: str) -> Image.Image:
    act, (width, height), theme, language = PICTURES[name]
    with browser.new_context(
        viewport={"width": width, "height": height}, locale=language
    ) as context:
        page = context.new_page()
        page.goto(f"{address}/?__theme={theme}")
        page.wait_for_selector(".samples img")
        act(page)
        page.mouse.move(0, 0)
        page.wait_for_timeout(1500)  # animations
        return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def _save(name: str, picture: Image.Image) -> None:
    if picture.width > PHONE[0]:
        size = [round(SHOWN * side) for side in picture.size]
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    # 6 bits a channel: half the bytes, no visible difference
    ImageOps.posterize(picture, 6).save(FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
