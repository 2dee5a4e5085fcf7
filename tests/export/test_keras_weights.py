"""People's own Keras weights: said what they are, taken, and served like any other."""

import shutil
import subprocess
import sys
import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from pneumonia import ModelError, load_predictor
from pneumonia.cli import main
from pneumonia.export import keras_weights
from pneumonia.export.keras_weights import (
    load,
    look,
    require_alike,
    with_likeliest_range,
)
from pneumonia.inference.calibration import calibrate
from pneumonia.training.model import build_model, save_weights
from tests.support.toy_model import (
    _toy_backbone,
    build_toy,
    toy_config,
    toy_images,
)

SIDE = 96
ENDINGS = (".keras", ".h5", ".weights.h5")


def theirs(backbone, units, nested):
    """A network as people build it: pooling, and a sigmoid or a softmax."""
    activation = "sigmoid" if units == 1 else "softmax"
    head = [
        layers.GlobalAveragePooling2D(),
        layers.Dropout(0.5),
        layers.Dense(units, activation=activation),
    ]
    if nested:
        flip = layers.RandomFlip("horizontal")  # whose state is among the weights
        return keras.Sequential(
            [keras.Input(backbone.input_shape[1:]), flip, backbone, *head]
        )
    outputs = backbone.output
    for layer in head:
        outputs = layer(outputs)
    return keras.Model(backbone.input, outputs)


def save(model, path):
    (model.save_weights if path.name.endswith(".weights.h5") else model.save)(path)
    return path


@pytest.fixture(scope="module")
def xception():
    """Keras's own, in which no two layers' statistics are alike."""
    model = keras.applications.Xception(
        include_top=False, weights=None, input_shape=(SIDE, SIDE, 3)
    )
    generator = np.random.default_rng(0)
    for weight in model.weights:
        if weight.path.endswith(("gamma", "moving_variance")):
            weight.assign(generator.uniform(0.8, 1.2, weight.shape))
        elif weight.path.endswith(("beta", "moving_mean")):
            weight.assign(generator.normal(0, 0.1, weight.shape))
    return model


@pytest.fixture(scope="module")
def ours():
    return build_model(("NORMAL", "PNEUMONIA"), SIDE)


@pytest.fixture(scope="module")
def inputs():
    return np.random.default_rng(1).uniform(-1, 1, (2, SIDE, SIDE, 3))


@pytest.fixture(scope="module")
def networks(xception, inputs):
    """Nested or not -> a network, and its answers."""
    made = {nested: theirs(xception, 1 + nested, nested) for nested in (False, True)}
    return {
        nested: (model, model.predict(inputs, verbose=0)[:, -1])
        for nested, model in made.items()
    }


def answers(ours, inputs):
    return calibrate(ours.predict(inputs, verbose=0)["logits"], 1.0)[:, 1]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("units, nested", [(1, False), (2, True)])
def test_same_probabilities_to_a_thousandth(
    networks, ours, inputs, tmp_path, ending, units, nested
):
    model, expected = networks[nested]
    path = save(model, tmp_path / f"mine{ending}")
    found = look(path)
    assert found.class_names == ("NORMAL", "PNEUMONIA") and not found.is_ours
    for words in ("nested" if nested else "flat", f"{units} outputs"):
        assert words in found.sentence
    if ending != ".weights.h5":
        assert found.image_size == SIDE and "whole Keras model" in found.sentence
    load(ours, path)
    np.testing.assert_allclose(answers(ours, inputs), expected, atol=1e-3)


def test_weights_of_an_early_keras_3_have_no_names(networks, ours, inputs, tmp_path):
    model, expected = networks[True]
    path = save(model, tmp_path / "mine.weights.h5")
    with h5py.File(path, "r+") as file:
        groups = []
        file.visititems(lambda name, item: groups.append(item))
        for item in groups:
            item.attrs.pop("name", None)
    load(ours, path)
    np.testing.assert_allclose(answers(ours, inputs), expected, atol=1e-3)


