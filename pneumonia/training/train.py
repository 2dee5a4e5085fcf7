"""The recipe: ImageNet's Xception becomes a reader of children's chest radiographs.

    python -m pneumonia train DATA --elsewhere MANIFEST --out RUN
    python -m pneumonia export RUN/model.weights.h5 --data DATA \\
        --validation RUN/validation.txt --elsewhere MANIFEST --out FOLDER

Backend-agnostic Keras 3: KERAS_BACKEND=jax or torch trains the same on a GPU.

The network is shown the lungs' box (`inference.lungs`); images lend each other their
look (`look`), and other hospitals' X-rays join the batch (`batches`).
"""

import dataclasses
import functools
import json
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from tqdm import tqdm

from ..config import LUNGS_FILE, NORMAL, WEIGHTS_FILE, ModelConfig
from ..dataset import (
    CLASS_NAMES,
    VALIDATION_FILE,
    Elsewhere,
    Radiograph,
    labels_of,
    names_of,
    read_what_can_be,
    require_classes,
)
from ..errors import PneumoniaError
from ..inference.calibration import calibrate
from ..inference.lungs import LungFinder
from ..inference.preprocessing import Crop, look_at
from .batches import Batches, External, Shown, draw_equally
from .model import (
    block_of,
    build_model,
    kermany_config,
    load_imagenet,
    load_weights,
    save_weights,
)
from .run import ABOUT_FILE, Run

_REFRESHING_BATCHES = 12


@dataclass(frozen=True)
class Stage:
    """A part of the training with its own image size, trained layers and rate.

    Attributes:
        epochs: how often as many radiographs are drawn as there are to learn from.
        image_size: S, in pixels.
        frozen_blocks: how many of the first of Xception's 14 blocks keep their weights
            and batch statistics.
        rate: the highest learning rate; it rises for a twentieth of the stage, then
            falls as a cosine (Loshchilov 2017, arXiv:1608.03983).
        fixed_statistics: batch normalisation uses the first weights' statistics
            throughout (ImageNet's are first taken anew on unchanged radiographs), as it
            will when serving. Those of a batch of strongly changed radiographs are
            others, and a network trained on them alone answers a plain one too low.
    """

    epochs: int
    image_size: int
    frozen_blocks: int
    rate: float
    fixed_statistics: bool = False


@dataclass(frozen=True)
class Recipe:
    """All that decides what is learnt, besides the data and the first weights.

    Attributes:
        stages: one after the other.
        batch_size: images per step.
        elsewhere: how many images of a batch are normals and how many pneumonias of
            other hospitals, where there are any.
        elsewhere_target: what a pneumonia of theirs is taught as, class by class: their
            labels are text-mined, and name no pathogen.
        soft: share of images, normals and others, that become soft and dark, with
            little contrast. Normals more often: a station's normal infants look so, and
            the archive has few of them.
        label_smoothing: share of each target that is spread over all classes.
        dropout: share of the pooled features dropped.
        weight_decay: decoupled (AdamW, Loshchilov 2019, arXiv:1711.05101); of kernels.
        averaging: momentum of the running average of the weights (Polyak 1992), which
            is what a run gives; 0.997 looks back over some 300 steps, less in a stage
            too short to forget where it started.
        seed: of every draw.
        precision: Keras dtype policy.
    """

    stages: tuple[Stage, ...] = (
        Stage(8, 160, frozen_blocks=2, rate=2.5e-4, fixed_statistics=True),
    )
    batch_size: int = 32
    elsewhere: tuple[int, int] = (3, 2)
    elsewhere_target: tuple[float, ...] = (0.22, 0.44, 0.34)
    soft: tuple[float, float] = (0.25, 0.12)
    label_smoothing: float = 0.05
    dropout: float = 0.2
    weight_decay: float = 0.02
    averaging: float = 0.997
    seed: int = 0
    precision: str = "mixed_bfloat16"


