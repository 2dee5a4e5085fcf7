"""Whatever is said to people is said in French too, with the same values."""

import ast
import errno
import inspect
import io
import os
import re
import string
from collections.abc import Iterator
from pathlib import Path

import gradio.routes
import numpy as np
import pydicom.encaps
import pytest
from pydicom import uid

from pneumonia import ImageError
from pneumonia.errors import Message
from pneumonia.imaging import load_image
from pneumonia.imaging.load import _FOREIGN, FORMATS
from pneumonia.inference.gate import REFUSALS
from pneumonia.web import limits
from pneumonia.web.texts import FRENCH, TEXTS
from pneumonia.web.translations import (
    LANGUAGES,
    language_of,
    say,
    translate,
    typeset,
)
from tests.support import hostile_files

ROOT = Path(__file__).parents[2]
PAGE = [ROOT / "app.py", *sorted(ROOT.glob("pneumonia/web/*.py"))]
PAGE.remove(ROOT / "pneumonia" / "web" / "texts.py")
PACKAGE = sorted(
    path
    for path in (ROOT / "pneumonia").rglob("*.py")
    if path.parent.name not in ("training", "evaluation", "export", "web")
)
ABOUT_IMAGES = {"ImageError", "OutOfScopeError", "Message", "_explained"}
OF_THE_SERVER = {*ABOUT_IMAGES, "PneumoniaError", "Error", "Sentence", "Refused"}
# Arguments that hand on what was made elsewhere.
HANDED_ON = {
    *("template", "prediction.refusal", "reason", "why"),
    "escape(words, quote=False)",
}


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in (*PAGE, *PACKAGE):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def strings(tree: ast.AST) -> set[str]:
    """Every constant string of a program."""
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def constants(tree: ast.Module) -> dict[str, str]:
    """The strings that have a name in a module."""
    return {
        node.targets[0].id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.targets[0], ast.Name)
    }


def sentences() -> Iterator[tuple[str, str, set[str]]]:
    """Place, template and values of whatever the code says to people."""
    for path, tree in trees():
        names, known = constants(tree), OF_THE_SERVER if path in PAGE else ABOUT_IMAGES
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name not in known:
                continue
            (first, *_), values = node.args, {item.arg for item in node.keywords}
            if isinstance(first, ast.Constant):
                template = first.value
            else:
                template = names.get(ast.unparse(first), first)
            if name == "_explained":
                values |= {"formats"}
            yield f"{path.name}:{node.lineno}", template, values - {"print_exception"}


SAID = [
    (place, template, values)
    for place, template, values in sentences()
    if not isinstance(template, ast.AST) or ast.unparse(template) not in HANDED_ON
]
OURS = {text for _, tree in trees() for text in strings(tree)}
OF_REPORTS = {  # words that the page about the model finds in a report
    text
    for room in ("training", "evaluation", "export")
    for path in (ROOT / "pneumonia" / room).glob("*.py")
    for text in strings(ast.parse(path.read_text(encoding="utf-8")))
}
LIBRARIES = {text for text in strings(ast.parse(inspect.getsource(gradio.routes)))}
SYSTEM = {os.strerror(code) for code in errno.errorcode}
ENGLISH = re.compile(r"\b(the|an|or|not|is|of|to|it|found|expected|with|bytes)\b")


def fields(template: str) -> set[tuple[str, str]]:
    """Names and formats of a template's fields."""
    parts = string.Formatter().parse(template)
    return {(name, spec) for _, name, spec, _ in parts if name is not None}


@pytest.mark.parametrize(
    "place, template, values", SAID, ids=[place for place, *_ in SAID]
)
def test_every_sentence_of_the_code_has_its_french(place, template, values):
    assert isinstance(template, str), f"{ast.unparse(template)}: not a constant"
    assert {name for name, _ in fields(template)} == values
    assert template in FRENCH


def test_sentences_were_found():
    assert len(SAID) > 40
    assert {place.split(":")[0] for place, *_ in SAID} >= {
        "load.py",
        "pillow.py",
        "dicom.py",
        "limits.py",
        "page.py",
    }


@pytest.mark.parametrize(
    "words",
    [
        FORMATS,
        *(name for *_, name in _FOREIGN),
        *REFUSALS.values(),
        limits.FAILED,
    ],
)
def test_words_within_sentences_have_their_french(words):
    assert words in FRENCH


