"""Rounds a kernel so that the layer's output, not the kernel, changes least.

GPTQ (Frantar 2022, arXiv:2210.17323): weights are rounded one after the other, and what
each rounding costs is made up for by those still to come, as far as the layer's real
inputs are correlated. Arrays in, arrays out.
"""

from collections.abc import Sequence

import numpy as np

_DAMPING = 0.01  # of the mean diagonal: dead or equal inputs stay solvable
_LIMIT = 127
_PAIR_LIMIT = 128  # two neighbours of one sign; see `quantize.safe_steps`


def input_products(
    values: np.ndarray, shape: tuple[int, ...], strides: Sequence[int]
) -> np.ndarray:
    """Sums of products of a convolution's inputs, over all places of one image.

    Args:
        values: float32 (I, H, W), already padded.
        shape: of the kernel, (O, I, kh, kw); I = 1 for a depthwise kernel.
        strides: (vertical, horizontal).
    Returns:
        float32 (1, I kh kw, I kh kw), or (I, kh kw, kh kw) for a depthwise kernel.
    """
    windows = np.lib.stride_tricks.sliding_window_view(values, shape[2:], axis=(1, 2))
    windows = windows[:, :: strides[0], :: strides[1]]  # (I, h, w, kh, kw)
    places = windows.shape[1] * windows.shape[2]
    patches = windows.transpose(0, 3, 4, 1, 2).reshape(len(values), -1, places)
    if shape[1] > 1:  # dense: all channels meet in one sum
        patches = patches.reshape(1, -1, places)
    return patches @ patches.transpose(0, 2, 1)


def round_kernel(
    kernel: np.ndarray, steps: np.ndarray, products: np.ndarray
) -> np.ndarray:
    """The kernel as whole steps, times the step.

    Args:
        kernel: float32 (O, I, kh, kw).
        steps: float32 (O,), step of each output channel.
        products: from `input_products`, summed over images.
    Returns:
        float32 (O, I, kh, kw). Each weight is -127 to 127 steps; in a dense 1 x 1
        kernel weights 2k and 2k + 1 of one sign add up to 128 at most, in a larger
        dense one each is -64 to 64 (`quantize.safe_steps` says why).
    """
    rows = (kernel.reshape(len(kernel), -1) / steps[:, None]).astype(np.float64)
    factors = _compensation(products.astype(np.float64))  # (G, K, K), upper triangular
    rounded = np.zeros_like(rows)
    dense = kernel.shape[1] > 1
    pairs = dense and kernel.shape[2:] == (1, 1)
    limit = _PAIR_LIMIT // 2 if dense and not pairs else _LIMIT
    for column in range(rows.shape[1]):
        low, high = np.full((2, len(rows)), [[-limit], [limit]])
        if pairs and column % 2:
            before = rounded[:, column - 1]
            low = np.maximum(low, -_PAIR_LIMIT - np.minimum(before, 0))
            high = np.minimum(high, _PAIR_LIMIT - np.maximum(before, 0))
        rounded[:, column] = np.clip(np.rint(rows[:, column]), low, high)
        error = rows[:, column] - rounded[:, column]
        error = error / factors[:, column, column]
        rows[:, column + 1 :] -= error[:, None] * factors[:, column, column + 1 :]
    return (rounded * steps[:, None]).reshape(kernel.shape).astype(np.float32)


def _compensation(products: np.ndarray) -> np.ndarray:
    """Upper Cholesky factors of the inverse of the products, (G, K, K)."""
    diagonal = np.einsum("gkk->gk", products)
    damping = _DAMPING * diagonal.mean(axis=1) + 1e-12
    products = products + damping[:, None, None] * np.eye(products.shape[1])
    inverse = np.linalg.inv(products)
    lower = np.linalg.cholesky(inverse)
    # cholesky(A) = L L^T with L lower; the upper factor U of A = U^T U is L^T
    return lower.transpose(0, 2, 1)
