"""The network's three outputs, and weights that are read by name or not at all."""

import shutil

import h5py
import keras
import numpy as np
import pytest

from pneumonia.errors import ModelError
from pneumonia.training.model import (
    OUTPUTS,
    build_model,
    load_mean,
    load_weights,
    save_weights,
)
from tests.support.toy_model import CLASS_NAMES, SIDE, toy_images, toy_model


@pytest.fixture(scope="module")
def other():
    """A toy with other weights, to load into."""
    model = toy_model()
    for weight in model.weights:
        weight.assign(np.zeros(weight.shape))
    return model


@pytest.fixture
def arrays(toy):
    """All weights, by name."""
    return {w.path: keras.ops.convert_to_numpy(w) for w in toy.weights}


def _inputs():
    images = np.stack([image[:SIDE, :SIDE] for image in toy_images(4)])
    return np.repeat(images[..., None] / 127.5 - 1, 3, axis=3).astype(np.float32)


def test_three_outputs(toy):
    outputs = toy.predict(_inputs(), verbose=0)
    assert tuple(outputs) == OUTPUTS
    assert outputs["logits"].shape == (4, len(CLASS_NAMES))
    assert outputs["pre_logits"].shape == (4, 32)
    assert outputs["logits_2d"].ndim == 4


def test_map_averages_to_the_logits(toy):
    outputs = toy.predict(_inputs(), verbose=0)
    mean = outputs["logits_2d"].mean(axis=(1, 2))
    np.testing.assert_allclose(mean, outputs["logits"], atol=1e-5)


def test_the_real_network_has_the_published_names():
    model = build_model(CLASS_NAMES, 96)
    paths = {weight.path: tuple(weight.shape) for weight in model.weights}
    assert len(paths) == 236
    assert paths["block1_conv1/kernel"] == (3, 3, 3, 32)
    assert paths["block5_sepconv1/depthwise_kernel"] == (3, 3, 728, 1)
    assert paths["block14_sepconv2/pointwise_kernel"] == (1, 1, 1536, 2048)
    assert paths["predictions/kernel"] == (2048, 3)
    for block, channels in ((2, 128), (3, 256), (4, 728), (13, 1024)):
        assert paths[f"block{block}_skip_conv/kernel"][-1] == channels
        assert paths[f"block{block}_skip_bn/gamma"] == (channels,)
    assert build_model(CLASS_NAMES, 96).weights[-1].path == model.weights[-1].path


def test_npz_round_trip(other, arrays, tmp_path):
    np.savez(tmp_path / "w.npz", **arrays)
    load_weights(other, tmp_path / "w.npz")
    for weight in other.weights:
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(weight), arrays[weight.path]
        )


@pytest.mark.parametrize("as_bytes", [False, True])
def test_h5_round_trip_in_half_precision(toy, other, arrays, tmp_path, as_bytes):
    path = tmp_path / "w.weights.h5"
    save_weights(toy, path)
    load_weights(other, path.read_bytes() if as_bytes else path)
    for weight in other.weights:
        found = keras.ops.convert_to_numpy(weight)
        expected = arrays[weight.path]
        if weight.path.endswith("kernel"):
            expected = expected.astype(np.float16).astype(np.float32)
        np.testing.assert_array_equal(found, expected)
    assert [file.name for file in tmp_path.iterdir()] == ["w.weights.h5"]


def test_keras_itself_reads_the_h5(toy, other, tmp_path):
    save_weights(toy, tmp_path / "w.weights.h5")
    other.load_weights(tmp_path / "w.weights.h5")
    expected = toy.predict(_inputs(), verbose=0)["logits"]
    found = other.predict(_inputs(), verbose=0)["logits"]
    np.testing.assert_allclose(found, expected, atol=0.05)


def _broken_npz(arrays, path, change):
    values = dict(arrays)
    change(values)
    np.savez(path, **values)
    return path


