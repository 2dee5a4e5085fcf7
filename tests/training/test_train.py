"""The recipe learns, resumes where it stopped, and never harms its last checkpoint."""

import csv
import dataclasses
import errno
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from pneumonia.cli import main
from pneumonia.dataset import CLASS_NAMES, Elsewhere, read_radiographs, split_by_patient
from pneumonia.errors import ModelError, PneumoniaError
from pneumonia.inference.preprocessing import WHOLE, Crop
from pneumonia.training import run as run_module
from pneumonia.training.batches import Batches, External, Shown
from pneumonia.training.model import load_weights, save_weights
from pneumonia.training.run import ABOUT_FILE, CHECKPOINT_FILE, Run, read_about
from pneumonia.training.train import Recipe, Stage, _names, _start, train
from tests.support.toy_model import build_toy

ROOT = Path(__file__).parents[2]
RECIPE = Recipe(
    stages=(
        Stage(epochs=1, image_size=48, frozen_blocks=13, rate=3e-3),
        Stage(2, image_size=64, frozen_blocks=0, rate=3e-3, fixed_statistics=True),
    ),
    batch_size=8,
    averaging=0.8,
    precision="float32",
)


@pytest.fixture(scope="module")
def sides(tmp_path_factory):
    """Their class is where they are white: left, middle or all over the right."""
    root = tmp_path_factory.mktemp("images")
    generator = np.random.default_rng(0)
    for index, name in enumerate(CLASS_NAMES):
        (root / name).mkdir()
        for number in range(24):
            pixels = generator.integers(0, 60, (64, 64)).astype(np.uint8)
            pixels[8 + 18 * index : 20 + 18 * index, 8:56] = 230
            Image.fromarray(pixels).save(root / name / f"{name}{number}.png")
    return split_by_patient(read_radiographs(root))


@pytest.fixture(scope="module")
def initial(tmp_path_factory):
    """First weights that every run here starts from."""
    keras.utils.set_random_seed(0)
    path = tmp_path_factory.mktemp("initial") / "model.weights.h5"
    save_weights(build_toy(CLASS_NAMES, 64, 0.2), path)
    return str(path)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Where `finished` leaves its folder, and copies of it after each epoch."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def finished(sides, initial, runs):
    """A run that was never interrupted: its folder and its rows."""
    folder, close_epoch = runs / "whole", Run.close_epoch

    def copied(run, *arguments):
        close_epoch(run, *arguments)
        shutil.copytree(folder, runs / str(run.epochs))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "close_epoch", copied)
        return folder, train(*sides, folder, RECIPE, initial, build=build_toy)


@pytest.fixture
def interrupted(finished, runs, tmp_path):
    """Gives a run's folder as it was after so many epochs."""
    return lambda epochs: shutil.copytree(runs / str(epochs), tmp_path / "run")


def weights_of(folder):
    model = build_toy(CLASS_NAMES, 64, 0.2)
    load_weights(model, folder / "model.weights.h5")
    return model.get_weights()


def test_it_learns(sides, initial, tmp_path):
    """In the precision that people train in; all other tests do in float32."""
    stages = (Stage(epochs=4, image_size=64, frozen_blocks=0, rate=1e-2),)
    recipe = dataclasses.replace(RECIPE, stages=stages, precision=Recipe().precision)
    rows = train(*sides, tmp_path / "run", recipe, initial, build=build_toy)
    assert rows[-1]["loss"] < 0.8 * rows[0]["loss"]
    assert rows[-1]["val_accuracy_of_three"] > 0.6


def test_what_a_run_leaves(finished, sides):
    folder, rows = finished
    with (folder / "log.csv").open() as file:
        log = list(csv.DictReader(file))
    assert [row["epoch"] for row in log] == ["1", "2", "3"]
    assert float(log[-1]["val_auroc"]) == rows[-1]["val_auroc"]
    names = (folder / "validation.txt").read_text().split()
    assert names == ["/".join(one.path.parts[-2:]) for one in sides[1]]
    assert list(folder.glob("events.out.tfevents.*"))
    assert not list(folder.glob("new-*"))


