"""`dubline transcribe`: who says what, and when."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from dubline.cli.command import command, without
from dubline.cli.options import MACHINE, SEPARATE, TRANSCRIBE, Media, Out, Track

if TYPE_CHECKING:
    from dubline.values.transcript import Transcript
    from dubline.values.wishes import SeparateWish, TranscribeWish

_VOICES = SEPARATE.only("separator", "separator_model", "separator_option")


@command(TRANSCRIBE, _VOICES, without(MACHINE, "batch"), main="transcribe")
def transcribe(
    media: Media,
    out: Out = None,
    track: Track = None,
    *,
    transcribe: "TranscribeWish",
    separate: "SeparateWish",
    machine: dict[str, Any],
) -> None:
    """Find out who says what: transcript.json, with .rttm, .ctm and .srt beside it.

    The separated voices are listened to: those that the run has; only where it has none, or a separator is
    named, they are separated first. What you leave out stays as it was for this run, else it is auto.
    docs/transcript.md explains the file, docs/recognition.md the ways to get there.

        dubline transcribe EPISODE.mov --language tr

        dubline transcribe EPISODE.mov --language tr --text episode.srt --refine

        dubline transcribe podcast.wav --speakers-from-tracks
    """
    from dubline.cli.progress import working_in
    from dubline.media.original import look_at, media_and_run, original_of
    from dubline.recognition.way import settle_transcription, transcribe_run
    from dubline.run import read_wish
    from dubline.separation.way import stems_for
    from dubline.values.timeline import FileMedia
    from dubline.values.wishes import TranscribeWish

    source, root = media_and_run(media, out, track)
    transcribing = settle_transcription(transcribe, read_wish(root, "transcribe", TranscribeWish))
    seen = look_at(source, root)
    assert isinstance(source, FileMedia)
    with working_in(root, transcribing.reasons) as (run, working):
        sound, stems = original_of(run, seen).sound, None
        if transcribing.listens_to_voices:
            stems = stems_for(run, sound, separate, hints=machine, tell=working.bar.say)
        transcript = transcribe_run(
            run,
            sound,
            stems,
            transcribing,
            media=(Path(source.path), source.track),
            hints=machine,
            tell=working.bar.say,
        )
    _tell(transcript, root)


def _tell(transcript: "Transcript", root: Path) -> None:
    if transcript.segments:
        typer.echo(f"{len(transcript.segments)} segments, {len(transcript.speakers)} speakers")
    else:
        typer.echo("no segments: no words were found in this sound")
    for speaker in transcript.speakers:
        typer.echo(f"  {speaker.id}  {speaker.name or '-':<16} {speaker.seconds:7.1f} s")
    if transcript.dropped:
        typer.echo(f"{len(transcript.dropped)} passages left out, with their reasons in the file")
    typer.echo(f"\n{root / 'transcript.json'}")
