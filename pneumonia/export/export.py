"""Keras -> model folder: weights, compiled graph, `config.json`, model card.

`python -m pneumonia export` is its command line. Nothing is written under the final
name before the compiled graph has answered like Keras on the validation radiographs.
"""

import dataclasses
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import keras
import numpy as np

from ..config import (
    CARD_FILE,
    GATE_FILE,
    LUNGS_FILE,
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
    Elsewhere,
    Radiograph,
    are_kermany,
    class_among,
    hold_out,
    labels_of,
    read_dataset,
    read_elsewhere,
    read_names,
    read_what_can_be,
    require_classes,
)
from ..errors import ModelError
from ..evaluation.elsewhere import judge_elsewhere
from ..evaluation.evaluate import evaluate
from ..evaluation.model_card import write_card
from ..evaluation.report import REPORT_FILE, plain, save_report
from ..hub import ModelFolder
from ..inference.calibration import calibrate
from ..inference.cam import agreement, log_odds_map
from ..inference.known_answer import answer
from ..inference.lungs import LungFinder
from ..inference.preprocessing import preprocess
from ..inference.runtime import Outputs, Runtime
from ..predictor import Predictor
from ..training.model import build_model, kermany_config, load_mean, save_weights
from ..training.run import read_about
from .fit_calibration import fit_head
from .fit_gate import gate_of
from .groups import (
    Group,
    answer_all,
    cross_fitted,
    fit,
    fitting_groups,
    pooled,
)
from .keras_to_onnx import export_onnx
from .keras_weights import load, look, require_alike, with_likeliest_range

_BALANCED = (
    "scaled and shifted on the same X-rays, as they are and changed; "
    "normal and pneumonia weigh the same"
)
_ABOUT = (
    "X-rays of patients that the network never saw. Scale and bias of its head, "
    "temperature, thresholds, heatmap scale and the gate's limit were fitted on the "
    "same X-rays, and the runs of training were compared on them, which flatters "
    "every figure a little."
)
_SERVED = (WEIGHTS_FILE, ONNX_FILE, GATE_FILE, LUNGS_FILE)
_PER_CLASS = 20  # that set the ranges of the int8 graph
_FOR_GATE = 1000  # that teach the gate what radiographs look like
_LEAST_TO_BALANCE = 20  # held-out radiographs of each class; fewer fit any scale
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
    elsewhere: str | Path | None = None,
) -> ModelConfig:
    """Makes a model folder from files; see `export` for what it does and raises.

    Args:
        weights: `.npz` or `.weights.h5` of the network, or people's own of a network
            of two classes (`keras_weights`); of several, the mean. The `lungs.onnx`
            beside the first is the finder that the network was trained with; where
            there is none, it was trained on whole images.
        data: labelled radiographs; see `dataset.read_dataset`.
        validation: text file, names of the radiographs whose patients were held out.
        folder: to create.
        name, version: for `config.json`.
        image_size: S; None: what the run beside the weights was trained for, or what
            the weights' file says, or 224.
        provenance: a sentence on where the weights come from; the recipe of the run
            beside the first is told in any case.
        source: whose radiographs these are, and their licence; needed for the card,
            which knows the Kermany 2018 data by its file names.
        elsewhere: CSV file of X-rays of other hospitals; see `read_elsewhere`. Those to
            learn from teach the gate; those that judge set the calibration, too.
    """
    _require_free(Path(folder))  # before minutes of work
    given = require_alike([look(path) for path in weights])
    class_names = given.class_names
    radiographs = read_dataset(data).radiographs
    names = read_names(validation)
    others, held_out = hold_out(radiographs, names, class_names)
    about = read_about(Path(weights[0]).parent) if given.is_ours else {}
    trained_size = about.pop("image size", given.image_size or 224)
    samples = [
        one
        for class_name in class_names
        for one in _spread(
            [one for one in others if class_among(one, class_names) == class_name],
            _PER_CLASS,
        )
    ]
    held_out, unseen = read_what_can_be(held_out)
    require_classes(held_out, "to calibrate on", class_names)
    labels = labels_of(held_out, class_names)
    samples, ranges = read_what_can_be(samples)
    looks, views = read_what_can_be(_spread(others, _FOR_GATE))
    external = read_elsewhere(elsewhere) if elsewhere else []
    learnt, lent = read_what_can_be([one for one in external if one.side == "learn"])
    judges, judged = read_what_can_be([one for one in external if one.side == "judge"])
    is_enough = np.bincount(labels).min() >= _LEAST_TO_BALANCE
    is_kermany = are_kermany(radiographs)
    are_normal = [one.class_name == NORMAL for one in held_out]
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
            "calibrated on": f"{len(held_out)} X-rays of held-out patients",
            "head": _BALANCED if is_enough else "as it was trained",
            "quantised with": f"{len(samples)} training X-rays",
            "gate fitted on": f"{len(looks)} training radiographs"
            + (f" and {len(learnt)} of other hospitals" if learnt else ""),
        },
    )
    model = build_model(class_names, config.image_size)
    if given.is_ours:
        load_mean(model, weights)
    else:
        load_mean(model, weights, load)
        config = with_likeliest_range(model, config, unseen, labels)
    lungs = Path(weights[0]).with_name(LUNGS_FILE)
    return export(
        model,
        config,
        training=ranges,
        looks=views + lent,
        validation=unseen,
        radiographs=held_out,
        folder=Path(folder),
        names=names if is_kermany else (),  # others' may name patients
        lungs=lungs if lungs.exists() else None,
        judges=judges,
        judged=judged,
        balanced=is_enough,
    )


