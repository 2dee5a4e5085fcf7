"""The languages of the page: which one a request asks for, and a text in it.

The texts themselves are in texts.py, the one file to translate.
"""

import re
import string
from collections.abc import Mapping
from html import escape

from .texts import FRENCH, TEXTS

LANGUAGES = {"en": "English", "fr": "Français"}  # the first is the one to fall back on


def say(key: str, language: str, /, **values: object) -> str:
    """One text in one language, with its numbers as that language writes them.

    Args:
        key: of `TEXTS`.
        language: of `LANGUAGES`.
        values: for the fields of the text; floats by the field's format.
    """
    template = TEXTS[key][[*LANGUAGES].index(language)]
    return typeset(_Local(language).format(template, **values))


def html(key: str, language: str, /, **values: object) -> str:
    """The same as HTML: the text and its values are escaped."""
    return escape(say(key, language, **values))


def word(text: str, language: str) -> str:
    """A word of a class or a label; a stranger's may have no translation."""
    return say(f"word {text}", language) if f"word {text}" in TEXTS else text


def translate(message: str, language: str) -> str:
    """A sentence of the package or the server in a language, if it is known in it.

    Args:
        message: `error.message`, `prediction.error` or `prediction.refusal`, say; in a
            `Message`, words among its values are translated too.
        language: of `LANGUAGES`.
    """
    template = getattr(message, "template", message)
    if language == "en" or template not in FRENCH:
        return str(message)
    french, values = typeset(FRENCH[template]), getattr(message, "values", None)
    if not values:
        return french
    words = {
        name: translate(value, language) if isinstance(value, str) else value
        for name, value in values.items()
    }
    return _Local(language).format(french, **words)


def language_of(headers: Mapping[str, str]) -> str:
    """The first of `LANGUAGES` that a request asks for; browsers sort by preference.

    Args:
        headers: of the request, where names are found in lower case.
    """
    asked = headers.get("accept-language", "").lower().split(",")
    codes = (it.strip().split(";")[0].split("-")[0] for it in asked)
    return next((code for code in codes if code in LANGUAGES), "en")


def typeset(text: str) -> str:
    """Keeps signs on the line of what they belong to; the file is easier without."""
    return re.sub(r" (?=[:;?!%»×]|Mio\b)|(?<=[«×]) ", "\u202f", text)


class _Local(string.Formatter):
    """Writes numbers as a language does: 97.5 %, 97,5 %; and a minus as a minus."""

    def __init__(self, language: str):
        self.language = language

    def format_field(self, value: object, spec: str) -> str:
        text = super().format_field(value, spec)
        if not isinstance(value, int | float):
            return text
        text = text.replace("-", "−").replace("%", "\u202f%")
        if self.language == "fr":
            text = text.translate({ord(","): "\u202f", ord("."): ","})
        return text
