"""`dubline dub`: the translation spoken in the actors' time, and mixed with the film's own sound."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dubline.cli.asking import Asked, takes
from dubline.cli.film import best_first, run_of
from dubline.cli.options import argument, option
from dubline.cli.report import tell_doubtful, tell_report
from dubline.cli.screen import result
from dubline.errors import InvalidJob
from dubline.files import typed
from dubline.report import quantity
from dubline.values.layout import Layout

if TYPE_CHECKING:
    from dubline.values.dubbed import Dub, Mix
    from dubline.voice.way import Audition

_BASES = {
    "cast file": "as the cast file says",
    "earlier": "as in the other run",
    "pitch": "nearest to the actor's pitch",
    "default": "by the name",
}
_SHOWN = 10  # lines that are listed by name


@takes("dub", media=False, model="voice_model")
def dub(
    folder: Annotated[
        Path, argument("The run folder (EPISODE.dubline), separated and translated; or its film.")
    ],
    asked: Asked,
    audition: Annotated[
        str,
        option(
            "Hear these lines over their background: work/auditions/17.wav. The dub stays as it is.",
            panel="How",
        ),
    ] = "",
) -> None:
    """Speak a run's translation in the actors' time, and mix it with the film's own music and effects.

    Out come final.wav, final.m4a and M&E.wav. Nothing is spoken or mixed twice: edit a line in
    translated.json and give the command again, and that line alone is spoken. Without --to, every
    translation that has a text is dubbed. docs/dub.md explains voices, cast, fitting and mix.

        dubline dub EPISODE.dubline

        dubline dub EPISODE.dubline --to en --voice espeak-ng --cast cast.toml --duck 6 --mux

        dubline dub EPISODE.dubline --audition 17

        dubline dub EPISODE.dubline --only 17,23-40 --voice flite

    A voice that clones the actors is not used before you have said --i-have-the-voice-rights, once a run.

    The exit status is 1 while lines could not be spoken or are cut off by the programme's end, 0 where some
    are too long: those are listed.
    """
    from dubline.cli.progress import working
    from dubline.values.segment_ids import ids_of
    from dubline.voice.preparing import dub_languages
    from dubline.voice.way import audition_run, dub_run

    wish, heard = asked.dub, ids_of(audition) if audition else ()
    if heard and (wish.only or wish.retry_failed or wish.takes_only or wish.mux):
        raise InvalidJob(
            "--audition is for single lines and changes nothing else",
            hint="Leave out --only, --retry-failed, --takes-only and --mux.",
        )
    if wish.takes_only and wish.mux:
        raise InvalidJob("without a mix there is no film", hint="Leave out --takes-only or --mux.")
    root = run_of(folder)
    # Before the folder is touched: a wrong path must not make a run.
    planned = dub_languages(root, wish.to or ())
    failed = 0
    steps = () if heard else ("speak", "remix") * len(planned)
    with working(root, steps=steps) as (run, bar):
        languages = dub_languages(root, wish.to or (), bar.say)
        for language in languages:
            if heard:
                auditions = audition_run(
                    run, language, wish, heard, hints=asked.hints, tell=bar.say, report=bar.stage
                )
                failed += sum(one.path is None for one in auditions)
                with bar.results():
                    _tell_auditions(auditions)
                continue
            spoken, files = dub_run(run, language, wish, hints=asked.hints, tell=bar.say)
            failed += sum(take.unheard for take in spoken.takes.takes)
            with bar.results():
                if len(languages) > 1:
                    result(f"{language}:")
                tell_dub(spoken, root)
                for path in best_first(files):
                    result(f"{path}")
    if not heard:
        tell_report(root)
    if failed:
        raise typer.Exit(1)


def tell_dub(made: Dub, root: Path) -> None:
    """A dub in a few lines: takes, cast, loudness, what to look at."""
    states = [take.state for take in made.takes.takes]
    counts = {state: states.count(state) for state in ("spoken", "too_long", "failed", "silent")}
    said = ", ".join(f"{count} {state}" for state, count in counts.items() if count or state == "spoken")
    result(f"{quantity(len(states), 'line')}: {said.replace('_', ' ')}")
    names = _names(root)
    for role in made.takes.cast:
        who, why = names.get(role.speaker) or role.speaker, _BASES.get(role.basis, role.basis)
        pitch = f"pitch {role.pitch:g}, " if role.pitch != 1.0 else ""
        result(f"  {who:<12} {role.voice:<20} {pitch}{why}")
    for state, what in (("too_long", "too long"), ("failed", "failed")):
        lines = [take for take in made.takes.takes if take.state == state]
        for take in lines[:_SHOWN]:
            result(f"  {take.id}: {what}: {'; '.join(take.reasons)}")
        if len(lines) > _SHOWN:
            result(f"  and {len(lines) - _SHOWN} more that are {what}: see {Layout(root).dub()}")
        if lines and state == "failed":
            result(f"  try them again: dubline dub {typed(root)} --to {made.language} --retry-failed")
    for take in made.takes.takes:
        if take.lost:
            result(
                f"  {take.id}: {take.lost:.1f} s of it are cut off by the programme's end: shorten the line"
            )
    spoken = {take.id for take in made.takes.takes if take.frames}
    tell_doubtful([number for number in _doubtful(root) if number in spoken])
    if made.mix is not None:
        _tell_loudness(made.mix)


def _doubtful(root: Path) -> list[int]:
    from dubline.values.transcript import read_transcript

    path = Layout(root).transcript
    return [s.id for s in read_transcript(path).segments if s.doubted] if path.exists() else []


def _names(root: Path) -> dict[str, str]:
    from dubline.values.transcript import read_transcript

    path = Layout(root).transcript
    return {s.id: s.name for s in read_transcript(path).speakers} if path.exists() else {}


def _tell_loudness(mix: Mix) -> None:
    before, after = mix.before, mix.after
    result(
        f"loudness: {_level(before.integrated)} -> {_level(after.integrated)} LUFS, "
        f"true peak: {_level(before.true_peak)} -> {_level(after.true_peak)} dBTP ({mix.target})"
    )
    if before.dialogue is not None and after.dialogue is not None:
        result(f"dialogue: {_level(before.dialogue)} -> {_level(after.dialogue)} LUFS")


def _tell_auditions(found: tuple[Audition, ...]) -> None:
    for one in found:
        take = one.take
        what = f"{take.id}: {take.state.replace('_', ' ')}"
        if take.frames:
            what += f", {take.frames / take.rate:.2f} s for {take.slot:.2f} s at {take.speed:.2f} times"
        if take.reasons:
            what += f" ({'; '.join(take.reasons)})"
        result(what)
        if one.path is not None:
            level = one.loudness.integrated if one.loudness is not None else None
            result(f"  {one.path}" + (f"  {level:.1f} LUFS" if level is not None else ""))


def _level(value: float | None) -> str:
    return "silent" if value is None else f"{value:.1f}"
