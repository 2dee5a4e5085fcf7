"""Many files: a row for each, and the tables that hold them."""

from .rows import COLUMNS, row, rows, write_csv

__all__ = ["COLUMNS", "row", "rows", "write_csv"]
