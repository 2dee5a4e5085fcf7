"""Names, folders and lists carry class and patient; no patient is on both sides."""

import shutil

import numpy as np
import pytest
from PIL import Image

from pneumonia.dataset import (
    CLASS_NAMES,
    FOLDS,
    hold_out,
    labels_of,
    names_of,
    read_images,
    read_names,
    read_radiographs,
    split_by_patient,
)
from pneumonia.errors import PneumoniaError

NAMES = {
    "NORMAL/IM-0115-0001.jpeg": ("NORMAL", "IM-0115"),
    "NORMAL/NORMAL2-IM-0115-0001.jpeg": ("NORMAL", "NORMAL2-IM-0115"),
    "NORMAL/NORMAL2-IM-0383-0001-0002.jpeg": ("NORMAL", "NORMAL2-IM-0383"),
    "PNEUMONIA/person1_bacteria_1.jpeg": ("BACTERIAL", "person1_bacteria"),
    "PNEUMONIA/person1_bacteria_2.jpeg": ("BACTERIAL", "person1_bacteria"),
    "PNEUMONIA/person1_virus_6.jpeg": ("VIRAL", "person1_virus"),
    "PNEUMONIA/person2_virus_7.jpeg": ("VIRAL", "person2_virus"),
    "PNEUMONIA/person10_bacteria_43.jpeg": ("BACTERIAL", "person10_bacteria"),
}


