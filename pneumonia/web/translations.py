"""The languages of the page: which one a request asks for, and a text in it.

The texts themselves are in texts.py, the one file to translate.
"""

import re
import string
from collections.abc import Mapping
from html import escape

from .texts import FRENCH, TEXTS

LANGUAGES = {"en": "English", "fr": "Français"}  # the first is the one to fall back on
_CHOICE = re.compile(r"([a-z]{1,8})(?:-[\w-]*)?(?:\s*;\s*q=([01](?:\.\d*)?))?")


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


def translate_word(text: str, language: str) -> str:
    """A word of a report or of a class; a stranger's may have no translation."""
    return say(f"word {text}", language) if f"word {text}" in TEXTS else text


def word(text: str, language: str) -> str:
    """The same as HTML."""
    return escape(translate_word(text, language))


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
    """The language that a request asks for, by the weights of RFC 9110, 12.5.4.

    Args:
        headers: of the request, where names are found in lower case.
    Returns:
        Of `LANGUAGES`: the first one where the request asks for none.
    """
    weights: dict[str, float] = {}
    for choice in headers.get("accept-language", "").lower().split(","):
        if match := _CHOICE.fullmatch(choice.strip()):
            language, weight = match.groups(default="1")
            weights[language] = max(float(weight), weights.get(language, 0))
    wanted = [it for it, weight in weights.items() if it in LANGUAGES and weight > 0]
    return max(wanted, key=weights.get, default=next(iter(LANGUAGES)))


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
