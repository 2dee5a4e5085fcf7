"""The recipe: ImageNet's Xception becomes a reader of children's chest radiographs.

    python -m pneumonia train DATA --out RUN
    python -m pneumonia export RUN/model.weights.h5 --data DATA \
        --validation RUN/validation.txt --out FOLDER

Backend-agnostic Keras 3: KERAS_BACKEND=jax or torch trains the same on a GPU.

The bundled model's history began with V0, a first fine-tune of the ImageNet weights
(ten epochs, three of them at 160 pixels); VALIDATION, which is the model folder's
validation.txt, lists the 472 films whose patients none of these runs saw:

    python -m pneumonia train DATA --init V0 --validation VALIDATION \
        --stage 10,224,2,2e-4,fixed --out RUN1
    python -m pneumonia train DATA --init V0 --validation VALIDATION \
        --stage 4,224,2,2.5e-4,fixed --seed 1 --out RUN2
    python -m pneumonia export RUN1/model.weights.h5 RUN2/model.weights.h5 \
        --data DATA --validation VALIDATION --out MEAN
    python -m pneumonia train DATA --init MEAN/model.weights.h5 \
        --validation VALIDATION --stage 7,224,2,2e-4,fixed --seed 2 --out RUN3
    python -m pneumonia export RUN3/model.weights.h5 --data DATA \
        --validation VALIDATION --out FOLDER

The third run was the first whose films borrow exposure and border (`augment`). AUROC on
VALIDATION: V0 0.9957, RUN1 0.9965, RUN2 0.9968, MEAN 0.9968, RUN3 0.9971; with both
borrowed from a film of the other finding, MEAN 0.853, RUN3 0.966. On two cores
(TensorFlow, bfloat16) the runs took about 87, 37 and 59 minutes, beside other work.
"""

import dataclasses
import functools
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from tqdm import tqdm

from ..config import NORMAL, WEIGHTS_FILE, ModelConfig
from ..dataset import (
    CLASS_NAMES,
    VALIDATION_FILE,
    Film,
    labels_of,
    names_of,
    read_what_can_be,
    require_classes,
)
from ..errors import PneumoniaError
from ..inference.calibration import calibrate
from ..inference.preprocessing import preprocess, to_square
from .augment import augment, mix
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
        epochs: how often as many films are drawn as there are to learn from.
        image_size: S, in pixels.
        frozen_blocks: how many of the first of Xception's 14 blocks keep their weights
            and batch statistics.
        rate: the highest learning rate; it rises for a twentieth of the stage, then
            falls as a cosine (Loshchilov 2017, arXiv:1608.03983).
        fixed_statistics: batch normalisation uses the statistics of unchanged films
            throughout, as it will when serving. Those of a batch of strongly changed
            films are others, and a network trained on them alone answers a plain film
            too low.
    """

    epochs: int
    image_size: int
    frozen_blocks: int
    rate: float
    fixed_statistics: bool = False


@dataclass(frozen=True)
class Recipe:
    """All that decides what is learnt, besides the films and the first weights.

    Attributes:
        stages: the head (and what else starts fresh) on a frozen backbone first, then
            all layers, on small images first.
        batch_size: films per step.
        mixup: alpha; see `augment.mix`.
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
        Stage(epochs=2, image_size=160, frozen_blocks=13, rate=1e-3),
        Stage(epochs=8, image_size=160, frozen_blocks=0, rate=3e-4),
        Stage(10, image_size=224, frozen_blocks=2, rate=2e-4, fixed_statistics=True),
    )
    batch_size: int = 32
    mixup: float = 0.2
    label_smoothing: float = 0.05
    dropout: float = 0.2
    weight_decay: float = 0.02
    averaging: float = 0.997
    seed: int = 0
    precision: str = "mixed_bfloat16"


