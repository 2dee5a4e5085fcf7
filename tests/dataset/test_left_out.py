"""Nothing of a data set is left out without a word."""

import os

import numpy as np
import pytest
from PIL import Image

from pneumonia import PneumoniaError
from pneumonia.dataset import class_of, read_dataset, read_radiographs


@pytest.fixture
def write(tmp_path):
    """Writes images into `data`; a number says which pixels."""

    def images(**content):
        for name, number in content.items():
            path = tmp_path / "data" / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng(number).integers(0, 256, (64, 64), np.uint8)
            Image.fromarray(pixels).save(path, "png")
        return tmp_path / "data"

    return images


def _read(folder, **settings):
    """Class and place of each radiograph, and what was left out: place and number."""
    dataset = read_dataset(folder, **settings)
    radiographs = {
        one.path.relative_to(folder).as_posix(): one.class_name
        for one in dataset.radiographs
    }
    return radiographs, {left.place: left.images for left in dataset.left_out}


@pytest.mark.parametrize(
    "text, name",
    [
        ("normal", "NORMAL"),
        ("Normaux", "NORMAL"),
        ("0_Normal", "NORMAL"),
        ("PNEUMONIE", "PNEUMONIA"),
        ("pneumonias", "PNEUMONIA"),
        ("PNEUMONIA bacterial", "BACTERIAL"),
        ("Pneumonie bactérienne", "BACTERIAL"),
        ("bactérienne", "BACTERIAL"),
        ("Viral Pneumonia", "VIRAL"),
        ("pneumonia_virus", "VIRAL"),
        ("virales", "VIRAL"),
        ("no pneumonia", None),
        ("abnormal", None),
        ("normal or viral", None),
        ("normal viral", None),
        ("bacterial viral", None),
        ("COVID", None),
        ("2024", None),
        ("normal肺炎", None),
    ],
)
def test_what_people_call_a_class(text, name):
    assert class_of(text) == name


def test_folders_of_no_known_class_stop_everything_unless_told_to_go_on(write):
    folder = write(NORMAL__a=1, PNEUMONIA__b=2, Pneumopathies__c=3, Pneumopathies__d=4)
    with pytest.raises(PneumoniaError) as caught:
        read_radiographs(folder)
    for words in ("'Pneumopathies' (2)", "NORMAL, BACTERIAL, VIRAL, PNEUMONIA", "skip"):
        assert words in str(caught.value)
    radiographs, left_out = _read(folder, skip_unknown=True)
    assert radiographs == {"NORMAL/a": "NORMAL", "PNEUMONIA/b": "PNEUMONIA"}
    assert left_out == {"Pneumopathies": 2}


def test_french_folders(write):
    folder = write(Normaux__a=1, Pneumonies__bactériennes__b=2, Virales__c=3)
    assert _read(folder)[0] == {
        "Normaux/a": "NORMAL",
        "Pneumonies/bactériennes/b": "BACTERIAL",
        "Virales/c": "VIRAL",
    }


def test_images_are_found_by_their_bytes_where_their_names_say_nothing(write):
    folder = write(NORMAL__a=1, NORMAL__b=2)
    (folder / "NORMAL" / "b").rename(folder / "NORMAL" / "b.dicom")
    (folder / "NORMAL" / "c.jpe").write_bytes(b"torn")
    (folder / "NORMAL" / "notes").write_text("no image")
    assert [*_read(folder)[0]] == ["NORMAL/a", "NORMAL/b.dicom", "NORMAL/c.jpe"]


def test_class_folders_may_be_links(write, tmp_path):
    folder = write(store__1__a=1, store__2__b=2)
    os.symlink(folder / "store" / "1", folder / "NORMAL")
    os.symlink(folder / "store" / "2", folder / "VIRAL")
    os.symlink(folder, folder / "store" / "around")
    radiographs, left_out = _read(folder)
    assert radiographs == {"NORMAL/a": "NORMAL", "VIRAL/b": "VIRAL"} and not left_out


def test_an_image_of_two_classes_is_neither(write):
    folder = write(NORMAL__a=1, NORMAL__b=2, VIRAL__a=1, PNEUMONIA__c=3, VIRAL__c=3)
    radiographs, left_out = _read(folder)
    # that it is a pneumonia of known cause does not contradict that it is one
    assert radiographs == {
        "NORMAL/b": "NORMAL",
        "PNEUMONIA/c": "PNEUMONIA",
        "VIRAL/c": "VIRAL",
    }
    assert left_out == {"NORMAL/a": 1, "VIRAL/a": 1}
    told = read_dataset(folder).table()
    assert "NORMAL/a: NORMAL, but the same image as VIRAL/a (VIRAL)" in told


