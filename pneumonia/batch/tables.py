"""A table on disk that grows row by row, and that a killed run leaves whole.

CSV and JSON Lines are appended to, a line per row, and each line is with the system
before the next file is answered for; what a kill left of a line is dropped. Parquet
cannot be appended to: there the table is a folder of parts, as pandas, DuckDB and Spark
read it, each of which appears whole or not at all. A kill costs it the rows of the last
half minute, an interruption none.
"""

import csv
import io
import json
import os
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import PneumoniaError
from ..imaging.files import File
from .rows import ARCHIVE_COLUMNS, csv_fields, plain

Row = Mapping[str, Any]
PART_ROWS, PART_SECONDS = 10_000, 30
_UNREAD = (None, None)  # bytes and modified of a file that could not be read


class Table(ABC):
    """Rows of `ARCHIVE_COLUMNS`; a context manager, which keeps what was appended."""

    def __init__(self, path: Path):
        self.path = path

    def resume(self, files: Iterable[File], model: str) -> tuple[Counter, list[File]]:
        """Finds what is done, and drops the rows of files that have changed since.

        Args:
            files: of which there shall be a row each; rows of other files stay.
            model: see `rows.model_name`.
        Returns:
            How many of the files are done, by status; and the files that are left.
        Raises:
            PneumoniaError: what is there was not made by this verb, or by another
                model.
        """
        wanted = {file.name: file for file in files}
        kept: set[str] = set()
        counts: Counter = Counter()

        def holds(row: Row) -> bool:
            if row["model"] != model:
                raise PneumoniaError(
                    f"{self.path.name} holds answers of the model {row['model']!r}; "
                    f"expected those of {model!r}. Name another file, or the model "
                    "with --model."
                )
            file = wanted.get(row["file"])
            if file is None:  # of another input
                return True
            stamp = (row["bytes"], row["modified"])
            if (
                file.name in kept
                or stamp == _UNREAD
                or stamp != (file.bytes, file.modified)
            ):
                return False
            kept.add(file.name)
            counts[row["status"]] += 1
            return True

        self._filter(holds)
        return counts, [file for name, file in wanted.items() if name not in kept]

    @abstractmethod
    def append(self, row: Row) -> None:
        """Adds one row."""

    @abstractmethod
    def _filter(self, holds: Callable[[Row], bool]) -> None:
        """Drops the rows that do not hold, and whatever is no whole row."""

    @abstractmethod
    def close(self) -> None:
        """Keeps what was appended."""

    def __enter__(self) -> "Table":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Lines(Table):
    """One line per row."""

    _stream: io.TextIOWrapper | None = None

    def append(self, row: Row) -> None:
        if self._stream is None:
            self._stream = open(self.path, "a", encoding="utf-8", newline="")
            if self._stream.tell() == 0:
                self._stream.write(self.head)
        self._stream.write(self.encode(row))
        self._stream.flush()

    def close(self) -> None:
        if self._stream:
            self._stream.close()

    def _filter(self, holds: Callable[[Row], bool]) -> None:
        if not self.path.exists():
            return
        open(self.path, "ab").close()  # lest one that may not be written is replaced
        with (
            _replacing(self.path) as partial,
            open(partial, "w", encoding="utf-8", newline="") as stream,
        ):
            for line, row in self._rows():
                if row is None or holds(row):
                    stream.write(line)

    def _rows(self) -> Iterator[tuple[str, Row | None]]:
        """Each whole line, and its row; the header has none."""
        with open(self.path, "rb") as stream:
            try:
                for number, content in enumerate(stream):
                    if not content.endswith(b"\n"):
                        return  # what a kill left
                    line = content.decode()
                    # Excel puts a mark of UTF-8 before what it saves as such
                    is_head = number == 0 and line.removeprefix("\ufeff") == self.head
                    yield line, None if is_head else self.decode(line)
            except (ValueError, AttributeError, csv.Error) as error:
                raise _not_ours(self.path) from error


class _Csv(_Lines):
    head = ",".join(ARCHIVE_COLUMNS) + "\r\n"

    def encode(self, row: Row) -> str:
        line = io.StringIO()
        csv.writer(line).writerow(csv_fields(row, ARCHIVE_COLUMNS))
        return line.getvalue()

    def decode(self, line: str) -> Row:
        (fields,) = csv.reader([line])
        row = dict(zip(ARCHIVE_COLUMNS, map(plain, fields), strict=True))
        size = int(row["bytes"]) if row["bytes"] else None
        return {**row, "bytes": size, "modified": row["modified"] or None}