def train(
    training: Sequence[Radiograph],
    validation: Sequence[Radiograph],
    folder: Path,
    recipe: Recipe,
    initial: str = "imagenet",
    resume: bool = False,
    build: Callable[..., keras.Model] = build_model,
    lungs: str | Path | None = None,
    elsewhere: Sequence[Elsewhere] = (),
) -> list[dict[str, float]]:
    """Trains, and leaves the averaged weights as `model.weights.h5` in the folder.

    After each epoch the folder holds the weights, a checkpoint, `log.csv` and a
    TensorBoard log. Every draw hangs on the seed and the epoch alone, so a resumed run
    sees the same radiographs at the same rates as one that was never interrupted.

    Args:
        training: radiographs to learn from, of all of `CLASS_NAMES`.
        validation: radiographs of other patients; reported on, never learnt from.
        folder: to create; or, to resume, of the run.
        recipe: see `Recipe`.
        initial: `imagenet`, or a file of weights; layers that it lacks start fresh.
        resume: continue the run in the folder.
        build: `build_model`, or a smaller network of its form.
        lungs: `lungs.onnx` of the finder that cuts the lungs out, kept with the run;
            None: the network sees whole images.
        elsewhere: X-rays of other hospitals; those to learn from join the classes, and
            lend their looks.
    Returns:
        One row of figures per epoch.
    Raises:
        ModelError: weights or a checkpoint of another network.
        PneumoniaError: the folder is in use, or cannot be written; a class has no
            readable radiograph on a side; or a run is resumed with other radiographs.
    """
    sides = {"training": training, "validation": validation}
    run = Run(folder, dataclasses.asdict(recipe), _names(sides), resume)
    keras.utils.set_random_seed(recipe.seed)  # of fresh layers and of dropout
    finder = LungFinder.of(lungs) if lungs else None
    # without a finder an image is kept at the size of the largest stage
    config = _config(max(stage.image_size for stage in recipe.stages))

    def show(image: np.ndarray) -> tuple[np.ndarray, Crop]:
        view = look_at(image, config, finder)
        return view.square, view.crop

    training, shown = _read(training, show, "to train on")
    validation, unseen = _read(validation, show, "to validate on")
    learnt = [image for image in elsewhere if image.side == "learn"]
    learnt, pairs = read_what_can_be(learnt, show)
    external = External.of(learnt, Shown.of(pairs)) if learnt else None
    if len(training) < recipe.batch_size:
        raise PneumoniaError(
            f"There are {len(training)} readable X-rays to train on; expected at least "
            f"{recipe.batch_size}, a batch."
        )
    names = "".join(f"{name}\n" for name in names_of(validation, training))
    run.write(VALIDATION_FILE, lambda path: path.write_text(names, encoding="utf-8"))
    if lungs:
        run.write(LUNGS_FILE, functools.partial(shutil.copyfile, lungs))
    about = {
        "recipe": dataclasses.asdict(recipe),
        "initial": Path(initial).name,
        "images": {"training": len(training), "validation": len(validation)},
        "elsewhere": dict(Counter(image.source for image in learnt)),
        "trained with": f"Keras {keras.__version__} on {keras.backend.backend()}",
    }
    run.write(ABOUT_FILE, lambda path: path.write_text(json.dumps(about, indent=1)))

    labels, end = labels_of(training), 0
    for stage in recipe.stages:
        begin, end = end, end + stage.epochs
        if run.epochs >= end:
            continue
        config = _config(stage.image_size)
        judged = unseen.inputs(config, range(len(validation)))
        looks = (
            shown.looks(stage.image_size),
            external.shown.looks(stage.image_size) if external else [],
        )
        with _precision(recipe.precision):
            model = build(CLASS_NAMES, stage.image_size, recipe.dropout)
        if not run.epochs:
            _start(model, initial)
            # never of a network trained on with fixed ones: its weights expect those
            if stage.fixed_statistics and initial == "imagenet":
                _refresh(model, shown, labels, config, recipe)
        elif run.epochs == begin:
            run.restore(model)
        trained = _compile(model, stage, recipe, len(training))
        if run.epochs > begin:
            run.restore(model, trained.optimizer)
        while run.epochs < end:
            batches = Batches(
                shown, labels, external, looks, config, recipe, run.epochs
            )
            figures = _learn(trained, batches, f"epoch {run.epochs + 1}")
            with _averaged(model, trained.optimizer):
                if not stage.fixed_statistics:
                    _refresh(model, shown, labels, config, recipe)
                figures |= _judge(model, judged, labels_of(validation))
                run.write(WEIGHTS_FILE, functools.partial(save_weights, model))
                if run.epochs + 1 == end:  # the next stage starts from the average
                    run.close_epoch(figures, model)
                    break
            run.close_epoch(figures, model, trained.optimizer)
    return run.rows


def _names(sides: dict[str, Sequence[Radiograph]]) -> dict[str, list[str]]:
    """What a run learns from and is judged on, wherever the data set lies."""
    radiographs = [one for side in sides.values() for one in side]
    return {side: names_of(members, radiographs) for side, members in sides.items()}


def _read(
    images: Sequence[Radiograph], show: Callable[[np.ndarray], tuple], use: str
) -> tuple[list[Radiograph], Shown]:
    """Images and what is shown of them; goes on without the unreadable."""
    images, pairs = read_what_can_be(images, show)
    require_classes(images, use)
    return images, Shown.of(pairs)


def _config(image_size: int) -> ModelConfig:
    return kermany_config(
        name="", version="0.0.0", image_size=image_size, provenance={}
    )


@contextmanager
def _precision(policy: str) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _start(model: keras.Model, initial: str) -> None:
    if initial == "imagenet":
        load_imagenet(model)
    elif fresh := load_weights(model, initial, partial=True):
        layers = sorted({name.split("/")[0] for name in fresh})
        print(f"start fresh: {', '.join(layers)}", file=sys.stderr)