def test_a_line_that_is_there_twice_counts_once(write, tmp_path):
    folder = write(a=1, b=2)
    lines = ["path,class", "a,NORMAL", "./a,normal", "a,NORMAL", "b,VIRAL"]
    (folder / "list.csv").write_text("\n".join(lines))
    radiographs, left_out = _read_list(folder)
    assert radiographs == ["a", "b"] and left_out == {"a": 2}


def test_lines_that_contradict_each_other_are_named(write):
    folder = write(a=1, b=2)
    (folder / "list.csv").write_text("path,class\na,NORMAL\na,VIRAL\nb,VIRAL\n")
    dataset = read_dataset(folder / "list.csv")
    assert [one.path.name for one in dataset.radiographs] == ["b"]
    assert {left.place for left in dataset.left_out} == {"a"}
    assert "a: NORMAL, but also VIRAL" in dataset.table()


def _read_list(folder):
    dataset = read_dataset(folder / "list.csv")
    names = [one.path.name for one in dataset.radiographs]
    return names, {left.place: left.images for left in dataset.left_out}


@pytest.mark.parametrize(
    "text",
    [
        "path;class\nNORMAL/a;normal\nb;Pneumonie\n",
        "PATH\tClass\r\nNORMAL\\a\tNORMAL\r\nb\tPNEUMONIA\r\n",
        "\ufeffclass, path ,age\nNORMAL,NORMAL\\a,3\nPNEUMONIA,b,4\n,,\n",
        'path,class\n"NORMAL\\\\a",NORMAL\nb,PNEUMONIA',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_lists_as_spreadsheets_and_windows_write_them(write, text, encoding):
    folder = write(NORMAL__a=1, b=2)
    (folder / "list.csv").write_bytes(text.encode(encoding))
    dataset = read_dataset(folder / "list.csv")
    found = {one.path.name: one.class_name for one in dataset.radiographs}
    assert found == {"a": "NORMAL", "b": "PNEUMONIA"}


@pytest.mark.parametrize(
    "text, words",
    [
        ("file,label\na,NORMAL\n", "columns path and class.*commas.*'file', 'label'"),
        ("", "found none"),
        ("path,class\nx/é.png,NORMAL\ny.png,NORMAL\n", "2 files, and none.*'x/é.png'"),
        ("path,class\na,ill\n", "line 2: expected.*'ill'"),
        ('path,class\na,"NOR\0MAL"\n', "line"),
    ],
)
def test_lists_that_say_something_else(write, text, words):
    folder = write(a=1)
    (folder / "list.csv").write_text(text, encoding="utf-8")
    with pytest.raises(PneumoniaError, match=words):
        read_dataset(folder / "list.csv")


def test_a_list_in_another_encoding_says_how_to_save_it(write):
    folder = write(a=1)
    (folder / "list.csv").write_bytes("path,class\né,NORMAL\n".encode("cp1252"))
    with pytest.raises(PneumoniaError, match="CSV UTF-8"):
        read_dataset(folder / "list.csv")


def test_a_place_that_cannot_be_opened_is_named(write, monkeypatch):
    folder = write(NORMAL__a=1, NORMAL__closed__b=2, VIRAL__c=3)
    scandir = os.scandir

    def denied(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)
    dataset = read_dataset(folder)
    assert not dataset.is_whole and len(dataset.radiographs) == 2
    assert (
        "?  left out   NORMAL/closed: cannot be opened: Permission" in dataset.table()
    )
    assert read_dataset(dataset) is dataset


def test_a_whole_one_is_whole(write):
    assert read_dataset(write(NORMAL__a=1)).is_whole


def test_the_table_tells_all_in_few_lines(write):
    copies = {f"NORMAL__{n}": n for n in range(3)}
    strange = {f"Other{n:02}__x": n + 50 for n in range(30)}
    table = read_dataset(write(**copies, **strange), skip_unknown=True).table()
    lines = table.splitlines()
    assert lines[:2] == ["  images             data", "       3  NORMAL"]
    assert len(lines) == 2 + 20 + 1
    assert lines[-1] == "      10  left out   in 10 more places"
