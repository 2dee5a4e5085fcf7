"""Every text of the page, in English and in French: the one file to translate.

`TEXTS` is what the page itself says, by key. `FRENCH` is what the package says, by the
English sentence, or its template, that stands in the code.
"""

import string
from html import escape

LANGUAGES = {"en": "English", "fr": "Français"}  # the first is the one to fall back on

# key -> the text in each language, in the order of `LANGUAGES`
TEXTS: dict[str, tuple[str, str]] = {}

FRENCH: dict[str, str] = {}


def say(key: str, language: str, **values: object) -> str:
    """One text in one language, with its numbers as that language writes them.

    Args:
        key: of `TEXTS`.
        language: of `LANGUAGES`.
        values: for the fields of the text; floats by the field's format.
    """
    template = TEXTS[key][[*LANGUAGES].index(language)]
    return _Local(language).format(template, **values)


def both(key: str, tag: str = "span", **values: object) -> str:
    """One text as HTML in both languages, of which the style sheet shows one.

    So a switch of language changes what stands on the page, an answer too, and asks
    the server nothing.

    Args:
        key: of `TEXTS`; the text and its values are escaped.
        tag: element that each language is in.
        values: see `say`.
    """
    return in_both(
        tag, **{code: escape(say(key, code, **values)) for code in LANGUAGES}
    )


def in_both(tag: str = "span", **html: str) -> str:
    """The same in two languages, as HTML of which the style sheet shows one."""
    return "".join(
        f'<{tag} lang="{code}">{content}</{tag}>' for code, content in html.items()
    )


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
