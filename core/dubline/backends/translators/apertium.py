"""Apertium: translation by rules and dictionaries, with the program that the system has.

No download, no network, no model; a thousand and a half lines in about two seconds. Good enough to follow a
film between related languages, and no dialogue that an actor could speak. Turkish is not among its pairs.

The program reads running text. A line that ends without a full stop would lend its words to the next line's
grammar; a blank line between two keeps them apart. One thing still passes: the program's tagger remembers for
the rest of its run what kinds of word it met, which may turn a close decision (of 600 lines of film dialogue,
one came out otherwise when they were given backwards). So a chunk is always given whole, known lines too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from dubline.backends.backend import Sought
from dubline.backends.contract import Tick
from dubline.backends.programs import ProgramBackend, run_program, speakable, told
from dubline.backends.translators.stand_ins import shield, unshield
from dubline.errors import BackendFailed, BackendMissing, InvalidJob
from dubline.language.line_checks import problems
from dubline.language.script import base_language
from dubline.report import Report
from dubline.values.base import ModelIdentity
from dubline.values.translated import Answer, Candidate, SourceLine

CHUNK = 200  # lines given to one process
LONGEST = 300.0  # seconds for a chunk; it takes about half a second
BY_HAND = "Try it by hand: echo hello | apertium -u eng-spa"

_CODES = """
    af afr, an arg, ar ara, ast ast, be bel, bg bul, br bre, bs bos, ca cat, cy cym, da dan, de deu, en eng,
    eo epo, es spa, eu eus, fr fra, ga gle, gl glg, hi hin, hr hrv, id ind, is isl, it ita, kk kaz, mk mkd,
    ms msa, mt mlt, nb nob, nl nld, nn nno, no nob, oc oci, pl pol, pt por, ro ron, ru rus, sc srd, se sme,
    sk slk, sl slv, sr hbs, sv swe, szl szl, tr tur, tt tat, uk ukr, ur urd
