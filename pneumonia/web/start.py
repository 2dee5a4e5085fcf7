"""Where the server is to listen, and what of the environment would stop it.

Import this before anything that imports Gradio, which reads `GRADIO_SERVER_PORT`,
`GRADIO_SERVER_NAME` and the proxies while it is imported, and ends in a traceback where
they are not as it expects: here it is imported without them. Then, in app.py:
`add_arguments(parser)`, `parse(parser)`, once the model is loaded `leave_proxies()`,
and `cannot_listen(host, port)` for an OSError of `launch`.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from ..version import version
from . import FOLDER

FIRST, COUNT = 7860, 100  # Gradio's ports, where none is named
_HOST, _PORT = "GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT"
_NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_PROXIES = {
    name: os.environ.pop(name)
    for name in (*_NAMES, *map(str.upper, _NAMES))
    if name in os.environ
}
_ASKED = {name: os.environ.pop(name, "").strip() for name in (_HOST, _PORT)}

# Gradio makes folders there as soon as a page is built
_around = next(folder for folder in FOLDER.parents if os.path.exists(folder))
if not (_around.is_dir() and os.access(_around, os.W_OK | os.X_OK)):
    sys.exit(
        f"app.py: no folder can be made in {FOLDER.parent}, for uploads and answers. "
        "Name another in the environment variable GRADIO_TEMP_DIR."
    )

import gradio  # noqa: E402, F401

os.environ.update(_PROXIES)  # for the way to the Hub


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds --host and --port, which the environment may name too, and --version."""
    parser.add_argument("--version", action="version", version=f"pneumonia {version()}")
    parser.add_argument(
        "--host",
        type=_host,
        default=_ASKED[_HOST] or None,
        help="address to listen on; default: 127.0.0.1",
    )
    parser.add_argument(
        "--port", type=_port, help=f"default: the first free from {FIRST}"
    )


def parse(
    parser: argparse.ArgumentParser, arguments: Sequence[str] | None = None
) -> argparse.Namespace:
    """Parses the command line; what the environment says wrong ends it, too."""
    parsed = parser.parse_args(arguments)
    if parsed.port is None and _ASKED[_PORT]:
        try:
            parsed.port = _port(_ASKED[_PORT])
        except argparse.ArgumentTypeError as error:
            parser.error(f"environment variable {_PORT}: {error}")
    root = os.environ.get("GRADIO_ROOT_PATH", "")
    if root and not root.startswith(("/", "http://", "https://")):
        parser.error(
            f"environment variable GRADIO_ROOT_PATH: expected a path that begins with "
            f"/, or an address, found {root!r:.40}"
        )
    return parsed


def leave_proxies() -> None:
    """Forgets the proxies of the environment.

    The model is here by now, and Gradio asks its own server on loopback whether it has
    started: through them, or it fails at what they say, `[::1]` or `socks5://`, which
    needs another package.
    """
    for name in _PROXIES:
        os.environ.pop(name, None)


def cannot_listen(host: str | None, port: int | None) -> str:
    """The sentence for a server that could not be started."""
    ports = port or f"{FIRST} to {FIRST + COUNT - 1}"
    return (
        f"cannot listen on {host or '127.0.0.1'}, port {ports}. Expected an address of "
        "this machine and a free port; choose others with --host and --port."
    )


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(
            f"expected a port from 1 to 65535, found {text!r:.40}"
        )
    return int(text)


def _host(text: str) -> str:
    """An address as it stands in a URL: IPv6 in brackets, as Gradio wants it."""
    bare = text.strip("[]")
    return f"[{bare}]" if ":" in bare else bare
