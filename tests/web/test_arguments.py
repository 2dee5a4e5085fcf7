"""A caller's mistakes, and what is said of them."""

import pytest

from pneumonia import ImageError
from pneumonia.web.arguments import Endpoints, NoEndpoint, check

FILE = {"path": "/tmp/x", "meta": {"_type": "gradio.FileData"}}


class Demo:
    """What Gradio says of a demo of two interfaces and a private event."""

    def get_api_info(self):
        kinds = {"one": ("image", {}), "many": ("files", {"type": "array"})}
        return {
            "named_endpoints": {
                f"/{name}": {"parameters": [{"parameter_name": argument, "type": kind}]}
                for name, (argument, kind) in kinds.items()
            }
        }

    def get_config_file(self):
        names = ("one", "many", "page")
        events = [{"id": 3 + at, "api_name": name} for at, name in enumerate(names)]
        return {"dependencies": [*events, {"id": 9, "api_name": False}]}


@pytest.fixture(scope="module")
def known():
    return Endpoints(Demo())


def number(known, name):
    return next(it for it, named in known.names.items() if named == name)


def test_endpoints_are_read_from_the_demo(known):
    assert known.arguments == {"one": {"image": False}, "many": {"files": True}}
    assert set(known.names.values()) == {"one", "many"}


@pytest.mark.parametrize("name, value", [("one", FILE), ("many", [FILE, FILE])])
def test_what_fits_goes_on(known, name, value):
    argument = {"one": "image", "many": "files"}[name]
    check(f"/gradio_api/call/{name}", {"data": [value]}, known)
    check(f"/gradio_api/call/v2/{name}", {argument: value}, known)
    joined = {"fn_index": number(known, name), "data": [value]}
    check("/gradio_api/queue/join", joined, known)


def test_what_is_no_programs_call_goes_on(known):
    for private in (5, 9, 99):
        check("/gradio_api/queue/join", {"fn_index": private, "data": ["x"]}, known)
    check("/gradio_api/queue/join", {"fn_index": ["x"]}, known)
    check("/gradio_api/queue/join", None, known)
    check("/gradio_api/cancel", {"event_id": "x"}, known)


@pytest.mark.parametrize("way", ["call", "call/v2"])
def test_unknown_endpoint(known, way):
    with pytest.raises(NoEndpoint) as caught:
        check(f"/gradio_api/{way}/predicted", {"data": []}, known)
    assert str(caught.value) == (
        "There is no endpoint /predicted. There are: /one, /many."
    )


@pytest.mark.parametrize(
    "name, value, words",
    [
        ("one", [FILE], "an uploaded file as image, found a list."),
        ("one", [], "an uploaded file as image, found an empty list."),
        ("one", None, "an uploaded file as image, found nothing."),
        ("one", "film.png", "found a path or another text. Upload the file first; in"),
        ("one", "film.png", "pass `gradio_client.handle_file(path)`"),
        ("one", 5, "found a number or true or false."),
        ("one", {"x": 1}, "found another object."),
        ("many", FILE, "a list of uploaded files as files, found one file alone."),
        ("many", [], "a list of uploaded files as files, found an empty list."),
        ("many", ["film.png"], "as files, found a path or another text."),
        ("many", [FILE, None], "as files, found nothing."),
    ],
)
def test_another_kind_of_argument(known, name, value, words):
    argument = {"one": "image", "many": "files"}[name]
    calls = [
        (f"/gradio_api/call/{name}", {"data": [value]}),
        (f"/gradio_api/call/v2/{name}", {argument: value}),
        ("/gradio_api/queue/join", {"fn_index": number(known, name), "data": [value]}),
    ]
    for path, message in calls:
        with pytest.raises(ImageError) as caught:
            check(path, message, known)
        assert words in str(caught.value) and "film.png" not in str(caught.value)


@pytest.mark.parametrize(
    "path, message, words",
    [
        ("call/one", {"data": []}, "an uploaded file as image, found nothing."),
        ("call/one", {"data": [FILE, FILE]}, "the arguments image alone, found 1 more"),
        ("call/one", {"data": FILE}, "that holds a list named data, found another"),
        ("call/one", {}, "that holds a list named data"),
        ("call/one", [FILE], "that holds a list named data"),
        ("call/v2/one", {}, "an uploaded file as image, found nothing."),
        ("call/v2/one", {"picture": FILE}, "the arguments image alone, found 1 more"),
        ("call/v2/one", [FILE], "that holds its arguments by name"),
    ],
)
def test_arguments_that_are_missing_or_too_many(known, path, message, words):
    with pytest.raises(ImageError) as caught:
        check(f"/gradio_api/{path}", message, known)
    assert words in str(caught.value)
