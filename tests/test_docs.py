"""README and docs say what is so: head, commands, figures, names; snippets run."""

import re
import shlex
import shutil
import subprocess
import tomllib
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
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = [page.read_text(encoding="utf-8") for page in PAGES]
URL = "http://127.0.0.1:7860"

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


def test_readme_is_short():
    assert len((ROOT / "README.md").read_bytes()) <= 7 * 1024


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)(.+?)(?:#.*?)?\)", text):
        assert (page.parent / target).exists(), target


def test_every_page_is_found_from_the_readme():
    for page in PAGES[1:]:
        assert f"(docs/{page.name})" in README, page.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_pages_name_is_there(page):
    """Modules, tests and scripts, as code; of a folder of the package, without it."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    for name in re.findall(r"`([\w.]+(?:/[\w.]+)*/?(?:\.py|\.md|/))(?:`| )", text):
        found = [at / name for at in (ROOT, ROOT / "pneumonia", page.parent)]
        assert any(path.exists() for path in found), name


def test_figures_are_the_bundled_models():
    card = (BUNDLED / "README.md").read_text(encoding="utf-8")
    (table,) = re.findall(
        r"\| figure \| value \|\n\|---\|---\|\n(.*?)\n\n", README, re.S
    )
    for row in table.splitlines():
        assert row in card


@pytest.mark.parametrize(
    "verb",
    ["predict", "batch", "evaluate", "train", "train-lungs", "export", "publish"],
)
def test_every_verb_is_documented(verb):
    assert any(f"python -m pneumonia {verb} " in text for text in TEXTS)
    assert verb in _parser().format_help()


def snippets(language):
    """Each block of that language, with its page."""
    for page, text in zip(PAGES, TEXTS, strict=True):
        for block in re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL):
            yield pytest.param(block, id=f"{page.name}: {block[:30]}")


@pytest.mark.parametrize("snippet", [*snippets("python")])
def test_python_snippets_run(snippet, request, monkeypatch):
    if URL in snippet:
        snippet = snippet.replace(URL, request.getfixturevalue("app").url)
    monkeypatch.chdir(ROOT)
    names = {}
    exec(snippet, names)
    if "prediction" in names:
        assert names["prediction"].verdict == "PNEUMONIA"


@pytest.mark.parametrize("snippet", [*snippets("bash")])
def test_shell_snippets_run(snippet, request, tmp_path):
    """The ones with curl are run; of our own commands, the arguments are read."""
    if URL in snippet:
        snippet = snippet.replace(URL, request.getfixturevalue("app").url)
        done = subprocess.run(
            ["bash", "-euc", snippet], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert '"label": "NORMAL"' in done.stdout
    for line in snippet.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:3] == ["python", "-m", "pneumonia"] and "--help" not in words:
            assert _parser().parse_args(words[3:])


@pytest.mark.parametrize("snippet", [*snippets("javascript")])
def test_javascript_snippets_are_javascript(snippet, tmp_path):
    """It is read, not run: its package is npm's, and tests need no network."""
    if not shutil.which("node"):
        pytest.skip("no node on this machine")
    (tmp_path / "snippet.mjs").write_text(snippet)
    subprocess.run(["node", "--check", tmp_path / "snippet.mjs"], check=True)


def test_ci_finds_the_readmes_test_command():
    found = [
        line for line in README.splitlines() if re.match("python -m venv.*pytest", line)
    ]
    assert len(found) == 1


def test_each_readme_leads_to_the_other():
    assert "(docs/README.fr.md)" in README and "(../README.md)" in FRENCH


def test_french_readme_has_the_same_commands():
    blocks = re.findall(r"```\w+\n.*?```", FRENCH, re.DOTALL)
    assert len(blocks) == 4  # start, test, Python, client
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
    english = "".join(text for text in TEXTS if text != FRENCH)
    for number in re.findall(r"(?<![\d,.])\d{2,}(?![\d,.])", prose):
        assert re.search(rf"\b{number}\b", english), number


def test_french_readme_is_set_as_french_is():
    prose = re.sub(r"```.*?```|`.*?`|https?://\S+", "", FRENCH, flags=re.DOTALL)
    assert not re.search(r" [:;?!%»]|« ", prose)


def test_quick_start_names_the_python_that_it_takes():
    """Whoever has an older one would meet pip's words alone."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    least, end = re.findall(r"3\.(\d+)", project["project"]["requires-python"])
    for text in (README, FRENCH):
        words = text.partition("python -m venv")[0].splitlines()[-3]
        assert f"3.{least}" in words and f"3.{int(end) - 1}" in words