def train(
    training: Sequence[Film],
    validation: Sequence[Film],
    folder: Path,
    recipe: Recipe,
    initial: str = "imagenet",
    resume: bool = False,
    build: Callable[..., keras.Model] = build_model,
) -> list[dict[str, float]]:
    """Trains, and leaves the averaged weights as `model.weights.h5` in the folder.

    After each epoch the folder holds the weights, a checkpoint, `log.csv` and a
    TensorBoard log. Every draw hangs on the seed and the epoch alone, so a resumed run
    sees the same films at the same rates as one that was never interrupted.

    Args:
        training: films to learn from, of all of `CLASS_NAMES`.
        validation: films of other patients; reported on, never learnt from.
        folder: to create; or, to resume, of the run.
        recipe: see `Recipe`.
        initial: `imagenet`, or a file of weights; layers that it lacks start fresh.
        resume: continue the run in the folder.
        build: `build_model`, or a smaller network of its form.
    Returns:
        One row of figures per epoch.
    Raises:
        ModelError: weights or a checkpoint of another network.
        PneumoniaError: the folder is in use, or cannot be written; a class has no
            readable film on a side; or a run is resumed with other films.
    """
    sides = {"training": training, "validation": validation}
    run = Run(folder, dataclasses.asdict(recipe), _names(sides), resume)
    keras.utils.set_random_seed(recipe.seed)  # of fresh layers and of dropout
    sizes = {stage.image_size for stage in recipe.stages}
    training, images = _read(training, sizes, "to train on")
    validation, unseen = _read(validation, sizes, "to validate on")
    if len(training) < recipe.batch_size:
        raise PneumoniaError(
            f"There are {len(training)} readable films to train on; expected at least "
            f"{recipe.batch_size}, a batch."
        )
    names = "".join(f"{name}\n" for name in names_of(validation, training))
    run.write(VALIDATION_FILE, lambda path: path.write_text(names, encoding="utf-8"))
    about = {
        "recipe": dataclasses.asdict(recipe),
        "initial": Path(initial).name,
        "films": {"training": len(training), "validation": len(validation)},
        "trained with": f"Keras {keras.__version__} on {keras.backend.backend()}",
    }
    run.write(ABOUT_FILE, lambda path: path.write_text(json.dumps(about, indent=1)))

    labels, end = labels_of(training), 0
    for stage in recipe.stages:
        begin, end = end, end + stage.epochs
        if run.epochs >= end:
            continue
        config = _config(stage.image_size)
        squares = [image[stage.image_size] for image in images]
        judged = np.stack(
            [preprocess(image[stage.image_size], config) for image in unseen]
        )
        with _precision(recipe.precision):
            model = build(CLASS_NAMES, stage.image_size, recipe.dropout)
        if not run.epochs:
            _start(model, initial)
        elif run.epochs == begin:
            run.restore(model)
        if stage.fixed_statistics and run.epochs == begin:
            _refresh(model, squares, labels, config, recipe)
        trained = _compile(model, stage, recipe, len(images))
        if run.epochs > begin:
            run.restore(model, trained.optimizer)
        while run.epochs < end:
            films = Films(squares, labels, config, recipe, run.epochs)
            figures = _learn(trained, films, f"epoch {run.epochs + 1}")
            with _averaged(model, trained.optimizer):
                if not stage.fixed_statistics:
                    _refresh(model, squares, labels, config, recipe)
                figures |= _judge(model, judged, labels_of(validation))
                run.write(WEIGHTS_FILE, functools.partial(save_weights, model))
                if run.epochs + 1 == end:  # the next stage starts from the average
                    run.close_epoch(figures, model)
                    break
            run.close_epoch(figures, model, trained.optimizer)
    return run.rows


