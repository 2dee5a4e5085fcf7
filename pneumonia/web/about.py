"""The page about the model: what it is for, how good it is, and where it fails.

Everything is drawn from the model folder's own `config.json` and `report.json`, once,
when the server starts. Both may be a stranger's, so all of their words are escaped, and
what is true of ours alone is said of ours alone: here, and beside each answer.
"""

import json
import re
from collections.abc import Iterable
from html import escape
from pathlib import Path

from ..config import CARD_FILE, ONNX_FILE, PNEUMONIA, REPORT_FILE, ModelConfig
from ..dataset import KERMANY_2018
from ..errors import ModelError
from .measured import Report, measured, section, word, words
from .texts import LANGUAGES, both, in_both, say

_FOLDER = Path(__file__).parent
CSS = (_FOLDER / "about.css").read_text(encoding="utf-8")
SCRIPT = f"<script>{(_FOLDER / 'about.js').read_text(encoding='utf-8')}</script>"

_CARD_LIMIT = 2**20  # characters
_SOURCES = (
    "Kermany, Goldbaum, Cai et al. 2018, <cite>Identifying Medical Diagnoses and "
    "Treatable Diseases by Image-Based Deep Learning</cite>, Cell 172:1122, "
    "doi 10.1016/j.cell.2018.02.010",
    "Kermany, Zhang, Goldbaum 2018, <cite>Large Dataset of Labeled Optical Coherence "
    "Tomography (OCT) and Chest X-Ray Images</cite>, Mendeley Data V2, "
    "doi 10.17632/rscbjbr9sj.2, CC BY 4.0",
    "Chollet 2017, <cite>Xception: Deep Learning with Depthwise Separable "
    "Convolutions</cite>, arXiv:1610.02357",
    "Xin, Li, Yi 2021, <cite>Limited generalizability of deep learning algorithm for "
    "pediatric pneumonia classification on external data</cite>, Emergency Radiology "
    "29:107, doi 10.1007/s10140-021-01954-x",
    "Neuman, Monuteaux, Scully, Bachur 2011, <cite>Prediction of Pneumonia in a "
    "Pediatric Emergency Department</cite>, Pediatrics 128:246",
)


def about(folder: Path, config: ModelConfig, label: str) -> str:
    """All that is known of the served model, as HTML in both languages.

    Args:
        folder: the model folder.
        config: its `config.json`.
        label: where the model comes from, and its revision: `owner/name@1a2b3c4`.
    Returns:
        HTML; without figures where the folder has no report of this very network.
    """
    return (
        f'<article class="own about">{_model(config, label)}{_use()}'
        f"{_measured(folder, config)}{_data(config)}"
        f"{_elsewhere(config)}{_sources()}</article>"
    )


def is_kermany(config: ModelConfig) -> bool:
    """Whether the model learnt from the films of Kermany 2018."""
    return config.dataset == KERMANY_2018


def films_of(config: ModelConfig) -> str:
    """Whose films the model learnt from, in its own words; empty where none says."""
    stated = str(config.provenance.get("data") or "")
    return "" if stated == "not stated" else stated  # as the export writes


def is_balanced(config: ModelConfig) -> bool:
    """Whether the probabilities are those where half of the films show pneumonia."""
    return config.prior[PNEUMONIA] == 0.5


def knows(config: ModelConfig, kermany: str) -> tuple[str, dict[str, str]]:
    """The text on what the model learnt from, and its values.

    Args:
        config: of the model.
        kermany: key of the text for those data.
    """
    if is_kermany(config):
        return kermany, {}
    if stated := films_of(config):
        return "doubt data", {"data": stated}
    return "doubt unstated", {}


def card_text(folder: Path) -> str | None:
    """The model card without its metadata, Markdown in English; None: there is none."""
    try:
        with open(folder / CARD_FILE, encoding="utf-8") as file:
            text = file.read(_CARD_LIMIT + 1)
    except (OSError, ValueError):
        return None
    text = re.sub(r"\A---\n.*?\n---\n", "", text, count=1, flags=re.DOTALL)
    return text if 0 < len(text) <= _CARD_LIMIT else None


def read_report(folder: Path, config: ModelConfig) -> Report | None:
    """The report of a model folder, if it is whole and of the very network."""
    try:
        report = json.loads(config.verified(folder, REPORT_FILE))
        if report["model"]["sha256"] != config.files[ONNX_FILE]["sha256"]:
            return None
    except (ModelError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return report


def _measured(folder: Path, config: ModelConfig) -> str:
    """The parts that show figures, or why there are none."""
    try:
        if report := read_report(folder, config):
            return measured(report, config)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        pass  # a stranger's report, of another version
    has_left_it = REPORT_FILE in config.files and not (folder / REPORT_FILE).exists()
    why = both("about no copy" if has_left_it else "about no report")
    return section("figures", f"<p>{why}</p>")


def _paragraphs(*keys: str) -> str:
    return "".join(f"<p>{both('about ' + key)}</p>" for key in keys)


def _model(config: ModelConfig, label: str) -> str:
    digest = config.files[ONNX_FILE]["sha256"]
    facts = {
        "name": f"<b>{escape(config.name)} {escape(config.version)}</b>",
        "source": word(label),
        "classes": words(config.class_names),
        "input": both("about pixels", side=config.image_size),
    }
    rows = "".join(
        f"<dt>{both('about ' + key)}</dt><dd>{fact}</dd>" for key, fact in facts.items()
    )
    code = f"<dt>{ONNX_FILE}, sha256</dt><dd><code>{digest}</code></dd>"
    return section("model", f'<dl class="facts">{rows}{code}</dl>')


def _use() -> str:
    notice = f"<p><b>{both('notice')}</b></p>"
    return section("use", notice + _paragraphs("intended", "never", "normal"))


def _data(config: ModelConfig) -> str:
    if is_kermany(config):
        return section("data", _paragraphs("data kermany", "labels"))
    data = films_of(config)
    told = {
        code: escape(
            say("about data other", code, data=data or say("about unstated", code))
        )
        for code in LANGUAGES
    }
    return section("data", f"<p>{in_both(**told)}</p>")


def _elsewhere(config: ModelConfig) -> str:
    keys = ("hospitals", "surroundings", "weak", "heatmap")
    if is_kermany(config):
        keys = ("test set", "hospitals", "never seen", *keys[1:])
    return section(
        "elsewhere", f"<ul>{_items(both('about ' + key) for key in keys)}</ul>"
    )


def _sources() -> str:
    return section("sources", f"<ul>{_items(_SOURCES)}</ul>")


def _items(texts: Iterable[str]) -> str:
    return "".join(f"<li>{text}</li>" for text in texts)
