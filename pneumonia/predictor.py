"""The product in one method: a radiograph in, an honest answer out (`Predictor`)."""

import functools
import operator
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from .config import GATE_FILE, LUNGS_FILE, NORMAL, PNEUMONIA, ModelConfig
from .errors import Message, OutOfScopeError, PneumoniaError, out_of_memory
from .hub import ModelFolder, resolve
from .imaging import Reading, Source, read_image
from .imaging.grayscale import count_shades
from .inference.calibration import UNCERTAIN, calibrate, verdict
from .inference.cam import agreement, log_odds_map, resize_map, share_outside
from .inference.gate import CORRECTIONS, REFUSALS, Gate
from .inference.known_answer import require_known_answer
from .inference.lungs import LungFinder, Lungs
from .inference.preprocessing import WHOLE, Crop, View, look_at
from .inference.runtime import Runtime

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Caveat:
    """A reason to doubt one answer.

    Attributes:
        code: for programs: `adult`, `unfamiliar`, `lungs_not_found` or
            `evidence_outside_lungs`.
        sentence: for people, an `errors.Message`.
    """

    code: str
    sentence: str


# Normal chests of 16 shades are answered as in all of theirs, of 8 nearly so; of 4, 3
# in 24 are called pneumonia. The radiograph with the fewest among 8,741 has 65.
_SHADES = 8
ADULT = Caveat(
    "adult",
    Message(
        "The file says that this is the X-ray of an adult, 18 years old or more. The "
        "model was made from children's X-rays and measured on them: what it says of "
        "an adult's does not hold."
    ),
)


UNFAMILIAR = Caveat(
    "unfamiliar",
    Message(
        "The evidence contradicts itself: nearly as much of this X-ray speaks against "
        "pneumonia as for it. At other hospitals, such answers were wrong at least "
        "twice as often as the rest."
    ),
)
LUNGS_NOT_FOUND = Caveat(
    "lungs_not_found",
    Message(
        "The two lungs could not be told from the rest of the X-ray, so the model "
        "looked at all of it, and may go by what lies around them."
    ),
)
EVIDENCE_OUTSIDE_LUNGS = Caveat(
    "evidence_outside_lungs",
    Message(
        "Most of what the model takes for pneumonia lies outside the lungs. Distrust "
        "this answer."
    ),
)
_MOST = 0.5  # of the evidence


@dataclass(frozen=True)
class Prediction:
    """What the model says of one source. Not for medical use.

    A refused image has `refusal` and its score, but no probabilities, verdict or map;
    an unreadable source in a batch has `error` and nothing else.

    Attributes:
        image: the radiograph as it was read, uint8 (H, W), 0 = black, 255 = white.
        probabilities: finding -> calibrated probability; in [0, 1], summing to 1, the
            likelier first.
        subtypes: class -> its share of the pneumonia, if it is pneumonia; sums to 1.
        verdict: `NORMAL` or `PNEUMONIA`, the likelier, where the other is excluded at
            the coverage of the model's conformal thresholds; else `UNCERTAIN`.
        cam_grid: class activation map as the network makes it, float32 (h, w): log-odds
            of pneumonia against normal; above 0 speaks for pneumonia.
        ood_score: out-of-distribution score: how unlike its own images it is; above 1
            it is refused. None: the model folder has no gate, or what a DICOM file says
            of itself refused it before.
        accepted: whether the image got an answer. None: the model folder has no gate,
            and whatever can be read is answered, a photograph of a cat too.
        unfamiliar: accepted, but unlike what the model was measured on: the verdict is
            `UNCERTAIN`, and a caveat says why.
        caveats: reasons to doubt this answer.
        lungs: where the lung finder sees the lungs; None: the model has no finder.
        crop: the part of the image that the network was shown, which `cam_grid` covers.
        refusal: why the image got no answer, a sentence.
        error: why the source could not be read, a sentence; from `Predictor.batch` an
            `errors.Message`.
    """

    image: np.ndarray | None = None
    probabilities: Mapping[str, float] | None = None
    subtypes: Mapping[str, float] | None = None
    verdict: str | None = None
    cam_grid: np.ndarray | None = None
    ood_score: float | None = None
    accepted: bool | None = None
    unfamiliar: bool = False
    caveats: tuple[Caveat, ...] = ()
    lungs: Lungs | None = None
    crop: Crop = WHOLE
    refusal: str | None = None
    error: str | None = None

    @functools.cached_property
    def cam(self) -> np.ndarray | None:
        """`cam_grid` on the image, float32 (H, W), NaN where the network did not look.

        Made when asked for.
        """
        if self.cam_grid is None:
            return None
        return resize_map(self.cam_grid, self.image.shape, self.crop)


