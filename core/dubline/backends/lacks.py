"""A job that this machine is not set up for: all that is missing, and the one command that mends it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from dubline.backends.choosing import available
from dubline.backends.needs import Wanted, command, translator_gap
from dubline.backends.translators.seq2seq_languages import short_code
from dubline.errors import DublineError, NotSetUp
from dubline.values.languages import language_name
from dubline.values.timeline import FileMedia
from dubline.values.wishes import LocalizeJob, Wish
from dubline.weights.recommended import ESPEAK, VOICES, translators

_SET_UP_VOICES = frozenset(row.backend for row in VOICES)
BY_HAND = "manual"
"""The translator that leaves all lines to a person."""
OWN_SERVER = "A language model on a server of your own can do it: --translator llm --server URL."

OWN_VOICE = "A program or a service of your own can speak it: --voice-command or --voice-address."


def wanted_by(job: LocalizeJob, source: str, kinds: Iterable[str]) -> Wanted:
    """What to set up for a job in a language, of these kinds of back ends."""
    ears = job.transcribe is not None and (
        job.transcribe.recognizer == "paddlespeech" or job.transcribe.diarizer == "pyannote"
    )
    voice = job.dub.voice if job.dub is not None else None
    return Wanted(
        source=source,
        targets=job.languages,
        voice=voice if voice in _SET_UP_VOICES else "auto",
        ears="seed" if ears else "",
        kinds=tuple(dict.fromkeys(kinds)),
    )


def not_set_up(job: LocalizeJob, source: str, errors: Sequence[DublineError]) -> NotSetUp:
    """The refusal: a line for each thing that is missing, the command, and what works as it is."""
    lines, open_kinds, hints = [], [], []
    for error in errors:
        named = _named(job, error.kind)
        lines.append(f"{error.kind}: {error.message}" + (f". {error.hint}" if named and error.hint else ""))
        if error.kind == "translator" and not named and not _brought(source, job.languages):
            hints.append(OWN_SERVER)
        elif error.kind == "voice" and not named and available("voice")[ESPEAK.backend].installed:
            hints.append(OWN_VOICE)  # of those that `setup` brings it speaks the most languages
        elif not named:
            open_kinds.append(error.kind)
    if open_kinds:
        hints.insert(0, f"This brings it: {command(wanted_by(job, source, open_kinds))}")
    if isinstance(job.media, FileMedia) and not any(error.kind == "separator" for error in errors):
        hints.append(f"What works as it is: dubline separate {shlex.quote(job.media.path)} (stems)")
    refusal = NotSetUp(
        "\n  ".join(["this job needs what is not here yet:", *dict.fromkeys(lines)]),
        hint="\n  ".join(hints) or "`dubline backends` and `dubline models list` tell more.",
    )
    refusal.errors = tuple(errors)
    return refusal


def by_a_person(source: str, languages: Sequence[str]) -> str:
    """The sentences on lines in these languages, which are left to a person."""
    told = dict.fromkeys(
        translator_gap(source, target)
        or f"No translator from {language_name(source)} to {language_name(target)} is on this machine: the "
        "lines are left to a person."
        for target in languages
    )
    brought = _brought(source, languages)
    if brought:
        setup = command(Wanted(source=source, targets=brought))
        told[f"Once `{setup}` has brought one, give this command again."] = None
    if len(brought) < len(languages):
        told[OWN_SERVER] = None
    return " ".join(told)


def translator_ways(source: str, target: str) -> str:
    """What to do first where no translator is here for a pair, and none was named."""
    first = OWN_SERVER
    if _brought(source, [target]):
        first = f"`{command(Wanted(source=source, targets=(target,)))}` brings one."
    return f"{first} Without one: --translator manual leaves the lines to a person."


def _brought(source: str, languages: Sequence[str]) -> tuple[str, ...]:
    """Those of the languages for which `setup` brings a translator."""
    pairs = {target: (short_code(source), short_code(target)) for target in languages}
    return tuple(target for target, pair in pairs.items() if translators(*pair, "good"))


def _named(job: LocalizeJob, kind: str) -> bool:
    """Whether a person named the back end of a kind, or its model, and `setup` does not bring that one."""
    wishes: dict[str, Wish | None] = {
        "separator": job.separate,
        "diarizer": job.transcribe,
        "recognizer": job.transcribe,
        "translator": job.translate,
        "voice": job.dub,
    }
    wish = wishes.get(kind)
    name = getattr(wish, kind, None)
    if kind == "voice" and name in _SET_UP_VOICES:
        return False  # `setup` knows how to bring it
    return name not in (None, "auto") or bool(getattr(wish, f"{kind}_model", None))
