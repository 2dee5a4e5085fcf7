"""Appearance changes, the chest stays upright, equal draws give equal films."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pneumonia.imaging import load_image
from pneumonia.training.augment import augment, match_exposure, mix, swap_border

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def film():
    image = Image.fromarray(load_image(EXAMPLES / "normal_1.jpg"))
    return np.asarray(image.resize((160, 160)))


def test_shape_dtype_and_variety(film):
    random = np.random.default_rng(0)
    films = [augment(film, random) for _ in range(40)]
    assert {(f.shape, f.dtype) for f in films} == {(film.shape, film.dtype)}
    assert len({f.tobytes() for f in films}) == 40


def test_draws_decide_everything(film):
    first, second = (augment(film, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_the_original_is_left_alone(film):
    before = film.copy()
    random = np.random.default_rng(1)
    for _ in range(20):
        augment(film, random)
    np.testing.assert_array_equal(film, before)


def test_down_stays_down_and_white_stays_white():
    random = np.random.default_rng(2)
    image = np.full((96, 96), 40, np.uint8)
    image[48:] = 210
    for _ in range(200):
        changed = augment(image, random)
        assert changed[60:84, 24:72].mean() > changed[12:36, 24:72].mean() + 20


def test_blank_film_survives():
    random = np.random.default_rng(3)
    for level in (0, 255):
        for _ in range(40):
            assert augment(np.full((96, 96), level, np.uint8), random).shape == (96, 96)


def test_a_lender_is_left_alone_and_lends_something(film):
    other = np.rot90(film).copy()
    lent = 0
    for seed in range(20):
        plain, changed = (
            augment(film, np.random.default_rng(seed), lender)
            for lender in (film, other)
        )
        lent += not np.array_equal(plain, changed)
    assert 5 <= lent < 20  # half of the films borrow something
    np.testing.assert_array_equal(other, np.rot90(film))


@pytest.mark.parametrize("share", [0, 0.5, 1])
def test_exposure_goes_its_share_of_the_way(share):
    """From levels 0 to 100 towards 100 to 227, each as frequent as the next."""
    own, others = np.linspace(0, 100, 128), np.linspace(100, 227, 128)
    film, other = (
        Image.fromarray(np.rint(levels).astype(np.uint8)[:, None].repeat(128, axis=1))
        for levels in (own, others)
    )
    matched = np.asarray(match_exposure(film, other, share))[:, 0]
    np.testing.assert_allclose(matched, own + share * (others - own), atol=2)


def test_border_is_the_others_and_the_middle_the_films_own():
    film, other = Image.new("L", (100, 100), 200), Image.new("L", (100, 100), 10)
    swapped = np.asarray(swap_border(film, other, (0.1, 0.2, 0.3, 0.4)))
    outside = [swapped[:, :5], swapped[:15], swapped[:, -25:], swapped[-35:]]
    assert all((part == 10).all() for part in outside)
    assert (swapped[25:55, 15:65] == 200).all()


def test_mix_keeps_shares_in_step():
    """Each film's inputs and targets are mixed in the same proportion."""
    random = np.random.default_rng(4)
    targets = np.eye(8, dtype=np.float32)
    inputs = np.broadcast_to(
        np.arange(8, dtype=np.float32)[:, None, None, None], (8, 4, 4, 3)
    )
    mixed, shares = mix(inputs, targets, 0.4, random)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(mixed[:, 0, 0, 0], shares @ np.arange(8), rtol=1e-5)
    assert (np.diag(shares) >= 0.5).all() and (shares != targets).any()


def test_no_mix_at_strength_zero():
    inputs, targets = np.ones((4, 2, 2, 3), np.float32), np.eye(4, dtype=np.float32)
    mixed, shares = mix(inputs, targets, 0, np.random.default_rng(5))
    assert mixed is inputs and shares is targets