def test_frozen_blocks_keep_their_weights(initial, finished, runs):
    before, after = build_toy(CLASS_NAMES, 64, 0.2), build_toy(CLASS_NAMES, 64, 0.2)
    load_weights(before, initial)
    load_weights(after, runs / "1" / "model.weights.h5")
    moved = {
        old.path
        for old, new in zip(before.weights, after.weights, strict=True)
        if not np.array_equal(old, new)
    }
    assert moved and all(path.startswith(("block14", "predictions")) for path in moved)


@pytest.mark.parametrize("epochs", [1, 2])
def test_resumed_run_ends_where_the_whole_one_does(
    finished, sides, initial, interrupted, epochs
):
    """Interrupted between two stages, and within one."""
    folder = interrupted(epochs)
    rows = train(*sides, folder, RECIPE, initial, resume=True, build=build_toy)
    whole, whole_rows = finished
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    for resumed, expected in zip(weights_of(folder), weights_of(whole), strict=True):
        np.testing.assert_allclose(resumed, expected, rtol=1e-3, atol=1e-4)
    for resumed, expected in zip(rows, whole_rows, strict=True):
        assert resumed == pytest.approx(expected, rel=1e-3)


def test_resuming_a_finished_run_changes_nothing(finished, sides, initial):
    folder, rows = finished
    before = (folder / "model.weights.h5").read_bytes()
    again = train(*sides, folder, RECIPE, initial, resume=True, build=build_toy)
    assert again == rows
    assert (folder / "model.weights.h5").read_bytes() == before


def test_a_run_is_not_overwritten(finished, sides, initial):
    with pytest.raises(PneumoniaError, match="holds a run already.*--resume"):
        train(*sides, finished[0], RECIPE, initial, build=build_toy)


def test_resuming_needs_a_run(sides, initial, tmp_path):
    with pytest.raises(PneumoniaError, match="holds no checkpoint.npz"):
        train(*sides, tmp_path, RECIPE, initial, resume=True, build=build_toy)


def test_resuming_needs_the_same_recipe(finished, sides, initial):
    other = dataclasses.replace(RECIPE, dropout=0.5)
    with pytest.raises(PneumoniaError, match="another dropout.*0.2"):
        train(*sides, finished[0], other, initial, resume=True, build=build_toy)


@pytest.mark.parametrize("side", [0, 1])
def test_resuming_needs_the_same_radiographs(finished, sides, initial, side):
    """Else a radiograph that was learnt from could be judged on."""
    folder, names = finished[0], (finished[0] / "validation.txt").read_text()
    others = [radiographs[side == index :] for index, radiographs in enumerate(sides)]
    with pytest.raises(PneumoniaError, match="other X-rays.*--fold or --validation"):
        train(*others, folder, RECIPE, initial, resume=True, build=build_toy)
    assert (folder / "validation.txt").read_text() == names


def test_what_a_run_tells_of_itself(finished, sides, tmp_path):
    about = read_about(finished[0])
    assert about["image size"] == 64
    assert about["trained on"] == f"{len(sides[0])} radiographs"
    assert about["started from"] == "model.weights.h5"
    assert "image size 48, frozen blocks 13" in about["stages"]
    assert "dropout 0.2" in about["recipe"] and "averaging 0.8" in about["recipe"]
    assert read_about(tmp_path) == {}
    (tmp_path / ABOUT_FILE).write_text("[]")
    with pytest.raises(ModelError, match="not what `train` left"):
        read_about(tmp_path)


def test_too_few_radiographs(sides, initial, tmp_path):
    training = [*sides[0][:2], *sides[0][24:26], *sides[0][-2:]]
    with pytest.raises(PneumoniaError, match="are 6 readable X-rays.*at least 8"):
        train(training, sides[1], tmp_path / "run", RECIPE, initial, build=build_toy)


