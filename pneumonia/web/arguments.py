"""A program's call, looked at before Gradio: is there such an endpoint, do the
arguments fit it?

Gradio answers a caller's mistake as it answers a bug. For the server, in the middleware
that has read the JSON of a POST::

    known = arguments.Endpoints(demo)  # once
    arguments.check(path, message, known)

`NoEndpoint` is status 404, `ImageError` 422; both are sentences for the caller, who may
read them in French.
"""

import re
from collections.abc import Mapping
from typing import Any

from ..errors import ImageError, PneumoniaError

_CALL = re.compile(r"/gradio_api/call/(v2/)?([^/]+)/?")
_JOIN = "/gradio_api/queue/join"
_FILE, _FILES = "an uploaded file", "a list of uploaded files"


class NoEndpoint(PneumoniaError):
    """There is nothing of this name to call."""


class Endpoints:
    """What programs may call.

    Attributes:
        arguments: name of an endpoint -> its arguments, and whether each is a list.
        names: Gradio's number of an event -> its endpoint; the page's own have none.
    """

    def __init__(self, demo: Any):
        """Reads them from `gradio.Blocks`."""
        described = demo.get_api_info()["named_endpoints"]
        self.arguments: dict[str, Mapping[str, bool]] = {
            name.removeprefix("/"): {
                parameter["parameter_name"]: parameter["type"].get("type") == "array"
                for parameter in endpoint["parameters"]
            }
            for name, endpoint in described.items()
        }
        self.names = {
            event["id"]: event["api_name"]
            for event in demo.get_config_file()["dependencies"]
            if event["api_name"] in self.arguments
        }


def check(path: str, message: Any, known: Endpoints) -> None:
    """Refuses a call that no endpoint can answer.

    Args:
        path: of the request.
        message: what its JSON says.
        known: what may be called.
    Raises:
        NoEndpoint: there is none of this name.
        ImageError: an argument is missing, unknown or of another kind.
    """
    call = _CALL.fullmatch(path)
    if call:
        name, is_named = call[2], bool(call[1])
        if name not in known.arguments:
            raise NoEndpoint(
                "There is no endpoint {name}. There are: {names}.",
                name=f"/{name:.40}",
                names=", ".join(f"/{it}" for it in known.arguments),
            )
    elif path.rstrip("/") == _JOIN and isinstance(message, dict):
        number = message.get("fn_index")
        name = known.names.get(number) if isinstance(number, int) else None
        is_named = False
        if name is None:  # the page's own
            return
    else:
        return
    wanted = known.arguments[name]
    for argument, is_list in wanted.items():
        _check(argument, is_list, _given(message, is_named, wanted)[argument])


def _given(
    message: Any, is_named: bool, wanted: Mapping[str, bool]
) -> Mapping[str, Any]:
    """The arguments by name; None of those that are missing."""
    data = message if is_named else isinstance(message, dict) and message.get("data")
    if not isinstance(data, dict if is_named else list):
        raise ImageError(
            "Expected a JSON object that holds {expected}, found another. See `Use via "
            "API` on the page.",
            expected="its arguments by name" if is_named else "a list named data",
        )
    given = data if is_named else dict(enumerate(data))
    names = wanted if is_named else range(len(wanted))
    if unknown := [name for name in given if name not in names]:
        raise ImageError(
            "Expected the arguments {expected} alone, found {found} more. Leave out "
            "what is not needed.",
            expected=", ".join(wanted),
            found=len(unknown),
        )
    return dict(zip(wanted, map(given.get, names), strict=True))


def _check(argument: str, is_list: bool, value: Any) -> None:
    values = value if isinstance(value, list) else [value]
    if isinstance(value, list) == is_list and values and all(map(_is_file, values)):
        return
    wrong = value
    if is_list and isinstance(value, list):
        wrong = next((it for it in value if not _is_file(it)), value)
    raise ImageError(
        "Expected {expected} as {argument}, found {found}. Upload the file first; in "
        "Python, pass `gradio_client.handle_file(path)`, in a list where several are "
        "expected.",
        expected=_FILES if is_list else _FILE,
        argument=argument,
        found=_kind(wrong),
    )


def _is_file(value: Any) -> bool:
    return isinstance(value, dict) and bool(value.get("path") or value.get("url"))


def _kind(value: Any) -> str:
    """What somebody gave, without quoting it."""
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if isinstance(value, dict):
        return "one file alone" if _is_file(value) else "another object"
    if isinstance(value, str):
        return "a path or another text"
    return "nothing" if value is None else "a number or true or false"
