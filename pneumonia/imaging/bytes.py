"""The content of a file, wherever it is, undecoded: what is read, and its limits."""

import io
import os
import re
import stat
from typing import BinaryIO

from ..errors import ImageError

Bytes = bytes | bytearray | memoryview
MAX_BYTES = 128 * 2**20  # of a file: 64 megapixels of 16 bits, uncompressed
MAX_READS = 500_000  # of a decoder, a second's work; few files need a hundredth
_URL = re.compile(r"[a-z][a-z0-9+.-]+://|data:", re.IGNORECASE)


def read_bytes(source: str | os.PathLike | Bytes | BinaryIO) -> bytes:
    """The content of a file, wherever it is, undecoded.

    Raises:
        ImageError: it cannot be opened, is no regular file, or is over `MAX_BYTES`.
    """
    if isinstance(source, Bytes):
        _check_bytes(memoryview(source).nbytes)
        return bytes(source)
    if isinstance(source, str | os.PathLike):
        return _read_path(source)
    if not hasattr(source, "read"):
        raise ImageError(
            "Expected a path, bytes, an open binary file, a PIL image or a NumPy "
            "array; found {found}. Convert it to one of these.",
            found=type(source).__name__,
        )
    if hasattr(source, "seekable") and source.seekable():
        source.seek(0)
    return _read_stream(source)


def _read_path(path: str | os.PathLike) -> bytes:
    if isinstance(path, str) and _URL.match(path):
        raise ImageError(
            "Expected the path of a file, found a URL. Download the file first, then "
            "pass its path or its bytes."
        )
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):  # a FIFO or a device could block for ever
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
            raise ImageError(
                "Expected the path of a file, found {found}. Name a file.", found=kind
            )
        _check_bytes(status.st_size)
        with open(path, "rb") as stream:
            content = stream.read(status.st_size + 1)  # takes that much memory at once
            if len(content) > status.st_size:  # it has grown
                content += stream.read(MAX_BYTES + 1 - len(content))
        _check_bytes(len(content))
        return content
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not a valid path"
        raise ImageError(
            "Expected the path of a readable file, but it cannot be opened: {reason}. "
            "Check the path and its permissions.",
            reason=reason,
        ) from error


def _read_stream(stream: BinaryIO) -> bytes:
    """Reads to the end, in pieces because sockets and pipes may return less."""
    content = bytearray()
    while piece := stream.read(min(2**20, MAX_BYTES + 1)):
        if not isinstance(piece, Bytes):
            raise ImageError(
                "Expected a binary file, found one that reads {found}. Open it with "
                "mode 'rb'.",
                found=type(piece).__name__,
            )
        content += piece
        _check_bytes(len(content))
    return bytes(content)


def _check_bytes(count: int) -> None:
    if count > MAX_BYTES:
        raise ImageError(
            "The file is too large: expected at most {limit} MiB, found {found:,.0f} "
            "MiB or more. Export the X-ray compressed.",
            limit=MAX_BYTES // 2**20,
            found=count / 2**20,
        )


class Stream(io.BytesIO):
    """What decoders read from: ends a file that is made of millions of tiny parts.

    Each part costs a read, an object and some microseconds, which no limit of bytes or
    pixels bounds.
    """

    reads = 0

    def read(self, size: int | None = -1) -> bytes:
        self.reads += 1
        if self.reads > MAX_READS:
            raise ImageError(
                "The file is made of too many small parts. Expected one image, as "
                "common programs write it; save or export it again."
            )
        return super().read(size)