def test_our_own_are_known(tmp_path, ours):
    save_weights(ours, tmp_path / "model.weights.h5")
    found = look(tmp_path / "model.weights.h5")
    assert found.is_ours and found.class_names == ("NORMAL", "PNEUMONIA")
    three = look(shutil.copy("pneumonia/pretrained/model.weights.h5", tmp_path))
    assert three.is_ours and len(three.class_names) == 3


@pytest.fixture
def toy_sizes(monkeypatch):
    """Takes the toy for Xception, whose layers it has, but fewer."""
    counts = {"Conv2D": 6, "SeparableConv2D": 12, "BatchNormalization": 18}
    monkeypatch.setattr(keras_weights, "_COUNTS", counts)
    monkeypatch.setattr(keras_weights, "_WIDTH", 32)


@pytest.mark.parametrize(
    "head, words",
    [
        ([layers.Flatten(), layers.Dense(1)], "Its dense layer takes 128 features"),
        ([layers.Dense(8), layers.Dense(1)], "It has 2 dense layers, of shapes"),
        ([layers.Dense(5)], "It has 5 outputs, and which class each is"),
        ([layers.GlobalMaxPooling2D(), layers.Dense(1)], "maximum over the image"),
        ([layers.PReLU(), layers.Dense(1)], "weights of another kind"),
    ],
)
def test_other_heads_are_told(toy_sizes, tmp_path, head, words):
    backbone = _toy_backbone()
    outputs = backbone.output
    if not isinstance(head[0], layers.Flatten | layers.GlobalMaxPooling2D):
        outputs = layers.GlobalAveragePooling2D()(outputs)
    for layer in head:
        outputs = type(layer).from_config(layer.get_config())(outputs)
    path = save(keras.Model(backbone.input, outputs), tmp_path / "mine.keras")
    with pytest.raises(ModelError, match=words) as caught:
        look(path)
    assert "a whole Keras model, flat" in str(caught.value)
    assert "one sigmoid unit" in str(caught.value)


def test_other_networks_and_other_files_are_told(tmp_path):
    small = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Conv2D(4, 3),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
    for ending in ENDINGS:
        with pytest.raises(ModelError, match="no Xception: it has 1 Conv2D, 0 Separ"):
            look(save(small, tmp_path / f"small{ending}"))
    (tmp_path / "a.h5").write_bytes(b"\x80\x04\x95 a pickle")
    (tmp_path / "b.h5").write_text("version https://git-lfs.github.com/spec/v1\n")
    (tmp_path / "saved_model").mkdir()
    with zipfile.ZipFile(tmp_path / "c.keras", "w") as archive:
        archive.writestr("data.pkl", b"")
    expected = {
        "a.h5": "cannot be read as Keras weights",
        "b.h5": "Git LFS",
        "c.keras": "cannot be read as Keras weights",
        "saved_model": "SavedModel",
        "missing.h5": "FileNotFoundError",
    }
    for name, words in expected.items():
        with pytest.raises(ModelError, match=words):
            look(tmp_path / name)


def test_weights_of_two_networks_have_no_mean(tmp_path, ours, networks):
    save_weights(ours, tmp_path / "ours.weights.h5")
    path = save(networks[False][0], tmp_path / "mine.weights.h5")
    with pytest.raises(ModelError, match="different networks"):
        require_alike([look(tmp_path / "ours.weights.h5"), look(path)])


def test_a_link_to_another_file_is_not_followed(tmp_path):
    with h5py.File(tmp_path / "mine.weights.h5", "w") as file:
        file.create_group("layers")
        file["layers"]["dense"] = h5py.ExternalLink("/etc/passwd", "/")
    with pytest.raises(ModelError, match="cannot be read"):
        look(tmp_path / "mine.weights.h5")


