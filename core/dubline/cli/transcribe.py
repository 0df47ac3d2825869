"""`dubline transcribe`: who says what, and when."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dubline.cli.asking import Asked, takes
from dubline.cli.film import Film, place_of
from dubline.cli.report import tell_doubtful, tell_report
from dubline.cli.screen import result
from dubline.report import quantity
from dubline.values.layout import Layout

if TYPE_CHECKING:
    from dubline.values.transcript import Transcript


@takes(
    "transcribe",
    model="recognizer_model",
    some={"separate": ("separator", "separator_model", "separator_options")},
)
def transcribe(media: Film, asked: Asked) -> None:
    """Find out who says what: transcript.json and subtitles/source.srt.

    Who speaks is heard in the voice that DeepFilterNet finds in the sound, the words in the sound as it is;
    --turns-from and --words-from say otherwise. Only for `vocals` the sound is separated first, where the run
    has no stems; to name a separator is to ask for its voices. docs/transcript.md explains the file,
    docs/recognition.md the ways to get there.

        dubline transcribe EPISODE.mov --language tr

        dubline transcribe EPISODE.mov --language tr --text episode.srt --refine

        dubline transcribe EPISODE.dubline --speakers 3

        dubline transcribe podcast.wav --speakers-from-tracks
    """
    from msgspec.structs import replace

    from dubline.cli.progress import working
    from dubline.media.original import original_of
    from dubline.recognition.opening import check_language
    from dubline.recognition.way import microphones_of, settle_transcription, transcribe_run
    from dubline.run import read_wish
    from dubline.separation.way import stems_for
    from dubline.values.wishes import TranscribeWish

    place = place_of(media, asked)
    seen = place.look()
    film = Path(place.media.path) if place.media is not None else None
    before = read_wish(place.root, "transcribe", TranscribeWish)
    wish = asked.transcribe
    if "separate" in asked.said and wish.turns_from is None and wish.words_from is None:
        wish = replace(wish, on="vocals")
    transcribing = settle_transcription(wish, before, film)
    track = (film, place.media.track) if film is not None and place.media is not None else None
    microphones_of(transcribing.wish, track)
    with working(place.root, transcribing.reasons, steps=transcribing.steps) as (run, bar):
        sound, stems = original_of(run, seen).sound, None
        check_language(run, sound, transcribing.job.words, asked.hints)
        if transcribing.ears.stems:
            stems = stems_for(run, sound, asked.separate, hints=asked.hints, tell=bar.note)
        transcript = transcribe_run(
            run, sound, stems, transcribing, media=track, hints=asked.hints, tell=bar.say
        )
    _tell(transcript, place.root)
    tell_report(place.root)


def heard(transcript: Transcript) -> str:
    """How much was heard, by how many."""
    if not transcript.segments:
        return "no segments: no words were found in this sound"
    lines, voices = len(transcript.segments), len(transcript.speakers)
    return f"{quantity(lines, 'segment')}, {quantity(voices, 'speaker')}"


def _tell(transcript: Transcript, root: Path) -> None:
    result(heard(transcript))
    for speaker in transcript.speakers:
        result(f"  {speaker.id}  {speaker.name or '-':<16} {speaker.seconds:7.1f} s")
    tell_doubtful([segment.id for segment in transcript.segments if segment.doubted])
    if transcript.dropped:
        result(f"{quantity(len(transcript.dropped), 'passage')} left out, with the reasons in the file")
    result(f"\n{Layout(root).transcript}")