def _compile(
    model: keras.Model, stage: Stage, recipe: Recipe, count: int
) -> keras.Model:
    """The model as a stage over `count` images trains it: logits only, some frozen."""
    for layer in model.layers:
        is_fixed = stage.fixed_statistics and isinstance(
            layer, keras.layers.BatchNormalization
        )
        layer.trainable = not (is_fixed or 1 <= block_of(layer) <= stage.frozen_blocks)
    steps = stage.epochs * (count // recipe.batch_size)
    warmup = max(1, steps // 20)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        warmup_target=stage.rate,
        warmup_steps=warmup,
        decay_steps=max(1, steps - warmup),
        alpha=0.01,
    )
    optimizer = keras.optimizers.AdamW(
        schedule,
        weight_decay=recipe.weight_decay,
        global_clipnorm=1.0,
        use_ema=True,
        ema_momentum=min(recipe.averaging, 1 - 4 / max(steps, 5)),
    )
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    optimizer.build(model.trainable_variables)
    trained = keras.Model(model.input, model.output["logits"])
    trained.compile(
        optimizer,
        keras.losses.CategoricalCrossentropy(from_logits=True),
        # TensorFlow's XLA takes minutes to compile for a processor and is no faster
        jit_compile=keras.backend.backend() == "jax",
    )
    return trained


def _learn(trained: keras.Model, batches: Batches, title: str) -> dict[str, float]:
    history = trained.fit(batches, shuffle=False, verbose=0, callbacks=[_Bar(title)])
    return {"loss": history.history["loss"][-1]}


class _Bar(keras.callbacks.Callback):
    """A progress bar on stderr; Keras's own goes to stdout, where data belongs."""

    def __init__(self, title: str):
        super().__init__()
        self._title = title

    def on_epoch_begin(self, epoch, logs=None):
        self._bar = tqdm(total=self.params["steps"], desc=self._title, unit="batch")

    def on_train_batch_end(self, batch, logs=None):
        self._bar.set_postfix(loss=f"{logs['loss']:.3f}", refresh=False)
        self._bar.update()

    def on_epoch_end(self, epoch, logs=None):
        self._bar.close()


def _refresh(model, shown: Shown, labels, config, recipe: Recipe) -> None:
    """`refresh_statistics` over a few hundred unchanged images, all classes alike."""
    order = draw_equally(labels, np.random.default_rng(recipe.seed))
    size = recipe.batch_size
    chosen = [order[i * size : (i + 1) * size] for i in range(_REFRESHING_BATCHES)]
    batches = (shown.inputs(config, places) for places in chosen if len(places))
    refresh_statistics(model, batches)


def refresh_statistics(model: keras.Model, batches: Iterable[np.ndarray]) -> None:
    """Makes batch normalisation's statistics those of these inputs.

    An average of weights was never run in training, so the statistics gathered there
    are another network's (Izmailov 2018, arXiv:1803.05407), and other radiographs'.

    Args:
        model: its unfrozen layers are changed.
        batches: inputs, float32 (N, S, S, 3) each; a few hundred radiographs in all.
    """
    kind = keras.layers.BatchNormalization
    layers = [layer for layer in model.layers if isinstance(layer, kind)]
    momenta = [layer.momentum for layer in layers]
    for count, inputs in enumerate(batches):
        for layer in layers:
            layer.momentum = count / (count + 1)  # the plain mean over the batches
        model(inputs, training=True)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum


@contextmanager
def _averaged(
    model: keras.Model, optimizer: keras.optimizers.Optimizer
) -> Iterator[None]:
    """Lends the model its averaged weights; takes back what is changed meanwhile."""
    variables = model.weights
    own = [keras.ops.convert_to_numpy(variable) for variable in variables]
    optimizer.finalize_variable_values(model.trainable_variables)
    for variable in model.trainable_variables:
        # a copy: JAX's `predict` gives away the arrays that the optimizer still holds
        variable.assign(np.array(keras.ops.convert_to_numpy(variable)))
    yield
    for variable, value in zip(variables, own, strict=True):
        variable.assign(value)


def _judge(
    model: keras.Model, inputs: np.ndarray, labels: np.ndarray
) -> dict[str, float]:
    """Figures on the validation radiographs, uncalibrated."""
    logits = model.predict(inputs, batch_size=32, verbose=0)["logits"]
    probabilities = calibrate(logits, 1.0)
    pneumonia = 1 - probabilities[:, CLASS_NAMES.index(NORMAL)]
    positive = labels != CLASS_NAMES.index(NORMAL)
    above = pneumonia[positive][:, None] - pneumonia[~positive]
    return {
        "val_loss": float(
            -np.log(probabilities[np.arange(len(labels)), labels]).mean()
        ),
        "val_auroc": float((1 + np.sign(above).mean()) / 2),  # an equal one counts half
        "val_accuracy": float(((pneumonia >= 0.5) == positive).mean()),
        "val_accuracy_of_three": float((probabilities.argmax(axis=1) == labels).mean()),
    }