@pytest.mark.parametrize(
    "change, sentence",
    [
        (lambda a: a.pop("predictions/bias"), "predictions/bias is missing"),
        (
            lambda a: a.update({"extra/kernel": np.ones(3)}),
            "extra/kernel is not a weight",
        ),
        (
            lambda a: a.update({"predictions/bias": np.ones(4)}),
            r"predictions/bias has shape \(4,\); expected \(3,\)",
        ),
        (
            lambda a: a.update({"predictions/bias": np.array([1, np.nan, 0])}),
            "predictions/bias should hold finite numbers",
        ),
        (
            lambda a: a.update({"predictions/bias": np.array(["a", "b", "c"])}),
            "predictions/bias should hold finite numbers",
        ),
    ],
)
def test_wrong_array_is_named(other, arrays, tmp_path, change, sentence):
    path = _broken_npz(arrays, tmp_path / "w.npz", change)
    with pytest.raises(ModelError, match=sentence):
        load_weights(other, path)


def _vars_of(file, layer):
    groups = [file["layers"][kind]["vars"] for kind in file["layers"]]
    return next(group for group in groups if group.attrs.get("name") == layer)


def _edit(source, target, change):
    shutil.copy(source, target)
    with h5py.File(target, "r+") as file:
        change(_vars_of(file, "predictions"))
    return target


def _extra(variables):
    variables["2"] = np.ones(3)


def _misshapen(variables):
    del variables["1"]
    variables["1"] = np.ones(4)


def _renamed(variables):
    variables.attrs["name"] = "forecasts"


def _linked(variables):
    del variables["1"]
    variables["1"] = h5py.ExternalLink("/etc/passwd", "/")


@pytest.mark.parametrize(
    "change, sentence",
    [
        (lambda variables: variables.pop("1"), "predictions/bias is missing"),
        (_extra, "predictions/2 is not a weight"),
        (_misshapen, r"predictions/bias has shape \(4,\)"),
        (_renamed, "predictions/(kernel|bias) is missing"),
        (_linked, "cannot be read as weights"),
    ],
)
def test_wrong_dataset_is_named(toy, other, tmp_path, change, sentence):
    save_weights(toy, tmp_path / "good.weights.h5")
    path = _edit(tmp_path / "good.weights.h5", tmp_path / "bad.weights.h5", change)
    with pytest.raises(ModelError, match=sentence):
        load_weights(other, path)


def _soft(variables):
    del variables["1"]
    variables["1"] = h5py.SoftLink(variables["0"].name)


def _virtual(variables):
    del variables["1"]
    layout = h5py.VirtualLayout((3,), "float32")
    layout[:] = h5py.VirtualSource("/etc/hostname", "x", (3,))
    variables.create_virtual_dataset("1", layout)


def _group_linked(variables):
    layer = variables.parent
    del layer["vars"]
    layer["vars"] = h5py.ExternalLink("/etc/passwd", "/")


def _layers_linked(variables):
    file = variables.file
    del file["layers"]
    file["layers"] = h5py.SoftLink("/elsewhere")


def _layers_are_numbers(variables):
    file = variables.file
    del file["layers"]
    file["layers"] = np.ones(3)


def _group_for_a_dataset(variables):
    del variables["1"]
    variables.create_group("1")


def _text(variables):
    del variables["1"]
    variables["1"] = ["a", "b", "c"]


def _wide(variables):
    del variables["1"]
    variables["1"] = np.ones(3, np.longdouble)


@pytest.mark.parametrize(
    "change",
    [
        _soft,
        _virtual,
        _group_linked,
        _layers_linked,
        _layers_are_numbers,
        _group_for_a_dataset,
        _text,
        _wide,
    ],
)
def test_what_is_no_plain_array_of_this_file_is_refused(toy, other, tmp_path, change):
    save_weights(toy, tmp_path / "good.weights.h5")
    path = _edit(tmp_path / "good.weights.h5", tmp_path / "bad.weights.h5", change)
    for source in (path, path.read_bytes()):
        with pytest.raises(ModelError, match="cannot be read as weights") as caught:
            load_weights(other, source)
        assert "passwd" not in str(caught.value) and "/" not in str(caught.value)