class Films(keras.utils.PyDataset):
    """The batches of one epoch: classes drawn equally often, each film changed."""

    def __init__(self, squares, labels, config, recipe: Recipe, epoch: int):
        """Draws the films.

        Args:
            squares: radiographs, uint8 (S, S) each.
            labels: int (N,), their classes.
            config: how images become inputs.
            recipe: see `Recipe`.
            epoch: number of the epoch; with the seed, it decides every draw.
        """
        super().__init__()
        self._squares, self._labels, self._config = squares, labels, config
        self._recipe, self._seed = recipe, (recipe.seed, epoch)
        random = np.random.default_rng(self._seed)
        self._order = _draw_equally(labels, random)

    def __len__(self) -> int:
        return len(self._order) // self._recipe.batch_size

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Inputs, float32 (B, S, S, 3), and targets, float32 (B, C)."""
        size, smoothing = self._recipe.batch_size, self._recipe.label_smoothing
        random = np.random.default_rng((*self._seed, index))
        chosen = self._order[index * size : (index + 1) * size]
        others = random.choice(self._order, len(chosen))  # each class as likely
        films = [
            augment(self._squares[film], random, self._squares[other])
            for film, other in zip(chosen, others, strict=True)
        ]
        inputs = np.stack([preprocess(film, self._config) for film in films])
        classes = len(CLASS_NAMES)
        targets = np.eye(classes, dtype=np.float32)[self._labels[chosen]]
        targets = (1 - smoothing) * targets + smoothing / classes
        return mix(inputs, targets, self._recipe.mixup, random)


def _draw_equally(labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Indices of as many films as there are, each class as often, shuffled.

    Within a class no film comes again before all of it have come.
    """
    share = -(-len(labels) // len(CLASS_NAMES))
    drawn = []
    for label in range(len(CLASS_NAMES)):
        members = np.flatnonzero(labels == label)
        rounds = -(-share // len(members))
        drawn.extend(
            np.concatenate([random.permutation(members) for _ in range(rounds)])[:share]
        )
    return random.permutation(drawn)[: len(labels)]


def _names(sides: dict[str, Sequence[Film]]) -> dict[str, list[str]]:
    """What a run learns from and is judged on, wherever the data set lies."""
    films = [film for side in sides.values() for film in side]
    return {side: names_of(members, films) for side, members in sides.items()}


def _read(
    films: Sequence[Film], sizes: Iterable[int], use: str
) -> tuple[list[Film], list[dict[int, np.ndarray]]]:
    """Films, and each as a square of each size; goes on without the unreadable."""

    def squares(image: np.ndarray) -> dict[int, np.ndarray]:
        return {size: to_square(image, _config(size)) for size in sizes}

    films, images = read_what_can_be(films, squares)
    require_classes(films, use)
    return films, images


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
    """The model as a stage over `count` films trains it: logits only, some frozen."""
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


def _learn(trained: keras.Model, films: Films, title: str) -> dict[str, float]:
    history = trained.fit(films, shuffle=False, verbose=0, callbacks=[_Bar(title)])
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


def _refresh(model, squares, labels, config, recipe: Recipe) -> None:
    """`refresh_statistics` over a few hundred unchanged films, all classes alike."""
    order = _draw_equally(labels, np.random.default_rng(recipe.seed))
    size = recipe.batch_size
    chosen = [order[i * size : (i + 1) * size] for i in range(_REFRESHING_BATCHES)]
    refresh_statistics(
        model,
        (
            np.stack([preprocess(squares[film], config) for film in films])
            for films in chosen
            if len(films)
        ),
    )


def refresh_statistics(model: keras.Model, batches: Iterable[np.ndarray]) -> None:
    """Makes batch normalisation's statistics those of these inputs.

    An average of weights was never run in training, so the statistics gathered there
    are another network's (Izmailov 2018, arXiv:1803.05407), and other films'.

    Args:
        model: its unfrozen layers are changed.
        batches: inputs, float32 (N, S, S, 3) each; a few hundred films in all.
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
    """Figures on the validation films, uncalibrated."""
    logits = model.predict(inputs, batch_size=32, verbose=0)["logits"]
    probabilities = calibrate(logits, 1.0)
    pneumonia = 1 - probabilities[:, CLASS_NAMES.index(NORMAL)]
    sick = labels != CLASS_NAMES.index(NORMAL)
    above = pneumonia[sick][:, None] - pneumonia[~sick]
    return {
        "val_loss": float(
            -np.log(probabilities[np.arange(len(labels)), labels]).mean()
        ),
        "val_auroc": float((1 + np.sign(above).mean()) / 2),  # an equal one counts half
        "val_accuracy": float(((pneumonia >= 0.5) == sick).mean()),
        "val_accuracy_of_three": float((probabilities.argmax(axis=1) == labels).mean()),
    }