def balance(model: keras.Model, config: ModelConfig, groups: Sequence[Group]) -> None:
    """Puts the head's weights right, by images of patients that it never saw.

    The recipe shows the classes equally often, and strongly changed, so the network is
    too unsure of the finding, and what it expects of an image is nobody's share.
    Neither is the archive's, three quarters pneumonia, a share of patients: here normal
    and pneumonia weigh the same, and so do images as they are and as another machine
    or frame might show them. Other hospitals' adults do not move the operating point,
    which is the children's.

    Args:
        model: from `build_model`; kernel and bias of its last layer are changed.
        config: of the model.
        groups: answered; see `fitting_groups`.
    """
    findings = np.isin(np.arange(len(config.class_names)), config.classes_of(PNEUMONIA))
    logits, allowed, weights = pooled([group for group in groups if group.is_archive])
    matrix, bias = fit_head(logits, allowed, findings, weights)
    head = model.get_layer("predictions")
    head.kernel.assign(keras.ops.convert_to_numpy(head.kernel) @ matrix)
    head.bias.assign(keras.ops.convert_to_numpy(head.bias) @ matrix + bias)


def _spread(radiographs: Sequence[Radiograph], count: int) -> Sequence[Radiograph]:
    """That many radiographs, from all over a sorted list."""
    count = min(count, len(radiographs))
    return [radiographs[index * len(radiographs) // count] for index in range(count)]


def export(
    model: keras.Model,
    config: ModelConfig,
    training: Sequence[np.ndarray],
    looks: Sequence[np.ndarray],
    validation: Sequence[np.ndarray],
    radiographs: Sequence[Radiograph],
    folder: Path,
    names: Sequence[str] = (),
    lungs: str | Path | None = None,
    judges: Sequence[Elsewhere] = (),
    judged: Sequence[np.ndarray] = (),
    balanced: bool = False,
) -> ModelConfig:
    """Writes a model folder and returns its config.

    Args:
        model: from `build_model`, with its final weights.
        config: from `draft_config`.
        training: images, uint8 (H, W), that set the ranges of the int8 graph.
        looks: images of training radiographs, more of them, that the gate learns from.
        validation: images of patients that the network never saw, which fit the
            temperature, the thresholds, the scale of the heatmap and the gate's limit,
            and give the card its figures.
        radiographs: labels and patients of the validation images, in the same order.
        folder: to create; must not exist or be empty.
        names: of the validation radiographs, to be published, so that whoever trains on
            from these weights can hold them out again.
        lungs: `lungs.onnx` of a finder; None: the network sees whole images.
        judges: X-rays of other hospitals that the network did not learn from; they join
            the validation images in the calibration, and have a section of the report.
        judged: uint8 (H, W), of the same.
        balanced: let the validation images put the head right; see `balance`.
    Raises:
        ModelError: the compiled graph does not answer like Keras, or the folder is
            in use.
    """
    _require_free(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    groups = fitting_groups(radiographs, validation, judges, judged, config)
    with tempfile.TemporaryDirectory(dir=folder.parent) as parent:
        draft = Path(parent) / folder.name
        draft.mkdir()
        finder = None
        if lungs:
            shutil.copyfile(lungs, draft / LUNGS_FILE)
            finder = LungFinder.of(lungs)

        def by_keras(inputs: np.ndarray) -> np.ndarray:
            return model.predict(inputs, batch_size=16, verbose=0)["logits"]

        if balanced:
            answered = answer_all(groups, partial(_logits, by_keras, config, finder))
            balance(model, config, answered)
        save_weights(model, draft / WEIGHTS_FILE)
        inputs = _inputs(config, finder, validation)
        reference = by_keras(inputs)
        samples = _inputs(config, finder, training)
        _write_graphs(model, config, samples, inputs, reference, draft)
        runtime = _runtime(draft, config)
        outputs = _run(runtime, inputs)
        _require_parity(reference, outputs.logits, config)

        def as_served(inputs: np.ndarray) -> np.ndarray:
            return _run(runtime, inputs).logits

        answered = answer_all(groups, partial(_logits, as_served, config, finder))
        config = fit(answered, config)
        cam_grids = log_odds_map(
            outputs.logits_2d, config.classes_of(PNEUMONIA), config.classes_of(NORMAL)
        )
        config = dataclasses.replace(
            config, cam_limit=_cam_limit(cam_grids), agreement=_agreement(cam_grids)
        )
        known = answer(runtime, config, finder)
        config = dataclasses.replace(config, known_answer=known)
        gate = gate_of(runtime, config, finder, looks, validation, judged)
        (draft / GATE_FILE).write_bytes(gate.to_bytes())
        found = cross_fitted(answered, config)
        _judge(config, radiographs, validation, draft, found, judges, judged)
        files = [WEIGHTS_FILE, ONNX_FILE, GATE_FILE, CARD_FILE, REPORT_FILE]
        if lungs:
            files.append(LUNGS_FILE)
        if names:
            (draft / VALIDATION_FILE).write_text("".join(f"{name}\n" for name in names))
            files.append(VALIDATION_FILE)
        config = dataclasses.replace(config, files=_fingerprints(draft, files))
        config.save(draft)
        if folder.exists():
            folder.rmdir()
        draft.rename(folder)
    return config


def _inputs(
    config: ModelConfig, finder: LungFinder | None, images: Iterable[np.ndarray]
) -> np.ndarray:
    """float32 (N, S, S, 3), as served."""
    return np.stack([preprocess(image, config, finder) for image in images])


def _logits(
    run: Callable[[np.ndarray], np.ndarray],
    config: ModelConfig,
    finder: LungFinder | None,
    images: Sequence[np.ndarray],
) -> np.ndarray:
    """float32 (N, C), a few hundred images at a time: all would not fit into memory."""
    parts = (images[start : start + 256] for start in range(0, len(images), 256))
    return np.concatenate([run(_inputs(config, finder, part)) for part in parts])


def _require_free(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise ModelError(f"{folder.name} is not empty. Name a new folder.")


def _write_graphs(model, config, samples, inputs, logits, folder: Path) -> None:
    """Writes the int8 graph, by way of a float32 one that must equal Keras."""
    from .quantize import quantize

    with tempfile.TemporaryDirectory() as scratch:
        export_onnx(model, Path(scratch) / ONNX_FILE)
        found = _run(_runtime(Path(scratch), config), inputs).logits
        difference = np.abs(found - logits).max()
        if not difference <= _FLOAT_TOLERANCE:
            raise ModelError(
                f"The float32 graph's logits are up to {difference:.2g} from Keras's; "
                f"expected at most {_FLOAT_TOLERANCE}. Nothing was exported."
            )
        quantize(Path(scratch) / ONNX_FILE, samples, folder / ONNX_FILE)


def _run(runtime: Runtime, inputs: np.ndarray) -> Outputs:
    """Runs a graph on inputs, float32 (N, S, S, 3), eight at a time."""
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


def _cam_limit(cam_grids: np.ndarray) -> float:
    """Log-odds that nearly every place stays below; a whole number reads well."""
    return float(max(1, np.ceil(np.percentile(np.abs(cam_grids), 95))))


def _agreement(cam_grids: np.ndarray) -> float:
    """The agreement that 1 in 20 maps, float (N, h, w), stay below, or fewer."""
    return float(np.quantile([*map(agreement, cam_grids)], 0.05, method="lower"))


def _judge(
    config: ModelConfig,
    radiographs: Sequence[Radiograph],
    images: Sequence[np.ndarray],
    folder: Path,
    calibration: Mapping[str, Mapping[str, float]],
    judges: Sequence[Elsewhere],
    judged: Sequence[np.ndarray],
) -> None:
    """Measures the folder as it is served, and writes the report and the card."""
    present = [name for name in _SERVED if (folder / name).exists()]
    files = _fingerprints(folder, present)
    dataclasses.replace(config, files=files).save(folder)
    predictor = Predictor(ModelFolder(folder, config.name), threads=1)
    report = evaluate(predictor, radiographs, images, about=_ABOUT)
    report["cross-fitted"] = calibration
    if judges:
        report |= plain(judge_elsewhere(predictor, judges, judged))
    save_report(report, folder)
    write_card(predictor.config, report, folder)


def _fingerprints(folder: Path, names: Sequence[str]) -> dict[str, dict]:
    return {name: fingerprint((folder / name).read_bytes()) for name in names}
