"""One base to catch, and the tree in the docstring is the real one."""

import copy
import pickle

import pytest

from pneumonia import errors

ERRORS = (
    errors.ImageError,
    errors.OutOfScopeError,
    errors.ModelError,
    errors.DamagedError,
)


@pytest.mark.parametrize("kind", ERRORS)
def test_one_base_catches_all(kind):
    with pytest.raises(errors.PneumoniaError, match="a sentence"):
        raise kind("a sentence")


def test_every_error_is_in_the_tree():
    for kind in (*ERRORS, errors.PneumoniaError):
        assert kind.__name__ in errors.__doc__


@pytest.mark.parametrize("kind", ERRORS)
def test_sentence_remembers_how_it_was_made(kind):
    error = kind("Expected at most {limit:,}, found {found}.", limit=4096, found="{x}")
    assert str(error) == error.message == "Expected at most 4,096, found {x}."
    assert type(str(error)) is str
    assert error.message.template == "Expected at most {limit:,}, found {found}."
    assert error.message.values == {"limit": 4096, "found": "{x}"}


def test_sentence_without_values_is_taken_as_it_is():
    assert str(errors.ModelError("Expected {braces}.")) == "Expected {braces}."
    message = errors.Message("a {word}", word="sentence")
    assert errors.ImageError(message).message is message


@pytest.mark.parametrize(
    "passed_on",
    [copy.copy, copy.deepcopy]
    + [lambda it, p=p: pickle.loads(pickle.dumps(it, p)) for p in (2, 5)],
)
def test_error_and_sentence_survive_other_processes(passed_on):
    inner = errors.Message("{count} bytes", count=8)
    error = passed_on(errors.ImageError("Found {found}.", found=inner))
    assert (type(error), str(error)) == (errors.ImageError, "Found 8 bytes.")
    for message in (error.message, passed_on(error.message)):
        assert (message, message.template) == ("Found 8 bytes.", "Found {found}.")
        assert message.values["found"].values == {"count": 8}