class Predictor:
    """A model folder, ready to answer. Keeps no state: any thread may call it."""

    def __init__(self, folder: ModelFolder, threads: int = 0):
        """Loads the model.

        Args:
            folder: a local model folder, from `hub.resolve`.
            threads: processor threads per call; 0 = one per core.
        Raises:
            ModelError: the folder is missing, damaged or of the wrong shape, or does
                not answer the sample as its `config.json` says.
        """
        self.folder = folder
        self.config = ModelConfig.load(folder.path)
        self.runtime = Runtime(folder.path, self.config, threads)
        self.finder = self._load_finder(threads)
        self.gate = self._load_gate()
        require_known_answer(self.runtime, self.config, self.finder)

    def __call__(self, source: Source) -> Prediction:
        """Reads, runs and explains one radiograph.

        Args:
            source: path, bytes, binary file, PIL image, or array (H, W) or (H, W, 3).
        Raises:
            ImageError: the source cannot be read as one grayscale image, or takes more
                memory than there is.
        """
        try:
            return self._answer(source)
        except MemoryError as error:
            raise out_of_memory() from error

    def _answer(self, source: Source) -> Prediction:
        config = self.config
        reading = read_image(source)
        image = reading.image
        if refusal := _refused_by_header(reading):
            return Prediction(image=image, accepted=False, refusal=refusal)
        view = look_at(image, config, self.finder)
        outputs = self.runtime(view.inputs[None])
        score = None
        if self.gate:
            score, look = self.gate.judge(view, outputs.pre_logits[0], reading.colour)
            if look:
                return Prediction(
                    image=image,
                    ood_score=score,
                    accepted=False,
                    refusal=self._refusal(image, reading.colour, look),
                )

        if refusal := _refused_by_shades(image):
            return Prediction(
                image=image, ood_score=score, accepted=False, refusal=refusal
            )
        classes = calibrate(outputs.logits[0], config.temperature)
        probabilities = _by_finding(classes, config)
        cam_grid = log_odds_map(
            outputs.logits_2d[0],
            config.classes_of(PNEUMONIA),
            config.classes_of(NORMAL),
        )
        caveats = self._caveats(reading, view, probabilities, cam_grid)
        is_unfamiliar = any(caveat in (ADULT, UNFAMILIAR) for caveat in caveats)
        return Prediction(
            image=image,
            probabilities=probabilities,
            subtypes=_within(PNEUMONIA, classes, config),
            verdict=UNCERTAIN
            if is_unfamiliar
            else verdict(probabilities, config.thresholds),
            cam_grid=cam_grid,
            ood_score=score,
            accepted=True if self.gate else None,
            unfamiliar=is_unfamiliar,
            caveats=caveats,
            lungs=view.lungs,
            crop=view.crop,
        )

    def batch(
        self, sources: Iterable[Source], workers: int = 1
    ) -> Iterator[Prediction]:
        """One prediction per source, in order; an unreadable one carries its error.

        Args:
            sources: each is taken when it is its turn. With more workers, a few are
                taken ahead, and files must stay as they are until their answer.
            workers: paths and bytes that are answered at once, each in a thread of its
                own and with the memory of its own image. One more than there are cores
                is fastest.
        """
        if workers == 1:
            return map(self._try, sources)
        jobs = map(self._job, sources)
        return in_order(operator.call, jobs, workers, ahead=workers + 1)

    def _job(self, source: Source) -> Callable[[], Prediction]:
        """Gives a prediction when called; made already, where the source may change."""
        if isinstance(source, str | os.PathLike | bytes):
            return functools.partial(self._try, source)
        prediction = self._try(source)
        return lambda: prediction

    def _try(self, source: Source) -> Prediction:
        """The prediction of a source, or why there is none."""
        try:
            return self(source)
        except PneumoniaError as error:
            return Prediction(error=error.message)

    def _caveats(
        self,
        reading: Reading,
        view: View,
        probabilities: Mapping[str, float],
        cam_grid: np.ndarray,
    ) -> tuple[Caveat, ...]:
        """All reasons to doubt an answer, the gravest first."""
        found = view.lungs is None or view.lungs.found
        outside = (
            view.lungs is not None
            and view.lungs.found
            and probabilities[PNEUMONIA] > probabilities[NORMAL]
            and share_outside(cam_grid, view.lungs.mask, view.crop) > _MOST
        )
        reasons = {
            ADULT: reading.is_adult,
            UNFAMILIAR: agreement(cam_grid) < self.config.agreement,
            LUNGS_NOT_FOUND: not found,
            EVIDENCE_OUTSIDE_LUNGS: outside,
        }
        return tuple(caveat for caveat, holds in reasons.items() if holds)

    def _refusal(self, image: np.ndarray, colour: float, look: str) -> str:
        """The sentence for a refused image; see `Gate.judge` for its `look`."""
        if look in CORRECTIONS:
            view = look_at(CORRECTIONS[look](image), self.config, self.finder)
            pre_logits = self.runtime(view.inputs[None]).pre_logits[0]
            _, refused = self.gate.judge(view, pre_logits, colour)
            look = "other" if refused else look
        return REFUSALS[look]

    def _load_finder(self, threads: int) -> LungFinder | None:
        """The folder's lung finder; None: the network sees whole images."""
        if LUNGS_FILE not in self.config.files:
            return None
        content = self.config.verified(self.folder.path, LUNGS_FILE)
        return LungFinder(content, threads)

    def _load_gate(self) -> Gate | None:
        """The folder's gate; None where it has none, as with others' Keras weights."""
        if GATE_FILE not in self.config.files:
            return None
        content = self.config.verified(self.folder.path, GATE_FILE)
        return Gate.from_bytes(content, self.runtime.features)