def _promised(name):
    """A few bytes that would be read as 4 TB."""

    def change(variables):
        variables.pop(name, None)
        variables.create_dataset(name, (10**6, 10**6), "float32", chunks=(1000, 1000))

    return change


@pytest.mark.parametrize("name", ["1", "2"])
def test_promise_of_terabytes_is_not_kept(toy, other, tmp_path, name):
    save_weights(toy, tmp_path / "good.weights.h5")
    path = _edit(
        tmp_path / "good.weights.h5", tmp_path / "w.weights.h5", _promised(name)
    )
    with pytest.raises(ModelError, match=r"\(1000000, 1000000\)"):
        load_weights(other, path)


def test_no_damage_of_a_weight_file_is_a_crash(toy, other, tmp_path, monkeypatch):
    """Byte by byte. What can still be read is stopped before it is assigned."""
    # not by its name: test_cli.py has modules of training imported anew
    monkeypatch.setitem(load_weights.__globals__, "_mismatches", lambda *_: ["enough"])
    save_weights(toy, tmp_path / "w.weights.h5")
    good = (tmp_path / "w.weights.h5").read_bytes()
    generator = np.random.default_rng(0)
    sentences = []
    for place in generator.integers(0, len(good), 100):
        bad = bytearray(good)
        bad[place] ^= int(generator.integers(1, 256))
        with pytest.raises(ModelError) as caught:
            load_weights(other, bytes(bad))
        sentences.append(str(caught.value))
    assert {"enough" in sentence for sentence in sentences} == {True, False}


def test_dataset_stored_elsewhere_is_refused(toy, other, tmp_path):
    (tmp_path / "secret").write_bytes(bytes(12))

    def outside(variables):
        del variables["1"]
        external = [(str(tmp_path / "secret"), 0, 12)]
        variables.create_dataset("1", (3,), "float32", external=external)

    save_weights(toy, tmp_path / "good.weights.h5")
    path = _edit(tmp_path / "good.weights.h5", tmp_path / "bad.weights.h5", outside)
    with pytest.raises(ModelError, match="cannot be read as weights"):
        load_weights(other, path)


@pytest.mark.parametrize("name", ["w.npz", "w.weights.h5"])
@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04broken", None])
def test_unreadable_file_is_a_sentence(other, tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match="cannot be read as weights"):
        load_weights(other, tmp_path / name)


def test_a_single_array_is_no_weights(other, tmp_path):
    with open(tmp_path / "w.npz", "wb") as file:
        np.save(file, np.ones(3))
    with pytest.raises(ModelError, match="cannot be read as weights"):
        load_weights(other, tmp_path / "w.npz")


def test_pickle_in_an_npz_is_never_opened(other, arrays, tmp_path):
    values = {**arrays, "predictions/bias": np.array([object()], dtype=object)}
    np.savez(tmp_path / "w.npz", **values)
    with pytest.raises(ModelError, match="cannot be read as weights"):
        load_weights(other, tmp_path / "w.npz")


def test_mean_of_several_weights(toy, tmp_path):
    own = toy.get_weights()
    try:
        for index, factor in enumerate((1, 2, 6)):
            toy.set_weights([array * factor for array in own])
            toy.save_weights(tmp_path / f"{index}.weights.h5")
        files = [tmp_path / f"{index}.weights.h5" for index in range(3)]
        load_mean(toy, files)
        for found, array in zip(toy.get_weights(), own, strict=True):
            np.testing.assert_allclose(found, 3 * array, rtol=1e-5)
        load_mean(toy, files[:1])
        for found, array in zip(toy.get_weights(), own, strict=True):
            np.testing.assert_allclose(found, array, rtol=1e-5)
    finally:
        toy.set_weights(own)
