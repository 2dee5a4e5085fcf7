"""The command line, and what of the environment would stop Gradio.

Import this before anything that imports Gradio, which reads the port and the proxies
while it is imported, and ends in a traceback where they are not as it expects: here it
is imported without them.
"""

import argparse
import os
import re
import sys

from ..version import version
from . import FOLDER
from .translations import say

_NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_PROXIES = {
    name: os.environ.pop(name)
    for name in (*_NAMES, *map(str.upper, _NAMES))
    if name in os.environ
}
_HOST, _PORT, _ROOT = (
    os.environ.pop(f"GRADIO_{name}", "").strip() or None
    for name in ("SERVER_NAME", "SERVER_PORT", "ROOT_PATH")
)

try:
    FOLDER.mkdir(mode=0o700, parents=True)
except OSError as error:
    sys.exit(
        f"app.py: no folder can be made in {FOLDER.parent} for uploads and answers: "
        f"{error.strerror}. Name another in the environment variable GRADIO_TEMP_DIR."
    )

import gradio  # noqa: E402, F401

os.environ.update(_PROXIES)  # for the way to the Hub


def leave_proxies() -> None:
    """Forgets the proxies of the environment.

    The model is here by now, and Gradio asks its own server on loopback whether it has
    started: through them, or it fails at what they say, `[::1]` or `socks5://`, which
    needs another package.
    """
    for name in _PROXIES:
        os.environ.pop(name, None)


def arguments() -> argparse.Namespace:
    """Reads the command line; what it does not say is taken from the environment."""
    parser = argparse.ArgumentParser(prog="app.py", description=say("title", "en"))
    add = parser.add_argument
    add("--version", action="version", version=f"pneumonia {version()}")
    add("--model", help="OWNER/NAME[@REVISION] on the Hub, or a folder")
    host = "address to listen on; default: GRADIO_SERVER_NAME, else 127.0.0.1"
    add("--host", type=_host, default=_HOST, help=host)
    port = "default: GRADIO_SERVER_PORT, else the first free from 7860"
    add("--port", type=_port, default=_PORT, help=port)
    root = "path behind a proxy, /x; default: GRADIO_ROOT_PATH"
    add("--root-path", type=_root, default=_ROOT, help=root)
    is_space = os.environ.get("SYSTEM") == "spaces"
    mcp = "serve assistants, too, as an MCP server; on a Space always"
    add("--mcp", action="store_true", default=is_space, help=mcp)
    return parser.parse_args()


def _host(text: str) -> str:
    """An address as it stands in a URL: IPv6 in brackets, as Gradio wants it."""
    bare = text.strip("[]")
    return f"[{bare}]" if ":" in bare else bare


def _port(text: str) -> int:
    if not re.fullmatch("[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(
            f"expected 1 to 65535, here or in GRADIO_SERVER_PORT, found {text!r:.40}"
        )
    return int(text)


def _root(text: str) -> str:
    if not text.startswith(("/", "http://", "https://")):
        raise argparse.ArgumentTypeError(
            "expected a path that begins with /, or an address, here or in "
            f"GRADIO_ROOT_PATH, found {text!r:.40}"
        )
    return text