def test_class_of_unreadable_radiographs(sides, initial, tmp_path, capsys):
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(b"no image")
    training = [
        dataclasses.replace(one, path=damaged) if one.class_name == "VIRAL" else one
        for one in sides[0]
    ]
    with pytest.raises(PneumoniaError, match="no X-ray of class VIRAL to train on"):
        train(training, sides[1], tmp_path / "run", RECIPE, initial, build=build_toy)
    assert "left out damaged.png: " in capsys.readouterr().err


def test_checkpoint_of_another_network(finished, sides):
    names = _names(dict(zip(("training", "validation"), sides, strict=True)))
    run = Run(finished[0], dataclasses.asdict(RECIPE), names, resume=True)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    with pytest.raises(ModelError, match="another network"):
        run.restore(model)


def test_damaged_checkpoint(finished, tmp_path):
    content = (finished[0] / CHECKPOINT_FILE).read_bytes()
    (tmp_path / CHECKPOINT_FILE).write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match="checkpoint.npz cannot be read"):
        Run(tmp_path, dataclasses.asdict(RECIPE), {}, resume=True)


def test_full_disk_leaves_the_last_checkpoint(sides, initial, interrupted, monkeypatch):
    """Which is one to resume from, see above."""
    folder = interrupted(2)
    kept = (folder / CHECKPOINT_FILE).read_bytes()

    def full(path, **arrays):
        Path(path).write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(run_module.np, "savez", full)
    with pytest.raises(PneumoniaError, match="No space left.*unharmed.*--resume"):
        train(*sides, folder, RECIPE, initial, resume=True, build=build_toy)
    assert (folder / CHECKPOINT_FILE).read_bytes() == kept
    assert not list(folder.glob("new-*"))


def test_disk_too_full_for_weights(finished, tmp_path, monkeypatch):
    """HDF5 itself would end the process, not the attempt."""
    usage = shutil.disk_usage(tmp_path)._replace(free=2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OSError, match="No space left"):
        save_weights(build_toy(CLASS_NAMES, 64, 0.2), tmp_path / "model.weights.h5")
    assert not list(tmp_path.iterdir())


def test_weights_that_know_other_patients_bring_their_list(finished, tmp_path, capsys):
    """Folds of one's own would be full of what the first weights learnt from."""
    data = tmp_path / "NORMAL"
    data.mkdir()
    Image.new("L", (64, 64)).save(data / "a.png")
    command = ["train", str(tmp_path), "--out", str(tmp_path / "run")]
    weights = finished[0] / "model.weights.h5"
    assert main([*command, "--init", str(weights)]) == 2
    words = capsys.readouterr().err
    assert f"Add --validation {finished[0] / 'validation.txt'}" in words
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("stage", ["0,224,2,1e-4", "2,64,2,1e-4", "2,224,2,1e-4,free"])
def test_impossible_stages_are_misuse(stage, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["train", "images", "--out", "run", "--stage", stage])
    assert caught.value.code == 2
    assert "--stage" in capsys.readouterr().err


def test_partial_first_weights(initial, tmp_path, capsys):
    """As the ImageNet weights without block 14 and head."""
    model = build_toy(CLASS_NAMES, 64, 0.2)
    load_weights(model, initial)
    arrays = {
        weight.path: np.asarray(weight)
        for weight in model.weights
        if not weight.path.startswith(("block14", "predictions"))
    }
    np.savez(tmp_path / "partial.npz", **arrays)
    begun = build_toy(CLASS_NAMES, 64, 0.2)
    _start(begun, str(tmp_path / "partial.npz"))
    for weight in begun.weights:
        if weight.path in arrays:
            np.testing.assert_array_equal(weight, arrays[weight.path])
    words = capsys.readouterr().err
    assert "start fresh: block14_sepconv1, block14_sepconv1_bn, predictions" in words


def test_first_weights_of_another_network(sides, tmp_path):
    np.savez(tmp_path / "other.npz", **{"conv/kernel": np.zeros((3, 3), np.float32)})
    with pytest.raises(ModelError, match="does not fit"):
        other = str(tmp_path / "other.npz")
        train(*sides, tmp_path / "run", RECIPE, other, build=build_toy)


