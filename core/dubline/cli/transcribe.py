"""`dubline transcribe`: who says what, and when."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from dubline.recognition.given_text import GivenText
    from dubline.values.base import Choice
    from dubline.values.transcript import Transcript


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
    text: Annotated[
        Path | None,
        typer.Option(
            help="What is said, as written: .srt, .vtt or .json with times, or .txt with a line a cue. "
            "It is kept to the letter, one segment a cue; only a .txt needs a recognizer."
        ),
    ] = None,
    encoding: Annotated[
        str,
        typer.Option(
            "--text-encoding", help="The text's encoding if not UTF-8: cp1254, ...", show_default=False
        ),
    ] = "",
    offset: Annotated[
        float,
        typer.Option(
            "--text-offset", help="Seconds added to the text's times: -3600 for a text from 01:00:00:00."
        ),
    ] = 0.0,
    refine: Annotated[
        bool, typer.Option("--refine", help="Move the text's times to where the sound begins and ends.")
    ] = False,
    recognizer: Annotated[
        str,
        typer.Option(
            help="auto, faster-whisper, transformers, paddlespeech, or pocketsphinx (English, no download)."
        ),
    ] = "auto",
    model: Annotated[
        str, typer.Option(help="The recognizer's model, by name or folder.", show_default=False)
    ] = "",
    glossary: Annotated[
        Path | None, typer.Option(help="Names and terms that the recognizer should expect.")
    ] = None,
    diarizer: Annotated[str, typer.Option(help="auto, builtin or pyannote.")] = "auto",
    diarizer_model: Annotated[
        str,
        typer.Option("--diarizer-model", help="pyannote's model: hub name or folder.", show_default=False),
    ] = "",
    number: Annotated[
        int | None, typer.Option("--speakers", help="How many people speak. Default: estimated.", min=1)
    ] = None,
    least: Annotated[
        int | None, typer.Option("--min-speakers", help="At least so many people speak.", min=1)
    ] = None,
    most: Annotated[
        int | None, typer.Option("--max-speakers", help="At most so many people speak.", min=1)
    ] = None,
    cast: Annotated[
        Path | None, typer.Option(help="A cast.toml with clips of voices: speakers that are alike get names.")
    ] = None,
    from_tracks: Annotated[
        bool,
        typer.Option(
            "--speakers-from-tracks",
            help="Every speaker has a microphone: the audio tracks of a video, or the channels of a sound. "
            "Nothing is separated or diarized; what one microphone hears of another is left out.",
        ),
    ] = False,
    microphones: Annotated[
        str,
        typer.Option(
            help="Which tracks or channels are microphones, from 1: 3-8. Default: all.", show_default=False
        ),
    ] = "",
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
    """Find out who says what: transcript.json, with .rttm, .ctm and .srt beside it.

    The voices are separated first (as `dubline separate` does; what it made before is used).
    docs/transcript.md explains the file, docs/recognition.md the ways to get there.

        dubline transcribe EPISODE.mov --language tr

        dubline transcribe EPISODE.mov --language tr --text episode.srt --refine

        dubline transcribe podcast.wav --speakers-from-tracks --recognizer pocketsphinx
    """
    from dubline.cli.progress import watched
    from dubline.cli.separate import check_media, find_sound, said_kept, source_of
    from dubline.errors import InvalidJob
    from dubline.recognition import SegmentRules
    from dubline.recognition.microphones import find_microphones
    from dubline.recognition.publish import publish_transcript
    from dubline.recognition.routing import route_speech, weights_of
    from dubline.recognition.stage import DiarizationJob, RecognitionJob
    from dubline.recognition.voice_names import cast_names
    from dubline.recognition.way import TranscriptionJob, transcribe_microphones, voices_of
    from dubline.recognition.way import transcribe as transcribing
    from dubline.run import Run
    from dubline.separation.routing import job_of, route

    check_media(media)
    if on not in ("vocals", "mix"):
        raise InvalidJob(f"there is no sound {on!r}", hint="Use --on vocals or --on mix.")
    counted = [n for n in (number, least, most) if n is not None]
    _check_together(text, refine, from_tracks, microphones, cast, bool(counted))
    written = _given_text(text, encoding, offset, language, refine) if text else None
    decided = route_speech(
        diarizer=diarizer,
        diarizer_model=diarizer_model,
        recognizer=recognizer,
        model=model,
        language=language,
        on=on,
        voices=not from_tracks,
        words=written is None or not written.timed,
    )
    sums = weights_of(decided)
    diarization = DiarizationJob(
        diarizer=_with(decided.diarizer, speakers=number, min_speakers=least, max_speakers=most),
        models=sums[0],
    )
    recognition = RecognitionJob(
        recognizer=_with(decided.recognizer, glossary=_terms(decided.recognizer.backend, glossary)),
        segments=SegmentRules(lines=2) if subtitles else SegmentRules(),
        models=sums[1],
    )
    job = TranscriptionJob(diarization=diarization, recognition=recognition, text=written)
    hints: dict[str, Any] = {"device": device, "threads": threads, "reasons": decided.reasons}
    mics = find_microphones(media, track, microphones) if from_tracks else ()
    found = find_sound(media, track) if not from_tracks else None
    media = media.absolute()
    root = out or media.with_name(f"{media.stem or media.name}.dubline")
    with (
        watched() as (progress, bar),
        Run(root, report=progress.stage, tell=bar.say, said=lambda r: said_kept(r, bar)) as run,
    ):
        for reason in decided.reasons:
            bar.say(reason)
        if found is None:
            done = transcribe_microphones(run, mics, job, hints)
        else:
            sound = source_of(found, run)
            if on == "vocals":
                separation = route()
                for reason in separation.reasons:
                    bar.say(reason)
                sound = voices_of(run, sound, job_of(separation), {**hints, "reasons": separation.reasons})
            done = transcribing(run, sound, job, hints)
        names = None
        if cast is not None and done.heard is not None:
            names = cast_names(run, done.heard, done.speakers, diarization, cast, hints=hints)
        transcript = publish_transcript(done.transcript, run.root, cast=names, tell=bar.say)
    _tell(transcript, root)


def _check_together(
    text: Path | None,
    refine: bool,
    from_tracks: bool,
    microphones: str,
    cast: Path | None,
    counted: bool,
) -> None:
    """Refuse options that contradict each other.

    Raises:
        InvalidJob: they do.
    """
    from dubline.errors import InvalidJob

    for wrong, what, hint in (
        (refine and text is None, "--refine without a text", "Give the text with --text."),
        (
            refine and from_tracks,
            "--refine together with --speakers-from-tracks",
            "Times are refined on one sound; leave out one of the two.",
        ),
        (
            bool(microphones) and not from_tracks,
            "--microphones without --speakers-from-tracks",
            "Add --speakers-from-tracks.",
        ),
        (
            from_tracks and cast is not None,
            "--cast together with --speakers-from-tracks",
            "There the tracks name the speakers: give the tracks titles, or use `dubline speakers rename`.",
        ),
        (
            from_tracks and counted,
            "a number of speakers together with --speakers-from-tracks",
            "There the microphones are counted; choose them with --microphones.",
        ),
    ):
        if wrong:
            raise InvalidJob(what, hint=hint)


def _given_text(path: Path, encoding: str, offset: float, language: str, refine: bool) -> GivenText:
    from dubline.recognition.given_cues import read_cues, shifted
    from dubline.recognition.given_text import GivenText

    cues = shifted(read_cues(path, encoding=encoding), offset)
    return GivenText(cues=cues, language=language, refine=refine)


def _with(choice: Choice, **options: Any) -> Choice:
    """A choice with more options; None is left out."""
    from msgspec.structs import replace

    more = {name: value for name, value in options.items() if value is not None}
    return replace(choice, options={**choice.options, **more})


def _terms(recognizer: str, path: Path | None) -> list[str] | None:
    """A glossary's source terms, for a recognizer that takes them.

    Raises:
        InvalidJob: it takes none, or the file is no glossary.
    """
    from dubline.backends.choosing import find
    from dubline.errors import InvalidJob

    if path is None:
        return None
    from dubline.values.glossary import read_glossary

    if not recognizer:
        raise InvalidJob(
            "--glossary without a recognizer", hint="A text with times needs none: leave the glossary out."
        )
    if "glossary" not in find("recognizer", recognizer).Options.__struct_fields__:
        raise InvalidJob(
            f"the recognizer {recognizer} takes no glossary",
            hint="Leave out --glossary, or take another recognizer, such as faster-whisper.",
        )
    return [term.source for term in read_glossary(path)]


def _tell(transcript: Transcript, root: Path) -> None:
    if transcript.segments:
        typer.echo(f"{len(transcript.segments)} segments, {len(transcript.speakers)} speakers")
    else:
        typer.echo("no segments: no words were found in this sound")
    for speaker in transcript.speakers:
        typer.echo(f"  {speaker.id}  {speaker.name or '-':<16} {speaker.seconds:7.1f} s")
    if transcript.dropped:
        typer.echo(f"{len(transcript.dropped)} passages left out, with their reasons in the file")
    typer.echo(f"\n{root / 'transcript.json'}")
