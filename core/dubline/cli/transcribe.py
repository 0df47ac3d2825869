"""`dubline transcribe`: who says what, and when."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def transcribe(
    media: Annotated[
        Path, typer.Argument(help="A video, or a sound file. It is only read.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="The run folder. Default: beside the media, NAME.dubline."),
    ] = None,
    language: Annotated[
        str, typer.Option(help="What is spoken: tr, en, ... Naming it is safer than letting it be detected.")
    ] = "",
    recognizer: Annotated[
        str,
        typer.Option(
            help="faster-whisper, transformers, paddlespeech, or pocketsphinx (English, no download)."
        ),
    ] = "faster-whisper",
    model: Annotated[
        str, typer.Option(help="The recognizer's model, by name or folder.", show_default=False)
    ] = "",
    diarizer: Annotated[str, typer.Option(help="builtin or pyannote.")] = "builtin",
    diarizer_model: Annotated[
        str,
        typer.Option("--diarizer-model", help="pyannote's model: hub name or folder.", show_default=False),
    ] = "",
    number: Annotated[
        int | None, typer.Option("--speakers", help="How many people speak. Default: estimated.", min=1)
    ] = None,
    on: Annotated[
        str, typer.Option(help="vocals: separate first and listen to the voices. mix: the sound as it is.")
    ] = "vocals",
    subtitles: Annotated[
        bool, typer.Option("--subtitles", help="Cut segments so that each fits 2 lines of 42 characters.")
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
    """Find out who says what: transcript.json, with an .rttm and an .srt beside it.

    The voices are separated first (as `dubline separate` does; what it made before is used).
    docs/transcript.md explains the file.

        dubline transcribe EPISODE.mov --language tr --recognizer faster-whisper --model large-v3

        dubline transcribe talk.wav --recognizer pocketsphinx --on mix
    """
    from dubline.cli.progress import watched
    from dubline.cli.separate import check_media, find_sound, said_kept, source_of
    from dubline.errors import InvalidJob
    from dubline.model import Choice, Sound
    from dubline.recognition import SegmentRules
    from dubline.recognition.publish import publish_transcript
    from dubline.recognition.stage import DiarizationJob, RecognitionJob, diarize, listen, recognize
    from dubline.routing import job_of, route
    from dubline.run import Run
    from dubline.separation import separate as separating

    check_media(media)
    if on not in ("vocals", "mix"):
        raise InvalidJob(f"there is no sound {on!r}", hint="Use --on vocals or --on mix.")
    voices: dict[str, Any] = {"speakers": number, "model": diarizer_model or None}
    words: dict[str, Any] = {"language": language or None, "model": model or None}
    diarization = DiarizationJob(
        diarizer=Choice(backend=diarizer, options={k: v for k, v in voices.items() if v is not None})
    )
    recognition = RecognitionJob(
        recognizer=Choice(backend=recognizer, options={k: v for k, v in words.items() if v is not None}),
        segments=SegmentRules(lines=2) if subtitles else SegmentRules(),
    )
    hints = {"device": device, "threads": threads}
    found = find_sound(media, track)
    media = media.absolute()
    root = out or media.with_name(f"{media.stem or media.name}.dubline")
    with (
        watched() as (progress, bar),
        Run(root, report=progress.stage, tell=bar.say, said=lambda r: said_kept(r, bar)) as run,
    ):
        sound = source_of(found, run)
        if on == "vocals":
            decided = route()
            for reason in decided.reasons:
                bar.say(reason)
            job = job_of(decided)
            stems = run.step(separating, sound, job, hints={**hints, "reasons": decided.reasons})
            spoken = stems.vocals
            sound = Sound(
                path=spoken.path,
                rate=spoken.rate,
                channels=spoken.channels,
                frames=spoken.frames,
                layout=spoken.layout,
            )
        heard = run.step(listen, sound, None)
        speakers = run.step(diarize, heard, diarization, hints=hints)
        transcript = run.step(recognize, heard, speakers, recognition, hints=hints)
        transcript = publish_transcript(transcript, run.root)
    typer.echo(f"{len(transcript.segments)} segments, {len(transcript.speakers)} speakers")
    for speaker in transcript.speakers:
        typer.echo(f"  {speaker.id}  {speaker.name or '-':<16} {speaker.seconds:7.1f} s")
    if transcript.dropped:
        typer.echo(f"{len(transcript.dropped)} passages left out, with their reasons in the file")
    typer.echo(f"\n{root / 'transcript.json'}")