def _batches(squares, labels, recipe, epoch=0, external=None):
    shown = Shown(squares, [WHOLE] * len(squares))
    looks = shown.looks(48), external.shown.looks(48) if external else []
    return Batches(shown, labels, external, looks, _config(), recipe, epoch)


def test_classes_are_drawn_equally_often():
    labels = np.array([0] * 10 + [1] * 100 + [2] * 40)
    recipe = dataclasses.replace(RECIPE, batch_size=10, label_smoothing=0)
    squares = [np.full((48, 48), label, np.uint8) for label in labels]
    batches = _batches(squares, labels, recipe)
    targets = np.concatenate([batches[index][1] for index in range(len(batches))])
    assert targets.sum(axis=0).tolist() == [50, 50, 50]


def test_epochs_differ_and_repeat():
    labels = np.arange(12) % 3
    generator = np.random.default_rng(0)
    squares = list(generator.integers(0, 256, (12, 48, 48), np.uint8))
    first, again, next_one = (
        _batches(squares, labels, RECIPE, epoch)[0][0] for epoch in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, next_one)


def test_other_hospitals_join_the_classes(tmp_path):
    """Three normals and two pneumonias of theirs in a batch; no OTHER is taught."""
    findings = ["NORMAL"] * 3 + ["PNEUMONIA"] * 2 + ["OTHER"] * 4
    images = [
        Elsewhere(tmp_path / f"{index}.png", finding, "abroad", str(index), "learn")
        for index, finding in enumerate(findings)
    ]
    squares = [np.full((48, 48), 25 * index, np.uint8) for index in range(9)]
    external = External.of(images, Shown(squares, [WHOLE] * 9))
    recipe = dataclasses.replace(RECIPE, batch_size=12, label_smoothing=0)
    own = [np.zeros((48, 48), np.uint8)] * 24
    batches = _batches(own, np.arange(24) % 3, recipe, external=external)
    for index in range(len(batches)):
        targets = batches[index][1]
        assert targets.shape == (12, 3)
        assert targets[:3].tolist() == [[1, 0, 0]] * 3
        np.testing.assert_allclose(targets[3:5], [recipe.elsewhere_target] * 2)
        assert (targets[5:].max(axis=1) == 1).all()


def test_the_network_is_shown_the_crop():
    square = np.zeros((100, 100), np.uint8)
    square[20:60, 30:80] = 200
    shown = Shown([square], [Crop(0.3, 0.2, 0.8, 0.6)])
    (inputs,) = shown.inputs(_config(), [0])
    np.testing.assert_allclose(inputs[2:-2, 2:-2], 200 / 127.5 - 1, atol=0.01)


def _config():
    from pneumonia.training.model import kermany_config

    return kermany_config(name="", version="0.0.0", image_size=48, provenance={})


@pytest.mark.parametrize(
    ("backend", "precision"),
    [
        ("jax", "float32"),
        ("jax", "mixed_bfloat16"),
        ("torch", "float32"),
        ("torch", "mixed_bfloat16"),
    ],
)
def test_each_other_backend_that_is_installed(sides, tmp_path, backend, precision):
    if not importlib.util.find_spec(backend):
        pytest.skip(f"{backend} is not installed")
    data = sides[0][0].path.parents[1]
    code = f"""
import dataclasses, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from tests.support.toy_model import build_toy
from tests.training.test_train import RECIPE
from pneumonia.dataset import read_radiographs, split_by_patient
from pneumonia.training.model import save_weights
from pneumonia.training.train import Stage, train

save_weights(build_toy("abc", 64, 0.2), Path("first.weights.h5"))
recipe = dataclasses.replace(RECIPE, precision={precision!r})
rows = train(
    *split_by_patient(read_radiographs({str(data)!r})), Path("run"), recipe,
    "first.weights.h5", build=build_toy,
)
assert len(rows) == 3 and all(0 < row["loss"] < 3 for row in rows), rows
"""
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={**os.environ, "KERAS_BACKEND": backend},
        cwd=tmp_path,
        check=True,
        timeout=600,
    )
