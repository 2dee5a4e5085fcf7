"""A table survives whatever ends the run, and no answer is given twice."""

import csv
import json
import os

import pytest

from pneumonia import PneumoniaError
from pneumonia.batch import row
from pneumonia.batch.rows import ARCHIVE_COLUMNS
from pneumonia.batch.tables import open_table
from pneumonia.imaging.files import File
from pneumonia.predictor import Prediction

KINDS = ["csv", "jsonl", "parquet"]
MODEL = "toy 0.0.1 abc"


@pytest.fixture(params=KINDS)
def out(request, tmp_path):
    if request.param == "parquet":
        pytest.importorskip("pyarrow")
    return tmp_path / f"out.{request.param}"


def _row(name, error=None, stamp=(7, "then"), model=MODEL):
    prediction = Prediction(
        verdict=None if error else "NORMAL",
        probabilities=None if error else {"NORMAL": 0.75, "PNEUMONIA": 0.25},
        accepted=None if error else True,
        ood_score=-0.5,
        error=error,
    )
    known = {"bytes": stamp[0], "modified": stamp[1], "model": model}
    return {**row(name, prediction), **known}


def _file(name, size=7, modified="then"):
    return File(name, size, modified)


def _write(out, *rows):
    with open_table(str(out)) as table:
        for values in rows:
            table.append(values)


def _read(out):
    """The rows, as others read them."""
    if out.suffix == ".parquet":
        from pyarrow import dataset

        return dataset.dataset(out).to_table().to_pylist()
    if out.suffix == ".jsonl":
        return [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    with open(out, encoding="utf-8", newline="") as stream:
        return [*csv.DictReader(stream)]


def _resume(out, *files, model=MODEL):
    counts, left = open_table(str(out)).resume(files, model)
    return dict(counts), [file.name for file in left]


def test_others_can_read_it(out):
    _write(out, _row("a é 🫁"), _row("b", error='Damaged, "badly".'))
    first, second = _read(out)
    assert [*first] == [*ARCHIVE_COLUMNS]
    assert first["file"] == "a é 🫁" and float(first["NORMAL"]) == 0.75
    assert second["error"] == 'Damaged, "badly".' and not second["NORMAL"]
    if out.suffix != ".csv":
        assert first == _row("a é 🫁")


def test_what_is_done_is_not_left(out):
    _write(out, _row("=a"), _row("b", error="Damaged."))
    assert _resume(out, _file("=a"), _file("b"), _file("c")) == (
        {"answered": 1, "failed": 1},
        ["c"],
    )
    _write(out, _row("c"))
    assert len(_read(out)) == 3
    assert _resume(out, _file("c"), _file("=a")) == ({"answered": 2}, [])


def test_a_new_table_has_nothing(out):
    assert _resume(out, _file("a")) == ({}, ["a"])
    assert not out.exists()


def test_a_file_that_changed_is_left_and_its_row_dropped(out):
    _write(out, _row("a"), _row("b"), _row("c"))
    _, left = _resume(out, _file("a", size=8), _file("b", modified="now"), _file("c"))
    assert left == ["a", "b"]
    assert [values["file"] for values in _read(out)] == ["c"]


def test_a_file_that_could_not_be_read_is_left(out):
    _write(out, _row("a", error="Cannot be opened.", stamp=(None, None)))
    assert _resume(out, _file("a", None, None)) == ({}, ["a"])


def test_rows_of_other_inputs_stay(out):
    _write(out, _row("a"))
    assert _resume(out, _file("b")) == ({}, ["b"])
    assert len(_read(out)) == 1


def test_another_models_answers_are_not_mixed_in(out):
    _write(out, _row("a", model="other 1.0.0 def"))
    before = _read(out)
    with pytest.raises(PneumoniaError, match="model 'other 1.0.0 def'; expected"):
        _resume(out, _file("a"))
    assert _read(out) == before
    assert [path.name for path in out.parent.iterdir()] == [out.name]


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_kill_in_mid_line_costs_that_line(kind, tmp_path):
    out = tmp_path / f"out.{kind}"
    _write(out, _row("a"))
    whole = out.read_bytes()
    _write(out, _row("é, b"))
    content = out.read_bytes()
    for end in range(len(whole), len(content)):
        out.write_bytes(content[:end])
        assert _resume(out, _file("a"), _file("é, b")) == ({"answered": 1}, ["é, b"])
        assert out.read_bytes() == whole
    out.write_bytes(whole[:20])  # a header of CSV, too
    assert _resume(out, _file("a")) == ({}, ["a"])


def test_a_kill_in_mid_part_leaves_no_part(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    out = tmp_path / "out.parquet"
    _write(out, _row("a"))

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(os, "replace", killed)
        _write(out, _row("b"))
    (out / ".x.parquet.part").write_bytes(b"PAR1")  # SIGKILL removes nothing
    assert _resume(out, _file("a"), _file("b")) == ({"answered": 1}, ["b"])


def test_parts_come_in_time(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    from pneumonia.batch import tables as table

    monkeypatch.setattr(table, "PART_ROWS", 2)
    out = tmp_path / "out.parquet"
    with open_table(str(out)) as opened:
        for name in "abc":
            opened.append(_row(name))
        assert len(_read(out)) == 2
        monkeypatch.setattr(table, "PART_SECONDS", 0)
        opened.append(_row("d"))
        assert len(_read(out)) == 4
    assert len([*out.iterdir()]) == 2


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
@pytest.mark.parametrize("content", [b"name,age\r\n", b"\xff\xfe\n", b"[1]\n", b"{}\n"])
def test_somebody_elses_file_stays_as_it_is(kind, content, tmp_path):
    out = tmp_path / f"out.{kind}"
    out.write_bytes(content)
    with pytest.raises(PneumoniaError, match="something else"):
        _resume(out, _file("a"))
    assert out.read_bytes() == content


def test_somebody_elses_parquet(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    out = tmp_path / "out.parquet"
    out.mkdir()
    parquet.write_table(pyarrow.table({"x": [1]}), out / "1.parquet")
    with pytest.raises(PneumoniaError, match="something else"):
        _resume(out, _file("a"))


@pytest.mark.parametrize("name", ["out", "out.xlsx", "none/out.csv", "s3://b/out.csv"])
def test_where_a_table_cannot_be(tmp_path, name):
    with pytest.raises(PneumoniaError, match="[Ee]xpected|does not exist"):
        open_table(name if "://" in name else str(tmp_path / name))


def test_a_folder_is_no_csv_and_a_file_no_parquet(tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "a.csv").mkdir()
    (tmp_path / "a.parquet").touch()
    for name in ("a.csv", "a.parquet"):
        with pytest.raises(PneumoniaError, match="Name another"):
            open_table(str(tmp_path / name))


def test_excels_mark_of_utf_8_is_no_reason_to_begin_anew(tmp_path):
    out = tmp_path / "out.csv"
    _write(out, _row("a é"), _row("b"))
    out.write_bytes(b"\xef\xbb\xbf" + out.read_bytes())
    assert _resume(out, _file("a é"), _file("b")) == ({"answered": 2}, [])
    _write(out, _row("c"))
    assert _resume(out, _file("c")) == ({"answered": 1}, [])


def test_a_damaged_part_stays_as_it_is(tmp_path):
    pytest.importorskip("pyarrow")
    out = tmp_path / "out.parquet"
    out.mkdir()
    (out / "1.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(PneumoniaError, match="something else"):
        _resume(out, _file("a"))
    assert (out / "1.parquet").read_bytes() == b"PAR1 no more"
