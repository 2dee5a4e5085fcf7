"""What the calibration is fitted on: images as they are, changed, and of others.

Fitted on the training archive's validation images alone, temperature and thresholds
promise what holds nowhere else. So three kinds of images weigh the same: the archive's
as they are, the same ones changed, and other hospitals'. What is reported of the fit is
cross-fitted: each part of the patients is judged by what the others give.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..config import FINDINGS, NORMAL, PNEUMONIA, ModelConfig
from ..dataset import FOLDS, OTHER, Elsewhere, Radiograph, class_among, fold_of
from ..evaluation.shift import AS_IT_IS, CHANGES, SIDE, changed
from ..inference.calibration import UNCERTAIN, calibrate, verdict
from ..inference.preprocessing import to_square
from .fit_calibration import fit_temperature, fit_threshold

CHANGED = "changed"
_CHANGES_EACH = 6  # of the images, drawn for each
_COVERAGE_ELSEWHERE = 0.9  # of conformal sets, for each finding of each other source
_FEWEST = 20  # images of a finding; fewer set no threshold


@dataclass(frozen=True)
class Group:
    """Images of one kind; arrays of length N.

    Attributes:
        name: `as it is`, `changed`, or the source of the images.
        squares: uint8 (S, S) each, what is shown to the model.
        allowed: bool (N, C), the classes that each may be.
        positive: bool (N,), which show pneumonia.
        fold: int (N,), the part of the patients that each is in.
        logits: float (N, C), once a network has answered.
    """

    name: str
    squares: Sequence[np.ndarray]
    allowed: np.ndarray
    positive: np.ndarray
    fold: np.ndarray
    logits: np.ndarray | None = None

    @property
    def is_archive(self) -> bool:
        """Of the training archive, whose promise is the stronger one."""
        return self.name in (AS_IT_IS, CHANGED)

    def answered(self, logits: np.ndarray) -> "Group":
        """The same with logits."""
        return dataclasses.replace(self, logits=logits)

    def where(self, mask: np.ndarray) -> "Group":
        """The images of a mask, bool (N,), without their pixels."""
        logits = None if self.logits is None else self.logits[mask]
        return Group(
            self.name,
            (),
            self.allowed[mask],
            self.positive[mask],
            self.fold[mask],
            logits,
        )


def fitting_groups(
    radiographs: Sequence[Radiograph],
    images: Sequence[np.ndarray],
    judges: Sequence[Elsewhere],
    judged: Sequence[np.ndarray],
    config: ModelConfig,
) -> list[Group]:
    """Makes the groups; each changed image is changed in six ways of `shift.CHANGES`.

    Args:
        radiographs: held-out images of the archive, with their classes and patients.
        images: uint8 (H, W), of the same.
        judges: images of other hospitals that nothing is learnt from.
        judged: uint8 (H, W), of the same.
        config: gives the classes.
    """
    names = np.array(config.class_names)
    label = np.array([class_among(one, config.class_names) for one in radiographs])
    positive = np.array([one.finding == PNEUMONIA for one in radiographs])
    fold = np.array([fold_of(one.patient) for one in radiographs])
    squares = [to_square(image, SIDE) for image in images]
    allowed = label[:, None] == names
    as_it_is = Group(AS_IT_IS, squares, allowed, positive, fold)
    random = np.random.default_rng(0)
    drawn = np.argsort(random.random((len(radiographs), len(CHANGES) - 1)), axis=1)
    again = []
    for index, (name, change) in enumerate(CHANGES.items()):
        if name == AS_IT_IS:
            continue
        has_it = (drawn[:, :_CHANGES_EACH] == index - 1).any(axis=1)
        copies = changed(squares, positive, change)
        again += [(i, copies[i]) for i in np.flatnonzero(has_it)]
    places = np.array([place for place, _ in again], int)
    groups = [
        as_it_is,
        Group(
            CHANGED,
            [copy for _, copy in again],
            allowed[places],
            positive[places],
            fold[places],
        ),
    ]
    findings = np.array([config.findings[name] for name in config.class_names])
    source = np.array([image.source for image in judges])
    finding = np.array([image.finding for image in judges])
    for name in np.unique(source):
        members = np.flatnonzero((source == name) & (finding != OTHER))
        if len(members):
            groups.append(
                Group(
                    str(name),
                    [to_square(judged[i], SIDE) for i in members],
                    finding[members][:, None] == findings,
                    finding[members] == PNEUMONIA,
                    np.array([fold_of(judges[i].patient) for i in members]),
                )
            )
    return groups


def answer_all(
    groups: Iterable[Group], logits: Callable[[Sequence[np.ndarray]], np.ndarray]
) -> list[Group]:
    """Has a network answer every group."""
    return [group.answered(logits(group.squares)) for group in groups]


def pooled(
    groups: Sequence[Group],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logits (N, C), allowed classes (N, C) and weights (N,) of all groups.

    For each finding the three kinds weigh the same, and within the third each source.
    """
    weights = [np.zeros(len(group.positive)) for group in groups]
    others = [group for group in groups if not group.is_archive]
    for finding in (False, True):
        sources = sum((group.positive == finding).any() for group in others)
        for group, weight in zip(groups, weights, strict=True):
            members = group.positive == finding
            share = 1.0 if group.is_archive else 1 / max(sources, 1)
            weight[members] = share / max(members.sum(), 1)
    return (
        np.concatenate([group.logits for group in groups]),
        np.concatenate([group.allowed for group in groups]),
        np.concatenate(weights),
    )


