"""One base to catch, and the tree in the docstring is the real one."""

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
