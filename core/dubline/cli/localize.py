"""`dubline localize`: stems, transcript, translations and dubs of a film in one go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dubline.pipeline import Localized


def localize(
    media: Annotated[
        Path, typer.Argument(help="A video, or a sound file. It is only read.", show_default=False)
    ],
    source: Annotated[
        str,
        typer.Option(
            "--from", help="What is spoken: tr, en, ... Naming it is safer than letting it be detected."
        ),
    ] = "",
    targets: Annotated[
        list[str] | None,
        typer.Option(
            "--to", help="A language to translate into; may be repeated. None: only stems and transcript."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="The run folder. Default: beside the media, NAME.dubline."),
    ] = None,
    stems: Annotated[
        bool,
        typer.Option(
            help="Separate vocals, music, sfx and ambient. Without, speech is recognised in the mix, which "
            "is faster and costs words and speakers."
        ),
    ] = True,
    transcript: Annotated[
        bool, typer.Option(help="Find out who says what. A translation always needs it.")
    ] = True,
    content: Annotated[
        str, typer.Option(help="auto, dialogue, music or cinematic; see `dubline separate --help`.")
    ] = "auto",
    separator: Annotated[str, typer.Option(help="auto, demucs, uvr or builtin.")] = "auto",
    separator_model: Annotated[
        str, typer.Option(help="The separator's model, by name or path.", show_default=False)
    ] = "",
    diarizer: Annotated[str, typer.Option(help="auto, builtin or pyannote.")] = "auto",
    speakers: Annotated[
        int | None, typer.Option(help="How many people speak. Default: estimated.", min=1)
    ] = None,
    cast: Annotated[
        Path | None,
        typer.Option(help="A cast.toml: clips of voices name speakers, gender and register help llm."),
    ] = None,
    recognizer: Annotated[
        str, typer.Option(help="auto, faster-whisper, transformers, paddlespeech or pocketsphinx.")
    ] = "auto",
    recognizer_model: Annotated[
        str, typer.Option(help="The recognizer's model, by name or folder.", show_default=False)
    ] = "",
    translator: Annotated[
        str, typer.Option(help="auto, ctranslate2, transformers, llm, apertium or manual.")
    ] = "auto",
    translator_model: Annotated[
        str, typer.Option(help="The translator's model, by name or folder.", show_default=False)
    ] = "",
    server: Annotated[
        str,
        typer.Option(
            help="For llm: where it listens, such as http://localhost:11434/v1.", show_default=False
        ),
    ] = "",
    glossary: Annotated[
        Path | None, typer.Option(help="Terms to keep to: CSV or TSV with source, target, note.")
    ] = None,
    synopsis: Annotated[
        Path | None, typer.Option(help="A text file that tells what happens, for llm.")
    ] = None,
    voice: Annotated[
        str,
        typer.Option(
            help="Dub it too: auto, espeak-ng, flite, piper, paddlespeech or command. Default: no dub.",
            show_default=False,
        ),
    ] = "",
    voice_option: Annotated[
        list[str] | None,
        typer.Option(
            help="A setting of the voice, NAME=VALUE, such as model=FOLDER; may be repeated.",
            show_default=False,
        ),
    ] = None,
    loudness: Annotated[
        str,
        typer.Option(help="Of the dub: ebu-r128, atsc-a85, netflix, streaming-14, streaming-16 or off."),
    ] = "ebu-r128",
    rights: Annotated[
        bool,
        typer.Option("--i-have-the-voice-rights", help="Say that you may clone the voices of this film."),
    ] = False,
    track: Annotated[
        str,
        typer.Option(help="Which audio track of a video: number from 0, or language.", show_default=False),
    ] = "",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1.")] = "auto",
    threads: Annotated[
        int | None, typer.Option(help="CPU threads. Default: physical cores less one.", min=1)
    ] = None,
) -> None:
    """Do everything: separate, find out who says what, translate, and dub where a voice is named.

    The same as `dubline separate`, `transcribe`, `translate` and `dub` one after the other, with their
    results in one run folder. What can be refused is refused before the work begins. Stopped, it goes on
    where it was; with another setting, only what depends on it is done again. For more options use the
    single commands.

        dubline localize EPISODE.mov --from tr --to en

        dubline localize EPISODE.mov --from tr --to en --to de --glossary terms.csv --cast cast.toml

        dubline localize EPISODE.mov --from tr --to en --voice auto

        dubline localize EPISODE.mov --from tr --to en --translator llm --server http://localhost:11434/v1
        --translator-model qwen3:14b
    """
    from dubline.cli.dub import voice_options
    from dubline.cli.progress import watched
    from dubline.cli.separate import check_media, said_kept
    from dubline.errors import InvalidJob
    from dubline.pipeline import decide
    from dubline.pipeline import localize as localizing
    from dubline.run import Run
    from dubline.values.timeline import FileMedia
    from dubline.values.wishes import LocalizeJob

    check_media(media)
    if content not in ("auto", "dialogue", "music", "cinematic"):
        raise InvalidJob(f"there is no content {content!r}", hint="Use auto, dialogue, music, cinematic.")
    media = media.absolute()
    job = LocalizeJob(
        media=FileMedia(path=media.as_posix(), track=track),
        source=source,
        targets=tuple(targets or ()),
        content=content,  # type: ignore[arg-type]
        stems=stems,
        subtitles=transcript,
        glossary=str(glossary) if glossary else None,
        cast=str(cast) if cast else None,
        synopsis=str(synopsis) if synopsis else None,
        speakers=speakers,
        separator=separator,
        separator_model=separator_model,
        diarizer=diarizer,
        recognizer=recognizer,
        recognizer_model=recognizer_model,
        translator=translator,
        translator_model=translator_model,
        server=server,
        voice=voice,
        voice_options=voice_options(more=voice_option or ()),
        voice_rights=rights,
        loudness=loudness,
        device=device,
    )
    decided = decide(job)
    root = out or media.with_name(f"{media.stem or media.name}.dubline")
    with (
        watched() as (progress, bar),
        Run(root, report=progress.stage, tell=bar.say, said=lambda r: said_kept(r, bar)) as run,
    ):
        for reason in decided.reasons:
            bar.say(reason)
        done = localizing(job, run, decided=decided, threads=threads, tell=bar.say)
    _tell(done, root)
    failed = any(translation.totals.failed for translation in done.translations)
    if failed or any(take.state == "failed" for dub in done.dubs for take in dub.takes.takes):
        raise typer.Exit(1)


def _tell(done: Localized, root: Path) -> None:
    from dubline.cli.dub import tell_dub

    for stem in done.stems.stems if done.stems else ():
        typer.echo(f"{stem.name:<8} {stem.label}")
    if done.transcript is not None:
        typer.echo(f"{len(done.transcript.segments)} segments, {len(done.transcript.speakers)} speakers")
    for translation in done.translations:
        totals = translation.totals
        typer.echo(
            f"{translation.target_language:<8} {totals.translated} lines translated, {totals.failed} failed, "
            f"{totals.pending} left to a person, {totals.too_long} too long for their time"
        )
        if totals.failed:
            typer.echo(
                f"         try them again: dubline translate {root} --to {translation.target_language} "
                "--retry-failed"
            )
    for dub in done.dubs:
        typer.echo(f"\ndub in {dub.language}:")
        tell_dub(dub, root)
    typer.echo(f"\n{root}")