class _JsonLines(_Lines):
    head = ""

    def encode(self, row: Row) -> str:
        return json.dumps(row, ensure_ascii=False) + "\n"

    def decode(self, line: str) -> Row:
        row = json.loads(line)
        if row.keys() != ARCHIVE_COLUMNS.keys():
            raise ValueError
        return row


class _Parquet(Table):
    """A folder of parts."""

    def __init__(self, path: Path):
        super().__init__(path)
        import pyarrow

        self._schema = pyarrow.schema(
            (name, _arrow_type(kind)) for name, kind in ARCHIVE_COLUMNS.items()
        )
        self._rows: list[Row] = []
        self._since = time.monotonic()

    def append(self, row: Row) -> None:
        self._rows.append(row)
        is_late = time.monotonic() - self._since > PART_SECONDS
        if is_late or len(self._rows) >= PART_ROWS:
            self._write_part()

    def close(self) -> None:
        self._write_part()

    def _write_part(self) -> None:
        if self._rows:
            self.path.mkdir(exist_ok=True)
            self._write(self.path / f"{time.time_ns():020}.parquet", self._rows)
        self._rows, self._since = [], time.monotonic()

    def _write(self, part: Path, rows: list[Row]) -> None:
        from pyarrow import Table, parquet

        with _replacing(part) as partial:
            parquet.write_table(Table.from_pylist(rows, self._schema), partial)

    def _filter(self, holds: Callable[[Row], bool]) -> None:
        from pyarrow import parquet

        names = os.listdir(self.path) if self.path.exists() else ()  # or says why not
        for name in sorted(names):
            part = self.path / name
            if name[0] == "." or part.suffix != ".parquet":
                continue
            try:
                rows = parquet.read_table(part, partitioning=None).to_pylist()
            except ValueError as error:  # of which pyarrow's are
                raise _not_ours(self.path) from error
            if not rows or rows[0].keys() != ARCHIVE_COLUMNS.keys():
                raise _not_ours(self.path)
            kept = [row for row in rows if holds(row)]
            if not kept:
                part.unlink()
            elif len(kept) < len(rows):
                self._write(part, kept)


_KINDS = {".csv": _Csv, ".jsonl": _JsonLines, ".parquet": _Parquet}


def open_table(out: str) -> Table:
    """The table at a path, new or begun before; its ending says of which kind.

    Raises:
        PneumoniaError: it has another ending, cannot be there, or is Parquet, and
            pyarrow is not installed.
    """
    path = Path(out)
    kind = _KINDS.get(path.suffix.lower())
    if kind is None or "://" in out:
        raise PneumoniaError(
            f"Expected the path of a file to write that ends in {', '.join(_KINDS)}, "
            f"found {out!r}. Name one on this machine."
        )
    if not path.parent.is_dir():
        raise PneumoniaError(
            f"{out}: its folder does not exist. Create it, or name another."
        )
    if path.exists() and path.is_dir() != (kind is _Parquet):
        found, expected = ("folder", "file") if path.is_dir() else ("file", "folder")
        raise PneumoniaError(
            f"{out} is a {found}; expected a {expected} or nothing there. Name another."
        )
    try:
        return kind(path)
    except ModuleNotFoundError as error:
        raise PneumoniaError(
            "Parquet needs pyarrow, which is not installed. Run `pip install -e "
            "'.[ray]'` in the source tree, or name a .csv or .jsonl file."
        ) from error


def _not_ours(path: Path) -> PneumoniaError:
    return PneumoniaError(
        f"{path.name} holds something else than a table of `python -m pneumonia "
        "batch`. Name another file; this one stays as it is."
    )


def _arrow_type(kind: type) -> Any:
    import pyarrow

    types = {str: pyarrow.string(), float: pyarrow.float64(), int: pyarrow.int64()}
    return types.get(kind, pyarrow.bool_())


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A file to write beside one, which takes its place if all goes well."""
    partial = path.with_name(f".{path.name}.part")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
