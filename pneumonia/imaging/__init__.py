"""A file, bytes, a PIL image or an array -> one grayscale image."""

from .bytes import read_bytes
from .load import Reading, Source, is_image, load_image, read_image

__all__ = ["Reading", "Source", "is_image", "load_image", "read_bytes", "read_image"]
