"""Reads just enough of an ONNX file to refuse one that points outside itself.

ONNX lets an array lie in another file, its external data, and ONNX Runtime 1.32 opens
that file in the working directory even where the graph came as bytes. So what is served
would not be what was hashed, and a graph could read the server's files. A look at the
outlines of the protocol buffers is enough to tell, and takes 6 ms of the bundled graph;
importing `onnx`, which serving does not need, takes ten times that.
"""

from collections.abc import Iterator

from ..config import ONNX_FILE
from ..errors import ModelError

# message -> its fields that lead to an array, by their numbers in onnx.proto
PATHS = {
    "ModelProto": {7: "GraphProto", 20: "TrainingInfoProto", 25: "FunctionProto"},
    "GraphProto": {1: "NodeProto", 5: "TensorProto", 15: "SparseTensorProto"},
    "NodeProto": {5: "AttributeProto"},
    "AttributeProto": {
        5: "TensorProto",
        6: "GraphProto",
        10: "TensorProto",
        11: "GraphProto",
        22: "SparseTensorProto",
        23: "SparseTensorProto",
    },
    "SparseTensorProto": {1: "TensorProto", 2: "TensorProto"},
    "TrainingInfoProto": {1: "GraphProto", 2: "GraphProto"},
    "FunctionProto": {7: "NodeProto", 11: "AttributeProto"},
    "TensorProto": {},
}
EXTERNAL_DATA, DATA_LOCATION = 13, 14  # of a TensorProto

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5  # wire types


def require_self_contained(content: bytes) -> None:
    """Refuses a graph with an array, at any depth, that lies in another file.

    Raises:
        ModelError: there is one, or the file is no ONNX.
    """
    try:
        is_whole = not any(_points_outside(content))
    except (IndexError, ValueError) as error:
        raise ModelError(
            f"{ONNX_FILE} cannot be loaded: it is no ONNX file. Expected a graph made "
            "by `python -m pneumonia export`; export it again."
        ) from error
    if not is_whole:
        raise ModelError(
            f"{ONNX_FILE} keeps arrays in other files; expected all of them inside, "
            f"because only {ONNX_FILE} is verified. Save it without external data."
        )


def _points_outside(content: bytes) -> Iterator[bool]:
    """For each tensor's field: whether it names another place for its data."""
    left = [("ModelProto", 0, len(content))]  # no recursion: depth is the file's choice
    while left:
        message, *where = left.pop()
        paths = PATHS[message]
        for number, wire, start, stop in _fields(content, *where):
            if wire == _LENGTH and number in paths:
                left.append((paths[number], start, stop))
            elif message == "TensorProto":
                yield number == EXTERNAL_DATA
                yield number == DATA_LOCATION and content[start:stop] != b"\0"


def _fields(
    content: bytes, start: int, end: int
) -> Iterator[tuple[int, int, int, int]]:
    """Yields number, wire type, first and last + 1 byte of each field's value."""
    while start < end:
        tag, start = _varint(content, start)
        if tag >> 32:  # other readers drop these bits, and would see another field
            raise ValueError("a tag of more than 32 bits")
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            stop = _varint(content, start)[1]
        elif wire == _LENGTH:
            length, start = _varint(content, start)
            stop = start + length
        elif wire in (_FIXED64, _FIXED32):
            stop = start + (8 if wire == _FIXED64 else 4)
        else:
            raise ValueError("a group, which ONNX has none of")
        if stop > end or not number:
            raise ValueError("a field without an end")
        yield number, wire, start, stop
        start = stop


def _varint(content: bytes, start: int) -> tuple[int, int]:
    """Reads an integer of 7 bits a byte; returns it and where it ends."""
    value = shift = 0
    while shift < 70:
        byte = content[start]
        value |= (byte & 127) << shift
        start, shift = start + 1, shift + 7
        if byte < 128:
            return value, start
    raise ValueError("an integer without an end")