def test_what_it_is_is_said_before_keras_is_there(tmp_path):
    code = (
        "import sys; from pneumonia.cli import main;"
        "code = main(['export', 'missing.h5', '--data', 'x', '--validation', 'y',"
        " '--out', 'z']); sys.exit(code if 'keras' not in sys.modules else 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2 and "missing.h5 cannot be read" in done.stderr


@pytest.mark.parametrize("limits", [(-1, 1), (0, 1), (0, 255)])
def test_the_value_range_is_found_by_the_answers(limits):
    images = toy_images(40)
    levels = np.array([image.mean() for image in images])
    middle = np.median(levels)

    class Bright:
        """A bright image is PNEUMONIA to it, if it gets its own value range."""

        def predict(self, inputs, **_):
            low, high = limits
            level = 255 * (inputs.mean(axis=(1, 2, 3)) - low) / (high - low)
            return {"logits": np.stack([0 * level, level - middle], axis=1)}

    labels = (levels > middle).astype(int)
    config = with_likeliest_range(Bright(), toy_config(), images, labels)
    assert config.value_range == limits


def test_it_is_exported_and_served_as_any_other(
    toy_sizes, tmp_path, monkeypatch, capsys
):
    """A bright image is PNEUMONIA to this network, if it gets its own value range."""
    limits = (0, 1)
    monkeypatch.setattr("pneumonia.export.export.build_model", _build_toy)
    images = toy_images(120)
    order = np.argsort([image.mean() for image in images])
    for rank, index in enumerate(order):
        name = "Normaux" if rank < 60 else "Pneumonies"
        path = tmp_path / "images" / name / f"{index:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images[index]).save(path)
    held_out = [f"{index:03}.png\n" for index in order[::2]]
    (tmp_path / "held_out.txt").write_text("".join(held_out))
    keras.utils.set_random_seed(1)  # whatever was drawn before
    network = theirs(_toy_backbone(), 1, nested=True)
    _learn_brightness(network, [images[index] for index in order], limits)
    path = save(network, tmp_path / "mine.keras")
    data, out = tmp_path / "images", tmp_path / "mine"
    command = ["export", path, "--data", data, "--out", out]
    command += ["--validation", tmp_path / "held_out.txt", "--image-size", 64]
    assert main([str(word) for word in command]) == 0
    words = capsys.readouterr().err
    assert f"black and white are {limits[0]} and {limits[1]} to this network" in words
    predictor = load_predictor(tmp_path / "mine")
    assert predictor.config.class_names == ("NORMAL", "PNEUMONIA") and predictor.gate
    assert predictor.config.value_range == limits
    prediction = predictor(images[order[-2]])
    assert set(prediction.probabilities) == {"NORMAL", "PNEUMONIA"}
    assert prediction.subtypes == {} and prediction.cam_grid is not None
    assert prediction.probabilities["PNEUMONIA"] > 0.5
    report = ["evaluate", tmp_path / "images", "--model", tmp_path / "mine"]
    report += ["--out", tmp_path / "report", "--names", tmp_path / "held_out.txt"]
    assert main([str(word) for word in report]) == 0
    assert "Pathogen" not in (tmp_path / "report" / "index.html").read_text("utf-8")


def _build_toy(class_names, image_size):
    return build_toy(class_names, image_size, 0.0)


def _learn_brightness(network, images, limits):
    """Fits the head alone: the backbone is random, and its features are enough."""
    low, high = limits
    inputs = [
        np.asarray(Image.fromarray(image).resize((64, 64), Image.Resampling.BILINEAR))
        for image in images
    ]
    inputs = np.repeat(np.stack(inputs)[..., None], 3, axis=3) / 255
    features = keras.Sequential(network.layers[:-2])
    pooled = features.predict(low + (high - low) * inputs, verbose=0)
    target = np.repeat([-2.0, 2.0], len(images) // 2)
    columns = np.concatenate([pooled, np.ones((len(images), 1))], axis=1)
    ridge = 1e-3 * np.eye(columns.shape[1])
    weights = np.linalg.solve(columns.T @ columns + ridge, columns.T @ target)
    network.layers[-1].kernel.assign(weights[:-1, None])
    network.layers[-1].bias.assign(weights[-1:])