def write_image(path, content):
    """A radiograph that is unlike every other, unless the content is equal."""
    path.parent.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(content)
    pixels = generator.integers(0, 256, (64, 64), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def folder(tmp_path):
    for index, name in enumerate(NAMES):
        write_image(tmp_path / "train" / name, index)
    (tmp_path / "train" / "notes.txt").write_text("of nobody")
    return tmp_path


@pytest.fixture
def many(tmp_path):
    """Thirty patients of each class, two radiographs each."""
    content = iter(range(1000))
    patterns = (
        "NORMAL/IM-{:04d}-000{}.jpeg",
        "PNEUMONIA/person{}_bacteria_{}.jpeg",
        "PNEUMONIA/person{}_virus_{}.jpeg",
    )
    for pattern in patterns:
        for patient in range(30):
            for radiograph in (1, 2):
                path = tmp_path / "train" / pattern.format(patient, radiograph)
                write_image(path, next(content))
    return tmp_path


def patients(radiographs):
    return {one.patient for one in radiographs}


def test_class_and_patient_of_each_name(folder):
    radiographs = read_radiographs(folder)
    expected = {name.split("/")[1]: values for name, values in NAMES.items()}
    found = {one.path.name: (one.class_name, one.patient) for one in radiographs}
    assert found == expected
    assert [one.path.name for one in radiographs] == sorted(expected)
    assert {one.finding for one in radiographs} == {"NORMAL", "PNEUMONIA"}


def test_class_folders_of_another_hospital(tmp_path):
    for index, name in enumerate(("normal/a.png", "Pneumonia/a.png", "VIRAL/b.png")):
        write_image(tmp_path / "site" / name, index)
    radiographs = read_radiographs(tmp_path)
    assert {(one.class_name, one.finding) for one in radiographs} == {
        ("NORMAL", "NORMAL"),
        ("PNEUMONIA", "PNEUMONIA"),
        ("VIRAL", "PNEUMONIA"),
    }
    assert len(patients(radiographs)) == 3, (
        "equal names in two classes are two patients"
    )


def test_class_folder_is_believed_before_a_file_name(tmp_path):
    """Viewers export the radiographs of any class as IM-0001-0001."""
    for index, name in enumerate(("VIRAL", "BACTERIAL", "NORMAL", "PNEUMONIA")):
        write_image(tmp_path / name / "IM-0001-0001.png", index)
    found = {one.path.parent.name: one for one in read_radiographs(tmp_path)}
    assert {name: one.class_name for name, one in found.items()} == {
        name: name for name in found
    }
    assert len(patients(found.values())) == 4


def test_a_folder_within_a_class_is_a_patient(tmp_path):
    names = ("NORMAL/kid3/scan.png", "NORMAL/kid3/IM-0001-0001.png")
    names += ("VIRAL/kid7/IM-0001-0001.png", "VIRAL/kid7/IM-0001-0002.png")
    names += ("PNEUMONIA/new/person1_virus_1.png",)
    for index, name in enumerate(names):
        write_image(tmp_path / name, index)
    radiographs = read_radiographs(tmp_path)
    found = {
        one.path.relative_to(tmp_path).as_posix(): (one.class_name, one.patient)
        for one in radiographs
    }
    assert found == {
        "NORMAL/kid3/scan.png": ("NORMAL", "NORMAL/kid3"),
        "NORMAL/kid3/IM-0001-0001.png": ("NORMAL", "IM-0001"),
        "VIRAL/kid7/IM-0001-0001.png": ("VIRAL", "VIRAL/kid7"),
        "VIRAL/kid7/IM-0001-0002.png": ("VIRAL", "VIRAL/kid7"),
        "PNEUMONIA/new/person1_virus_1.png": ("VIRAL", "person1_virus"),
    }


def test_equal_names_in_two_folders_are_two_patients(tmp_path):
    for index, site in enumerate(("east", "west")):
        write_image(tmp_path / site / "NORMAL" / "0.png", index)
    assert len(patients(read_radiographs(tmp_path))) == 2


def test_kaggles_archive(many):
    """It has a copy of the whole data set inside, and what a Mac adds to archives."""
    before = read_radiographs(many)
    shutil.copytree(many / "train", many / "chest_xray" / "train")
    for path in [*(many / "chest_xray").rglob("*.jpeg")]:
        beside = many / "__MACOSX" / path.relative_to(many)
        beside.parent.mkdir(parents=True, exist_ok=True)
        beside.with_name(f"._{path.name}").write_bytes(b"Mac OS X")
    after = read_radiographs(many)
    assert [f.path.name for f in after] == [f.path.name for f in before]


def test_folder_that_is_itself_a_class(tmp_path):
    write_image(tmp_path / "NORMAL" / "a.png", 0)
    (radiograph,) = read_radiographs(tmp_path / "NORMAL")
    assert radiograph.class_name == "NORMAL"


def test_manifest(tmp_path):
    write_image(tmp_path / "images" / "a.png", 0)
    manifest = tmp_path / "images.csv"
    manifest.write_text("path,class,patient,split\nimages/a.png,viral,p1,train\n")
    (radiograph,) = read_radiographs(manifest)
    assert radiograph.path == tmp_path / "images" / "a.png" and radiograph.path.exists()
    assert radiograph.class_name == "VIRAL"
    assert (radiograph.patient, radiograph.split) == ("p1", "train")


@pytest.mark.parametrize("row", ["a.png,ill,", ",NORMAL,", "a.png,NORMAL,somewhere"])
def test_manifest_with_a_bad_line(tmp_path, row):
    manifest = tmp_path / "images.csv"
    manifest.write_text(f"path,class,split\nb.png,NORMAL,train\n{row}\n")
    with pytest.raises(PneumoniaError, match=r"images\.csv, line 3: expected"):
        read_radiographs(manifest)


def test_manifest_that_is_no_text(tmp_path):
    (tmp_path / "images.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PneumoniaError, match="no text in UTF-8"):
        read_radiographs(tmp_path / "images.csv")


def test_nothing_to_read(tmp_path):
    with pytest.raises(PneumoniaError, match="holds no X-ray"):
        read_radiographs(tmp_path)
    with pytest.raises(PneumoniaError, match="missing cannot be opened: No such file"):
        read_radiographs(tmp_path / "missing")
    write_image(tmp_path / "a.png", 0)
    with pytest.raises(PneumoniaError, match="no folder and no .csv"):
        read_radiographs(tmp_path / "a.png")


def test_split_is_by_patient_and_whole(many):
    radiographs = read_radiographs(many)
    training, validation = split_by_patient(radiographs)
    assert patients(training).isdisjoint(patients(validation))
    assert sorted([*training, *validation], key=radiographs.index) == radiographs
    assert {f.class_name for f in validation} == set(CLASS_NAMES)


def test_folds_part_the_patients(many):
    radiographs = read_radiographs(many)
    folds = [patients(split_by_patient(radiographs, fold)[1]) for fold in range(FOLDS)]
    assert set.union(*folds) == patients(radiographs)
    assert sum(map(len, folds)) == len(patients(radiographs))
    assert min(map(len, folds)) >= 5


def test_more_radiographs_do_not_move_a_patient(many):
    _, before = split_by_patient(read_radiographs(many))
    for number in range(100, 140):
        path = many / "train" / "NORMAL" / f"IM-{number:04d}-0001.jpeg"
        write_image(path, 5000 + number)
    _, after = split_by_patient(read_radiographs(many))
    assert set(before) <= set(after)


def test_copies_stay_on_one_side(many):
    """Every viral patient's second radiograph is a copy of one of them."""
    source = many / "train" / "PNEUMONIA" / "person0_virus_1.jpeg"
    for patient in range(20):
        copy = many / "train" / "PNEUMONIA" / f"person{patient}_virus_2.jpeg"
        copy.write_bytes(source.read_bytes())
    chained = {f"person{patient}_virus" for patient in range(20)}
    for fold in range(FOLDS):
        training, validation = split_by_patient(read_radiographs(many), fold)
        assert chained <= patients(training) or chained <= patients(validation)


def test_the_test_set_is_on_neither_side(many):
    write_image(many / "test" / "NORMAL" / "IM-9999-0001.jpeg", 5000)
    radiographs = read_radiographs(many)
    training, validation = split_by_patient(radiographs)
    assert "IM-9999" not in patients(training) | patients(validation)
    others, _ = hold_out(radiographs, ["IM-0001-0001.jpeg"])
    assert "IM-9999" not in patients(others)


def test_patient_on_both_sides_is_refused(many):
    write_image(many / "test" / "NORMAL" / "IM-0003-0009.jpeg", 5000)
    with pytest.raises(PneumoniaError, match="IM-0003.*flattered"):
        split_by_patient(read_radiographs(many))


def test_copy_in_the_test_set_is_refused(many):
    source = many / "train" / "NORMAL" / "IM-0003-0001.jpeg"
    copy = many / "test" / "NORMAL" / "IM-9999-0001.jpeg"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(source.read_bytes())
    with pytest.raises(PneumoniaError, match="both"):
        split_by_patient(read_radiographs(many))


def test_split_of_the_manifest_is_kept(many):
    rows = ["path,class,patient,split"]
    for one in read_radiographs(many):
        is_held = one.patient.endswith(("1", "1_virus", "1_bacteria"))
        side = "validation" if is_held else "train"
        path = one.path.relative_to(many)
        rows.append(f"{path},{one.class_name},{one.patient},{side}")
    manifest = many / "images.csv"
    manifest.write_text("\n".join(rows))
    training, validation = split_by_patient(read_radiographs(manifest))
    assert patients(validation) >= {"IM-0001", "person21_virus", "person11_bacteria"}
    assert len(validation) == 3 * 3 * 2 and len(training) == 180 - 18


def test_split_needs_every_class(many):
    radiographs = [one for one in read_radiographs(many) if one.class_name != "VIRAL"]
    with pytest.raises(PneumoniaError, match="no X-ray of class VIRAL to train on"):
        split_by_patient(radiographs)


def test_split_needs_the_pathogen(many):
    write_image(many / "train" / "PNEUMONIA" / "a.jpeg", 5000)
    with pytest.raises(PneumoniaError, match="without a pathogen"):
        for fold in range(FOLDS):
            split_by_patient(read_radiographs(many), fold)


def test_unknown_fold(many):
    with pytest.raises(PneumoniaError, match="folds 0 to 4; found fold 5"):
        split_by_patient(read_radiographs(many), 5)


def test_patient_is_held_out_whole(folder):
    others, held = hold_out(read_radiographs(folder), ["person1_bacteria_2.jpeg"])
    assert [one.path.name for one in held] == ["person1_bacteria_2.jpeg"]
    assert patients(held).isdisjoint(patients(others))
    assert len(others) == len(NAMES) - 2  # the patient's other radiograph is in neither


def test_same_number_is_not_the_same_patient(folder):
    others, _ = hold_out(read_radiographs(folder), ["IM-0115-0001.jpeg"])
    assert "NORMAL2-IM-0115" in patients(others)


def test_unknown_name_in_the_list(folder):
    with pytest.raises(PneumoniaError, match="not in the folder"):
        hold_out(read_radiographs(folder), ["IM-9999-0001.jpeg"])


def test_names_find_the_same_radiographs_again(tmp_path):
    for index, name in enumerate(CLASS_NAMES):
        for number in range(60):
            write_image(tmp_path / name / f"{number}.png", 100 * index + number)
    radiographs = read_radiographs(tmp_path)
    training, validation = split_by_patient(radiographs)
    names = names_of(validation, radiographs)
    assert hold_out(radiographs, names) == (training, validation)
    with pytest.raises(PneumoniaError, match=r"1\.png is the name of 3 files.*L/1"):
        hold_out(radiographs, ["1.png"])


def test_list_that_a_run_leaves_is_not_of_the_test_set(tmp_path):
    """Numbered radiographs, in train/ and in test/: a run knows no test set."""
    for index, split in enumerate(("train", "test")):
        for place, name in enumerate(CLASS_NAMES):
            for number in range(60):
                content = 1000 * index + 100 * place + number
                write_image(tmp_path / split / name / f"{number}.png", content)
    radiographs = read_radiographs(tmp_path)
    training, validation = split_by_patient(radiographs)
    names = names_of(validation, training)
    assert names[0].count("/") == 1
    assert hold_out(radiographs, names) == (training, validation)


def test_the_test_set_in_the_list(many):
    write_image(many / "test" / "NORMAL" / "IM-9999-0001.jpeg", 5000)
    with pytest.raises(PneumoniaError, match="both validation and test"):
        hold_out(read_radiographs(many), ["IM-9999-0001.jpeg"])


def test_held_out_patient_in_the_test_set(many):
    write_image(many / "test" / "NORMAL" / "IM-0003-0009.jpeg", 5000)
    for name in ("IM-0003-0001.jpeg", "IM-0004-0001.jpeg"):
        with pytest.raises(PneumoniaError, match="both"):
            hold_out(read_radiographs(many), [name])


def test_list_of_names(tmp_path):
    path = tmp_path / "validation.txt"
    path.write_text("a b.jpeg\n\nc.jpeg\r\n")
    assert read_names(path) == ["a b.jpeg", "c.jpeg"]
    path.write_text("\n")
    with pytest.raises(PneumoniaError, match="is empty"):
        read_names(path)
    with pytest.raises(PneumoniaError, match="cannot be read"):
        read_names(tmp_path / "missing.txt")


def test_unreadable_files_are_listed_not_fatal(folder):
    (folder / "train" / "NORMAL" / "IM-0115-0001.jpeg").write_bytes(b"torn")
    radiographs, images, unreadable = read_images(read_radiographs(folder))
    assert len(radiographs) == len(images) == len(NAMES) - 1
    assert [*unreadable] == ["IM-0115-0001.jpeg"]
    assert "Expected" in unreadable["IM-0115-0001.jpeg"]


def test_images_and_labels_follow_the_radiographs(folder):
    radiographs, images, unreadable = read_images(read_radiographs(folder))
    assert [image.shape for image in images] == [(64, 64)] * len(NAMES)
    assert not unreadable
    expected = [CLASS_NAMES.index(one.class_name) for one in radiographs]
    np.testing.assert_array_equal(labels_of(radiographs), expected)
