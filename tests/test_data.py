"""File names carry class and patient, and a patient is never on both sides."""

import numpy as np
import pytest
from PIL import Image

from pneumonia.errors import PneumoniaError
from pneumonia.training.data import hold_out, labels_of, read_images, read_kermany

NAMES = {
    "NORMAL/IM-0115-0001.jpeg": ("NORMAL", "IM-0115"),
    "NORMAL/NORMAL2-IM-0115-0001.jpeg": ("NORMAL", "NORMAL2-IM-0115"),
    "NORMAL/NORMAL2-IM-0383-0001-0002.jpeg": ("NORMAL", "NORMAL2-IM-0383"),
    "PNEUMONIA/person1_bacteria_1.jpeg": ("BACTERIAL", "person1_bacteria"),
    "PNEUMONIA/person1_bacteria_2.jpeg": ("BACTERIAL", "person1_bacteria"),
    "PNEUMONIA/person1_virus_6.jpeg": ("VIRAL", "person1_virus"),
    "PNEUMONIA/person10_bacteria_43.jpeg": ("BACTERIAL", "person10_bacteria"),
}


@pytest.fixture
def folder(tmp_path):
    for index, name in enumerate(NAMES):
        path = tmp_path / "train" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((64, 64), index * 10, np.uint8)).save(path)
    (tmp_path / "train" / "NORMAL" / "notes.jpeg").write_bytes(b"of nobody")
    return tmp_path


def test_class_and_patient_of_each_name(folder):
    films = read_kermany(folder)
    expected = {name.split("/")[1]: values for name, values in NAMES.items()}
    found = {film.path.name: (film.class_name, film.patient) for film in films}
    assert found == expected
    assert [film.path.name for film in films] == sorted(expected)


def test_patient_is_held_out_whole(folder):
    others, held = hold_out(read_kermany(folder), ["person1_bacteria_2.jpeg"])
    assert [film.path.name for film in held] == ["person1_bacteria_2.jpeg"]
    assert {film.patient for film in held}.isdisjoint({f.patient for f in others})
    assert len(others) == len(NAMES) - 2  # the patient's other film is in neither


def test_same_number_is_not_the_same_patient(folder):
    others, _ = hold_out(read_kermany(folder), ["IM-0115-0001.jpeg"])
    assert "NORMAL2-IM-0115" in {film.patient for film in others}


def test_unknown_name_in_the_list(folder):
    with pytest.raises(PneumoniaError, match="IM-9999.*not in the folder|not in the"):
        hold_out(read_kermany(folder), ["IM-9999-0001.jpeg"])


def test_class_without_films(folder):
    (folder / "train" / "PNEUMONIA" / "person1_virus_6.jpeg").unlink()
    with pytest.raises(PneumoniaError, match="none of class VIRAL"):
        read_kermany(folder)


def test_images_and_labels_follow_the_films(folder):
    films = read_kermany(folder)
    images = read_images(films)
    assert [image.shape for image in images] == [(64, 64)] * len(NAMES)
    names = [film.class_name for film in films]
    expected = [["NORMAL", "BACTERIAL", "VIRAL"].index(name) for name in names]
    np.testing.assert_array_equal(labels_of(films), expected)