def fit(groups: Sequence[Group], config: ModelConfig) -> ModelConfig:
    """Temperature and thresholds by all groups.

    A finding's threshold is the lowest that any group asks for: the config's coverage
    of the archive's two groups, 90 % of each other source with enough such images.
    """
    temperature = fit_temperature(*pooled(groups))
    thresholds = {}
    for finding in FINDINGS:
        asked = []
        for group in groups:
            members = group.positive == (finding == PNEUMONIA)
            if not group.is_archive and members.sum() < _FEWEST:
                continue
            scores = _scores(group, temperature, config)
            scores = scores if finding == PNEUMONIA else 1 - scores
            coverage = config.coverage if group.is_archive else _COVERAGE_ELSEWHERE
            asked.append(fit_threshold(scores[members], coverage))
        thresholds[finding] = min(asked)
    return dataclasses.replace(config, temperature=temperature, thresholds=thresholds)


def cross_fitted(
    groups: Sequence[Group], config: ModelConfig
) -> dict[str, Mapping[str, float]]:
    """What the verdicts of each group are, by thresholds that others' patients gave.

    Returns:
        For each group and finding: `images`; `covered`, the share of verdicts that are
        right or UNCERTAIN; `uncertain`.
    """
    verdicts = [np.empty(len(group.positive), object) for group in groups]
    for fold in range(FOLDS):
        fitted = fit([group.where(group.fold != fold) for group in groups], config)
        for group, found in zip(groups, verdicts, strict=True):
            mask = group.fold == fold
            scores = _scores(group.where(mask), fitted.temperature, config)
            found[mask] = [
                verdict({PNEUMONIA: score, NORMAL: 1 - score}, fitted.thresholds)
                for score in scores
            ]
    report = {}
    for group, found in zip(groups, verdicts, strict=True):
        for finding in FINDINGS:
            members = group.positive == (finding == PNEUMONIA)
            if members.any():
                unsure = found[members] == UNCERTAIN
                report[f"{group.name}, {finding}"] = {
                    "images": int(members.sum()),
                    "covered": float((unsure | (found[members] == finding)).mean()),
                    "uncertain": float(unsure.mean()),
                }
    return report


def _scores(group: Group, temperature: float, config: ModelConfig) -> np.ndarray:
    """Calibrated P(PNEUMONIA), float (N,)."""
    classes = calibrate(group.logits, temperature)
    return classes[:, config.classes_of(PNEUMONIA)].sum(axis=1)