@pytest.mark.parametrize("english", FRENCH, ids=lambda english: english[:60])
def test_french_is_whole_used_and_french(english):
    french = FRENCH[english]
    assert english in OURS | LIBRARIES | SYSTEM
    assert fields(french) == fields(english)
    assert french and english.endswith(".") == french.endswith(".")
    if "{" not in english.replace("{formats}", ""):
        assert french != english


@pytest.mark.parametrize("french", [*FRENCH.values()], ids=lambda french: french[:60])
def test_french_is_set_as_french_is(french):
    text = re.sub(r"\{.*?\}", "x", typeset(french))  # names of fields are English
    assert re.search(ENGLISH, text) is None
    assert not re.search(r"[^\u202f][;?!»%]|[^\u202f]:(?!\S)|«[^\u202f]", text)
    assert "\u202f\u202f" not in text and "  " not in text


# ---- the page's own texts


@pytest.mark.parametrize("key", TEXTS)
def test_text_of_the_page_is_whole(key):
    assert len(TEXTS[key]) == len(LANGUAGES)
    assert all(text.strip() for text in TEXTS[key])
    assert len({frozenset(fields(text)) for text in TEXTS[key]}) == 1


@pytest.mark.parametrize("key", TEXTS)
def test_text_of_the_page_is_used(key):
    """Its key stands in the code, or is put together there from two words."""
    samples = {path.stem for path in ROOT.glob("examples/**/*.*")}
    texts = OURS | OF_REPORTS
    pieces = {piece for text in texts for piece in (text.strip(), *text.split())}
    cuts = [(key[:at].strip(), key[at:].strip()) for at in range(1, len(key))]
    assert key in OURS or any({*cut} <= pieces | samples for cut in cuts)


# ---- what real errors say

PIXELS = np.zeros((hostile_files.SIDE, hostile_files.SIDE), np.uint16)


def leaves(message: str) -> Iterator[str]:
    """The template of a message, and the words among its values."""
    yield getattr(message, "template", message)
    for name, value in getattr(message, "values", {}).items():
        if isinstance(value, str) and name != "element":  # the standard's own names
            yield from leaves(value)


def in_french(source: object) -> str:
    """What is said in French of a source that cannot be read."""
    with pytest.raises(ImageError) as caught:
        load_image(source)
    return french(caught.value)


def french(error: ImageError) -> str:
    """The French of an error, once its English was found complete and known."""
    message = error.message
    assert message == str(error) == translate(message, "en")
    assert re.search(ENGLISH, message) and message.endswith(".")
    for words in leaves(message):
        assert words in FRENCH or not re.search(ENGLISH, words)
    translated = translate(message, "fr")
    assert translated != message and translated.endswith(".")
    return translated


@pytest.mark.parametrize("name", hostile_files.crafted())
def test_hostile_file_is_an_image_or_refused_in_french(name):
    try:
        assert load_image(hostile_files.crafted()[name]()).ndim == 2
    except ImageError as error:
        assert french(error)[0].isupper() or french(error).startswith("(")


@pytest.mark.parametrize(
    "elements, words",
    [
        ({"NumberOfFrames": 2}, "(0028,0008) Number of Frames : 2 ; il faut : 1, et"),
        ({"BitsAllocated": 32}, "Bits Allocated : 32 ; il faut : 8 ou 16. Exportez"),
        ({"PhotometricInterpretation": "CMYK"}, "MONOCHROME2 ou RGB ou YBR_FULL ou"),
        ({"Rows": 0}, "(0028,0010) Rows : 0 ; il faut : de 1 à 65 535."),
        ({"Columns": 63}, "au moins 64 pixels de côté, elle compte 63 × 96 pixels."),
        ({"BitsStored": 17}, "Bits Stored : 17 ; il faut : de 1 à 16."),
        (
            {"WindowCenter": 5, "WindowWidth": 9, "VOILUTFunction": "ODD"},
            "VOI LUT Function : ODD ; il faut : LINEAR ou LINEAR_EXACT ou SIGMOID.",
        ),
    ],
)
def test_dicom_file_is_refused_in_french(elements, words):
    data = hostile_files.dicom(PIXELS, **elements)
    assert words in in_french(data).replace("\u202f", " ")


