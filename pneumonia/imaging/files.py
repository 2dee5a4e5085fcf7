"""The files of an archive: found in folders and behind URLs, stamped, read.

A file is known by its name, size and time of change, so that a later run can tell
which answers still hold.
"""

import glob
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..errors import ImageError, PneumoniaError
from .bytes import read_bytes
from .load import is_image

_SUFFIXES = set(".jpg .jpeg .jpe .png .tif .tiff .webp .bmp .gif .dcm .dicom".split())
_MEDIA_INDEX = "DICOMDIR"  # its name by DICOM PS3.10; DICOM itself, but no image
# what some remote file system or other calls the version of a file
_VERSIONS = ("ETag", "etag", "md5Hash", "LastModified", "mtime", "updated", "created")
# What would break a line, a terminal or UTF-8
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class File:
    """One file to answer for.

    Attributes:
        path: local, or a URL of fsspec.
        bytes: its size; None: not known before it is read.
        modified: ISO 8601, UTC; or what a remote file system tells versions by.
        was_named: by the user, not found in a folder: it gets a row, whatever it is.
    """

    path: str
    bytes: int | None
    modified: str | None
    was_named: bool = False

    @property
    def name(self) -> str:
        """How tables name it."""
        return as_text(self.path)


def find_files(inputs: Iterable[str], leave_out: str | None = None) -> list[File]:
    """Finds the files of an archive, each once, in an order that is always the same.

    Args:
        inputs: folders, walked to the bottom; files; patterns such as `films/*/1.png`;
            or URLs that fsspec knows, of any of the three. Hidden files and folders,
            those whose name starts with a dot, and links to folders are left out.
        leave_out: a local file or folder that is no input, wherever it lies.
    Raises:
        PneumoniaError: an input is or matches nothing, or its URL cannot be opened.
    """
    skip = leave_out and os.path.abspath(leave_out)
    found: dict[str, File] = {}
    for pattern in inputs:
        files = [*(_remote if "://" in pattern else _local)(pattern)]
        if not files:
            raise PneumoniaError(
                f"Expected radiographs at {pattern!r}, found no file. Name folders, "
                "files, patterns in quotation marks, or URLs."
            )
        for file in files:
            path = os.path.abspath(file.path)
            if not skip or (path != skip and not path.startswith(skip + os.sep)):
                found.setdefault(file.name, file)
    return [*found.values()]


def read(file: File) -> bytes:
    """The content of a file; see `read_bytes` for what it raises."""
    if "://" not in file.path:
        return read_bytes(file.path)
    import fsspec

    try:
        with fsspec.open(file.path, "rb") as stream:
            return read_bytes(stream)
    except ImageError:
        raise
    except Exception as error:  # each file system has its own
        raise ImageError(
            "Expected a file that can be read, but its file system says: {found}. "
            "Check the URL and your access.",
            found=type(error).__name__,
        ) from error


def is_another_thing(path: str, content: bytes) -> bool:
    name = path.rsplit("/", 1)[-1]
    if Path(name).name == _MEDIA_INDEX:
        return True
    known = Path(name).suffix.lower() in _SUFFIXES
    return bool(content) and not known and not is_image(content)


def as_text(file: str | os.PathLike[str]) -> str:
    """A name or a sentence on one line, in characters that any table can hold.

    Control characters, and what UTF-8 cannot hold of a name, become escapes: `\\n`.
    """
    return _UNSAFE.sub(
        lambda match: match[0].encode("unicode_escape").decode(), os.fsdecode(file)
    )


def _local(pattern: str) -> Iterator[File]:
    if os.path.isdir(pattern):
        yield from _walk(pattern)
    elif os.path.lexists(pattern):
        yield _stamped(pattern, was_named=True)
    else:
        for path in sorted(glob.glob(pattern, recursive=True)):
            yield from _walk(path) if os.path.isdir(path) else [_stamped(path)]


def _walk(folder: str) -> Iterator[File]:
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[0] != ".")
        for name in sorted(name for name in names if name[0] != "."):
            yield _stamped(os.path.join(root, name))


def _stamped(path: str, was_named: bool = False) -> File:
    try:
        status = os.stat(path)
    except OSError:  # gone, or a link to nowhere: a row will say so
        return File(path, None, None, was_named)
    modified = datetime.fromtimestamp(status.st_mtime, UTC).isoformat()
    return File(path, status.st_size, modified, was_named)


def _remote(pattern: str) -> Iterator[File]:
    import fsspec

    try:
        system, path = fsspec.url_to_fs(pattern)
        if system.isdir(path):
            found, was_named = system.find(path, detail=True), False
        elif glob.has_magic(path):
            found, was_named = system.glob(path, detail=True), False
        else:
            found, was_named = {path: system.info(path)}, True
    except FileNotFoundError:
        return
    except Exception as error:  # each file system has its own
        raise PneumoniaError(
            f"{pattern}: expected a URL that fsspec can open; it says: {error}. Check "
            "the URL and your access, or install the package that it asks for."
        ) from error
    for name, about in sorted(found.items()):
        hidden = any(part[:1] == "." for part in name[len(path) :].split("/"))
        if about["type"] == "file" and (was_named or not hidden):
            version = next((about[key] for key in _VERSIONS if about.get(key)), None)
            yield File(
                system.unstrip_protocol(name),
                about.get("size"),
                None if version is None else str(version),
                was_named,
            )