def _refused_by_header(reading: Reading) -> Message | None:
    """Why there is no answer, where a DICOM file itself says so."""
    if reading.is_other_part:
        return Message(
            "Expected a frontal chest X-ray; the file says that it shows another part "
            "of the body. If the file is wrong, export the X-ray as PNG and give that."
        )
    if reading.is_other_view:
        return Message(
            "Expected a frontal chest X-ray; the file says that it is lateral, oblique "
            "or taken lying on the side. Give the frontal one; if the file is wrong, "
            "export the X-ray as PNG and give that."
        )
    return None


def _refused_by_shades(image: np.ndarray) -> Message | None:
    """Why there is no answer to black and white: the gate knows the shapes of a chest
    in it, but the network reads pneumonia into the coarse spots of a normal one."""
    shades = count_shades(image)
    if shades >= _SHADES:
        return None
    return Message(
        "Expected a chest X-ray in shades of gray, found {found} shades in all. Export "
        "it in gray, of 8 bits or more.",
        found=shades,
    )


def _by_finding(classes: np.ndarray, config: ModelConfig) -> dict[str, float]:
    """Adds up the classes, float (C,), that are reported as one finding."""
    sums = {
        finding: float(classes[config.classes_of(finding)].sum())
        for finding in (PNEUMONIA, NORMAL)
    }
    return dict(sorted(sums.items(), key=lambda item: -item[1]))


def _within(finding: str, classes: np.ndarray, config: ModelConfig) -> dict[str, float]:
    """Shares of the classes within one finding; none where it is one class."""
    indices = config.classes_of(finding)
    if len(indices) < 2:
        return {}
    # a floor, since a very sure NORMAL leaves 0 / 0 here
    shares = classes[indices] + np.finfo(np.float64).tiny
    shares = shares / shares.sum()
    return {
        config.class_names[index]: float(share)
        for index, share in zip(indices, shares, strict=True)
    }


def load_predictor(
    model: str | os.PathLike | None = None, threads: int = 0
) -> Predictor:
    """Loads a model once; keep the result and call it.

    Args:
        model: a Hub repository `owner/name` or `owner/name@revision`, or a model
            folder. None: the environment variable `PNEUMONIA_MODEL`, else the
            bundled model.
        threads: processor threads per call; 0 = one per core.
    Raises:
        ModelError: the model cannot be found, fetched, verified or loaded.
    """
    return Predictor(resolve(model), threads)


def predict(image: Source) -> dict[str, float]:
    """Probabilities of the default model: `{"PNEUMONIA": 0.97, "NORMAL": 0.03}`.

    The model is loaded at the first call and kept. Not for medical use.

    Raises:
        ImageError: the image cannot be read.
        OutOfScopeError: it is not a frontal chest radiograph.
        ModelError: the model cannot be loaded.
    """
    with _loading:  # two first calls at once load one model
        predictor = _default_predictor()
    prediction = predictor(image)
    if prediction.refusal:
        raise OutOfScopeError(prediction.refusal)
    return dict(prediction.probabilities)


_loading = threading.Lock()
_default_predictor = functools.cache(load_predictor)


def in_order(
    work: Callable[[_Item], _Result], items: Iterable[_Item], workers: int, ahead: int
) -> Iterator[_Result]:
    """`map(work, items)` by several threads, a little ahead of who takes the results.

    Args:
        work: called in a thread of its own; what it raises is raised here, in its turn.
        items: taken in the caller's thread; what they raise ends all at once.
        workers: items at once.
        ahead: items that are begun at most before their results are taken.
    """
    jobs: deque[Future[_Result]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                jobs.append(_submitted(pool, work, item))
                if len(jobs) >= ahead:
                    yield jobs.popleft().result()
            while jobs:
                yield jobs.popleft().result()
        finally:  # who stops listening waits for what runs, not for what does not
            for job in jobs:
                job.cancel()


def _submitted(pool, work, item):
    try:
        return pool.submit(work, item)
    except RuntimeError as error:  # Python's word for a system that gives no thread
        raise MemoryError(str(error)) from error
