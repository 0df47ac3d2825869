"""Languages as people write them: "Turkish", "türkçe", "tur", "tr-TR", "Brazilian Portuguese" -> a code.

    language_code("Türkçe")  -> "tr"
    language_name("pt-BR")   -> "Brazilian Portuguese"

A code is BCP 47's: ISO 639-1 where the language has one, else ISO 639-3, then script and region. Names and
codes are those of the Unicode consortium's CLDR, which Babel carries; it loads when it is asked.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from functools import cache

from dubline.errors import InvalidJob

CODE = re.compile(
    r"(?P<language>[a-z]{2,3})(?:-(?P<script>[a-z]{4}))?(?:-(?P<region>[a-z]{2}|\d{3}))?"
    r"(?P<variants>(?:-(?:[a-z\d]{5,8}|\d[a-z\d]{3}))*)\Z"
)
NOT_ONE = frozenset({"und", "mul", "zxx", "mis", "root"})
"""Codes that say "unknown", "several" or "none"."""
AS_MODELS_SAY = {"fil": "tl", "tgl": "tl", "iw": "he", "in": "id", "ji": "yi", "mo": "ro"}
"""Filipino by the code that recognizers and translators know it by, and what ISO 639 has withdrawn."""
_ALSO = """
    mandarin zh, chinese (simplified) zh-Hans, chinese (traditional) zh-Hant, farsi fa, bengali bn,
    castilian es, filipino tl, flemish nl-BE, moldovan ro, moldavian ro, valencian ca, oriya or, panjabi pa,
    pushto ps, uighur ug, kirghiz ky, sinhalese si, slovene sl, haitian ht, letzeburgesch lb, azeri az,
    sorani ckb, gaelic gd, português brasileiro pt-BR, brazilian pt-BR, brazil pt-BR
"""
WRITE_IT = "Write its name or its code, such as Turkish, tr or pt-BR."
NEAR = 0.7
"""How much of a word must be the same for a name to be proposed (`difflib`'s ratio)."""


def language_code(text: str) -> str:
    """A language by name, in any language, or by code -> its code, such as "tr", "pt-BR" or "zh-Hant".

    The script in a translator's own spelling is left out where the language is mostly written in it:
    "tur_Latn" is "tr".

    Raises:
        InvalidJob: there is no such language; the hint has the nearest names.
    """
    plain = " ".join(text.split())
    # "asu" is a code, and Asu the name of another language.
    written = plain[:1].isupper() and plain[1:].islower() and _english().get(_plain(plain))
    found = written or _by_code(plain) or _by_name(plain)
    if not found:
        raise InvalidJob(f"there is no language {text!r}", hint=_nearest(plain) or WRITE_IT)
    return found


def language_codes(texts: Iterable[str]) -> tuple[str, ...]:
    """Several, each of which may be a list with commas, each code once.

    Raises:
        InvalidJob: as `language_code`.
    """
    words = (word for text in texts for word in re.split(r"[,;]", text) if word.strip())
    return tuple(dict.fromkeys(map(language_code, words)))


def language_name(code: str) -> str:
    """A code's name in English, such as "Brazilian Portuguese" or "Turkish (tr-TR)"; the code itself where it
    has none."""
    names, base = _in_english(), code.replace("_", "-").split("-")[0].lower()
    return names.get(code) or (f"{names[base]} ({code})" if base in names else code)


def names_near(code: str, codes: Iterable[str]) -> str:
    """The sentence that proposes those of these codes whose names are like that of another; "" if none is."""
    names, name = _in_english(), _plain(language_name(code))
    return _told(difflib.get_close_matches(name, {_plain(names[c]): c for c in codes if c in names}, 3, NEAR))


# --- codes -------------------------------------------------------------------------------------


@cache
def _by_code(text: str) -> str:
    """A code as it should be written; "" for what is none, or of no language."""
    parts = CODE.match(text.lower().replace("_", "-"))
    if parts is None:
        return ""
    from babel import Locale
    from babel.core import get_global

    english = Locale("en")
    written, likely, aliases = parts["language"], get_global("likely_subtags"), get_global("language_aliases")
    language = AS_MODELS_SAY.get(written, written)
    if len(language) == 3 and "_" not in aliases.get(language, "_"):
        language = str(aliases[language])
    if language in NOT_ONE or not any(language in known for known in (english.languages, likely, aliases)):
        return ""
    script, region = (parts["script"] or "").title(), (parts["region"] or "").upper()
    if (script and script not in english.scripts) or (region and region not in english.territories):
        return ""
    if len(written) == 3 and script and str(likely.get(language, "")).split("_")[1:2] == [script]:
        script = ""
    return "-".join(filter(None, (language, script, region))) + parts["variants"]


# --- names -------------------------------------------------------------------------------------


def _by_name(text: str) -> str:
    """The code of a name, in English first, then in the language itself, then in any other that agrees."""
    word = _plain(text)
    if word in _english():
        return _english()[word]
    part, _, where = word.rstrip(")").partition(" (")  # "Portuguese (Brazil)"
    if where and part in _english() and where in _territories():
        return f"{_english()[part]}-{_territories()[where]}"
    own, others = _everywhere()
    meant = others.get(word, frozenset())
    return own.get(word) or (next(iter(meant)) if len(meant) == 1 else "")


def _plain(name: str) -> str:
    """A name without its case and accents: nobody should have to find the dotted capital I."""
    letters = unicodedata.normalize("NFKD", name.casefold().replace("ı", "i"))  # noqa: RUF001
    return " ".join("".join(letter for letter in letters if not unicodedata.combining(letter)).split())


@cache
def _in_english() -> dict[str, str]:
    """Code -> name."""
    from babel import Locale

    names = {str(code).replace("_", "-"): str(name) for code, name in Locale("en").languages.items()}
    names = {code: name for code, name in names.items() if code not in NOT_ONE}
    return {**names, "tl": names.get("fil", "Filipino")}


@cache
def _english() -> dict[str, str]:
    """Name without its accents -> code, with names that CLDR has not."""
    names = {_plain(name): _by_code(code) for code, name in _in_english().items()}
    also = (entry.strip().rpartition(" ") for entry in _ALSO.split(","))
    return {name: code for name, code in names.items() if code} | {_plain(n): code for n, _, code in also}


@cache
def _territories() -> dict[str, str]:
    from babel import Locale

    return {_plain(str(name)): str(code) for code, name in Locale("en").territories.items()}


@cache
def _everywhere() -> tuple[dict[str, str], dict[str, frozenset[str]]]:
    """Name -> code in the languages themselves, and name -> codes in all that CLDR knows."""
    from babel.localedata import load, locale_identifiers

    own: dict[str, str] = {}
    others: dict[str, set[str]] = {}
    for place in locale_identifiers():
        names = load(place).get("languages", {}) if "_" not in place else {}
        for written, name in names.items():
            code = _by_code(written)
            if code:
                others.setdefault(_plain(name), set()).add(code)
                if written.split("_")[0] == place:
                    own.setdefault(_plain(name), code)
    return own, {name: frozenset(codes) for name, codes in others.items()}


def _nearest(text: str) -> str:
    """The sentence that proposes names like this one; "" where none is."""
    return _told(difflib.get_close_matches(_plain(text), {**_everywhere()[0], **_english()}, 3, NEAR))


def _told(near: Iterable[str]) -> str:
    known = {**_everywhere()[0], **_english()}
    codes = dict.fromkeys(known[name] for name in near)
    told = " or ".join(f"{_in_english().get(code, code)} ({code})" for code in codes)
    return f"Did you mean {told}?" if told else ""
