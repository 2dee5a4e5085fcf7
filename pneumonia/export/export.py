"""Keras -> model folder: weights, compiled graph, `config.json`, model card.

`python -m pneumonia export` is its command line. Nothing is written under the final
name before the compiled graph has answered like Keras on the validation films.
"""

import dataclasses
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import keras
import numpy as np

from ..config import (
    CARD_FILE,
    FINDINGS,
    GATE_FILE,
    NORMAL,
    ONNX_FILE,
    PNEUMONIA,
    WEIGHTS_FILE,
    ModelConfig,
    fingerprint,
)
from ..dataset import (
    KERMANY,
    KERMANY_2018,
    VALIDATION_FILE,
    Dataset,
    Film,
    are_kermany,
    class_among,
    fold_of,
    hold_out,
    labels_of,
    read_dataset,
    read_names,
    read_what_can_be,
    require_classes,
)
from ..errors import ModelError
from ..evaluation.evaluate import evaluate
from ..evaluation.metrics import OPERATING_POINT, equal_shares
from ..evaluation.model_card import write_card
from ..evaluation.perturbations import LUNGS_BLACK, PERTURBATIONS
from ..evaluation.report import REPORT_FILE, save_report
from ..hub import ModelFolder
from ..inference.calibration import calibrate
from ..inference.cam import log_odds_map
from ..inference.known_answer import answer
from ..inference.preprocessing import preprocess
from ..inference.runtime import Outputs, Runtime
from ..predictor import Predictor
from ..training.model import build_model, kermany_config, load_mean, save_weights
from ..training.run import read_about
from .fit_calibration import fit_head, fit_temperature, fit_threshold
from .fit_gate import gate_of
from .keras_to_onnx import export_onnx
from .keras_weights import load, look, require_alike, with_likeliest_range

_BALANCED = (
    "scaled and shifted on the same films, as they are and changed; "
    "normal and pneumonia weigh the same"
)
_ABOUT = (
    "Films of patients that the network never saw. Scale and bias of its head, "
    "temperature, thresholds, heatmap scale and the gate's limit were fitted on the "
    "same films, and the runs of training were compared on them, which flatters "
    "every figure a little."
)
_FILMS_PER_CLASS = 20  # that set the ranges of the int8 graph
_GATE_FILMS = 1000  # that teach the gate what films look like
_LEAST_TO_BALANCE = 20  # held-out films of each class; fewer fit any scale
_FLOAT_TOLERANCE = 1e-3  # of a logit: float32 in another order of summation
_INT8_TOLERANCE = 0.01  # of a probability of pneumonia, on average


def export_weights(
    weights: Sequence[str | Path],
    data: str | Path | Dataset,
    validation: str | Path,
    folder: str | Path,
    name: str,
    version: str,
    image_size: int | None = None,
    provenance: str = "",
    source: str = "",
) -> ModelConfig:
    """Makes a model folder from files; see `export` for what it does and raises.

    Args:
        weights: `.npz` or `.weights.h5` of the network, or people's own of a network
            of two classes (`keras_weights`); of several, the mean.
        data: labelled films; see `dataset.read_dataset`.
        validation: text file, names of the films whose patients were held out.
        folder: to create.
        name, version: for `config.json`.
        image_size: S; None: what the run beside the weights was trained for, or what
            the weights' file says, or 224.
        provenance: a sentence on where the weights come from; the recipe of the run
            beside the first is told in any case.
        source: whose films these are, and their licence; needed for the card, which
            knows the Kermany 2018 data by its file names.
    """
    _require_free(Path(folder))  # before minutes of work
    given = require_alike([look(path) for path in weights])
    class_names = given.class_names
    films = read_dataset(data).films
    names = read_names(validation)
    others, held_out = hold_out(films, names, class_names)
    about = read_about(Path(weights[0]).parent) if given.is_ours else {}
    trained_size = about.pop("image size", given.image_size or 224)
    samples = [
        film
        for class_name in class_names
        for film in _spread(
            [f for f in others if class_among(f, class_names) == class_name],
            _FILMS_PER_CLASS,
        )
    ]
    held_out, unseen = read_what_can_be(held_out)
    require_classes(held_out, "to calibrate on", class_names)
    labels = labels_of(held_out, class_names)
    samples, ranges = read_what_can_be(samples)
    looks, views = read_what_can_be(_spread(others, _GATE_FILMS))
    is_enough = np.bincount(labels).min() >= _LEAST_TO_BALANCE
    is_kermany = are_kermany(films)
    are_normal = [film.class_name == NORMAL for film in held_out]
    normal = 0.5 if is_enough else float(np.mean(are_normal))
    config = kermany_config(
        class_names=class_names,
        name=name,
        version=version,
        image_size=image_size or trained_size,
        prior={NORMAL: normal, PNEUMONIA: 1 - normal},
        dataset=KERMANY_2018 if is_kermany and not source else "",
        provenance={
            "weights": provenance,
            **about,
            "data": source or (KERMANY if is_kermany else "not stated"),
            "calibrated on": f"{len(held_out)} films of held-out patients",
            "head": _BALANCED if is_enough else "as it was trained",
            "quantised with": f"{len(samples)} training films",
            "gate fitted on": f"{len(looks)} training films",
        },
    )
    model = build_model(class_names, config.image_size)
    if given.is_ours:
        load_mean(model, weights)
    else:
        load_mean(model, weights, load)
        config = with_likeliest_range(model, config, unseen, labels)
    if is_enough:
        found = balance(
            model,
            config,
            unseen,
            labels,
            np.array([fold_of(film.patient) for film in held_out]),
        )
        checked = "; ".join(f"{name} {value:.3f}" for name, value in found.items())
        provenance = config.provenance | {"head fitted without those measured": checked}
        config = dataclasses.replace(config, provenance=provenance)
    return export(
        model,
        config,
        training=ranges,
        looks=views,
        validation=unseen,
        films=held_out,
        folder=Path(folder),
        names=names if is_kermany else (),  # others' may name patients
    )