def test_other_kind_of_dicom_file_is_refused_in_french():
    image = hostile_files.dicom(PIXELS)
    assert "un fichier endommagé ou tronqué" in in_french(image[:132])
    video, stream = pydicom.dcmread(io.BytesIO(image)), io.BytesIO()
    video.file_meta.TransferSyntaxUID = uid.MPEG2MPML
    video.PixelData = pydicom.encaps.encapsulate([bytes(8)])
    video["PixelData"].is_undefined_length = True
    video.save_as(stream)
    assert "il faut une image sans compression" in in_french(stream.getvalue())
    larger = hostile_files.dicom(np.zeros((99, 96), np.uint16), uid.JPEG2000Lossless)
    rows = b"\x28\0\x10\0US\2\0"
    liar = larger.replace(rows + bytes([99, 0]), rows + bytes([96, 0]))
    assert "(99, 96, 1)\u202f; l'en-tête annonce (96, 96, 1)." in in_french(liar)


@pytest.mark.parametrize(
    "source, words",
    [
        (5, "reçu : int."),
        ("https://example.org/image.png", "reçu : une URL."),
        (ROOT, "reçu : un dossier."),
        (ROOT / "missing.png", "il n'y a ni fichier ni dossier de ce nom."),
        (ROOT / "app.py" / "image.png", "une partie du chemin n'est pas un dossier."),
        (500 * "a", "le nom est trop long."),
        ("image\0.png", "ce n'est pas un chemin valable."),
        (os.devnull, "autre chose qu'un fichier ordinaire."),
        (io.StringIO("image"), "donne : str. Ouvrez-le en mode « rb »."),
        (np.zeros((2, 100, 100)), "reçu : (2, 100, 100) de type float64."),
        (np.full((100, 100), np.nan), "ne contient que NaN ou l'infini."),
        (b"letter", "reçu : un fichier de 6 o qui commence par 6c 65 74 74 65 72."),
        (b"\0\0\0\x18ftypheic", "reçu : un fichier HEIC, AVIF ou vidéo."),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 99 else None,
)
def test_source_is_refused_in_french(source, words):
    assert words in in_french(source).replace("\u202f", " ")


def test_numbers_are_french_in_french(tmp_path):
    data = hostile_files.png(12345, 67890, hostile_files.chunk(b"IDAT", b""))
    found = in_french(data).replace("\u202f", " ")
    assert "au plus 64 mégapixels, elle compte 12 345 × 67 890 pixels." in found
    path = tmp_path / "image"
    path.touch()
    os.truncate(path, 2**31)  # of zeros, which take no place
    found = in_french(path)
    assert "au plus 128\u202fMio, il en fait 2\u202f048 ou davantage." in found


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_refusal_of_the_gate_is_found_whole(refusal):
    assert translate(refusal, "en") == refusal
    assert translate(refusal, "fr") == typeset(FRENCH[refusal])
    assert FRENCH[refusal].startswith("Il faut une radiographie thoracique")


def test_what_nobody_translated_stays_english():
    message = Message("A {word} of its own.", word="missing")
    assert translate(message, "fr") == "A missing of its own."
    assert translate("{braces}", "fr") == "{braces}"


# ---- the language of a request


@pytest.mark.parametrize(
    "header, language",
    [
        (None, "en"),
        ("", "en"),
        ("fr", "fr"),
        ("fr-FR,fr;q=0.9,en-US;q=0.8,en;q=0.7", "fr"),
        ("en-US,en;q=0.9,fr;q=0.8", "en"),
        ("FR-CA ; q=0.4 , en;q=0.3", "fr"),
        ("de,fr;q=0.5", "fr"),
        ("fr,en", "fr"),
        ("fro,*;q=1", "en"),
        ("zh-Hant-TW,ja", "en"),
        (";;,=" * 1000, "en"),
    ],
)
def test_language_of_a_request(header, language):
    headers = {} if header is None else {"accept-language": header}
    assert language_of(headers) == language


def test_say_writes_numbers_as_the_language_does(monkeypatch):
    monkeypatch.setitem(
        TEXTS, "found", ("{share:.1%} of {n:,}", "{share:.1%} de {n:,}")
    )
    assert say("found", "en", share=0.975, n=1234) == "97.5\u202f% of 1,234"
    assert say("found", "fr", share=0.975, n=1234) == "97,5\u202f% de 1\u202f234"
