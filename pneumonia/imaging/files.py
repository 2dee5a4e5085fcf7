"""The files of an archive: found in folders and behind URLs, stamped, read.

A file is known by its name, size and time of change, so that a later run can tell
which answers still hold.
"""

import glob
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from errno import EACCES
from pathlib import Path
from typing import Any

from ..errors import ImageError, PneumoniaError, out_of_memory
from .bytes import read_bytes
from .load import is_image

_SUFFIXES = set(".jpg .jpeg .jpe .png .tif .tiff .webp .bmp .gif .dcm .dicom".split())
HEAD = 256  # bytes of a file that tell what it is
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
        problem: why what is inside is not known, in the system's words: it is a folder
            that cannot be listed, or a place that cannot be looked at.
    """

    path: str
    bytes: int | None
    modified: str | None
    was_named: bool = False
    problem: str | None = None

    @property
    def name(self) -> str:
        """How tables name it."""
        return as_text(self.path)


def find_files(inputs: Iterable[str], leave_out: str | None = None) -> list[File]:
    """Finds the files of an archive, each once, in an order that is always the same.

    Args:
        inputs: folders, see `walk`; files; patterns such as `images/*/1.png`; or URLs
            that fsspec knows, of any of the three.
        leave_out: a local file or folder that is no input, wherever it lies.
    Returns:
        The files, and each folder that cannot be listed, as a file with a `problem`.
    Raises:
        PneumoniaError: an input is or matches nothing, or its URL cannot be opened.
    """
    skip = leave_out and os.path.abspath(leave_out)
    found: dict[str, File] = {}
    for pattern in inputs:
        files = [*(_remote if "://" in pattern else _local)(pattern)]
        if not files:
            raise PneumoniaError(
                f"Expected X-rays at {pattern!r}, found no file. Name folders, "
                "files, patterns in quotation marks, or URLs."
            )
        for file in files:
            path = os.path.abspath(file.path)
            if not skip or (path != skip and not path.startswith(skip + os.sep)):
                found.setdefault(file.name, file)
    return [*found.values()]


def walk(folder: str, rank: Callable[[str], int] = lambda name: 0) -> Iterator[File]:
    """The files of a folder and of all folders in it, in an order always the same.

    Hidden files and folders, those whose name starts with a dot, are left out, and what
    an archive of a Mac has beside each file: `__MACOSX/._1.jpeg`. Links are followed,
    but no folder is walked twice, so a link to a folder around it leads nowhere.

    Args:
        folder: to walk.
        rank: of a sub-folder, by its name; a lower one comes first. Of equal ones,
            folders come before links, and then names decide.
    Returns:
        The files, and each folder that cannot be listed, as a file with a `problem`.
    """
    walked, waiting = set(), [folder]
    while waiting:
        folder = waiting.pop()
        if (real := os.path.realpath(folder)) in walked:
            continue
        walked.add(real)
        names, inner = [], []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if _is_hidden([entry.name]):
                        continue
                    if _is_folder(entry):
                        inner.append((rank(entry.name), entry.is_symlink(), entry.name))
                    else:
                        names.append(entry.name)
        except OSError as error:
            yield _closed(folder, error)
        for name in sorted(names):
            yield _stamped(os.path.join(folder, name))
        inner.sort(reverse=True)  # the last is the next to be walked
        waiting += [os.path.join(folder, name) for *_, name in inner]


def read(file: File) -> bytes:
    """The content of a file; see `read_bytes` for what it raises."""
    if file.problem:
        raise ImageError(
            "What is in this place is not known, as it cannot be opened: {reason}. "
            "Check its permissions.",
            reason=file.problem,
        )
    try:
        if "://" not in file.path:
            return read_bytes(file.path)
        import fsspec

        with fsspec.open(file.path, "rb") as stream:
            return read_bytes(stream)
    except ImageError:
        raise
    except MemoryError as error:
        raise out_of_memory() from error
    except Exception as error:  # each file system has its own
        raise ImageError(
            "Expected a file that can be read, but its file system says: {found}. "
            "Check the URL and your access.",
            found=type(error).__name__,
        ) from error


def is_another_thing(path: str, content: bytes) -> bool:
    """Whether what was found in a folder is neither by bytes nor by name an image.

    Args:
        path: of the file; a damaged `1.png` is still meant as an image.
        content: of it; the first `HEAD` bytes are enough.
    """
    name = path.rsplit("/", 1)[-1]
    if Path(name).name == _MEDIA_INDEX:
        return True
    known = Path(name).suffix.lower() in _SUFFIXES
    return bool(content) and not known and not is_image(content)


def is_meant_as_image(file: File) -> bool:
    """Whether a local file is an image by its first bytes or by its name.

    One that cannot be opened may be: whoever reads it will say so.
    """
    if not os.path.isfile(file.path):  # a pipe would make us wait
        return True
    try:
        with open(file.path, "rb") as stream:
            return not is_another_thing(file.path, stream.read(HEAD))
    except OSError:
        return True


def as_text(file: str | os.PathLike[str]) -> str:
    """A name or a sentence on one line, in characters that any table can hold.

    Control characters, and what UTF-8 cannot hold of a name, become escapes: `\\n`.
    """
    return _UNSAFE.sub(
        lambda match: match[0].encode("unicode_escape").decode(), os.fsdecode(file)
    )


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that ends nowhere: a file that cannot be read
        return False


def _is_hidden(parts: Iterable[str]) -> bool:
    """Whether a part of a path is what people did not put there as an image."""
    return any(part[:1] == "." or part == "__MACOSX" for part in parts)


def _local(pattern: str) -> Iterator[File]:
    try:
        os.lstat(pattern)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        yield from _matching(pattern)
        return
    except OSError as error:
        yield _closed(pattern, error, was_named=True)
        return
    if os.path.isdir(pattern):
        yield from walk(pattern)
    else:
        yield _stamped(pattern, was_named=True)


def _matching(pattern: str) -> Iterator[File]:
    if not glob.has_magic(pattern):
        return
    for path in sorted(glob.glob(pattern, recursive=True)):
        yield from walk(path) if os.path.isdir(path) else [_stamped(path)]
    # `glob` says nothing of folders that it could not look into
    parts = Path(pattern).parts
    for depth in range(1, len(parts)):
        need = os.R_OK | os.X_OK if glob.has_magic(parts[depth]) else os.X_OK
        for folder in sorted(glob.glob(os.path.join(*parts[:depth]), recursive=True)):
            if os.path.isdir(folder) and not os.access(folder, need):
                yield _closed(folder, PermissionError(EACCES, os.strerror(EACCES)))


def _closed(path: str, error: OSError, was_named: bool = False) -> File:
    problem = error.strerror or type(error).__name__
    return File(path, None, None, was_named, problem)


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
        if "file" in system.protocol:  # which leaves out what it cannot list
            yield from _local(path)
            return
        if system.isdir(path):
            found, was_named = _find(system, path), False
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
        if not was_named and _is_hidden(name[len(path) :].split("/")):
            continue
        if isinstance(about, OSError):
            yield _closed(system.unstrip_protocol(name), about)
        elif about["type"] != "directory":  # a link may be one to a file
            version = next((about[key] for key in _VERSIONS if about.get(key)), None)
            yield File(
                system.unstrip_protocol(name),
                about.get("size"),
                None if version is None else str(version),
                was_named,
            )


def _find(system: Any, path: str) -> dict[str, dict[str, Any] | OSError]:
    """What is in a folder: name -> facts, or why a folder within cannot be listed."""
    from fsspec import AbstractFileSystem
    from fsspec.asyn import AsyncFileSystem

    kind = type(system)
    if (
        kind.find is not AbstractFileSystem.find
        or getattr(kind, "_find", AsyncFileSystem._find) is not AsyncFileSystem._find
    ):  # it has no folders, and lists all at once
        return system.find(path, detail=True)
    found, listed, waiting = {}, set(), [path]
    while waiting:  # fsspec's own leaves out what it cannot list
        folder = waiting.pop()
        listed.add(folder.rstrip("/"))
        try:
            inside = system.ls(folder, detail=True)
        except OSError as error:
            found[folder] = error
            continue
        for about in inside:
            if about["type"] != "directory":
                found[about["name"]] = about
            elif about["name"].rstrip("/") not in listed:
                waiting.append(about["name"])
    return found
