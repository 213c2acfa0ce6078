"""The languages that Tocsin speaks."""

from typing import Final

ENGLISH: Final = "en"

LANGUAGES: Final = (
    *("bg", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "ga", "hr"),
    *("hu", "it", "lt", "lv", "mt", "nl", "pl", "pt", "ro", "sk", "sl", "sv"),
)
"""The 24 official languages of the Union, Regulation No 1/1958, Art. 1, by their ISO 639-1 codes."""