def balance(
    model: keras.Model,
    config: ModelConfig,
    images: Sequence[np.ndarray],
    labels: np.ndarray,
    folds: np.ndarray,
) -> dict[str, float]:
    """Puts the head's weights right, by films of patients that it never saw.

    The recipe shows the classes equally often, mixed and strongly changed, so the
    network is too unsure of the finding, and what it expects of a film is nobody's
    share. Neither is the archive's, three quarters pneumonia, a share of patients: here
    normal and pneumonia weigh the same, and each film counts as it is and as another
    hospital might show it. Changed normal films drift towards pneumonia, which is how
    networks of these data fail elsewhere; a head fitted on plain films alone would put
    the operating point too low.

    Args:
        model: from `build_model`; kernel and bias of its last layer are changed.
        config: of the model.
        images: uint8 (H, W), that the network never saw.
        labels: int (N,), their classes.
        folds: int (N,), the part of the patients that each is in.
    Returns:
        Accuracy, sensitivity, specificity, and accuracy over all classes, of the images
        as they are, where each part is judged by the head that the others give. They
        tell what a fit on the very images that are judged makes of the figures.
    """
    changes = [c for name, c in PERTURBATIONS.items() if name != LUNGS_BLACK]
    logits = np.stack([_logits(model, config, map(c, images)) for c in changes])
    findings = np.isin(np.arange(len(config.class_names)), config.classes_of(PNEUMONIA))
    sick = findings[labels]

    def fit(members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        classes = np.tile(labels[members], len(changes))
        weights = equal_shares(findings[classes])
        return fit_head(np.concatenate(logits[:, members]), classes, findings, weights)

    found = np.empty_like(logits[0], dtype=np.float64)
    for fold in np.unique(folds):
        matrix, bias = fit(folds != fold)
        found[folds == fold] = logits[0, folds == fold] @ matrix + bias
    classes = calibrate(found, 1.0)
    right = (classes[:, findings].sum(axis=1) >= OPERATING_POINT) == sick

    matrix, bias = fit(np.full(len(labels), True))
    head = model.get_layer("predictions")
    head.kernel.assign(keras.ops.convert_to_numpy(head.kernel) @ matrix)
    head.bias.assign(keras.ops.convert_to_numpy(head.bias) @ matrix + bias)
    return {
        "accuracy": right.mean(),
        "sensitivity": right[sick].mean(),
        "specificity": right[~sick].mean(),
        "accuracy of all classes": (classes.argmax(axis=1) == labels).mean(),
    }


def _logits(
    model: keras.Model, config: ModelConfig, images: Iterable[np.ndarray]
) -> np.ndarray:
    inputs = np.stack([preprocess(image, config) for image in images])
    return model.predict(inputs, batch_size=16, verbose=0)["logits"]


def _spread(films: Sequence[Film], count: int) -> Sequence[Film]:
    """That many films, from all over a sorted list."""
    count = min(count, len(films))
    return [films[index * len(films) // count] for index in range(count)]


def export(
    model: keras.Model,
    config: ModelConfig,
    training: Sequence[np.ndarray],
    looks: Sequence[np.ndarray],
    validation: Sequence[np.ndarray],
    films: Sequence[Film],
    folder: Path,
    names: Sequence[str] = (),
) -> ModelConfig:
    """Writes a model folder and returns its config.

    Args:
        model: from `build_model`, with its final weights.
        config: from `draft_config`.
        training: images, uint8 (H, W), that set the ranges of the int8 graph.
        looks: images of training films, more of them, that the gate learns from.
        validation: images of patients that the network never saw, which fit the
            temperature, the thresholds, the scale of the heatmap and the gate's limit,
            and give the card its figures.
        films: labels and patients of the validation images, in the same order.
        folder: to create; must not exist or be empty.
        names: of the validation films, to be published, so that whoever trains on from
            these weights can hold them out again.
    Raises:
        ModelError: the compiled graph does not answer like Keras, or the folder is
            in use.
    """
    _require_free(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    inputs = np.stack([preprocess(image, config) for image in validation])
    reference = model.predict(inputs, batch_size=16, verbose=0)
    with tempfile.TemporaryDirectory(dir=folder.parent) as parent:
        draft = Path(parent) / folder.name
        draft.mkdir()
        save_weights(model, draft / WEIGHTS_FILE)
        _write_graphs(model, config, training, inputs, reference["logits"], draft)
        outputs = _run(draft, config, inputs)
        _require_parity(reference["logits"], outputs.logits, config)
        labels = labels_of(films, config.class_names)
        config = _calibrated(config, outputs, labels)
        runtime = _runtime(draft, config)
        config = dataclasses.replace(config, known_answer=answer(runtime, config))
        gate = gate_of(runtime, config, looks, validation)
        (draft / GATE_FILE).write_bytes(gate.to_bytes())
        _judge(config, films, validation, draft)
        files = [WEIGHTS_FILE, ONNX_FILE, GATE_FILE, CARD_FILE, REPORT_FILE]
        if names:
            (draft / VALIDATION_FILE).write_text("".join(f"{name}\n" for name in names))
            files.append(VALIDATION_FILE)
        config = dataclasses.replace(config, files=_fingerprints(draft, files))
        config.save(draft)
        if folder.exists():
            folder.rmdir()
        draft.rename(folder)
    return config


def _require_free(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise ModelError(f"{folder.name} is not empty. Name a new folder.")


def _write_graphs(model, config, training, inputs, logits, folder: Path) -> None:
    """Writes the int8 graph, by way of a float32 one that must equal Keras."""
    from .quantize import quantize

    with tempfile.TemporaryDirectory() as scratch:
        export_onnx(model, Path(scratch) / ONNX_FILE)
        found = _run(Path(scratch), config, inputs).logits
        difference = np.abs(found - logits).max()
        if not difference <= _FLOAT_TOLERANCE:
            raise ModelError(
                f"The float32 graph's logits are up to {difference:.2g} from Keras's; "
                f"expected at most {_FLOAT_TOLERANCE}. Nothing was exported."
            )
        samples = np.stack([preprocess(image, config) for image in training])
        quantize(Path(scratch) / ONNX_FILE, samples, folder / ONNX_FILE)


def _run(folder: Path, config: ModelConfig, inputs: np.ndarray) -> Outputs:
    """Runs the folder's graph on inputs, float32 (N, S, S, 3), eight at a time."""
    runtime = _runtime(folder, config)
    parts = [runtime(inputs[start : start + 8]) for start in range(0, len(inputs), 8)]
    fields = [field.name for field in dataclasses.fields(Outputs)]
    return Outputs(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in fields)
    )


def _runtime(folder: Path, config: ModelConfig) -> Runtime:
    files = _fingerprints(folder, (ONNX_FILE,))
    return Runtime(folder, dataclasses.replace(config, files=files))


def _require_parity(
    expected: np.ndarray, found: np.ndarray, config: ModelConfig
) -> None:
    """Holds the int8 graph's logits (N, C) to Keras's."""
    pneumonia = config.classes_of(PNEUMONIA)
    error = np.abs(
        calibrate(found, 1.0)[:, pneumonia].sum(axis=1)
        - calibrate(expected, 1.0)[:, pneumonia].sum(axis=1)
    ).mean()
    if not error <= _INT8_TOLERANCE:
        raise ModelError(
            f"The int8 graph's probabilities are {error:.4f} from Keras's on average; "
            f"expected at most {_INT8_TOLERANCE}. Calibrate with more images."
        )


def _calibrated(
    config: ModelConfig, outputs: Outputs, labels: np.ndarray
) -> ModelConfig:
    """Fits temperature, thresholds and the heatmap's scale on the served graph."""
    sick = np.isin(labels, config.classes_of(PNEUMONIA))
    temperature = fit_temperature(outputs.logits, labels, equal_shares(sick))
    classes = calibrate(outputs.logits, temperature)
    thresholds = {}
    for finding in FINDINGS:
        members = config.classes_of(finding)
        has_it = np.isin(labels, members)
        thresholds[finding] = fit_threshold(
            classes[has_it][:, members].sum(axis=1), config.coverage
        )
    places = log_odds_map(
        outputs.logits_2d, config.classes_of(PNEUMONIA), config.classes_of(NORMAL)
    )
    return dataclasses.replace(
        config,
        temperature=temperature,
        thresholds=thresholds,
        # nearly every place keeps its own colour; a whole number reads well
        cam_limit=float(max(1, np.ceil(np.percentile(np.abs(places), 95)))),
    )


def _judge(
    config: ModelConfig,
    films: Sequence[Film],
    images: Sequence[np.ndarray],
    folder: Path,
) -> None:
    """Measures the folder as it is served, and writes the report and the card."""
    files = _fingerprints(folder, (WEIGHTS_FILE, ONNX_FILE, GATE_FILE))
    dataclasses.replace(config, files=files).save(folder)
    predictor = Predictor(ModelFolder(folder, config.name), threads=1)
    report = evaluate(predictor, films, images, about=_ABOUT)
    save_report(report, folder)
    write_card(config, report, folder)


def _fingerprints(folder: Path, names: Sequence[str]) -> dict[str, dict]:
    return {name: fingerprint((folder / name).read_bytes()) for name in names}
