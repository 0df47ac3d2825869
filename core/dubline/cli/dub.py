"""`dubline dub`: the translation spoken in the actors' time, and mixed with the film's own sound."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from dubline.values.dubbed import Dub, LoudnessReport, Mix
    from dubline.voice.way import Audition
    from dubline.voice.wishes import Wishes

_BASES = {
    "cast file": "as the cast file says",
    "earlier": "as in the other run",
    "pitch": "nearest to the actor's pitch",
    "default": "by the name",
}
_SHOWN = 10  # lines that are listed by name


def dub(
    folder: Annotated[
        Path, typer.Argument(help="The run folder (EPISODE.dubline), separated and translated.")
    ],
    language: Annotated[
        str, typer.Option("--to", help="Which translation. Default: all that have a text.")
    ] = "",
    voice: Annotated[
        str,
        typer.Option(
            help="auto, espeak-ng, flite, piper, paddlespeech, or command (your own program or service). "
            "Default: as before, else auto.",
            show_default=False,
        ),
    ] = "",
    voice_model: Annotated[
        str, typer.Option(help="The voice's model: a file or a folder.", show_default=False)
    ] = "",
    voice_command: Annotated[
        str,
        typer.Option(
            help="Your own program: 'say -f {text_file} -o {wav} -v {voice} -r {words}'.", show_default=False
        ),
    ] = "",
    voice_address: Annotated[
        str,
        typer.Option(
            help="Your own service: http://localhost:5002/api/tts?voice={voice}&speed={rate}; the text is "
            "posted to it.",
            show_default=False,
        ),
    ] = "",
    voice_option: Annotated[
        list[str] | None,
        typer.Option(help="Any other setting of the voice, NAME=VALUE; may be repeated.", show_default=False),
    ] = None,
    cast: Annotated[
        Path | None, typer.Option(help="A cast.toml that says who has which voice.", show_default=False)
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option(
            help="Another run folder: people of the same name get the voice they have there.",
            show_default=False,
        ),
    ] = None,
    rights: Annotated[
        bool,
        typer.Option(
            "--i-have-the-voice-rights",
            help="Say that you may clone these voices. Asked for once a run, and kept in it.",
        ),
    ] = False,
    only: Annotated[
        str,
        typer.Option(help="Speak only these lines again: 17,23-40. All others stay.", show_default=False),
    ] = "",
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try failed lines again.")] = False,
    audition: Annotated[
        str,
        typer.Option(
            help="Hear these lines over their background: auditions/17.wav. The dub stays as it is.",
            show_default=False,
        ),
    ] = "",
    takes_only: Annotated[bool, typer.Option("--takes-only", help="Speak, and do not mix.")] = False,
    mux: Annotated[
        bool | None,
        typer.Option(help="Also write the film with both languages, picture untouched.", show_default=False),
    ] = None,
    voice_volume: Annotated[
        float | None, typer.Option(help="Level of the dub, a factor. Default: 1.0.", show_default=False)
    ] = None,
    bg_volume: Annotated[
        float | None,
        typer.Option(help="Music, sfx and ambient together. Default: 0.7.", show_default=False),
    ] = None,
    music: Annotated[
        float | None, typer.Option(help="Music by itself. Default: 1.0.", show_default=False)
    ] = None,
    sfx: Annotated[
        float | None, typer.Option(help="Effects by themselves. Default: 1.0.", show_default=False)
    ] = None,
    ambient: Annotated[
        float | None, typer.Option(help="Ambience by itself. Default: 1.0.", show_default=False)
    ] = None,
    original_volume: Annotated[
        float | None,
        typer.Option(help="The actors' own voices, for a voice-over. Default: 0.", show_default=False),
    ] = None,
    duck: Annotated[
        float | None,
        typer.Option(
            help="How far all else goes down while the dub speaks, in dB. Default: 0.", show_default=False
        ),
    ] = None,
    duck_attack: Annotated[
        float | None, typer.Option(help="Seconds to go down. Default: 0.15.", show_default=False)
    ] = None,
    duck_release: Annotated[
        float | None, typer.Option(help="Seconds to come back. Default: 0.4.", show_default=False)
    ] = None,
    loudness: Annotated[
        str | None,
        typer.Option(
            help="ebu-r128, atsc-a85, netflix, streaming-14, streaming-16 or off. Default: ebu-r128.",
            show_default=False,
        ),
    ] = None,
    reverb: Annotated[
        str | None,
        typer.Option(help="off, or room: as the actors' rooms sound. Default: off.", show_default=False),
    ] = None,
    forget: Annotated[
        bool, typer.Option("--forget", help="Begin anew: what you leave out gets its default again.")
    ] = False,
    threads: Annotated[
        int | None, typer.Option(help="CPU threads. Default: physical cores less one.", min=1)
    ] = None,
) -> None:
    """Speak a run's translation in the actors' time, and mix it with the film's own music and effects.

    Out come final.wav, final.m4a and M&E.wav. Nothing is spoken or mixed twice: edit a line in
    translated.json and give the command again, and that line alone is spoken. What you leave out stays as in
    the run's last dub. docs/dub.md explains voices, cast, fitting and mix.

        dubline dub EPISODE.dubline

        dubline dub EPISODE.dubline --to en --voice espeak-ng --cast cast.toml --duck 6 --mux

        dubline dub EPISODE.dubline --audition 17

        dubline dub EPISODE.dubline --only 17,23-40 --voice flite

    A voice that clones the actors is not used before you have said --i-have-the-voice-rights, once a run.

    The exit status is 1 while lines could not be spoken, 0 where some are too long: those are listed.
    """
    from dubline.cli.progress import watched
    from dubline.cli.separate import said_kept
    from dubline.errors import InvalidJob
    from dubline.run import Run
    from dubline.values.segment_ids import ids_of
    from dubline.voice.preparing import dub_languages
    from dubline.voice.way import audition_run, dub_run
    from dubline.voice.wishes import Wishes

    heard = ids_of(audition) if audition else ()
    if heard and (only or retry_failed or takes_only or mux):
        raise InvalidJob(
            "an audition is of the line alone",
            hint="Leave out --only, --retry-failed, --takes-only and --mux.",
        )
    if takes_only and mux:
        raise InvalidJob("without a mix there is no film", hint="Leave out --takes-only or --mux.")
    options = voice_options(voice_model, voice_command, voice_address, voice_option or ())
    mix = {
        "voice_volume": voice_volume, "bg_volume": bg_volume, "music": music, "sfx": sfx,
        "ambient": ambient, "original_volume": original_volume, "duck_db": duck,
        "duck_attack": duck_attack, "duck_release": duck_release, "target": loudness, "reverb": reverb,
    }  # fmt: skip
    if (voice_command or voice_address) and not voice:
        voice = "command"
    wishes = Wishes(
        voice=voice,
        options=options,
        cast=cast,
        like=like,
        mix={name: value for name, value in mix.items() if value is not None},
        mux=mux,
        only=only,
        retry_failed=retry_failed,
        takes_only=takes_only,
        rights=rights,
        forget=forget,
    )
    # Before the folder is touched: a wrong path must not make a run.
    languages = dub_languages(folder, language)
    failed = 0
    hints: dict[str, Any] = {"threads": threads}
    with (
        watched() as (progress, bar),
        Run(folder, report=progress.stage, tell=bar.say, said=lambda r: said_kept(r, bar)) as run,
    ):
        for name in dub_languages(folder, language, bar.say):
            asked = for_language(wishes, name)
            if heard:
                found = audition_run(run, asked, heard, hints=hints, tell=bar.say, report=progress.stage)
                bar.clear()
                failed += sum(one.path is None for one in found)
                _tell_auditions(found)
                continue
            made, files = dub_run(run, asked, hints=hints, tell=bar.say)
            bar.clear()
            failed += sum(take.state == "failed" for take in made.takes.takes)
            if len(languages) > 1:
                typer.echo(f"{name}:")
            tell_dub(made, folder)
            for path in files:
                typer.echo(f"{path}")
    if failed:
        raise typer.Exit(1)


def voice_options(
    model: str = "", command: str = "", address: str = "", more: tuple[str, ...] | list[str] = ()
) -> dict[str, Any]:
    """The options of a voice from words on the command line.

    Raises:
        InvalidJob: an option is no NAME=VALUE, or the command's quotes do not close.
    """
    import json
    import shlex

    from dubline.errors import InvalidJob

    options: dict[str, Any] = {}
    for word in more:
        name, equals, value = word.partition("=")
        if not equals or not name.strip():
            raise InvalidJob(f"{word!r} is no option of a voice", hint="Give it as NAME=VALUE.")
        try:
            options[name.strip()] = json.loads(value) if value[:1] in "[{" and value else value
        except ValueError:
            options[name.strip()] = value
    if command:
        try:
            options["command"] = shlex.split(command)
        except ValueError as error:
            raise InvalidJob(f"the voice's command: {error}", hint="Close its quotation marks.") from None
    if address:
        options["address"] = address
    if model:
        options["model"] = model
    return options


def for_language(wishes: Wishes, language: str) -> Wishes:
    """The same wishes for one language."""
    import msgspec

    return msgspec.structs.replace(wishes, language=language)


def tell_dub(made: Dub, root: Path) -> None:
    """A dub in a few lines: takes, cast, loudness, what to look at."""
    states = [take.state for take in made.takes.takes]
    typer.echo(
        f"{len(states)} lines: {states.count('spoken')} spoken, {states.count('too_long')} too long, "
        f"{states.count('failed')} failed, {states.count('silent')} silent"
    )
    names = _names(root)
    for role in made.takes.cast:
        who, why = names.get(role.speaker) or role.speaker, _BASES.get(role.basis, role.basis)
        pitch = f"pitch {role.pitch:g}, " if role.pitch != 1.0 else ""
        typer.echo(f"  {who:<12} {role.voice:<20} {pitch}{why}")
    for state, what in (("too_long", "too long"), ("failed", "failed")):
        lines = [take for take in made.takes.takes if take.state == state]
        for take in lines[:_SHOWN]:
            typer.echo(f"  {take.id}: {what}: {'; '.join(take.reasons)}")
        if len(lines) > _SHOWN:
            typer.echo(f"  and {len(lines) - _SHOWN} more that are {what}: see {root / 'dubbed.json'}")
        if lines and state == "failed":
            typer.echo(f"  try them again: dubline dub {root} --to {made.language} --retry-failed")
    if made.mix is not None:
        _tell_loudness(made.mix)


def _names(root: Path) -> dict[str, str]:
    from dubline.values.transcript import read_transcript

    path = root / "transcript.json"
    return {s.id: s.name for s in read_transcript(path).speakers} if path.exists() else {}


def _tell_loudness(mix: Mix) -> None:
    before, after = mix.before, mix.after
    typer.echo(
        f"loudness: {_level(before.integrated)} -> {_level(after.integrated)} LUFS, "
        f"true peak: {_level(before.true_peak)} -> {_level(after.true_peak)} dBTP ({mix.target})"
    )
    if before.dialogue is not None and after.dialogue is not None:
        typer.echo(f"dialogue: {_level(before.dialogue)} -> {_level(after.dialogue)} LUFS")


def _tell_auditions(found: tuple[Audition, ...]) -> None:
    for one in found:
        take = one.take
        what = f"{take.id}: {take.state.replace('_', ' ')}"
        if take.frames:
            what += f", {take.frames / take.rate:.2f} s for {take.slot:.2f} s at {take.speed:.2f} times"
        if take.reasons:
            what += f" ({'; '.join(take.reasons)})"
        typer.echo(what)
        if one.path is not None:
            told = _heard(one.loudness)
            typer.echo(f"  {one.path}{told}")


def _heard(report: LoudnessReport | None) -> str:
    if report is None or report.integrated is None:
        return ""
    return f"  {report.integrated:.1f} LUFS"


def _level(value: float | None) -> str:
    return "silent" if value is None else f"{value:.1f}"
