"""Folders or a list of files -> labelled radiographs, and what was left out.

Nothing is left out without a word: a folder of no known class, one that cannot be
listed, a copy, an image of which two classes are said.
"""

import os
import stat
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..config import NORMAL, PNEUMONIA
from ..errors import PneumoniaError
from ..imaging.files import as_text, is_meant_as_image, walk
from .manifest import LISTS, read_manifest
from .radiograph import (
    CLASS_NAMES,
    LABELS,
    NORMAL_NAME,
    PNEUMONIA_NAME,
    Radiograph,
    class_of,
    content_of,
)

_PATHOGENS = {"bacteria": "BACTERIAL", "virus": "VIRAL"}
_EXPECTED = f"Name a folder with {NORMAL} and {PNEUMONIA} in it, or a list of files."
_SHOWN = 20  # lines about what was left out; the rest is counted


@dataclass(frozen=True)
class LeftOut:
    """What of a data set is not among its radiographs.

    Attributes:
        place: a folder within the data set, a file or a line.
        reason: why, the rest of a sentence.
        images: how many; None: not known, since the place cannot be listed.
    """

    place: str
    reason: str
    images: int | None


@dataclass(frozen=True)
class Dataset:
    """What `read_dataset` found.

    Attributes:
        name: of the folder or list.
        radiographs: sorted by file name.
        left_out: the rest.
        is_whole: whether every folder and file could be opened.
    """

    name: str
    radiographs: list[Radiograph]
    left_out: list[LeftOut]
    is_whole: bool

    def table(self) -> str:
        """What was read and what was left out, a line each, for people."""
        counts = Counter(one.class_name for one in self.radiographs)
        lines = [("images", "", self.name)]
        lines += [(f"{counts[name]:,}", name, "") for name in LABELS if counts[name]]
        for left in self.left_out[:_SHOWN]:
            count = "?" if left.images is None else f"{left.images:,}"
            lines.append((count, "left out", f"{as_text(left.place)}: {left.reason}"))
        if more := self.left_out[_SHOWN:]:
            count = sum(left.images or 0 for left in more)
            lines.append((f"{count:,}", "left out", f"in {len(more):,} more places"))
        return "\n".join(f"{a:>8}  {b:<10} {c}".rstrip() for a, b, c in lines)


def read_dataset(source: str | Path | Dataset, skip_unknown: bool = False) -> Dataset:
    """Lists the radiographs of a data set.

    Args:
        source: one of
            the Kermany 2018 folder, from Mendeley or Kaggle, where class and patient
            are in the file names: `IM-0115-0001`, `NORMAL2-IM-0383-0001`,
            `person1_bacteria_2`, `person3_virus_15`. Numbering restarts for each prefix
            and pathogen, so both belong to the patient's key;
            any folder with sub-folders named after classes (`class_of`), where each
            file counts as a patient of its own, and the folder is believed where a
            file's name says something else; files are found as `imaging.files.walk`
            does, by their bytes where their names say nothing;
            a list, see `read_manifest`;
            or what this gave before, which is given back.
        skip_unknown: go on without the images that are in folders of no known class.
    Raises:
        PneumoniaError: it cannot be read, has no radiograph, or has images of no known
            class.
    """
    if isinstance(source, Dataset):
        return source
    source, left_out = Path(source), []
    is_folder = _is_folder(source)
    if is_folder:
        radiographs, unknown, closed = _read_folder(source)
        left_out += closed
        if unknown and not skip_unknown:
            raise _unknown_classes(source, unknown)
        left_out += unknown
    else:
        radiographs = read_manifest(source)
    radiographs, copies = _once(radiographs, source if is_folder else source.parent)
    left_out += copies
    if not radiographs:
        reasons = "".join(f" {left.place}: {left.reason}." for left in left_out[:3])
        raise PneumoniaError(
            f"{source.name} holds no X-ray that can be used.{reasons} Expected "
            f"sub-folders {NORMAL} and {PNEUMONIA} (or {', '.join(CLASS_NAMES[1:])}) "
            "with image files."
        )
    return Dataset(
        source.resolve().name,
        sorted(radiographs, key=lambda one: (one.path.name, one.path)),
        left_out,
        is_whole=all(left.images is not None for left in left_out)
        and all(os.access(one.path, os.R_OK) for one in radiographs),
    )


def _is_folder(source: Path) -> bool:
    try:
        status = source.stat()
    except OSError as error:
        raise PneumoniaError(
            f"{source.name} cannot be opened: {error.strerror}. {_EXPECTED}"
        ) from error
    is_folder = stat.S_ISDIR(status.st_mode)
    if not is_folder and source.suffix.lower() not in LISTS:
        raise PneumoniaError(
            f"{source.name} is no folder and no {' or '.join(LISTS)} file. {_EXPECTED}"
        )
    return is_folder


def read_radiographs(
    source: str | Path, skip_unknown: bool = False
) -> list[Radiograph]:
    """The radiographs of `read_dataset`; tells stderr what was left out."""
    dataset = read_dataset(source, skip_unknown)
    if dataset.left_out:
        print(dataset.table(), file=sys.stderr)
    return dataset.radiographs


