"""Many files -> rows, tables of rows, and what a spreadsheet makes of them."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from pneumonia.batch import COLUMNS, row, rows, write_csv
from pneumonia.batch.rows import plain
from pneumonia.imaging.files import as_text
from pneumonia.predictor import ADULT, Caveat, Prediction, load_predictor

EXAMPLES = Path(__file__).parents[2] / "examples"
NORMAL, SICK = (str(EXAMPLES / name) for name in ("normal_1.jpg", "bacterial_1.jpg"))


@pytest.fixture(scope="module")
def bundled():
    return load_predictor()


def _table(values):
    stream = io.StringIO()
    write_csv(values, stream)
    return [*csv.reader(io.StringIO(stream.getvalue()))]


def test_one_row_per_file_in_order(bundled, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    sick, failed, refused = rows([SICK, bad, noise], bundled, ["s", bad, "noise"])
    assert set(sick) == set(failed) == set(refused) == set(COLUMNS)
    assert [r["status"] for r in (sick, failed, refused)] == [
        "answered",
        "failed",
        "refused",
    ]
    assert sick["file"] == "s" and sick["verdict"] == "PNEUMONIA"
    assert sick["PNEUMONIA"] + sick["NORMAL"] == pytest.approx(1)
    assert sick["BACTERIAL"] + sick["VIRAL"] == pytest.approx(1)
    assert sick["accepted"] is True and sick["error"] is None
    assert sick["unfamiliar"] is False and sick["caveats"] is None
    assert failed["file"] == str(bad) and failed["verdict"] is failed["NORMAL"] is None
    assert failed["error"].startswith("Expected") and failed["ood_score"] is None
    assert refused["accepted"] is False and refused["ood_score"] > 1
    assert refused["error"].startswith("Expected a frontal chest X-ray")


def test_caveats_are_told_by_their_codes():
    prediction = Prediction(
        probabilities={"NORMAL": 0.75, "PNEUMONIA": 0.25},
        verdict="UNCERTAIN",
        accepted=True,
        unfamiliar=True,
        caveats=(ADULT, Caveat("other", "Doubt.")),
    )
    values = row("a", prediction)
    assert values["unfamiliar"] is True and values["caveats"] == "adult other"


def test_values_are_plain_and_of_their_columns_types(bundled):
    (values,) = rows([NORMAL], bundled)
    for name, kind in COLUMNS.items():
        assert values[name] is None or type(values[name]) is kind, name


def test_numbers_are_the_predictors(bundled):
    (values,) = rows([SICK], bundled)
    prediction = bundled(SICK)
    assert values["PNEUMONIA"] == prediction.probabilities["PNEUMONIA"]
    assert values["VIRAL"] == prediction.subtypes["VIRAL"]
    assert values["ood_score"] == prediction.ood_score


def test_as_many_names_as_files(bundled):
    with pytest.raises(ValueError):
        list(rows([NORMAL], bundled, ["a", "b"]))


@pytest.mark.parametrize(
    "name",
    ["=1+1.png", "+1", "-1", "@SUM(A1)", "＝1", "'=1", "'", "''-"],
)
def test_no_file_name_is_a_formula(name):
    _, (field, *_) = _table([row(name, Prediction(error="Damaged."))])
    assert field == "'" + name and plain(field) == name


@pytest.mark.parametrize("name", ["a.png", 'a,"b"=c.png', "é 🫁.dcm", "a'b"])
def test_other_names_stay_as_they_are(name):
    _, (field, *_) = _table([row(name, Prediction(error="Damaged."))])
    assert field == name == plain(field)


def test_an_error_is_no_formula_either():
    _, line = _table([row("a", Prediction(error="=cmd|' /C calc'!A0"))])
    assert line[-1] == "'=cmd|' /C calc'!A0"


def test_negative_numbers_stay_numbers():
    head, line = _table([row("a", Prediction(ood_score=-0.25, refusal="Other."))])
    assert head == [*COLUMNS]
    assert dict(zip(head, line, strict=True))["ood_score"] == "-0.25"
    assert dict(zip(head, line, strict=True))["verdict"] == ""


@pytest.mark.parametrize(
    "name, text",
    [
        (b"caf\xe9.png".decode("utf-8", "surrogateescape"), "caf\\udce9.png"),
        ("a\n=1", "a\\n=1"),
        ("\t=1", "\\t=1"),
        ("\x1b[2J.png", "\\x1b[2J.png"),
        ("a\\b é 🫁", "a\\b é 🫁"),
    ],
)
def test_a_name_is_one_line_of_utf8(name, text):
    assert as_text(name) == row(name, Prediction())["file"] == text
    text.encode()
