"""Firefox Translations: the small models that Firefox translates pages with, by the engine of `fxtranslate`.

A model is a folder for one direction, nearly always from or into English; where there is none for a pair but
one for each half, a line goes through English. The engine searches greedily, so there is one translation of a
line, with no score. It knows no emoji and no notes of music and mangles placeholders: those are kept from it.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from dubline.backends.backend import Backend, Sought, versions
from dubline.backends.programs import speakable
from dubline.backends.translators.firefox_way import Leg, way
from dubline.backends.translators.seq2seq_batches import cut, glue
from dubline.backends.translators.seq2seq_folder import called
from dubline.backends.translators.seq2seq_languages import short_code
from dubline.backends.translators.stand_ins import between, intact, shield, unshield
from dubline.errors import WeightsError, first_line
from dubline.report import Report
from dubline.values.translated import Answer, Candidate, SourceLine
from dubline.weights.firefox_files import parts, unpack
from dubline.weights.folders import damaged_folders, folder_identity, weight_sums
from dubline.weights.installation import pip_command
from dubline.weights.recommended import firefox as recommended
from dubline.weights.starters import FIREFOX_PAGE

CHUNK = 20  # lines between two reports of progress
LONGEST = 250
"""Characters that go to the engine at once. It drops what is beyond 256 tokens, and its own way with long
texts loses words where it cuts them; a token is a character at least."""
WHEELS = {("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64"), ("Windows", "AMD64")}
"""Systems with a wheel of fxtranslate 0.5 (its page on PyPI), as `platform` calls them."""

_PICTURE = "\u2190-\u2bff\u3030\U0001f000-\U0001faff"
_MORE = f"{_PICTURE}\u200d\ufe0e\ufe0f\u20e3\U000e0020-\U000e007f"
PICTURES = f"[0-9#*]\ufe0f?\u20e3|[{_PICTURE}][{_MORE}]*"
"""Emoji, arrows and notes of music, with what binds several to one."""
_ENDS = re.compile(rf"([{_MORE}\s]*)(.*?)([{_MORE}\s]*)", re.DOTALL)


class Firefox(Backend):
    """`firefox`: Firefox Translations models on the processor; a direction each, and through English.

    Raises:
        InvalidJob: a language is missing, or the named model has others.
        WeightsError: there is no model for the languages here, or it is damaged.
    """

    requires: ClassVar[tuple[str, ...]] = ("fxtranslate",)
    extra: ClassVar[str] = "firefox"
    cost: ClassVar[str] = "small models, and one translation of a line: none shorter or longer to choose from"
    precedence: ClassVar[int | None] = 40  # after all that give several candidates
    whole_sentences: ClassVar[bool] = True
    in_context: ClassVar[bool] = False
    varies: ClassVar[bool] = False
    by_hand: ClassVar[bool] = False

    class Options(Backend.Options, frozen=True, kw_only=True):
        """`source` and `target`: codes such as "en" and "pt-BR". `model`: a folder, or a name in the models
        folder; two with + between go one after the other; "auto" is what is here for the pair. `candidates`
        is known as to every translator; there is one translation only."""

        source: str = ""
        target: str = ""
        model: str = "auto"
        candidates: int = 1

    @classmethod
    def remedy(cls) -> str:
        here = (platform.system(), platform.machine())
        if here in WHEELS:
            return super().remedy()
        return (
            f"{pip_command('fxtranslate')} (there is no wheel of it for {' '.join(here)}: it is built on the "
            "spot, which needs Rust and a C++ compiler)"
        )

    @classmethod
    def weights_here(cls, sought: Sought) -> Mapping[str, Path]:
        """The model, or the two models that lead from one language to the other, under one name."""
        legs = way(sought.language, sought.target, sought.model or "auto")
        return {"+".join(leg.name for leg in legs): legs[0].folder} if legs else {}

    @classmethod
    def damaged(cls) -> tuple[str, ...]:
        return damaged_folders("firefox")

    @classmethod
    def how_to_get(cls, sought: Sought) -> str:
        if rows := recommended(short_code(sought.language), short_code(sought.target)):
            return " and ".join(f"`{row.command}`" for row in rows) + " brings what Firefox translates with."
        pair = f"from {sought.language} to {sought.target}"
        return (
            f"Download a Firefox model {pair} ({FIREFOX_PAGE}), or one to English and one from it, and bring "
            "each folder in with `dubline models import FOLDER`."
        )

    @classmethod
    def identity(cls, options: Options) -> tuple[str, ...]:
        """The engine, and the weights of each model on the way."""
        sums = (digest for leg in cls.chosen(options) for digest in weight_sums(leg.folder))
        return (*versions("fxtranslate"), *sums)

    @classmethod
    def chosen(cls, options: Options) -> tuple[Leg, ...]:
        """The models on the way from one language to the other.

        Raises:
            InvalidJob, WeightsError: as the class says.
        """
        if legs := way(options.source, options.target, options.model):
            return legs
        named = "" if options.model == "auto" else f" {options.model!r}"
        raise WeightsError(
            f"the Firefox model{named} from {options.source} to {options.target} is not on this machine",
            hint=cls.how_to_get(Sought(language=options.source, target=options.target)),
        )

    def __init__(self, options: Options) -> None:
        legs = self.chosen(options)
        self._engines = [(leg, _loaded(leg.folder)) for leg in legs]
        names = [called(leg.name, leg.folder) for leg in legs]
        self.identities = tuple(
            folder_identity(name, leg.folder, "") for name, leg in zip(names, legs, strict=True)
        )
        named = zip(names, legs, strict=True)
        told = " then ".join(f"{name} ({leg.source} to {leg.target})" for name, leg in named)
        through = "" if len(legs) == 1 else f"through {legs[0].target}, as no model goes straight: "
        self.notes: tuple[str, ...] = (f"{through}{told}",)

    def __exit__(self, *exc: object) -> None:
        self._engines = []

    def translate(
        self, lines: Sequence[SourceLine], known: Mapping[str, Answer], report: Report
    ) -> Iterator[dict[str, Answer]]:
        """Answers by key, up to 20 lines at a time. `report` counts lines.

        Raises:
            WeightsError: the engine broke over the model.
        """
        for start in range(0, len(lines), CHUNK):
            chunk = lines[start : start + CHUNK]
            wanted = [line for line in chunk if line.key not in known]
            report(float(start + len(chunk) - len(wanted)), len(lines))
            if wanted:
                yield {line.key: self._answer(line.text) for line in wanted}
        report(len(lines), len(lines))

    def _answer(self, line: str) -> Answer:
        text = speakable(line)
        if not text:
            return Answer(failure="the line has no text")
        match = _ENDS.fullmatch(text)
        before, words, after = match.groups() if match else ("", text, "")
        plain, kept = shield(words, PICTURES)
        found = self._put(plain)
        if intact(found, kept):
            found = unshield(found, kept)
        else:  # piece by piece, then, at the price of the sentence
            pieces = zip(between(plain, kept), (*kept, ""), strict=True)
            found = "".join(self._put(piece) + opaque for piece, opaque in pieces)
        if words and not found:
            return Answer(failure="the model gave no text")
        return Answer(candidates=(Candidate(text=before + found + after),))

    def _put(self, text: str) -> str:
        """A text in the other language, with the space around it. What has no word in it stays as it is."""
        words = text.strip()
        if not any(map(str.isalnum, words)):
            return text
        found = words
        for leg, engine in self._engines:
            found = _by(engine, leg, found)
        return text.replace(words, found, 1)


def _by(engine: Any, leg: Leg, text: str) -> str:
    """A text as one model translates it, in parts where it is long."""
    parts = cut(text, lambda part: len(part) <= LONGEST)
    with _blamed_on(leg.folder):
        found = [engine.translate(part).strip() for part in parts]
    return "".join(map(str.__add__, found, (*glue(text, parts, leg.target), ""))).strip()


def _loaded(folder: Path) -> Any:
    """The engine with a folder's model in it."""
    from fxtranslate import Translator

    with _blamed_on(folder):
        data = {part: unpack(name, (folder / name).read_bytes()) for part, name in parts(folder).items()}
        return Translator(data["model"], data["source"], data["target"], data.get("shortlist"))


@contextmanager
def _blamed_on(folder: Path) -> Iterator[None]:
    """What the engine raises, as an error that names the model. Its panics are no `Exception`."""
    try:
        yield
    except BaseException as error:
        if not isinstance(error, ValueError) and type(error).__name__ != "PanicException":
            raise
        raise WeightsError(
            f"the Firefox model in {folder} does not work: {first_line(error)}",
            hint="It is damaged, or its files belong to different models: get all of them again.",
        ) from None