"""
CODES = dict(entry.split() for entry in _CODES.split(","))
"""Two letters (ISO 639-1) -> three (ISO 639-3), for the languages that Apertium has pairs of."""

_ENDED = " ."
"""Put after a line that ends in a word. The program sets its own full stop there, which would make "no" the
abbreviation "no." and leave the sentence open to the next line."""


class Apertium(ProgramBackend):
    """`apertium`: the installed program; needs a package for each pair of languages.

    Raises:
        BackendMissing: the program or the pair is not installed; the hint has the command.
        InvalidJob: a language is missing or unknown.
    """

    program: ClassVar[str] = "apertium"
    install: ClassVar[str] = "sudo apt install apertium apertium-eng-spa"
    whole_sentences: ClassVar[bool] = False
    in_context: ClassVar[bool] = False
    varies: ClassVar[bool] = False
    by_hand: ClassVar[bool] = False
    precedence: ClassVar[int | None] = None  # nobody should get translation by rules without asking for it

    class Options(ProgramBackend.Options, frozen=True, kw_only=True):
        """`source` and `target`: codes such as "en", "es", "pt-BR". `candidates` is known as to every
        translator; the program has one translation only."""

        source: str = ""
        target: str = ""
        candidates: int = 1

    @classmethod
    def check(cls, sought: Sought) -> None:
        """Refuse a pair of languages that is not installed."""
        if not cls.missing() and sought.language and sought.target:
            _mode(cls.program, sought.language, sought.target)

    @classmethod
    def version(cls) -> str:
        return (told(cls.program, "-V").strip().splitlines() or [cls.program])[0]

    def __init__(self, options: Options) -> None:
        for name in ("source", "target"):
            if not getattr(options, name).strip():
                raise InvalidJob(f"the {name} language is missing", hint='Give its code: "en" or "es".')
        self._program = self.found(f"Install it, with a pair: {self.install}")
        self._options = options
        self._mode = _mode(self._program, options.source, options.target)
        self.identities = (
            ModelIdentity(name=f"apertium {self._mode}", origin=self.version(), licence="GPL"),
        )
        self.notes: tuple[str, ...] = ("translated by rules: good for following along, not for a dub",)

    def translate(
        self, lines: Sequence[SourceLine], known: Mapping[str, Answer], report: Report
    ) -> Iterator[dict[str, Answer]]:
        """Answers by key, up to 200 lines at a time. `report` counts lines.

        Raises:
            BackendFailed: the program broke, or never ended.
            Cancelled: the report asked to stop; the program is ended.
        """
        total = len(lines)
        for start in range(0, total, CHUNK):
            chunk = lines[start : start + CHUNK]
            wanted = [line for line in chunk if line.key not in known]
            done = float(start + len(chunk) - len(wanted))

            def tick(done: float = done) -> None:
                report(done, total)

            tick()
            if wanted:
                texts = self._put([line.text for line in wanted], tick)
                yield {line.key: self._judged(line, text) for line, text in zip(wanted, texts, strict=True)}
        report(total, total)

    def _judged(self, line: SourceLine, text: str) -> Answer:
        if not text:
            return Answer(failure="apertium gave nothing for it" if line.text.strip() else "it is empty")
        found = problems(line.text, text, self._options.source, self._options.target)
        if found.hard:
            return Answer(failure="; ".join(found.hard))
        return Answer(candidates=(Candidate(text=text, origin="program"),))

    def _put(self, texts: Sequence[str], tick: Tick) -> list[str]:
        """The texts in the other language, "" for those that are empty or that the program swallowed."""
        # What has no word in it is the same in every language.
        out = [speakable(text) for text in texts]
        shielded = [shield(text) for text in out]
        ended = [_ENDED if text[-1:].isalnum() else "" for text, _ in shielded]
        asked = [i for i, (text, _) in enumerate(shielded) if any(c.isalnum() for c in text)]
        if not asked:
            return out
        given = self._run([shielded[i][0] + ended[i] for i in asked], tick)
        if len(given) != len(asked):
            # A line's text broke the rhythm; by itself it can break only its own.
            given = [" ".join(self._run([shielded[i][0] + ended[i]], tick)) for i in asked]
        for i, text in zip(asked, given, strict=True):
            if ended[i]:
                text = text.removesuffix(".").rstrip()
            out[i] = _as_begun(texts[i], unshield(text, shielded[i][1]))
        return out

    def _run(self, texts: Sequence[str], tick: Tick) -> list[str]:
        """One process for these texts; as many come back unless the program swallowed a break."""
        answer = _piped([self._program, "-u", self._mode], "\n\n".join(texts) + "\n", tick)
        return [" ".join(part.split()) for part in re.split(r"\n\s*\n", answer.strip("\n"))]


# --- the text ----------------------------------------------------------------------------------


def _as_begun(source: str, text: str) -> str:
    """A line that began in the middle of a sentence does so again: the program begins each with a capital."""
    letters = source.strip()
    if letters[:1].islower() and text[:1].isupper() and not text[:2].isupper():
        return text[0].lower() + text[1:]
    return text


# --- the program -------------------------------------------------------------------------------


def _spellings(code: str) -> list[str]:
    """A language as modes may spell it, the most exact first: "pt-BR" -> por_BR, pt_BR, por, pt."""
    parts = code.replace("_", "-").split("-")
    base = base_language(code)
    bases = [CODES.get(base, base), base]
    regional = [f"{b}_{parts[-1].upper()}" for b in bases] if len(parts) > 1 else []
    return list(dict.fromkeys([*regional, *bases]))


def _mode(program: str, source: str, target: str) -> str:
    """The installed mode for a pair of languages.

    Raises:
        BackendMissing: there is none.
        InvalidJob: no pair anywhere has such a language.
    """
    listed = _piped([program, "-l"], "", lambda: None).split()
    for first in _spellings(source):
        for second in _spellings(target):
            if f"{first}-{second}" in listed:
                return f"{first}-{second}"
    for code in (source, target):
        spelt = set(_spellings(code))
        if not spelt & {*CODES, *CODES.values()} and not spelt & {
            part for m in listed for part in m.split("-")
        }:
            raise InvalidJob(
                f"apertium does not know the language {code!r}",
                hint='Give its ISO 639 code, such as "en" or "spa".',
            )
    pair = f"{_spellings(source)[-2:][0]}-{_spellings(target)[-2:][0]}"
    raise BackendMissing(
        f"apertium has no data here for {source} to {target}; installed are: {', '.join(listed) or 'none'}",
        hint=f"Look for a package with `apt-cache search apertium-` and install it (`sudo apt install "
        f"apertium-{pair}`, or the other way round). Many pairs do not exist at all.",
    )


def _piped(command: list[str], text: str, tick: Tick) -> str:
    """A program's output for this input; UTF-8 both ways. `tick` may raise, and the program ends.

    Raises:
        BackendFailed: it went on for too long, ended in an error, or its output is not UTF-8.
    """
    # The program chooses a UTF-8 locale itself, which LC_ALL would overrule.
    environment = {name: value for name, value in os.environ.items() if name != "LC_ALL"}
    given = text.encode("utf-8")
    out = run_program(
        command, given, tick, timeout=LONGEST, name="apertium", hint=BY_HAND, environment=environment
    )
    try:
        answer = out.decode("utf-8")
    except UnicodeDecodeError:
        answer = ""
    # A single line may vanish; of several, something comes back unless the program is broken.
    if not answer.strip() and "\n\n" in text.strip():
        raise BackendFailed("apertium gave no translation", hint=BY_HAND)
    return answer
