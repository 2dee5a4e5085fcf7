"""A report that was published with a model, read back; a stranger's too."""

import dataclasses
import json

import pytest

from pneumonia.config import ModelConfig, fingerprint
from pneumonia.evaluation.published import Report, card_text
from pneumonia.hub import BUNDLED

CONFIG = ModelConfig.load(BUNDLED)
CONTENT = json.loads((BUNDLED / "report.json").read_text(encoding="utf-8"))
REPORT = Report.load(BUNDLED, CONFIG)


@pytest.mark.parametrize(
    "changes",
    [
        {"figures": {}},
        {"figures": 5},
        {"images": [{}]},
        {"elsewhere": 5},
        {"elsewhere": [{}]},
        {"elsewhere": [None]},
        {"curves": {}},
        {"model": None},
    ],
)
def test_report_of_another_version_counts_as_none(changes, tmp_path):
    config = written(CONTENT | changes, tmp_path)
    assert Report.load(tmp_path, config) is None


def written(report, folder):
    """Writes a report. Returns the configuration that vouches for it."""
    content = json.dumps(report).encode()
    (folder / "report.json").write_bytes(content)
    files = {**CONFIG.files, "report.json": fingerprint(content)}
    return dataclasses.replace(CONFIG, files=files)


def test_report_of_another_network_is_not_read(tmp_path):
    config = written(CONTENT | {"model": {"sha256": 64 * "0"}}, tmp_path)
    assert Report.load(tmp_path, config) is None
    config = written(CONTENT, tmp_path)
    assert Report.load(tmp_path, config).figures == REPORT.figures


def test_card_is_shown_without_its_metadata(tmp_path):
    assert card_text(BUNDLED).startswith("# ")
    assert card_text(tmp_path) == ""
