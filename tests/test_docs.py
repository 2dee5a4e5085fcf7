"""The README says what is so: head, commands, figures, file tree."""

import re
from pathlib import Path

import gradio
import pytest
from huggingface_hub import SpaceHardware, metadata_load

from pneumonia.cli import _parser
from pneumonia.hub import BUNDLED

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FRENCH = (ROOT / "docs" / "README.fr.md").read_text(encoding="utf-8")
HEAD = metadata_load(ROOT / "README.md")

# the reference of Spaces' configuration
KEYS = set(
    "title emoji colorFrom colorTo sdk python_version sdk_version suggested_hardware "
    "suggested_storage app_file app_build_command app_port base_path fullWidth header "
    "short_description models datasets tags thumbnail pinned license hf_oauth "
    "hf_oauth_scopes hf_oauth_expiration_minutes hf_oauth_authorized_org "
    "disable_embedding startup_duration_timeout custom_headers preload_from_hub".split()
)
COLORS = set("red yellow green blue indigo purple pink gray".split())


def test_head_is_valid():
    assert set(HEAD) <= KEYS
    assert HEAD["sdk"] == "gradio"
    assert {HEAD["colorFrom"], HEAD["colorTo"]} <= COLORS
    assert len(HEAD["short_description"]) <= 60
    assert HEAD["suggested_hardware"] in list(SpaceHardware)
    assert (ROOT / HEAD["app_file"]).is_file()


def test_head_agrees_with_what_is_installed():
    assert HEAD["python_version"] == "3.12.12"
    series = ".".join(gradio.__version__.split(".")[:1])
    assert HEAD["sdk_version"].split(".")[0] == series
    (least,) = re.findall(r"^gradio>=([\d.]+),", _requirements(), re.MULTILINE)
    assert HEAD["sdk_version"].startswith(least)


def _requirements():
    return (ROOT / "requirements.txt").read_text(encoding="utf-8")


def test_every_requirement_has_a_lower_and_an_upper_bound():
    lines = [line for line in _requirements().splitlines() if line and line[0] != "#"]
    for line in lines:
        assert re.match(r"[\w-]+>=[\d.]+,<\d+(;.*)?$", line), line


def test_every_file_of_the_tree_exists():
    (tree,) = re.findall(r"## What is where\n```\n(.*?)```", README, re.DOTALL)
    folder = ""
    for line in tree.splitlines():
        name = line.split()[0]
        if not line.startswith(" "):
            folder = name if name.endswith("/") else ""
        path = ROOT / (folder + name if line.startswith(" ") else name)
        assert path.exists(), path.name


def test_every_module_is_in_the_tree():
    for path in (ROOT / "pneumonia").glob("*.py"):
        if not path.stem.startswith("__"):
            assert f"  {path.name} " in README, path.name


def test_figures_are_the_bundled_models():
    card = (BUNDLED / "README.md").read_text(encoding="utf-8")
    (table,) = re.findall(
        r"\| figure \| value \|\n\|---\|---\|\n(.*?)\n\n", README, re.S
    )
    for row in table.splitlines():
        assert row in card


@pytest.mark.parametrize(
    "verb", ["predict", "batch", "evaluate", "train", "export", "publish"]
)
def test_every_verb_is_documented(verb):
    assert f"python -m pneumonia {verb}" in README
    assert verb in _parser().format_help()


def test_python_snippet_runs(monkeypatch):
    (snippet,) = re.findall(r"## Python\n```python\n(.*?)```", README, re.DOTALL)
    monkeypatch.chdir(ROOT)
    names = {}
    exec(snippet, names)
    assert names["prediction"].verdict == "PNEUMONIA"


def test_ci_finds_the_readmes_test_command():
    found = [
        line for line in README.splitlines() if re.match("python -m venv.*pytest", line)
    ]
    assert len(found) == 1


def test_each_readme_leads_to_the_other():
    assert "(docs/README.fr.md)" in README and "(../README.md)" in FRENCH


def test_french_readme_has_the_same_commands():
    blocks = re.findall(r"```\w+\n.*?```", FRENCH, re.DOTALL)
    assert len(blocks) == 4
    for block in blocks:
        assert block in README


def test_french_readme_has_the_same_figures():
    (english,), (french,) = (
        re.findall(rf"\| {head} \|\n\|---\|---\|\n(.*?)\n\n", text, re.DOTALL)
        for text, head in ((README, r"figure \| value"), (FRENCH, r"mesure \| valeur"))
    )
    assert _values(english.replace(".", ",")) == _values(french)


def _values(table):
    return [row.split("|")[2].strip() for row in table.splitlines()]


def test_numbers_of_the_french_readme_are_in_the_english():
    prose = re.sub(r"```.*?```", "", FRENCH, flags=re.DOTALL)
    for number in re.findall(r"(?<![\d,.])\d{2,}(?![\d,.])", prose):
        assert re.search(rf"\b{number}\b", README), number


def test_french_readme_points_to_headings_that_exist():
    headings = re.findall(r"^## (.+)$", README, re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    targets = re.findall(r"\(\.\./README\.md#(.*?)\)", FRENCH)
    assert len(targets) == 5 and {*targets} <= anchors


def test_french_readme_is_set_as_french_is():
    prose = re.sub(r"```.*?```|`.*?`|https?://\S+", "", FRENCH, flags=re.DOTALL)
    assert not re.search(r" [:;?!%»]|« ", prose)
