"""Members of an HDF5 file that lie in this very file."""

from typing import TypeVar

import h5py

_Member = TypeVar("_Member", h5py.Group, h5py.Dataset)


def plain_member(group: h5py.Group, name: str, kind: type[_Member]) -> _Member:
    """A member that lies in this very file: a link could name any file of the host."""
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"{name} is a link")
    item = group[name]
    if not isinstance(item, kind):
        raise ValueError(f"{name} is no {kind.__name__}")
    if isinstance(item, h5py.Dataset) and (item.external or item.is_virtual):
        raise ValueError(f"{name} is stored in another file")
    return item
