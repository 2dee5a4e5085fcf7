"""All that the weights expect, as data beside the weights: `config.json`.

One reader for training and serving. No image size, class name or threshold is written
anywhere else.
"""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import DamagedError, ModelError

CONFIG_FILE = "config.json"
ONNX_FILE = "model.onnx"
WEIGHTS_FILE = "model.weights.h5"
CARD_FILE = "README.md"
LUNGS_FILE = "lungs.onnx"
GATE_FILE = "gate.json"
REPORT_FILE = "report.json"
BESIDE_THE_GRAPH = (GATE_FILE, LUNGS_FILE)  # served with it, where a model has them

# Nothing larger is fetched or read, whoever offers it. Ours has 3 kB, and Xception as
# float32 has 84 MB.
CONFIG_LIMIT = 1_000_000  # bytes of config.json
FILE_LIMIT = 500_000_000  # bytes of any other file

LFS_POINTER = b"version https://git-lfs.github.com/spec/"

NORMAL, PNEUMONIA = "NORMAL", "PNEUMONIA"
FINDINGS = (NORMAL, PNEUMONIA)


@dataclass(frozen=True)
class ModelConfig:
    """What a model folder promises about its weights.

    Attributes:
        name: what to call the model, for people.
        version: of the weights, `MAJOR.MINOR.PATCH`.
        class_names: the network's classes, in the order of its logits.
        findings: class name -> what is reported, `NORMAL` or `PNEUMONIA`.
        image_size: S, side of the square that the network sees, in pixels.
        value_range: what 0 and 255 of the image become.
        resize: how an image becomes a square; `stretch` ignores the aspect ratio.
        temperature: logits are divided by it before softmax; > 0.
        thresholds: finding -> the least calibrated probability at which the finding
            belongs to the conformal set; in [0, 1].
        coverage: of the conformal set, per finding, in (0, 1).
        prior: finding -> its share among the images that the probabilities assume;
            each above 0, summing to 1.
        cam_limit: log-odds at which the heatmap's colours saturate; > 0.
        agreement: the least agreement of the heatmap's places (`cam.agreement`) at
            which the model's figures hold; in [0, 1].
        known_answer: class name -> calibrated probability of the sample radiograph
            that ships with the package (`sample.py`); sums to 1.
        files: file name -> `sha256`, 64 hexadecimal digits, and `size` in bytes.
        dataset: what the model was trained on, for programs: `kermany-2018`, or empty
            for data that the package knows nothing of.
        provenance: where the weights come from; strings, numbers and lists, for people.
    """

    name: str
    version: str
    class_names: tuple[str, ...]
    findings: Mapping[str, str]
    image_size: int
    value_range: tuple[float, float]
    resize: str
    temperature: float
    thresholds: Mapping[str, float]
    coverage: float
    prior: Mapping[str, float]
    cam_limit: float
    agreement: float
    known_answer: Mapping[str, float]
    files: Mapping[str, Mapping[str, Any]]
    dataset: str
    provenance: Mapping[str, Any]

    def __post_init__(self):
        for problem in _problems(self):
            raise ModelError(f"{CONFIG_FILE}: {problem}")

    @classmethod
    def load(cls, folder: str | Path) -> "ModelConfig":
        """Reads `config.json` of a model folder.

        Raises:
            ModelError: it is missing or huge, or lacks, adds or misstates a key.
            DamagedError: it is no JSON.
        """
        try:
            content = _read(Path(folder) / CONFIG_FILE, CONFIG_LIMIT)
            require_no_pointer(CONFIG_FILE, content)
            values = json.loads(content.decode()) if content is not None else None
        except FileNotFoundError:
            raise ModelError(
                f"The model folder has no {CONFIG_FILE}. Expected {CONFIG_FILE}, "
                f"{ONNX_FILE} or {WEIGHTS_FILE}; name a folder made by "
                "`python -m pneumonia export`."
            ) from None
        # json answers brackets within brackets within ... with a RecursionError
        except (OSError, ValueError, RecursionError) as error:
            raise DamagedError(
                f"{CONFIG_FILE} cannot be read as JSON ({type(error).__name__}). "
                "Fetch or export the model again."
            ) from error
        if content is None:
            raise ModelError(
                f"{CONFIG_FILE} has more than {CONFIG_LIMIT:,} bytes, so it is not a "
                "model folder's. Name a folder made by `python -m pneumonia export`."
            )
        return cls.from_dict(values)

    @classmethod
    def from_dict(cls, values: Any) -> "ModelConfig":
        """Builds a config from parsed JSON; see `load` for its errors."""
        names = [field.name for field in dataclasses.fields(cls)]
        if not isinstance(values, dict):
            raise ModelError(f"{CONFIG_FILE}: expected an object with {names}.")
        missing = [name for name in names if name not in values]
        unknown = [name for name in values if name not in names]
        if missing or unknown:
            raise ModelError(
                f"{CONFIG_FILE}: missing keys {missing}, unknown keys {unknown}. This "
                "version of the package reads another layout; export the model again "
                "or install the version that made it."
            )
        tuples = {
            key: tuple(values[key]) if isinstance(values[key], list) else values[key]
            for key in ("class_names", "value_range")
        }
        return cls(**{**values, **tuples})

    def save(self, folder: str | Path) -> None:
        """Writes `config.json` into an existing folder."""
        text = json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False)
        (Path(folder) / CONFIG_FILE).write_text(text + "\n", encoding="utf-8")

    @property
    def digest(self) -> str:
        """A sha256 of all of it, which names the model's files by theirs."""
        text = json.dumps(dataclasses.asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def classes_of(self, finding: str) -> list[int]:
        """Indices of the network's classes that are reported as `finding`."""
        return [
            index
            for index, name in enumerate(self.class_names)
            if self.findings[name] == finding
        ]

    def verified(self, folder: str | Path, name: str) -> bytes:
        """Reads a file of the model folder and checks it against its size and sha256.

        Returns the bytes that were checked, so that nothing can change in between.

        Raises:
            ModelError: the file is missing or unlisted.
            DamagedError: it is truncated or altered.
        """
        if name not in self.files:
            raise ModelError(f"{CONFIG_FILE} lists no {name}; it has {[*self.files]}.")
        expected = self.files[name]
        try:
            content = _read(Path(folder) / name, expected["size"])
        except OSError as error:
            raise ModelError(
                f"{name} is listed in {CONFIG_FILE} but cannot be read "
                f"({type(error).__name__}). Fetch or export the model again."
            ) from error
        found = None if content is None else fingerprint(content)
        if found != expected:
            require_no_pointer(name, content)
            if _has_other_line_endings(Path(folder) / name, expected):
                raise DamagedError(
                    f"{name} has line endings of Windows, as Git makes them there, and "
                    "is not the file that was made. Clone again with `git clone -c "
                    "core.autocrlf=false`, or fetch the model again."
                )
            raise DamagedError(
                f"{name} is damaged or altered: expected {_tell(expected)}, found "
                f"{_tell(found)}. Fetch the model again."
            )
        return content


def require_no_pointer(name: str, content: bytes | None) -> None:
    """Refuses what a clone has in place of a large file where Git LFS is missing.

    Raises:
        ModelError: the content is a pointer of Git LFS.
    """
    if content is not None and content.startswith(LFS_POINTER):
        raise ModelError(
            f"{name} is a pointer of Git LFS, not the file itself. Install Git LFS, "
            "then run `git lfs pull` in the folder."
        )


def _has_other_line_endings(path: Path, expected: Mapping[str, Any]) -> bool:
    content = _read(path, 2 * expected["size"]) or b""
    return fingerprint(content.replace(b"\r\n", b"\n")) == expected


def fingerprint(content: bytes) -> dict[str, Any]:
    """What `config.json` says of a file: its `sha256` and its `size` in bytes."""
    return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


def _tell(found: Mapping[str, Any] | None) -> str:
    return f"{found['size']:,} bytes, sha256 {found['sha256']}" if found else "more"


def _read(path: Path, limit: int) -> bytes | None:
    """A file's content; None, and nothing held, if it has more bytes than the limit."""
    with open(path, "rb") as file:
        content = file.read(limit + 1)
    return content if len(content) <= limit else None


def _problems(config: ModelConfig):
    """Yields a sentence for each value that no honest model could have."""
    for name in ("name", "version", "resize", "dataset"):
        if not isinstance(getattr(config, name), str):
            yield f"{name} should be text, found {getattr(config, name)!r}."
    names = config.class_names
    if not (isinstance(names, tuple) and all(isinstance(n, str) for n in names)):
        yield f"class_names should be a list of names, found {names!r}."
        return
    if len(set(names)) != len(names) or len(names) < 2:
        yield f"class_names should be two or more different names, found {names!r}."
    for name in (
        "findings",
        "thresholds",
        "prior",
        "known_answer",
        "files",
        "provenance",
    ):
        if not isinstance(getattr(config, name), Mapping):
            yield f"{name} should be an object, found {getattr(config, name)!r}."
            return
    if set(config.findings) != set(names):
        yield f"findings should have the keys {names}, found {[*config.findings]}."
    if {str(value) for value in config.findings.values()} != set(FINDINGS):
        yield f"findings should map to both of {FINDINGS}, found {config.findings!r}."
    if type(config.image_size) is not int or not 32 <= config.image_size <= 2048:
        yield f"image_size should be 32 to 2048 pixels, found {config.image_size!r}."
    if config.resize != "stretch":
        yield f"resize should be 'stretch', found {config.resize!r}."
    limits = config.value_range
    if not (
        isinstance(limits, tuple)
        and len(limits) == 2
        and all(map(_is_number, limits))
        and limits[0] < limits[1]
    ):
        yield f"value_range should be [low, high], found {limits!r}."
    for name in ("temperature", "cam_limit"):
        value = getattr(config, name)
        if not _is_number(value) or not 0 < value < 1000:
            yield f"{name} should be a positive number, found {value!r}."
    if not _is_number(config.agreement) or not 0 <= config.agreement <= 1:
        yield f"agreement should be in [0, 1], found {config.agreement!r}."
    if not _is_number(config.coverage) or not 0 < config.coverage < 1:
        yield f"coverage should be between 0 and 1, found {config.coverage!r}."
    if set(config.thresholds) != set(FINDINGS) or not all(
        _is_number(value) and 0 <= value <= 1 for value in config.thresholds.values()
    ):
        yield f"thresholds should be {FINDINGS} in [0, 1], found {config.thresholds!r}."
    prior = config.prior
    is_whole = set(prior) == set(FINDINGS) and _are_probabilities(prior.values())
    if not (is_whole and all(prior.values())):
        yield f"prior should be {FINDINGS} above 0, summing to 1, found {prior!r}."
    answer = config.known_answer
    if set(answer) != set(names) or not _are_probabilities(answer.values()):
        yield f"known_answer should be {names}, summing to 1, found {answer!r}."
    for name, facts in config.files.items():
        if Path(name).name != name or not _is_fingerprint(facts):
            yield (
                "files should map plain names to a sha256 and a size of at most "
                f"{FILE_LIMIT:,} bytes, found {name!r}: {facts!r}."
            )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_probabilities(values: Iterable[Any]) -> bool:
    values = list(values)
    are_shares = all(_is_number(value) and 0 <= value <= 1 for value in values)
    return are_shares and abs(sum(values) - 1) < 1e-3


def _is_fingerprint(facts: Any) -> bool:
    if not isinstance(facts, Mapping) or set(facts) != {"sha256", "size"}:
        return False
    digest, size = facts["sha256"], facts["size"]
    return (
        isinstance(digest, str)
        and len(digest) == 64
        and set(digest) <= set("0123456789abcdef")
        and type(size) is int
        and 0 <= size <= FILE_LIMIT
    )
