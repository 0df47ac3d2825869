# ruff: noqa: RUF001 - Turkish has a dotless i
"""What recognizers write where nobody speaks: credits, farewells, and descriptions of sounds."""

from __future__ import annotations

import re
import unicodedata

from dubline.language.script import base_language

CREDITS = {
    "tr": (
        "altyazı m k",
        "çeviri ve altyazı m k",
        "altyazı ve çeviri m k",
        "bu dizinin betimlemesi trt tarafından sesli betimleme derneğine yaptırılmıştır",
        "bu dizinin betimlemesi trt tarafından sesli betimleme derneği'ne yaptırılmıştır",
    ),
    "en": (
        "subtitles by the amara org community",
        "subtitles by the amara community",
        "transcription by castingwords",
        "transcribed by https otter ai",
    ),
}
"""Credits of subtitle files, which nobody says in a film. Reported as Whisper's text for silence, the first
for Turkish in openai/whisper 2412."""

FAREWELLS = {
    "tr": (
        "izlediğiniz için teşekkürler",
        "izlediğiniz için teşekkür ederim",
        "izlediğiniz için teşekkür ederiz",
        "abone olmayı unutmayın",
        "kanalıma abone olmayı unutmayın",
        "beğenmeyi ve abone olmayı unutmayın",
        "bir sonraki videoda görüşmek üzere",
        "hoşça kalın",
    ),
    "en": (
        "thanks for watching",
        "thank you for watching",
        "thank you so much for watching",
        "thank you very much for watching",
        "please subscribe to my channel",
        "please subscribe",
        "like and subscribe",
        "don't forget to subscribe",
        "don't forget to like and subscribe",
        "see you in the next video",
        "i'll see you in the next video",
        "thank you",
        "bye",
        "bye bye",
        "you",
    ),
}
"""What a film may well say: dropped only where there is no speech, or little trust in it. Reported as well,
"Abone olmayı unutmayın" for one in Vexa-ai/vexa 619, "Thank you for watching" in woheller69/whisperIME 57."""

NOTES = "♪♫♩♬🎵🎶"
"""How Whisper marks what is sung: a note on each side, or at the beginning."""
_DESCRIPTION = re.compile(rf"[\s.-]*(?:(?:\[[^\]]*\]|\([^)]*\)|\*[^*]*\*|[{NOTES}])[\s.-]*)+")


def plain(text: str) -> str:
    """A text for comparing: no case, no marks, and the dotted and dotless i are one letter."""
    folded = unicodedata.normalize(
        "NFKC", text.replace("I", "i").replace("İ", "i").replace("ı", "i")
    ).casefold()
    letters = (c for c in folded.replace("\u2019", "'") if not unicodedata.combining(c))
    spaced = "".join(c if c.isalnum() or c == "'" else " " for c in letters)
    return " ".join(spaced.split())


def known_phrase(text: str, language: str) -> str:
    """ "credit" or "farewell" for a `plain` sentence that is one in that language (in any, where it is ""),
    else ""."""
    base = base_language(language)
    for kind, table in (("credit", _CREDITS), ("farewell", _FAREWELLS)):
        for name, phrases in table.items():
            if base in ("", name) and text in phrases:
                return kind
    return ""


def is_description(text: str) -> bool:
    """Whether a text says what sounds and nothing else: "[Music]", "(applause)", "*sighs*", notes alone."""
    return bool(text.strip()) and _DESCRIPTION.fullmatch(text) is not None


_CREDITS = {name: frozenset(map(plain, phrases)) for name, phrases in CREDITS.items()}
_FAREWELLS = {name: frozenset(map(plain, phrases)) for name, phrases in FAREWELLS.items()}
