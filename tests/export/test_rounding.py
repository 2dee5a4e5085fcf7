"""Kernels are rounded so that outputs change least, within the limits of the steps."""

import numpy as np

from pneumonia.export.quantize import safe_steps
from pneumonia.export.rounding import input_products, round_kernel


def test_products_of_a_dense_kernel_by_hand():
    values = np.array([[[1.0, 2.0]], [[3.0, 4.0]]], np.float32)  # 2 channels, 1 x 2
    products = input_products(values, shape=(5, 2, 1, 1), strides=[1, 1])
    # sums over the two places of (1, 3) and (2, 4)
    np.testing.assert_allclose(products, [[[5, 11], [11, 25]]])


def test_products_of_a_depthwise_kernel_are_per_channel():
    values = np.array([[[1.0, 2.0]], [[3.0, 4.0]]], np.float32)
    products = input_products(values, shape=(2, 1, 1, 2), strides=[1, 1])
    np.testing.assert_allclose(products, [[[1, 2], [2, 4]], [[9, 12], [12, 16]]])


def test_strides_skip_places():
    values = np.arange(9, dtype=np.float32).reshape(1, 3, 3)
    products = input_products(values, shape=(1, 1, 1, 1), strides=[2, 2])
    assert products.item() == 0 + 2**2 + 6**2 + 8**2


def _case(shape, seed=0):
    generator = np.random.default_rng(seed)
    kernel = generator.normal(0, 1, shape).astype(np.float32)
    mixing = generator.normal(0, 1, (shape[1], 4))
    inputs = mixing @ np.abs(generator.normal(0, 1, (4, 400)))  # correlated, as real
    values = np.maximum(inputs, 0).reshape(shape[1], 20, 20).astype(np.float32)
    return kernel, values


def test_output_changes_less_than_by_plain_rounding():
    kernel, values = _case((16, 24, 1, 1))
    steps = safe_steps(kernel) * 8  # coarse, so that rounding shows
    products = input_products(values, kernel.shape, [1, 1])
    scale = steps[:, None, None, None]
    plain = np.rint(kernel / scale) * scale
    rounded = round_kernel(kernel, steps, products)

    def error(other):
        return np.square((other - kernel)[..., 0, 0] @ values.reshape(24, -1)).mean()

    assert error(rounded) < 0.5 * error(plain)


def test_every_weight_is_a_whole_number_of_steps():
    for shape in ((6, 5, 1, 1), (4, 3, 3, 3), (7, 1, 3, 3)):
        kernel, values = _case((shape[0], max(shape[1], shape[0]), 1, 1))
        kernel = np.random.default_rng(1).normal(size=shape).astype(np.float32)
        channels = shape[0] if shape[1] == 1 else shape[1]
        steps = safe_steps(kernel)
        products = input_products(values[:channels], shape, [1, 1])
        whole = round_kernel(kernel, steps, products) / steps[:, None, None, None]
        np.testing.assert_allclose(whole, np.rint(whole), atol=1e-3)
        limit = 64 if shape[1:] == (3, 3, 3) else 127
        assert np.abs(whole).max() <= limit + 1e-3


def test_dead_inputs_are_survived():
    kernel, values = _case((4, 6, 1, 1))
    values[:] = 0
    steps = safe_steps(kernel)
    rounded = round_kernel(kernel, steps, input_products(values, kernel.shape, [1, 1]))
    assert np.abs(rounded - kernel).max() <= steps.max()