def _read_folder(root: Path) -> tuple[list[Radiograph], list[LeftOut], list[LeftOut]]:
    """Radiographs; folders of no known class; places that cannot be listed."""
    radiographs, unknown, closed = [], Counter(), []
    for file in walk(str(root), rank=lambda name: class_of(name) is None):
        path = Path(file.path)
        if file.problem:
            reason = f"cannot be opened: {file.problem}"
            closed.append(LeftOut(_inside(path, root), reason, None))
        elif is_meant_as_image(file):
            if radiograph := _radiograph(path, root):
                radiographs.append(radiograph)
            else:
                unknown[_inside(path.parent, root)] += 1
    left_out = [
        LeftOut(folder, "no known class", count) for folder, count in unknown.items()
    ]
    return radiographs, left_out, closed


def _unknown_classes(source: Path, unknown: list[LeftOut]) -> PneumoniaError:
    found = [
        f"{'the folder itself' if left.place == '.' else repr(as_text(left.place))} "
        f"({left.images:,})"
        for left in unknown
    ]
    more = f" and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else ""
    return PneumoniaError(
        f"{as_text(source.name)}: no class is known of the images in "
        f"{', '.join(found[:_SHOWN])}{more}. Expected {', '.join(LABELS)}, in English "
        "or French, in any case. Rename the folders, or add --skip-unknown (in Python "
        "skip_unknown=True) to go on without these images."
    )


def _inside(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _radiograph(path: Path, root: Path) -> Radiograph | None:
    inside = path.relative_to(root)
    folders = [root.resolve().name, *inside.parts[:-1]]
    split = "test" if any(name.upper() == "TEST" for name in folders) else ""
    labels = {
        depth: name for depth, text in enumerate(folders) if (name := class_of(text))
    }
    if [*labels] == [0] and len(
        folders
    ) > 1:  # the root's own name, of folders of others
        labels = {}
    label = labels[max(labels)] if labels else ""
    # what lies in the class's folder is a patient's folder, or else a radiograph
    patient = "/".join(inside.parts[: max(labels) + 1]) if labels else ""
    if match := NORMAL_NAME.match(path.name):
        radiograph = Radiograph(path, NORMAL, match[1], split)
    elif match := PNEUMONIA_NAME.match(path.name):
        radiograph = Radiograph(path, _PATHOGENS[match[2]], match[1], split)
    elif label:
        radiograph = Radiograph(path, label, patient, split)
    else:
        return None
    # viewers export radiographs of any class as IM-0001-0001
    if label and label not in (radiograph.class_name, radiograph.finding):
        return Radiograph(path, label, patient, split)
    return radiograph


def _once(
    radiographs: Iterable[Radiograph], root: Path
) -> tuple[list[Radiograph], list[LeftOut]]:
    """Without what is there twice, and without images of which two classes are said.

    Kaggle's archive of Kermany's data has a copy of itself within, and a list may name
    a file twice. Equal files of one class under different names stay: an archive may
    hold one image of two patients, and the report counts them.
    """
    kept, copies, left_out = [], defaultdict(list), []
    for alike in _alike(radiographs):
        if _contradict(alike):
            for place, names in _classes_by_place(alike, root).items():
                left_out.append(LeftOut(place, names, 1))
            continue
        seen = set()
        for radiograph in alike:
            path = radiograph.path
            keys = {(path.name, radiograph.patient, radiograph.split), path.resolve()}
            if keys & seen:
                copies[path.parent].append(_place(radiograph, root))
            else:
                kept.append(radiograph)
            seen |= keys
    for first, *others in copies.values():
        more = f", as are {len(others):,} others in this folder" if others else ""
        reason = f"a copy, counted once{more}"
        left_out.append(LeftOut(first, reason, 1 + len(others)))
    return kept, left_out


def _classes_by_place(alike: Sequence[Radiograph], root: Path) -> dict[str, str]:
    """What is said of each of several equal files, and what contradicts it."""
    said = {}
    for radiograph in alike:
        other = next(one for one in alike if one.class_name != radiograph.class_name)
        is_same = other.path.resolve() == radiograph.path.resolve()
        against = "also" if is_same else f"the same image as {_place(other, root)}"
        end = other.class_name if is_same else f"({other.class_name})"
        said.setdefault(
            _place(radiograph, root), f"{radiograph.class_name}, but {against} {end}"
        )
    return said


def _contradict(alike: Iterable[Radiograph]) -> bool:
    """Whether two classes are said of one image; PNEUMONIA and its cause may be."""
    classes = {one.class_name for one in alike}
    if NORMAL not in classes:
        classes.discard(PNEUMONIA)
    return len(classes) > 1


def _alike(radiographs: Iterable[Radiograph]) -> Iterator[list[Radiograph]]:
    """Groups of equal files; only files of equal size need be read."""
    by_size = defaultdict(list)
    for radiograph in radiographs:
        try:
            by_size[radiograph.path.stat().st_size].append(radiograph)
        except OSError:  # it cannot be read: that will be said
            yield [radiograph]
    for same_size in by_size.values():
        if len(same_size) == 1:
            yield same_size
            continue
        by_content = defaultdict(list)
        for radiograph in same_size:
            by_content[content_of(radiograph)].append(radiograph)
        yield from by_content.values()


def _place(radiograph: Radiograph, root: Path) -> str:
    return Path(os.path.relpath(radiograph.path, root)).as_posix()
